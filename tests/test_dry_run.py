"""--dry-run: what it foretells is what the run then does, and it leaves no trace."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline import job
from pipeline.checkpoint import Record, State
from pipeline.config import Settings
from pipeline.dispatch import LowDisk
from pipeline.ffmpeg import find_ffmpeg
from pipeline.forecast import BYTES, certainly_fits, foresee, require_room
from pipeline.lock import Lock
from pipeline.stages.download_audio import length
from pipeline.stages.download_audio.ffmpeg import allowed_demuxers
from tests.forked import COMMON, run, texts
from tests.test_limits import call, tmpfs
from tests.test_runner import start, wait_for_start
from tests.test_runner import texts as recordings

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
allowed_demuxers(find_ffmpeg())  # asked once, before the forks
DOING = {"take": "📥 Taking", "shout": "📣 Shouting", "book": "📦 Binding"}


def tree(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return inode, time of change and size of all that is there, folders too."""
    found = (folder, *folder.rglob("*")) if folder.exists() else ()
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.stat().st_size)
        for path in found
    }


def foretold(said: str) -> dict[str, int]:
    """Return how many files each step has to do, by a dry run's table."""
    return {
        step: int(count) for step, count in re.findall(r"^(take|shout|book) +(\d+)", said, re.M)
    }


def dry(here: Path, *words: str) -> str:
    before = tree(here)
    code, said = run(here, *COMMON, "--dry-run", *words)

    assert code == 0, said
    assert tree(here) == before
    return said


def done_by(here: Path, *words: str) -> dict[str, int]:
    """Return how many files each step of a real run took up."""
    _, said = run(here, *COMMON, *words)
    return {step: said.count(f"{doing}: ") for step, doing in DOING.items()}


def test_what_was_dropped_is_no_reason_to_build_the_dataset_anew(tmp_path):
    texts(tmp_path / "in", a="one", b="drop this", c="two")
    assert run(tmp_path, *COMMON, "in")[0] == 0

    said = dry(tmp_path, "--resume", "in")

    assert foretold(said) == {"take": 0, "shout": 0, "book": 0}
    assert done_by(tmp_path, "--resume", "in") == {"take": 0, "shout": 0, "book": 0}


def test_of_a_new_job_it_foretells_all_and_creates_not_even_the_folder(tmp_path):
    texts(tmp_path / "in", a="one", b="two", c="three")

    said = dry(tmp_path, "in")
    assert foretold(said) == {"take": 3, "shout": 3, "book": 1}
    assert "3 recordings" in said
    assert foretold(said) == done_by(tmp_path, "in")


def add(here: Path) -> None:
    texts(here / "in", d="four", e="five")


def change(here: Path) -> None:
    texts(here / "in", b="another text")


def remove_and_add(here: Path) -> None:
    (here / "in/a.wav").unlink()
    texts(here / "in", d="four")


def damage(here: Path) -> None:
    next((here / "out/wavs").glob("b-*")).write_bytes(b"")


def lose_the_state(here: Path) -> None:
    (here / "out/pipeline_state.yaml").unlink()


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (add, ()),
        (change, ("--keep-temp",)),
        (remove_and_add, ()),
        (damage, ()),
        (damage, ("--keep-temp",)),
        (lose_the_state, ()),
    ],
)
def test_of_a_finished_job_it_foretells_what_a_resume_does(tmp_path, event, kept):
    texts(tmp_path / "in", a="one", b="two", c="three")
    assert run(tmp_path, *COMMON, *kept, "in")[0] == 0
    event(tmp_path)

    said = dry(tmp_path, "--resume", "in")
    assert foretold(said) == done_by(tmp_path, "--resume", "in")


@pytest.mark.parametrize("kept", [(), ("--keep-temp",)], ids=["cleaned", "kept"])
def test_after_an_upgrade_it_foretells_what_is_redone(tmp_path, monkeypatch, kept):
    inputs = recordings(tmp_path / "in", a="one", b="two")
    words = ("--output", str(tmp_path / "out"), "--min-free-gb", "0", str(inputs))
    assert start(*words, *kept).wait() == 0
    monkeypatch.setenv("SHOUT_VERSION", "2")

    before = tree(tmp_path / "out")
    job = start(*words, "--resume", "--dry-run")
    said = job.communicate()[0]
    assert tree(tmp_path / "out") == before
    real = start(*words, "--resume", *kept).communicate()[0]
    done = {step: real.count(f"{doing}: ") for step, doing in DOING.items()}
    assert done == {**foretold(said), "book": 0}  # the clips came out the same, who could know
    assert foretold(said)["shout"] == 2


def test_after_an_upgrade_what_has_no_input_any_more_stays_as_it_is(tmp_path, monkeypatch):
    inputs = recordings(tmp_path / "in", a="one", b="two")
    words = ("--output", str(tmp_path / "out"), "--min-free-gb", "0", str(inputs), "--resume")
    assert start(*words).wait() == 0
    (inputs / "a.wav").unlink()
    monkeypatch.setenv("SHOUT_VERSION", "2")

    said = start(*words, "--dry-run").communicate()[0]
    real = start(*words).communicate()[0]
    assert foretold(said)["shout"] == real.count("📣 Shouting: ") == 1


def test_of_a_complete_job_it_foretells_nothing(tmp_path):
    texts(tmp_path / "in", a="one", b="two")
    assert run(tmp_path, *COMMON, "in")[0] == 0

    said = dry(tmp_path, "--resume", "in")
    assert foretold(said) == {"take": 0, "shout": 0, "book": 0}
    assert f"✅ Nothing to do: {tmp_path / 'out'} is complete" in said


def test_clips_that_were_taken_out_by_hand_are_no_reason_to_build_again(tmp_path):
    texts(tmp_path / "in", a="one", b="two", c="three")
    assert run(tmp_path, *COMMON, "in")[0] == 0
    (tmp_path / "ids.txt").write_text(next((tmp_path / "out/wavs").glob("b-*")).stem)
    assert run(tmp_path, "exclude", "out", "ids.txt")[0] == 0

    assert foretold(dry(tmp_path, "--resume")) == {"take": 0, "shout": 0, "book": 0}


def test_of_a_killed_job_it_foretells_the_rest(tmp_path):
    inputs = recordings(tmp_path / "in", a="one", b="two", c="hold")
    job = start(inputs, "--output", tmp_path / "out")
    wait_for_start(tmp_path / "out")
    job.send_signal(signal.SIGKILL)
    job.wait()
    (inputs / "c.go").touch()

    said = dry(tmp_path, "--resume", "in")
    assert foretold(said)["take"] == 1
    assert foretold(said) == done_by(tmp_path, "--resume", "in")


def test_of_a_restart_it_foretells_all_and_removes_nothing(tmp_path):
    texts(tmp_path / "in", a="one", b="two")
    assert run(tmp_path, *COMMON, "in")[0] == 0

    assert foretold(dry(tmp_path, "--force-restart")) == {"take": 2, "shout": 2, "book": 1}


def test_why_a_file_is_done_again_is_said(tmp_path):
    texts(tmp_path / "in", a="one", b="boom")
    assert run(tmp_path, *COMMON, "in")[0] == 3

    assert "take: it failed before: b.wav" in dry(tmp_path, "--resume")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("in",), "holds a checkpoint; --resume goes on with it"),
        (("--resume", "--seed", "9"), "settings are locked on resume"),
        (("--resume", "--force-restart"), "contradict each other"),
    ],
)
def test_it_refuses_what_the_run_would_refuse(tmp_path, words, reason):
    texts(tmp_path / "in", a="one", b="two")
    assert run(tmp_path, *COMMON, "in")[0] == 0

    real = run(tmp_path, *COMMON, *words)
    before = tree(tmp_path)
    code, said = run(tmp_path, *COMMON, "--dry-run", *words)
    assert (code, real[0]) == (2, 2)
    assert reason in said and reason in real[1]
    assert tree(tmp_path) == before


def test_it_refuses_a_folder_that_the_run_cannot_write(tmp_path):
    """Read-only, or a file is in the way: the same message and exit code as the run's."""
    texts(tmp_path / "in", a="one")
    (tmp_path / "file").touch()
    with tmpfs(tmp_path / "ro", 1_000_000) as folder:
        call("mount", "-o", "remount,ro", folder)
        for out, reason in (("ro/out", "Read-only file system; mount it"), ("file", "in the way")):
            for more in ([], ["--dry-run"]):
                code, said = run(tmp_path, "in", "--output", out, *more)
                assert code == 1, said
                assert reason in said


def test_while_a_run_works_there_it_says_so(tmp_path):
    texts(tmp_path / "in", a="one", b="two")
    assert run(tmp_path, *COMMON, "in")[0] == 0
    lock = Lock(tmp_path / "out", "a run")
    lock.acquire()

    code, said = run(tmp_path, *COMMON, "--resume", "--dry-run")
    lock.release()
    assert code == 4
    assert f"Pipeline already running (PID: {os.getpid()})" in said


@pytest.mark.parametrize("name", ["letter.wav", "monologue.flac", "radio.mp3", "interview.m4a",
                                  "lecture.mp4", "market.ogg"])  # fmt: skip
def test_lengths_are_told_without_decoding(name):
    import json

    truth = json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))["recordings"]
    expected = next(each["duration_s"] for each in truth if each["file"] == name)

    assert length.lengths_s({name: SAMPLE / name})[name] == pytest.approx(expected, abs=0.1)


def test_a_cut_off_mp3_has_its_length_told_and_writes_nothing_on_the_terminal(tmp_path, capfd):
    """libsndfile's own reader of MP3 warns of the header's size, beside all that we print."""
    whole = (SAMPLE / "radio.mp3").read_bytes()
    (tmp_path / "cut.mp3").write_bytes(whole[: len(whole) // 2])

    assert set(length.lengths_s({"cut.mp3": tmp_path / "cut.mp3"})) == {"cut.mp3"}
    assert capfd.readouterr() == ("", "")


def test_of_very_many_files_some_are_asked_and_the_rest_reckoned(monkeypatch):
    monkeypatch.setattr(length, "ASKED_AT_MOST", 2)
    names = {f"{k}.wav": SAMPLE / "letter.wav" for k in range(5)}

    found = length.lengths_s(names)
    assert list(found.values()) == pytest.approx([14.1] * 5, abs=0.1)


def test_what_is_no_sound_has_no_length_and_a_pipe_is_not_waited_for(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    os.mkfifo(tmp_path / "pipe.wav")

    paths = {name: tmp_path / name for name in ("text.wav", "pipe.wav", "gone.wav")}
    assert length.lengths_s(paths) == {}


def a_state(duration_s: float) -> State:
    state = State()
    state.add(Record("download_audio", "a.wav", "done", facts={"duration_s": duration_s}))
    return state


def test_an_hour_that_is_known_needs_what_its_steps_leave():
    """3600 s x the sum of BYTES; with so much room nobody looks closer."""
    hour = 3600 * sum(BYTES.values())
    settings = Settings(min_free_gb=0.0)

    assert certainly_fits(a_state(3600.0), 0, "download_audio", hour, settings)
    assert not certainly_fits(a_state(3600.0), 0, "download_audio", hour - 1, settings)


def test_a_job_that_does_not_fit_is_refused_with_need_room_folder_and_remedy(tmp_path):
    with pytest.raises(LowDisk) as refused:
        require_room(tmp_path, 3_000_000_000, 3_500_000_000, Settings())

    said = str(refused.value)
    assert f"needs about 3.0 GB in {tmp_path}, and 1 GB are to stay free" in said
    assert "only 3.5 GB are; make room" in said
    assert "--skip-disk-check" in said


def test_it_fits_by_a_byte_or_if_one_says_so(tmp_path):
    require_room(tmp_path, 2_000_000_000, 3_000_000_000, Settings())
    require_room(tmp_path, 9_000_000_000, 1, Settings(skip_disk_check=True))
    require_room(tmp_path, 0, 0, Settings())


def test_the_real_flow_is_foreseen_from_the_files_heads(tmp_path, monkeypatch):
    """14.1 s of the sample: some 4 MB, and each step takes its rate of it."""
    from pipeline.flow import FLOW

    monkeypatch.setenv("KOKORO_MODELS", str(tmp_path / "no rates of earlier runs"))
    began = time.monotonic()
    found = foresee(tmp_path, State(), Settings(), [str(SAMPLE / "letter.wav")], FLOW)

    assert found.sound_s == pytest.approx(14.1, abs=0.1)
    assert found.needed_bytes == pytest.approx(14.1 * sum(BYTES.values()), rel=0.01)
    assert 0 < found.seconds < 14.1
    assert time.monotonic() - began < 60  # no model was loaded


def foresight_is_told() -> None:
    """Make this process say when it looks closer, and never think that a job fits anyway."""
    before = job.foresee

    def told(*words: Any, **more: Any) -> Any:
        print("it looks closer")
        return before(*words, **more)

    job.certainly_fits, job.foresee = lambda *_: False, told


def test_a_resume_looks_for_room_only_if_there_is_something_to_do(tmp_path):
    """To look closer takes as long, and as much memory, as all else in a resume without work."""
    texts(tmp_path / "in", a="one")
    assert run(tmp_path, *COMMON, "in")[0] == 0

    _, without = run(tmp_path, *COMMON, "--resume", "in", before=foresight_is_told)
    texts(tmp_path / "in", b="two")
    _, with_work = run(tmp_path, *COMMON, "--resume", "in", before=foresight_is_told)

    assert "Nothing to do" in without
    assert "it looks closer" not in without
    assert with_work.index("it looks closer") < with_work.index("📥 Taking: b.wav")


def test_a_run_that_would_not_fit_ends_before_it_begins(tmp_path):
    """On a real disk of 3 MB; what it has written by then does not stand in the way later."""
    with tmpfs(tmp_path / "out", 3_000_000) as out:
        words = [SAMPLE / "letter.wav", "--output", out, "--min-free-gb", "0"]
        command = [*map(str, words), "--whisper-model", "tiny.en"]
        done = subprocess.run(
            [os.sys.executable, "-m", "pipeline", *command],
            cwd=SAMPLE.parents[1], capture_output=True, text=True,
        )  # fmt: skip

        assert done.returncode == 1
        assert re.search(
            r"❌ the job needs about 4.\d MB in .*, but only \d.\d MB are", done.stdout
        )
        assert "Downloading" not in done.stdout
        assert not (out / "work").exists()
        assert not (out / ".pipeline_running").exists()
