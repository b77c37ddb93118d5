"""exclude: the dataset again without some clips, and with them; whatever comes between.

On cheap stages, whose every recording is one clip: so the dataset without a clip must be that of a
new run without its recording.
"""

import fcntl
import os
import random
import shutil
import signal
from pathlib import Path

import pytest

from pipeline.exclusions import EXCLUDED_FILE, read_excluded
from tests.crashing import AtChange
from tests.forked import COMMON, files, run, texts
from tests.test_incremental import dataset, resume
from tests.test_promises import taken

ALL = os.environ.get("KOKORO_FAULTS") == "all"  # try every place, not only KILLS of some 100
KILLS = 20


@pytest.fixture
def here(tmp_path) -> Path:
    """A finished output out/ of the recordings in in/."""
    texts(tmp_path / "in", a="one", b="two", c="three", d="four")
    assert run(tmp_path, *COMMON, "in")[0] == 0
    return tmp_path


def clip(here: Path, letter: str) -> str:
    (folder,) = (here / "out/work/shout").glob(f"{letter}-*")
    return folder.name


def exclude(here: Path, *letters: str, more: tuple[str, ...] = ()) -> str:
    (here / "ids.txt").write_text("".join(f"{clip(here, letter)}\n" for letter in letters))
    code, said = run(here, "exclude", "out", "ids.txt", *more)
    assert code == 0, said
    return said


def undo(here: Path) -> None:
    code, said = run(here, "exclude", "out", "--undo")
    assert code == 0, said


def state(here: Path) -> dict[str, bytes]:
    """Every byte of the output but the log's, which only grows."""
    return {name: data for name, data in files(here / "out").items() if name != "pipeline.log"}


def without(here: Path, *letters: str) -> dict[str, bytes]:
    """The dataset of a new run without these recordings."""
    shutil.copytree(here / "in", here / "less")
    for letter in letters:
        (here / f"less/{letter}.wav").unlink()
    assert run(here, "--output", "fresh", "--min-free-gb", "0", "less")[0] == 0
    found = dataset(here / "fresh")
    shutil.rmtree(here / "less")
    shutil.rmtree(here / "fresh")
    return found


def test_the_dataset_is_built_without_the_clips_and_nothing_else_is_done(here):
    said = exclude(here, "b")

    assert dataset(here / "out") == without(here, "b")
    assert not taken(said)
    assert "✋ 1 clip taken out; out now: 1 (excluded.txt)" in said


def test_undo_brings_back_every_byte(here):
    before = state(here)
    exclude(here, "b", "c")
    undo(here)

    assert state(here) == before


def test_lists_add_up_and_some_can_be_taken_back(here):
    exclude(here, "a")
    exclude(here, "b")
    assert dataset(here / "out") == without(here, "a", "b")

    exclude(here, "a", more=("--undo",))
    assert dataset(here / "out") == without(here, "b")


def test_the_list_may_have_comments_blank_lines_and_paths(here):
    """And be saved by an editor of Windows."""
    text = (
        f"\ufeff# too loud\r\n\r\n  wavs/{clip(here, 'b')}.wav   # at the end\r\n{clip(here, 'c')}"
    )
    (here / "ids.txt").write_text(text, encoding="utf-8", newline="")

    assert run(here, "exclude", "out", "ids.txt")[0] == 0
    assert dataset(here / "out") == without(here, "b", "c")


@pytest.mark.parametrize(
    ("ids", "words", "message"),
    [
        (
            "{b}\nnobody-1\nnor-2\n",
            (),
            "not clips of this dataset: nobody-1, nor-2; nothing was ch",
        ),
        ("{b}\n", ("--undo",), "not in excluded.txt: {b}; nothing was changed"),
        ("# none\n", (), "ids.txt names no clip: put one id a line"),
        ("{b} is bad\n", (), "ids.txt, line 1: '{b} is bad': put one id a line, no more"),
        ("{a}\n{b}\n{c}\n", (), "1 clip would be left, 2 are needed; nothing was changed"),
    ],
)
def test_what_makes_no_sense_is_named_and_changes_nothing(here, ids, words, message):
    names = {letter: clip(here, letter) for letter in "abc"}
    (here / "ids.txt").write_text(ids.format(**names))
    before = files(here / "out")

    code, said = run(here, "exclude", "out", "ids.txt", *words)
    assert code == 2
    assert message.format(**names) in said
    assert files(here / "out") == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("out",), "say which clips: a file of ids, or --undo"),
        (("nowhere", "--undo"), "there is no dataset of this pipeline in"),
        (("out", "no.txt"), "cannot read no.txt: No such file or directory"),
    ],
)
def test_wrong_use_exits_2(here, words, message):
    code, said = run(here, "exclude", *words)

    assert code == 2
    assert message in said
    assert not (here / "nowhere").exists()


def test_it_survives_a_resume_also_with_new_recordings(here):
    exclude(here, "b")
    before = state(here)

    assert "Nothing to do" in resume(here)
    assert state(here) == before

    texts(here / "in", e="five")
    assert taken(resume(here)) == ["e.wav"]
    assert dataset(here / "out") == without(here, "b")

    undo(here)
    assert dataset(here / "out") == without(here)


def test_new_recordings_are_left_for_the_next_run(here):
    texts(here / "in", e="five")
    said = exclude(here, "b")

    assert "e.wav" not in said
    assert dataset(here / "out") == without(here, "b", "e")


def test_it_works_where_the_recordings_are_gone_and_the_folder_was_moved(here):
    shutil.move(here / "in", here / "elsewhere")
    shutil.move(here / "out", here / "moved")
    shutil.copytree(here / "moved", here / "out")
    exclude(here, "b")
    shutil.move(here / "elsewhere", here / "in")

    assert dataset(here / "out") == without(here, "b")


def test_a_list_that_is_edited_or_removed_by_hand_holds_at_the_next_resume(here):
    before = dataset(here / "out")
    (here / "out" / EXCLUDED_FILE).write_text(f"{clip(here, 'b')}\n{clip(here, 'c')}\n")
    resume(here)
    assert dataset(here / "out") == without(here, "b", "c")

    (here / "out" / EXCLUDED_FILE).unlink()
    resume(here)
    assert dataset(here / "out") == before


def test_a_clip_that_is_another_one_by_now_stays_in(here):
    """After another segmentation the same id may be another sentence."""
    exclude(here, "b")
    texts(here / "in", b="another sentence")
    said = resume(here)

    assert dataset(here / "out") == without(here)
    assert f"excluded.txt: {clip(here, 'b')} is not there, or is another clip by now" in said


def test_dropped_and_failed_recordings_stay_as_they_are(here):
    texts(here / "in", e="drop", f="boom")
    assert run(here, *COMMON, "--resume")[0] == 3
    before = state(here)

    said = exclude(here, "b")
    assert not taken(said)
    undo(here)
    assert state(here) == before


def test_files_that_were_kept_stay(here):
    texts(here / "in", e="five")
    assert run(here, "--output", "kept", "--min-free-gb", "0", "--keep-temp", "in")[0] == 0
    before = files(here / "kept")
    (here / "ids.txt").write_text(f"{clip(here, 'b')}\n")
    assert run(here, "exclude", "kept", "ids.txt")[0] == 0

    assert {name for name in before if "/b-" not in name} <= set(files(here / "kept"))
    assert run(here, "exclude", "kept", "--undo")[0] == 0
    assert {**files(here / "kept"), "pipeline.log": b""} == {**before, "pipeline.log": b""}


def test_a_dataset_that_is_not_finished_or_of_another_version_is_left_alone(here):
    (here / "ids.txt").write_text(f"{clip(here, 'b')}\n")
    before = files(here / "out")
    newer = {"SHOUT_VERSION": "2"}

    def upgrade() -> None:
        os.environ.update(newer)
        import importlib

        from tests.cheap import shout

        importlib.reload(shout)

    code, said = run(here, "exclude", "out", "ids.txt", before=upgrade)
    assert code == 2
    assert "shout is of another version of the pipeline): run with --resume first" in said
    assert files(here / "out") == before


def test_another_run_is_not_disturbed(here):
    (here / "ids.txt").write_text(f"{clip(here, 'b')}\n")
    before = files(here / "out")
    fd = os.open(here / "out", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        code, said = run(here, "exclude", "out", "ids.txt", "--on-lock", "fail")
    finally:
        os.close(fd)

    assert code == 4, said
    assert read_excluded(here / "out") == {}
    assert dataset(here / "out") == {k: v for k, v in before.items() if k in dataset(here / "out")}


def test_a_restart_begins_anew_without_them_too(here):
    exclude(here, "b")
    assert run(here, *COMMON, "--force-restart")[0] == 0

    assert dataset(here / "out") == without(here, "b")


@pytest.mark.parametrize("command", ["ids.txt", "--undo"])
def test_killed_anywhere_it_ends_the_same(here, command):
    """kill -9 before some change in the output; then --resume, or the same command again."""
    (here / "ids.txt").write_text(f"{clip(here, 'b')}\n{clip(here, 'c')}\n")
    full = state(here)
    exclude(here, "b", "c")
    less = state(here)
    start, end = (full, less) if command == "ids.txt" else (less, full)
    if command == "ids.txt":
        undo(here)
    shutil.copytree(here / "out", here / "start", symlinks=True)
    listed = set() if command == "--undo" else {clip(here, "b"), clip(here, "c")}

    places = range(1, _changes(here, command))
    for n in places if ALL else sorted(random.Random(1).sample(places, KILLS)):
        _killed(here, command, n)
        is_noted = set(read_excluded(here / "out")) == listed
        words = (*COMMON, "--resume") if n % 2 else ("exclude", "out", command)
        code, said = run(here, *words)
        assert code == 0, (n, said)
        assert state(here) == (end if is_noted or n % 2 == 0 else start), (n, said)


def _killed(here: Path, command: str, n: int) -> bool:
    """Run it on the output as it was at first; return whether it was killed at its n-th change."""
    shutil.rmtree(here / "out")
    shutil.copytree(here / "start", here / "out", copy_function=os.link)
    for name in ("pipeline_state.yaml", "pipeline.log"):  # they are appended to
        (here / "out" / name).unlink()
        shutil.copy2(here / "start" / name, here / "out" / name)
    kill = AtChange(here / "out", n, signal.SIGKILL)
    return run(here, "exclude", "out", command, before=kill)[0] == -signal.SIGKILL


def _changes(here: Path, command: str) -> int:
    """Return how many changes in the output the command makes."""
    low, high = 1, 1024  # killed at the first; not at the second
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _killed(here, command, middle) else (low, middle)
    return high
