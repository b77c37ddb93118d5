"""P9: whatever has become of the state, the settings or the artefacts' own records, nothing that is
on disk is lost, the run says what it found, and ends with the files of an undisturbed one.

By default the journal is cut at every byte and loaded, and resumed from at each line's end and each
150th place. At all of them, in four minutes:
KOKORO_DAMAGE=all python -m pytest tests/test_damage.py
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from pipeline.checkpoint import RECORD_FILE, STATE_FILE, Checkpoint
from pipeline.checkpoint.lines import decode, encode
from pipeline.dataset import WORK
from pipeline.lock import LOCK_FILE
from pipeline.runner import Runner
from pipeline.stored import CONFIG_FILE
from tests.forked import COMMON, files, run, texts

EACH = 1 if os.environ.get("KOKORO_DAMAGE") == "all" else 150
TEXTS = {"a": "one", "ü 2": "two", "c": "drop it"}
KEYS = {("take", f"{name}.wav") for name in TEXTS} | {
    ("shout", "a.wav"), ("shout", "ü 2.wav"), ("book", "*"),
}  # fmt: skip


@pytest.fixture(scope="module")
def here(in_memory) -> Path:
    """Always the same folder: its path stands in the configuration."""
    return in_memory / "run"


@pytest.fixture(scope="module")
def calm(here) -> dict[str, bytes]:
    """The files of an undisturbed run."""
    texts(here / "in", **TEXTS)
    assert run(here, *COMMON, "in")[0] == 0
    found = files(here / "out")
    shutil.rmtree(here)
    return found


def end_before_publishing() -> None:
    """Make this process keep a long journal, and end as `kill -9` would when all is done."""
    taken_up = Checkpoint.start

    def start(self: Checkpoint, *words: object) -> None:
        self.snapshot = lambda: None  # neither one that is due nor one at the end of a stage
        taken_up(self, *words)

    Checkpoint.start = start
    Runner._finish = lambda _self: os._exit(77)


@pytest.fixture(scope="module")
def interrupted(here, calm) -> Path:  # noqa: ARG001 - which was in the same folder before
    """What a run left that was killed when all its results were in the journal."""
    texts(here / "in", **TEXTS)
    assert run(here, *COMMON, "in", before=end_before_publishing)[0] == 77
    return here.rename(here.with_name("interrupted"))


@pytest.fixture
def out(here, interrupted) -> Iterator[Path]:
    """The output folder of the interrupted run, to be damaged."""
    shutil.copytree(interrupted, here)
    yield here / "out"
    shutil.rmtree(here)


def resume(out: Path) -> str:
    code, said = run(out.parent, *COMMON, "--resume", "in")
    assert code == 0, said
    assert "Traceback" not in said
    return said


def worked_on(said: str) -> list[str]:
    """Return the recordings that a run took up."""
    lines = (line.partition(": ") for line in said.splitlines())
    return [what for words, _, what in lines if words in ("📥 Taking", "📣 Shouting")]


def kept(out: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(out.glob(f"{STATE_FILE}.corrupt-*"))]


def without_kept(out: Path) -> dict[str, bytes]:
    return {name: data for name, data in files(out).items() if "corrupt-" not in name}


# --- cut off ------------------------------------------------------------------------------------


def test_a_journal_cut_at_any_byte_loses_at_most_its_last_line_and_no_work(out, calm):
    """P2, P7: the artefact is there before its line, so that not even the last is made again."""
    path = out / STATE_FILE
    data = path.read_bytes()
    begin = data.index(b"journal:\n") + len(b"journal:\n")
    assert data.count(b'"event": "file"', begin) == len(KEYS)

    for size in range(begin, len(data) + 1):
        path.write_bytes(data[:size])
        state = Checkpoint.peek(out)
        assert not state.damaged
        assert len(state.records) == data[:size].count(b'"status": ') - is_torn(data[:size])
        if size % EACH == 0 or data[size - 1 : size] == b"\n":
            assert not worked_on(resume(out)), size
            assert files(out) == calm, size
            shutil.rmtree(out)
            shutil.copytree(out.parent.with_name("interrupted") / "out", out)


def is_torn(data: bytes) -> bool:
    """Return whether the last line has no end, and holds a status."""
    return b'"status": ' in data.rpartition(b"\n")[2]


def test_a_state_cut_anywhere_before_its_journal_is_set_aside_and_rebuilt(out, calm):
    path = out / STATE_FILE
    data = path.read_bytes()

    for size in range(data.index(b"journal:\n")):
        path.write_bytes(data[:size])
        assert set(Checkpoint.peek(out).records) == KEYS, size
    for size in range(0, data.index(b"journal:\n"), EACH):
        path.write_bytes(data[:size])
        said = resume(out)
        assert not worked_on(said), size
        assert "⚠️ pipeline_state.yaml: the state is damaged: " in said
        assert kept(out) == [data[:size]]
        assert without_kept(out) == calm
        shutil.rmtree(out)
        shutil.copytree(out.parent.with_name("interrupted") / "out", out)


# --- overwritten --------------------------------------------------------------------------------

GARBAGE = {
    "empty": b"",
    "zeros, as a power cut leaves them": bytes(5000),
    "binary": bytes(range(256)) * 40,
    "not UTF-8": b"version: 1\nname: \xff\xfe\nfiles: []\njournal:\n",
    "another program's YAML": b"services:\n  web: {image: nginx}\n",
    "a list": b"- a\n- b\n",
    "a number": b"42\n",
    "not YAML": b"version: [1\nfiles:\njournal:\n",
    "nothing but a version": b"version: 1\n",
    "files is a number": b"version: 1\nfiles: 7\njournal: 8\n",
    "files is a mapping": b"version: 1\nfiles:\n  a: b\njournal:\n",
    "records are numbers": b"version: 1\nfiles:\n- 1\n- 2\njournal:\n",
    "records are lists": b"version: 1\nfiles:\n- [a]\njournal:\n- [b]\n",
    "records without a status": b'version: 1\nfiles:\n- {"stage": "a", "source": "a"}\njournal:\n',
    "sizes are words": b'version: 1\nfiles:\n- {"stage": "take", "source": "a.wav", '
    b'"status": "done", "bytes": "many"}\njournal:\n',
    "an event nobody knows": b'version: 1\nfiles: []\njournal:\n- {"event": "party"}\n',
    "stages are a number": b"version: 1\ncompleted_stages: 5\nfiles: []\njournal:\n",
    "timings are words": b"version: 1\nstage_timings: {take: long}\nfiles: []\njournal:\n",
    "no version": b"completed_stages: []\nfiles: []\njournal:\n",
    "version 0": b"version: 0\nfiles: []\njournal:\n",
    "a version in words": b"version: one\nfiles: []\njournal:\n",
    "a bomb of aliases": b"a: &a [x, x]\nb: &b [*a, *a]\nversion: &c [*b, *b]\nfiles: *c\n",
    "very deep": b"version: " + b"[" * 5000 + b"\n",
    "an object of Python": b"version: !!python/object/apply:os.abort []\nfiles: []\njournal:\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_set_aside_and_costs_nothing(out, calm, garbage):
    (out / STATE_FILE).write_bytes(garbage)

    said = resume(out)
    assert "⚠️ pipeline_state.yaml: the state is damaged: " in said
    assert f"the damaged state was kept as {STATE_FILE}.corrupt-1" in said
    assert f"{len(KEYS)} results were taken from the artefacts' own records" in said
    assert not worked_on(said)
    assert kept(out) == [garbage]
    assert without_kept(out) == calm


def test_a_deleted_state_is_rebuilt(out, calm):
    (out / STATE_FILE).unlink()

    said = resume(out)
    assert f"{len(KEYS)} results were taken from the artefacts' own records" in said
    assert not worked_on(said)
    assert files(out) == calm


def test_a_damaged_state_that_was_kept_is_never_overwritten(out, calm):
    for garbage in (b"first", b"second", b"third"):
        (out / STATE_FILE).write_bytes(garbage)
        resume(out)

    assert kept(out) == [b"first", b"second", b"third"]
    assert without_kept(out) == calm


def flipped(data: bytes) -> bytes:
    """One bit, in the middle of a record."""
    place = data.index(b'"digest": "') + 12
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def with_lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    """Return a change of the journal's lines."""

    def changed(data: bytes) -> bytes:
        head, found, journal = data.partition(b"journal:\n")
        return head + found + b"".join(change(journal.splitlines(keepends=True)))

    return changed


TO_LINES = {
    "every line twice": with_lines(lambda lines: [line for one in lines for line in (one, one)]),
    "the journal twice": with_lines(lambda lines: [*lines, *lines]),
    "lines of Windows": lambda data: data.replace(b"\n", b"\r\n"),
    "empty lines": with_lines(lambda lines: [b"\n\n" + line for line in lines]),
    "a comment": lambda data: data.replace(b"journal:\n", b"# seen by me\njournal:\n"),
    "no newline at the end": lambda data: data.rstrip(b"\n"),
    "a bit flipped": flipped,
    "half a line in the middle": with_lines(lambda x: [*x[:4], x[4][:50] + b"\n", *x[5:]]),
    "garbage in the middle": with_lines(lambda x: [*x[:4], b"\x00\xff{]\n", *x[4:]]),
    "zeros at the end": lambda data: data + bytes(3000),
}


@pytest.mark.parametrize("change", TO_LINES.values(), ids=TO_LINES)
def test_damage_to_a_line_costs_its_own_file_at_most(out, calm, change):
    """And not even that where it cannot be read: there is its record.json."""
    path = out / STATE_FILE
    path.write_bytes(change(path.read_bytes()))

    hurt_one = ["a.wav"] if change is flipped else []  # it reads as an edit by hand
    assert worked_on(resume(out)) == hurt_one
    assert without_kept(out) == calm
    yaml.safe_load(path.read_text(encoding="utf-8"))


# --- by hand ------------------------------------------------------------------------------------


def test_a_state_that_a_program_wrote_anew_is_honoured(out, calm):
    """Read and dumped by somebody's script: other quotes, another order, keys on lines."""
    path = out / STATE_FILE
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(values, sort_keys=True), encoding="utf-8")

    said = resume(out)
    assert "the state was edited by hand; what it says is taken as it is" in said
    assert "damaged" not in said
    assert not kept(out)
    assert not worked_on(said)
    assert files(out) == calm


def test_a_record_taken_out_by_hand_with_its_artefact_is_done_again(out, calm):
    path = out / STATE_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join(x for x in lines if not (b'"take"' in x and b'"a.wav"' in x and b"status" in x))
    )
    (folder,) = (out / WORK / "take").glob("a-*")
    shutil.rmtree(folder)

    assert worked_on(resume(out)) == ["a.wav"]
    assert files(out) == calm


def test_a_newer_state_is_refused_and_nothing_is_touched(out):
    path = out / STATE_FILE
    path.write_bytes(path.read_bytes().replace(b"version: 1\n", b"version: 2\n"))
    kinds = (".log", LOCK_FILE)
    before = {n: (out / n).read_bytes() for n in files(out) if not n.endswith(kinds)}

    code, said = run(out.parent, *COMMON, "--resume", "in")
    assert code == 2
    assert "its version is 2, this program knows up to 1" in said
    assert "use the newer program, or --force-restart to begin anew" in said
    assert all((out / name).read_bytes() == data for name, data in before.items())


# --- records of artefacts, and settings ---------------------------------------------------------


@pytest.mark.parametrize(
    "garbage", [b"", b"\x00" * 300, b"{", b"[]\n", b'{"stage": 1}\n', b"\xff\xfe"]
)
def test_a_damaged_record_matters_only_when_the_state_is_lost_too(out, calm, garbage):
    (path,) = (out / WORK / "take").glob(f"a-*/{RECORD_FILE}")
    path.write_bytes(garbage)
    assert not worked_on(resume(out))

    shutil.rmtree(out)
    shutil.copytree(out.parent.with_name("interrupted") / "out", out)
    path.write_bytes(garbage)
    (out / STATE_FILE).unlink()
    assert worked_on(resume(out)) == ["a.wav"]
    assert files(out) == calm


def test_a_record_that_lies_with_a_right_checksum_is_not_believed(out, calm):
    """It says that the artefact has other files."""
    (path,) = (out / WORK / "take").glob(f"a-*/{RECORD_FILE}")
    event, _ = decode(path.read_bytes().rstrip(b"\n"))
    path.write_bytes(encode({**event, "bytes": 10**6})[2:])
    (out / STATE_FILE).unlink()

    said = resume(out)
    assert "❌ Wrong size: " in said
    assert worked_on(said) == ["a.wav"]
    assert files(out) == calm


SETTINGS = {
    "deleted": None,
    "empty": b"",
    "binary": bytes(range(256)),
    "a list": b"- 1\n...\n",
    "of other keys": b"color: blue\n...\n",
    "cut at a line's end": lambda data: data[: data.rindex(b"\n", 0, 300) + 1],
}


@pytest.mark.parametrize("damage", SETTINGS.values(), ids=SETTINGS)
def test_damaged_settings_are_restored_from_the_state(out, calm, damage):
    hurt(out / CONFIG_FILE, damage)

    said = resume(out)
    assert f"⚠️ {CONFIG_FILE} cannot be read; its copy in {STATE_FILE} is taken" in said
    assert not worked_on(said)
    assert files(out) == calm


def test_with_settings_and_state_both_damaged_those_given_hold(out, calm):
    (out / CONFIG_FILE).write_bytes(b"\x00")
    (out / STATE_FILE).write_bytes(b"\x00")

    said = resume(out)
    assert f"⚠️ {CONFIG_FILE} cannot be read; nor is there a copy of it" in said
    assert not worked_on(said)
    assert without_kept(out) == calm


def test_with_settings_and_state_both_damaged_and_none_given_it_says_what_to_give(out):
    (out / CONFIG_FILE).write_bytes(b"\x00")
    (out / STATE_FILE).write_bytes(b"\x00")
    before = set(files(out))

    code, said = run(out.parent, *COMMON, "--resume")
    assert code == 2
    assert "no input is given, and none is stored" in said
    assert before - {LOCK_FILE} <= set(files(out))
    assert not kept(out)


def hurt(path: Path, damage: bytes | Callable[[bytes], bytes] | None) -> None:
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()) if callable(damage) else damage)
