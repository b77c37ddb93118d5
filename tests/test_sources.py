"""What the user names becomes recordings with stable keys, safe names and honest stamps."""

import os
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources import Source, discover, fingerprint_of, public_url
from pipeline.sources.keys import Found, keys_of, names_of, text_of

SAFE = set(string.ascii_lowercase + string.digits + "-")


def make(folder: Path, *names: str) -> Path:
    """Make small files of different content, and the folders that they are in."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))
    return folder


def keys(*inputs: object) -> list[str]:
    return [source.key for source in discover([str(one) for one in inputs])]


# ---- what an input stands for


def test_a_folder_gives_its_recordings_by_their_path_in_it(tmp_path):
    """Recursive and sorted; hidden files and other endings are not recordings."""
    make(tmp_path, "b.MP3", "interviews/a.mp3", "notes.pdf", ".hidden.wav", ".git/x.wav", "v.mkv")

    assert keys(tmp_path) == ["b.MP3", "interviews/a.mp3", "v.mkv"]


def test_a_file_named_by_itself_is_always_taken(tmp_path):
    make(tmp_path, "recording.dat", ".hidden.wav")

    assert keys(tmp_path / "recording.dat", tmp_path / ".hidden.wav") == [
        ".hidden.wav",
        "recording.dat",
    ]


def test_origins_are_absolute(tmp_path, monkeypatch):
    make(tmp_path, "in/a.mp3")
    monkeypatch.chdir(tmp_path / "in")

    assert discover(["a.mp3"])[0].origin == str(tmp_path / "in/a.mp3")
    assert discover(["../in"])[0].origin == str(tmp_path / "in/a.mp3")


def test_a_glob_gives_keys_from_its_first_wildcard_on(tmp_path):
    make(tmp_path, "day1/x.wav", "day2/x.wav", "day2/deep/y.wav", "day2/n.txt")

    assert keys(tmp_path / "*/x.wav") == ["day1/x.wav", "day2/x.wav"]
    assert keys(tmp_path / "**/*.wav") == ["day1/x.wav", "day2/deep/y.wav", "day2/x.wav"]
    assert keys(tmp_path / "day2/*") == ["deep/y.wav", "x.wav"]
    assert keys(tmp_path / "day[2]/x.*") == ["day2/x.wav"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    make(tmp_path, "take [1]*.mp3", "take 1.mp3")

    assert keys(tmp_path / "take [1]*.mp3") == ["take [1]*.mp3"]


def test_a_list_file_names_inputs_relative_to_its_folder(tmp_path):
    make(tmp_path, "in/a.mp3", "in/more/b.wav", "in/two words.ogg")
    text = "\ufeff# my recordings\n\na.mp3\r\n  more  \ntwo words.ogg\nhttps://host/c.mp3\n"
    (tmp_path / "in/all.txt").write_text(text, encoding="utf-8")

    assert keys(tmp_path / "in/all.txt") == [
        "a.mp3",
        "b.wav",
        "https://host/c.mp3",
        "two words.ogg",
    ]


def test_a_list_with_a_bad_line_says_which(tmp_path):
    (tmp_path / "all.m3u").write_text("#EXTM3U\nmissing.mp3\n")

    with pytest.raises(ValueError, match=r'all\.m3u", line 2: cannot find "missing.mp3"'):
        discover([str(tmp_path / "all.m3u")])


def test_a_list_that_includes_itself_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("b.txt\n")
    (tmp_path / "b.txt").write_text("a.txt\n")

    with pytest.raises(ValueError, match="includes itself"):
        discover([str(tmp_path / "a.txt")])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nothing-here", 'cannot find "nothing-here": no such file or folder'),
        ("", "cannot find"),
        ("a\0b", "cannot find"),
        ("x" * 5000, "cannot find"),
        ("nothing-*.mp3", "no recordings match"),
        ("ftp://host/a.mp3", "cannot use ftp:// input: only http and https"),
        ("file:///etc/passwd", "give the path itself"),
        ("http:///a.mp3", "no host in it"),
        ("http://host:port/a.mp3", "check the address"),
    ],
)
def test_what_is_not_an_input_is_refused_with_its_reason(tmp_path, monkeypatch, text, reason):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ValueError, match=reason.replace("(", r"\(").replace("*", r"\*")):
        discover([text])


def test_no_input_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no input"):
        discover([])
    with pytest.raises(ValueError, match="no recordings in"):
        discover([str(make(tmp_path, "notes.pdf"))])


def test_our_own_output_inside_the_input_is_no_input(tmp_path):
    make(tmp_path, "a.mp3", "my-voice/pipeline_state.yaml", "my-voice/wavs/a-0001.wav")

    assert keys(tmp_path) == keys(tmp_path / "**/*.*") == ["a.mp3"]
    with pytest.raises(ValueError, match="is an output folder of this pipeline"):
        discover([str(tmp_path / "my-voice")])


def test_symlink_loops_end(tmp_path):
    """Two links to a parent make 2**40 paths for a walk that follows them."""
    make(tmp_path, "sub/a.mp3")
    for name in ("one", "two"):
        (tmp_path / "sub" / name).symlink_to(tmp_path)
    (tmp_path / "self.mp3").symlink_to(tmp_path / "self.mp3")

    assert keys(tmp_path) == ["self.mp3", "sub/a.mp3"]
    assert keys(tmp_path / "**/*.mp3") == ["self.mp3", "sub/a.mp3"]


def test_a_real_file_is_taken_once_by_its_longest_real_path(tmp_path):
    make(tmp_path, "in/sub/a.mp3")
    (tmp_path / "in/link.mp3").symlink_to(tmp_path / "in/sub/a.mp3")
    inputs = [tmp_path / "in", tmp_path / "in/sub/a.mp3", tmp_path / "in/sub"]

    assert keys(*inputs) == keys(*reversed(inputs)) == ["sub/a.mp3"]


def test_a_folder_that_may_not_be_listed_becomes_a_source_that_fails(tmp_path, monkeypatch):
    """It must not vanish without a word, nor stop the others."""
    make(tmp_path, "a.mp3", "locked/b.mp3")
    scandir = os.scandir

    def guarded(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = discover([str(tmp_path)])

    assert [source.key for source in found] == ["a.mp3", "locked"]
    assert fingerprint_of(found[1]).sha256 == ""


def test_broken_links_and_pipes_are_sources_too(tmp_path):
    (tmp_path / "gone.mp3").symlink_to(tmp_path / "nowhere.mp3")
    os.mkfifo(tmp_path / "pipe.mp3")

    found = discover([str(tmp_path)])

    assert [source.key for source in found] == ["gone.mp3", "pipe.mp3"]
    assert {fingerprint_of(source).sha256 for source in found} == {""}


# ---- URLs


def test_a_url_is_its_own_key_without_secrets():
    url = "HTTPS://Me:pa%40ss@Host:8443/talks/My%20Talk.mp3?id=7&token=abc&X-Amz-Signature=f00#t=3"

    [source] = discover([url])

    assert source.key == public_url(url) == "https://host:8443/talks/My%20Talk.mp3?id=7"
    assert source.name.startswith("my-20talk-")
    assert source.origin == url.partition("#")[0]


def test_urls_that_differ_only_in_secrets_are_two_sources():
    """`?key=` can be a password or the name of the recording."""
    found = discover(["http://host/get?key=a", "http://host/get?key=b", "http://host/get?key=a#x"])

    assert len({source.key for source in found}) == len(found) == 2
    assert not any("key=" in source.key for source in found)


def test_messages_hold_no_password():
    with pytest.raises(ValueError, match="cannot use") as caught:
        discover(["http://me:secret@host:port/a.mp3"])

    assert "secret" not in str(caught.value)


# ---- keys and names


def test_equal_keys_get_their_folders_name_then_a_digest(tmp_path):
    make(tmp_path, "day1/x.wav", "day2/x.wav", "day1/y.wav", "other/day1/x.wav")

    assert keys(tmp_path / "day1", tmp_path / "day2") == ["day1/x.wav", "day2/x.wav", "y.wav"]
    three = keys(tmp_path / "day1", tmp_path / "day2", tmp_path / "other/day1")
    assert three[0].startswith("day1-")
    assert three[1].startswith("day1-")
    assert three[2:] == ["day2/x.wav", "y.wav"]


def test_keys_do_not_depend_on_the_order_of_the_inputs(tmp_path):
    make(tmp_path, "day1/x.wav", "day2/x.wav", "day2/sub/x.wav", "x.wav")
    inputs = [tmp_path / "day1", tmp_path / "day2", tmp_path / "x.wav", tmp_path / "day2/sub/x.wav"]

    forwards, backwards = (discover([str(one) for one in inputs[::step]]) for step in (1, -1))

    assert list(forwards) == list(backwards)


HOSTILE = ["a b.mp3", 'it\'s "x".mp3', "two\nlines.mp3", "🎙️.mp3", "-y.mp3", "..mp3", "...mp3"]
HOSTILE += ["a|b.mp3", "録音.mp3", "e\u0301.mp3", os.fsdecode(b"caf\xe9.mp3"), "x" * 250 + ".mp3"]


def test_any_name_gives_a_valid_key_and_a_safe_folder(tmp_path):
    """Bytes that are not UTF-8 and control characters are written as escapes."""
    visible = [name for name in HOSTILE if not name.startswith(".")]
    found = discover([str(make(tmp_path, *visible))])

    assert len(found) == len(visible)
    assert {"caf\\xe9.mp3", "two\\x0alines.mp3", "é.mp3", "🎙️.mp3"} < {one.key for one in found}
    for source in found:
        source.key.encode("utf-8")
        assert set(source.name) <= SAFE
        assert len(source.name) <= 49
        assert not source.name.startswith("-")
        assert Path(source.origin).exists()


file_names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=30
).filter(lambda name: name not in (".", ".."))


@settings(max_examples=300)
@given(names=st.lists(file_names, unique=True, max_size=12), new=file_names)
def test_keys_and_names_of_any_files_are_unique_safe_and_stable(names, new):
    """A file that comes later renames none, unless its name reads the same."""
    key_of = named(names)
    later = named([*names, new])
    alike = {name for name in names if text_of(name) == text_of(new)}

    assert len(set(key_of.values())) == len(names)
    for name, (key, folder) in key_of.items():
        key.encode("utf-8")
        assert set(folder) <= SAFE
        assert len(folder) <= 40 + 1 + 8
        assert name in alike or later[name] == (key, folder)


def named(names: list[str]) -> dict[str, tuple[str, str]]:
    """Return key and folder name of files in one folder."""
    found = [Found(f"/in/{name}", text_of(name), "/in", name) for name in names]
    all_keys = keys_of(found)
    folders = names_of(all_keys)
    return {name: (key, folders[key]) for name, key in zip(names, all_keys, strict=True)}


@settings(max_examples=40)
@given(data=st.data())
def test_inputs_in_any_number_and_order_give_unique_keys(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("in")
    paths = st.lists(st.sampled_from(["a", "b", "a/b", "b/a", "a/a"]), min_size=1, unique=True)
    parts = data.draw(paths)
    make(folder, *(f"{part}/{name}.wav" for part in parts for name in ("x", "y")))
    inputs = [str(folder / part) for part in data.draw(st.permutations(parts))]

    found = list(discover(inputs))

    assert found == list(discover(sorted(inputs)))
    assert len({source.key for source in found}) == len({source.name for source in found})
    assert sorted(source.origin for source in found) == sorted(
        str(path) for path in folder.rglob("*.wav")
    )


def test_names_that_would_be_equal_get_a_longer_digest(monkeypatch):
    monkeypatch.setattr(
        "pipeline.sources.keys.digest_of",
        lambda key: "00000000" + key.encode().hex().ljust(56, "0"),
    )

    names = names_of(["d1/x.wav", "d2/x.wav"])

    assert names["d1/x.wav"] == "x-00000000"
    assert names["d2/x.wav"] == "x-0000000064322f78"


# ---- stamps


def test_a_stamp_is_the_digest_of_the_bytes(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"abc")

    stamp = fingerprint_of(Source("a.mp3", "a-0", str(path)))

    assert stamp.bytes == 3
    assert stamp.mtime_ns == path.stat().st_mtime_ns
    assert stamp.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_known_stamp_spares_the_reading_until_size_or_time_change(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"abc")
    source = Source("a.mp3", "a-0", str(path))
    time = path.stat().st_mtime_ns
    known = {"bytes": 3, "mtime_ns": time, "sha256": "known"}

    assert fingerprint_of(source, known).sha256 == "known"
    assert fingerprint_of(source, known | {"bytes": 4}).sha256.startswith("ba7816bf")
    assert fingerprint_of(source, known | {"mtime_ns": 1}).sha256.startswith("ba7816bf")
    assert fingerprint_of(source, known | {"sha256": ""}).sha256.startswith("ba7816bf")


def test_what_cannot_be_read_has_an_empty_digest(tmp_path):
    for origin in (tmp_path / "gone.mp3", tmp_path, "/dev/null", "a\0b"):
        assert fingerprint_of(Source("k", "n", str(origin))).sha256 == ""


def test_a_urls_stamp_survives_a_new_signature():
    old, new = (Source("k", "n", f"https://host/a.mp3?token={text}") for text in ("old", "new"))

    assert fingerprint_of(old) == fingerprint_of(new)
    assert fingerprint_of(old) != fingerprint_of(Source("k", "n", "https://host/b.mp3"))
