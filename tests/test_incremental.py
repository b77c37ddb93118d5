"""A finished output and an INPUT that changes: each night's run does what is new, and no more.

After each the dataset must be that of a fresh run over what is there then.
"""

import shutil
from pathlib import Path

import pytest

from pipeline.checkpoint import Checkpoint
from tests.forked import COMMON, run, texts
from tests.test_promises import taken

DATASET = ("metadata.jsonl", "wavs/", "huggingface/")


@pytest.fixture
def here(tmp_path) -> Path:
    """A finished output out/ of the recordings in in/."""
    texts(tmp_path / "in", a="one", b="two", c="three")
    assert run(tmp_path, *COMMON, "in")[0] == 0
    return tmp_path


def resume(here: Path, *words: str) -> str:
    code, said = run(here, *COMMON, "--resume", *(words or ("in",)))
    assert code == 0, said
    return said


def dataset(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if str(path.relative_to(out)).startswith(DATASET) and path.is_file()
    }


def fresh(here: Path) -> dict[str, bytes]:
    """The dataset of a new run over the recordings as they are now."""
    assert run(here, "--output", "fresh", "--min-free-gb", "0", "in")[0] == 0
    found = dataset(here / "fresh")
    shutil.rmtree(here / "fresh")
    return found


def test_new_recordings_are_the_only_ones_processed(here):
    texts(here / "in", d="four", e="five")

    said = resume(here)
    assert "📋 Recordings: 2 new, 3 unchanged" in said
    assert taken(said) == ["d.wav", "e.wav"]
    assert dataset(here / "out") == fresh(here)


def test_a_changed_recording_is_redone_and_its_old_clips_go(here):
    before = set(dataset(here / "out"))
    texts(here / "in", b="another text")

    said = resume(here)
    assert "📋 Recordings: 1 changed, 2 unchanged" in said
    assert taken(said) == ["b.wav"]
    assert dataset(here / "out") == fresh(here)
    assert set(dataset(here / "out")) == before  # the cheap stage names its one clip by recording


def test_a_recording_that_comes_to_be_dropped_loses_its_clips(here):
    texts(here / "in", b="drop")

    resume(here)
    assert not [name for name in dataset(here / "out") if "/b-" in name]
    assert dataset(here / "out") == fresh(here)


def test_a_vanished_recording_stays_and_is_reported(here):
    before = dataset(here / "out")
    (here / "in/b.wav").unlink()

    said = resume(here)
    assert "📋 Recordings: 1 gone, 2 unchanged" in said
    assert "No longer in the input: b.wav (what was made of it stays; --prune takes it out)" in said
    assert "Nothing to do" in said
    assert dataset(here / "out") == before


def test_prune_takes_a_vanished_recording_out(here):
    (here / "in/b.wav").unlink()

    said = resume(here, "in", "--prune")
    assert "🧹 No longer in the input: b.wav (pruned from the dataset)" in said
    assert not taken(said)
    assert dataset(here / "out") == fresh(here)
    assert not list((here / "out/work").glob("*/b-*"))
    assert {source for _, source in Checkpoint.peek(here / "out").records} == {
        "a.wav",
        "c.wav",
        "*",
    }
    assert "Recordings: 2 unchanged" in resume(here, "in", "--prune")


def test_prune_takes_out_a_file_that_was_named_itself_and_removed(here):
    """Its folder is there and holds others: it is not one that is not mounted."""
    resume(here, "in/b.wav")
    (here / "in/b.wav").unlink()

    assert "🧹 No longer in the input: b.wav (pruned from the dataset)" in resume(here, "--prune")
    assert dataset(here / "out") == fresh(here)


def test_a_pruned_recording_that_comes_back_is_new(here):
    (here / "in/b.wav").unlink()
    resume(here, "in", "--prune")
    texts(here / "in", b="two")

    assert taken(resume(here)) == ["b.wav"]
    assert dataset(here / "out") == fresh(here)


@pytest.mark.parametrize("left", [[], ["a"]])
def test_prune_discards_nothing_where_the_input_may_not_be_mounted(here, left):
    before = dataset(here / "out")
    (here / "in").rename(here / "unmounted")
    texts(here / "more", **dict.fromkeys(left, "one"))

    said = resume(here, *(["more"] if left else []), "--prune")
    assert "Nothing is pruned: " in said
    assert "--prune takes it out" not in said
    assert before.items() <= dataset(here / "out").items()


def test_a_renamed_recording_is_not_done_again(here):
    before = dataset(here / "out")
    (here / "in/b.wav").rename(here / "in/better name.wav")

    for _ in range(2):
        said = resume(here)
        assert "🔀 better name.wav was b.wav: nothing to do again" in said
        assert "📋 Recordings: 3 unchanged" in said
        assert "Nothing to do" in said
        assert dataset(here / "out") == before


def test_the_key_of_a_recording_is_stable_when_another_input_claims_it(here):
    """Both folders have an a.wav: by itself each would be called by its folder."""
    texts(here / "second", a="another", z="last")

    said = resume(here, "second")
    assert "📋 Recordings: 2 new, 3 unchanged" in said
    assert taken(said) == ["second/a.wav", "z.wav"]


def test_a_copy_with_another_time_is_unchanged(here):
    data = (here / "in/b.wav").read_bytes()
    (here / "in/b.wav").unlink()
    (here / "in/b.wav").write_bytes(data)

    assert "Nothing to do" in resume(here)


def test_new_changed_gone_and_unchanged_at_once(here):
    texts(here / "in", a="changed", d="new")
    (here / "in/c.wav").unlink()

    said = resume(here, "in", "--prune")
    assert "📋 Recordings: 1 new, 1 changed, 1 gone, 1 unchanged" in said
    assert taken(said) == ["a.wav", "d.wav"]
    assert dataset(here / "out") == fresh(here)
