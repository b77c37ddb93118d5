"""The runner on cheap stages: resume, isolation, crashes, publishing. Real processes throughout."""

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import yaml

from pipeline.checkpoint import Checkpoint
from tests.sessions import start as start_forked

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "tests.cheap"]
PATIENCE_S = 120.0  # of a busy machine


def run(*words: object) -> subprocess.CompletedProcess:
    """Run the cheap job to its end, without a terminal, in a fork."""
    with tempfile.TemporaryDirectory() as folder:
        ended = start_forked("tests.cheap", list(map(plain, words)), Path(folder) / "said")
        if ended.wait(PATIENCE_S) is None:
            ended.kill_all()
        return subprocess.CompletedProcess(words, ended.wait(5.0), ended.said.read_text())


def run_command(*words: object, **options) -> subprocess.CompletedProcess:
    """The same through `python -m`."""
    return subprocess.run(
        [*COMMAND, *map(plain, words)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        **options,
    )


def plain(word: object) -> str:
    return os.fsdecode(word) if isinstance(word, bytes) else str(word)


def texts(folder: Path, **contents: str) -> Path:
    """Return a folder of recordings: name → what it says."""
    folder.mkdir(exist_ok=True)
    for name, text in contents.items():
        (folder / f"{name}.wav").write_text(text)
    return folder


def dataset(out: Path) -> dict[str, bytes]:
    """Return every byte of the dataset."""
    files = [*sorted((out / "wavs").iterdir()), out / "metadata.jsonl"]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def taken_up(output: str, verb: str = "Taking") -> list[str]:
    """Return the recordings that a run says it worked on."""
    return [line.partition(f"{verb}: ")[2] for line in output.splitlines() if f"{verb}: " in line]


def test_a_run_leaves_the_dataset_the_state_and_no_lock(tmp_path):
    done = run(texts(tmp_path / "in", a="one", b="two"), "--output", tmp_path / "out")

    assert done.returncode == 0, done.stdout
    assert sorted(
        json.loads(line)["source"] for line in (tmp_path / "out/metadata.jsonl").open()
    ) == [
        "a.wav",
        "b.wav",
    ]
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "huggingface",
        "metadata.jsonl",
        "pipeline.log",
        "pipeline_config.yaml",
        "pipeline_state.yaml",
        "wavs",
        "work",
    }
    assert not list((tmp_path / "out/work").rglob("*.txt"))


def test_force_restart_removes_the_folders_within_folders_too(tmp_path):
    run(texts(tmp_path / "in", a="one"), "--output", tmp_path / "out")

    run(texts(tmp_path / "new", b="two"), "--output", tmp_path / "out", "--force-restart")

    clips = {path.name for path in (tmp_path / "out/wavs").iterdir()}
    assert len(clips) == 1
    assert {path.name for path in (tmp_path / "out/huggingface/train").iterdir()} == clips


def test_one_bad_file_never_stops_the_run(tmp_path):
    """P4: recorded with stage, error and traceback; exit code 3; tried again on resume."""
    inputs = texts(tmp_path / "in", a="one", b="boom", c="drop", d="two")
    done = run(inputs, "--output", tmp_path / "out")

    assert done.returncode == 3
    assert "Failed: b.wav: it says boom" in done.stdout
    assert "Binding: 2 recordings" in done.stdout  # the others never come so far
    assert "\n🚮 1 recording left out:\n  c.wav: unwanted: it says drop\n" in done.stdout
    assert "\n❌ 1 recording failed; --resume tries again:\n  b.wav: take: " in done.stdout
    state = yaml.safe_load((tmp_path / "out/pipeline_state.yaml").read_text())
    assert state["failed_files"] == {"b.wav": "take: it says boom"}
    record = Checkpoint.peek(tmp_path / "out").records["take", "b.wav"]
    assert "ValueError: it says boom" in record.traceback
    assert len(dataset(tmp_path / "out")) == 3

    (inputs / "b.wav").write_text("mended")
    again = run("--resume", "--output", tmp_path / "out")
    assert again.returncode == 0, again.stdout
    assert taken_up(again.stdout) == ["b.wav"]
    assert len(dataset(tmp_path / "out")) == 4


def test_a_complete_output_is_left_alone(tmp_path):
    inputs = texts(tmp_path / "in", a="one")
    run(inputs, "--output", tmp_path / "out")
    before = dataset(tmp_path / "out")

    again = run("--resume", "--output", tmp_path / "out")
    assert again.returncode == 0
    assert "Nothing to do" in again.stdout
    assert dataset(tmp_path / "out") == before


@pytest.mark.parametrize("keep", [(), ("--keep-temp",)])
def test_new_changed_and_vanished_recordings_are_told_apart(tmp_path, keep):
    """P3: only what is new or changed is done; what vanished stays and is named."""
    inputs = texts(tmp_path / "in", a="one", b="two", c="three")
    out = tmp_path / "out"
    run(inputs, "--output", out, *keep)
    texts(inputs, b="two changed", d="four")
    (inputs / "c.wav").unlink()

    again = run(inputs, "--resume", "--output", out, *keep)
    assert again.returncode == 0, again.stdout
    assert taken_up(again.stdout) == ["b.wav", "d.wav"]
    assert "No longer in the input: c.wav" in again.stdout
    clips = {path.read_text() for path in (out / "wavs").iterdir()}
    assert clips == {"ONE0", "TWO CHANGED0", "THREE0", "FOUR0"}


def test_a_clip_removed_by_hand_is_made_again(tmp_path):
    inputs = texts(tmp_path / "in", a="one", b="two")
    out = tmp_path / "out"
    run(inputs, "--output", out)
    before = dataset(out)
    victim = sorted((out / "wavs").iterdir())[0]
    victim.unlink()

    again = run("--resume", "--output", out)
    assert again.returncode == 0, again.stdout
    assert f"Missing file: {victim} (removed from state)" in again.stdout
    assert len(taken_up(again.stdout)) == 1
    assert dataset(out) == before


def test_an_emptied_artefact_is_made_again_and_what_came_of_it_only_if_it_differs(tmp_path):
    inputs = texts(tmp_path / "in", a="one", b="two")
    out = tmp_path / "out"
    run(inputs, "--output", out, "--keep-temp")
    before = dataset(out)
    victim = next((out / "work/take").glob("a-*/taken.txt"))
    victim.write_text("")

    again = run("--resume", "--output", out, "--keep-temp")
    assert f"Empty file: {victim} (removed from state)" in again.stdout
    assert taken_up(again.stdout, "Taking") == ["a.wav"]
    assert taken_up(again.stdout, "Shouting") == []
    assert dataset(out) == before


@pytest.mark.parametrize("clean", [True, False])
def test_a_deleted_state_loses_nothing(tmp_path, clean):
    """P9: rebuilt from the artefacts' own records; nothing is worked on again."""
    inputs = texts(tmp_path / "in", a="one", b="two")
    out = tmp_path / "out"
    run(inputs, "--output", out, *(() if clean else ("--keep-temp",)))
    before = dataset(out)
    (out / "pipeline_state.yaml").unlink()

    again = run("--resume", "--output", out)
    assert again.returncode == 0, again.stdout
    assert "own records" in again.stdout
    assert taken_up(again.stdout) == taken_up(again.stdout, "Shouting") == []
    assert dataset(out) == before


def test_a_moved_output_goes_on(tmp_path):
    """P10: no absolute path of the output stands in the state."""
    inputs = texts(tmp_path / "in", a="one", b="boom")
    run(inputs, "--output", tmp_path / "out")
    shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    (inputs / "b.wav").write_text("mended")

    again = run("--resume", "--output", tmp_path / "elsewhere")
    assert again.returncode == 0, again.stdout
    assert taken_up(again.stdout) == ["b.wav"]


def test_locked_settings_are_named_with_both_values(tmp_path):
    inputs = texts(tmp_path / "in", a="one")
    out = tmp_path / "out"
    run(inputs, "--output", out)
    before = (out / "pipeline_state.yaml").read_bytes()

    refused = run("--resume", "--output", out, "--seed", 7, "--whisper-model", "tiny.en")
    assert refused.returncode == 2
    assert "seed: 0 in pipeline_config.yaml, 7 given" in refused.stdout
    assert "'tiny.en' given" in refused.stdout
    assert "--force-restart" in refused.stdout
    assert (out / "pipeline_state.yaml").read_bytes() == before


def test_force_restart_takes_inputs_and_settings_from_the_run_before(tmp_path):
    inputs = texts(tmp_path / "in", a="one")
    out = tmp_path / "out"
    run(inputs, "--output", out)
    (out / "wavs" / "mine.txt").write_text("not the pipeline's")

    again = run("--force-restart", "--output", out, "--seed", 7)
    assert again.returncode == 0, again.stdout
    assert taken_up(again.stdout) == ["a.wav"]
    assert (out / "wavs" / "mine.txt").exists()
    assert [p.read_text() for p in (out / "wavs").glob("*.wav")] == ["ONE7"]


def test_force_restart_leaves_what_is_not_its_own_in_work(tmp_path):
    """Recordings that somebody keeps there; what the run made is gone."""
    out = tmp_path / "out"
    out.mkdir()
    mine = texts(out / "work", a="one")
    assert run(mine, "--output", out, "--keep-temp").returncode == 0

    again = run("--force-restart", "--output", out, "--seed", 7)

    assert again.returncode == 0, again.stdout
    assert (mine / "a.wav").read_text() == "one"
    assert [p.read_text() for p in (out / "wavs").glob("*.wav")] == ["ONE7"]


def test_a_folder_called_work_is_no_checkpoint(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    inputs = texts(out / "work", a="one")

    done = run(inputs, "--output", out)

    assert done.returncode == 0, done.stdout
    assert (inputs / "a.wav").exists()


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "README.md", "kokoro/a.txt"])
@pytest.mark.parametrize("mode", [(), ("--resume",), ("--force-restart",)], ids=str)
def test_what_no_run_made_is_not_overwritten(tmp_path, name, mode):
    inputs, out = texts(tmp_path / "in", a="one"), tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")

    refused = run(inputs, "--output", out, *mode)

    assert refused.returncode == 2
    assert f"out holds {name.partition('/')[0]}, which no run of this pipeline" in refused.stdout
    assert [path for path in out.rglob("*") if path.is_file()] == [out / name]
    assert (out / name).read_text() == "mine"


def test_recordings_and_dataset_in_one_folder_are_refused(tmp_path):
    inputs = texts(tmp_path / "in", a="one")

    refused = run(inputs, "--output", inputs)

    assert refused.returncode == 2
    assert "INPUT and --output are the same folder" in refused.stdout
    assert [path.name for path in inputs.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--resume",), "nothing to resume in"),
        (("--force-restart",), "no input is given"),
        ((), "no input"),
        (("--resume", "--force-restart"), "contradict each other"),
        (("nowhere/", "--workers", "0"), "at least 1"),
    ],
)
def test_wrong_use_exits_2_says_why_and_makes_no_folder(tmp_path, words, message):
    done = run(*words, "--output", tmp_path / "some" / "where" / "out")

    assert done.returncode == 2
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_a_checkpoint_is_never_asked_about(tmp_path):
    inputs = texts(tmp_path / "in", a="one")
    run(inputs, "--output", tmp_path / "out")

    refused = run(inputs, "--output", tmp_path / "out")
    assert refused.returncode == 2
    assert "--resume" in refused.stdout
    assert "--force-restart" in refused.stdout


def test_failures_one_after_the_other_stop_the_run(tmp_path):
    inputs = texts(tmp_path / "in", **{f"x{k}": f"boom {k}" for k in range(5)})
    done = run(inputs, "--output", tmp_path / "out", "--max-failures-in-a-row", 3)

    assert done.returncode == 1
    assert "3 files failed in take one after the other" in done.stdout
    assert len(Checkpoint.peek(tmp_path / "out").failures()) == 3


def test_a_stage_that_cannot_work_blames_no_file(tmp_path):
    done = run(texts(tmp_path / "in", a="halt"), "--output", tmp_path / "out")

    assert done.returncode == 1
    assert "take stopped at a.wav: it says halt" in done.stdout
    assert Checkpoint.peek(tmp_path / "out").failures() == {}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_kills_its_process_is_singled_out(tmp_path, workers):
    """P5: set aside after 3 crashed attempts; the rest is finished."""
    inputs = texts(tmp_path / "in", a="one", b="die", c="two", d="three")
    out = tmp_path / "out"
    first = run(inputs, "--output", out, "--workers", workers)
    if workers == 1:
        assert first.returncode == -signal.SIGKILL
        first = run("--resume", "--output", out)

    assert first.returncode == 3, first.stdout
    assert Checkpoint.peek(out).failures() == {"b.wav": "take: set aside after 3 crashed attempts"}
    assert len(dataset(out)) == 4


def test_the_dataset_does_not_depend_on_the_number_of_workers(tmp_path):
    inputs = texts(tmp_path / "in", **{f"x{k}": f"text {k}" for k in range(12)})
    for workers in (1, 3):
        done = run(inputs, "--output", tmp_path / str(workers), "--workers", workers)
        assert done.returncode == 0, done.stdout

    assert dataset(tmp_path / "1") == dataset(tmp_path / "3")


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_stops_within_5_s_and_counts_no_crash(tmp_path, signum, code, workers):
    inputs = texts(tmp_path / "in", a="one", b="wait", c="wait too")
    out = tmp_path / "out"
    process = start(inputs, "--output", out, "--workers", workers)
    wait_for_line(process, "Taking: b.wav")
    wait_for_start(out)
    began = time.monotonic()
    process.send_signal(signum)

    output = process.communicate(timeout=20)[0]
    assert process.returncode == code, output
    assert time.monotonic() - began < 5
    assert not (out / ".pipeline_running").exists()
    assert Checkpoint.peek(out).attempts == {}
    for path in inputs.glob("*.wav"):
        path.write_text(path.read_text().replace("wait", "go"))
    assert run("--resume", "--output", out).returncode == 0


def test_a_second_run_on_the_same_output_is_refused_with_exit_4(tmp_path):
    """P6."""
    inputs = texts(tmp_path / "in", a="wait")
    first = start(inputs, "--output", tmp_path / "out")
    wait_for_line(first, "Taking")

    for mode in ([], ["--resume"]):
        second = run(inputs, *mode, "--output", tmp_path / "out")
        assert second.returncode == 4
        assert f"Pipeline already running (PID: {first.pid})" in second.stdout
    first.kill()
    first.wait()
    (inputs / "a.wav").write_text("go")
    third = run(inputs, "--resume", "--output", tmp_path / "out")
    assert third.returncode == 0, third.stdout
    assert f"Found stale lock file (PID: {first.pid} not running)" in third.stdout
    assert "Cleaning up stale lock file..." in third.stdout


def test_waiting_for_the_lock_takes_it_when_it_is_free(tmp_path):
    inputs = texts(tmp_path / "in", a="one", b="wait")
    first = start(inputs, "--output", tmp_path / "out")
    wait_for_line(first, "Taking: b.wav")
    wait_for_start(tmp_path / "out")
    second = start(inputs, "--resume", "--output", tmp_path / "out", "--on-lock", "wait")
    wait_for_line(second, "Waiting for the other run")
    (inputs / "b.wav").write_text("go")
    first.terminate()

    output = second.communicate(timeout=30)[0]
    assert second.returncode == 0, output
    assert first.wait() == 143


def test_killing_the_owner_stops_it_resumable(tmp_path):
    inputs = texts(tmp_path / "in", a="one", b="wait")
    first = start(inputs, "--output", tmp_path / "out")
    wait_for_line(first, "Taking: b.wav")
    wait_for_start(tmp_path / "out")
    (inputs / "b.wav").write_text("go")

    second = run(inputs, "--resume", "--output", tmp_path / "out", "--on-lock", "kill")
    assert second.returncode == 0, second.stdout
    assert first.wait() == 143
    assert taken_up(second.stdout) == ["b.wav"]


def test_changed_bytes_of_the_same_size_are_found_with_verify(tmp_path):
    inputs = texts(tmp_path / "in", a="one", b="two")
    out = tmp_path / "out"
    run(inputs, "--output", out, "--keep-temp")
    before = dataset(out)
    victim = next((out / "work/take").glob("a-*/taken.txt"))
    victim.write_text("eno")

    again = run("--resume", "--output", out, "--keep-temp", "--verify")
    assert f"Changed file: {victim} (removed from state)" in again.stdout
    assert dataset(out) == before


def test_an_upgrade_that_needs_cleaned_files_begins_at_the_start(tmp_path):
    """A stage of a new version, after its input was cleaned away: all is made again, none lost."""
    inputs = texts(tmp_path / "in", a="one", b="two")
    out = tmp_path / "out"
    run(inputs, "--output", out)
    texts(inputs, c="three")

    again = run_command("--resume", "--output", out, env={**os.environ, "SHOUT_VERSION": "2"})
    assert again.returncode == 0, again.stdout
    assert sorted(taken_up(again.stdout)) == ["a.wav", "b.wav", "c.wav"]
    assert {p.read_text() for p in (out / "wavs").iterdir()} == {"ONE0", "TWO0", "THREE0"}


@pytest.mark.parametrize(
    ("hears", "expected"), [("", ["c.wav"]), ("1", ["a.wav", "b.wav", "c.wav"])]
)
def test_a_step_over_all_that_hears_them_gets_back_what_was_cleaned_away(tmp_path, hears, expected):
    """It says HEARS; one that reads only what stays, does not."""
    inputs = texts(tmp_path / "in", a="one", b="two")
    out = tmp_path / "out"
    run(inputs, "--output", out)
    texts(inputs, c="three")

    again = run_command(
        inputs, "--resume", "--output", out, env={**os.environ, "BOOK_HEARS": hears}
    )

    assert again.returncode == 0, again.stdout
    assert sorted(taken_up(again.stdout)) == expected
    assert {p.read_text() for p in (out / "wavs").iterdir()} == {"ONE0", "TWO0", "THREE0"}


def test_a_new_version_of_a_stage_is_noticed_on_a_complete_output(tmp_path):
    inputs = texts(tmp_path / "in", a="one")
    run(inputs, "--output", tmp_path / "out", "--keep-temp")

    words = ("--resume", "--output", tmp_path / "out", "--keep-temp")
    again = run_command(*words, env={**os.environ, "SHOUT_VERSION": "2"})
    assert taken_up(again.stdout, "Shouting") == ["a.wav"], again.stdout
    assert taken_up(again.stdout, "Taking") == []


def test_a_file_that_failed_late_heals_although_the_rest_was_cleaned(tmp_path):
    inputs = texts(tmp_path / "in", a="one", b="late")
    out = tmp_path / "out"
    assert run(inputs, "--output", out).returncode == 3

    again = run_command("--resume", "--output", out, env={**os.environ, "MENDED": "1"})
    assert again.returncode == 0, again.stdout
    assert len(list((out / "wavs").iterdir())) == 2


def test_a_typo_in_the_input_discards_nothing(tmp_path):
    inputs = texts(tmp_path / "in", a="one")
    out = tmp_path / "out"
    run(inputs, "--output", out)
    before = dataset(out)

    refused = run(tmp_path / "typo", "--force-restart", "--output", out)
    assert refused.returncode == 2
    assert dataset(out) == before
    first = run(tmp_path / "typo", "--output", tmp_path / "new")
    assert first.returncode == 2
    assert not (tmp_path / "new").exists()
    assert run(inputs, "--output", tmp_path / "new").returncode == 0


def test_a_stop_that_was_no_crash_is_never_counted_as_one(tmp_path):
    """A stage that cannot work blames its file never, also not after three times."""
    inputs = texts(tmp_path / "in", a="halt", b="one")
    for _ in range(4):
        done = run(inputs, "--resume", "--output", tmp_path / "out")
        assert done.returncode == 1
    assert Checkpoint.peek(tmp_path / "out").failures() == {}


def test_a_stage_that_exits_fails_its_file_only(tmp_path):
    inputs = texts(tmp_path / "in", a="exit", b="one")
    done = run(inputs, "--output", tmp_path / "out")

    assert done.returncode == 3, done.stdout
    assert list(Checkpoint.peek(tmp_path / "out").failures()) == ["a.wav"]


def test_a_failed_file_that_is_taken_away_is_forgotten(tmp_path):
    inputs = texts(tmp_path / "in", a="boom", b="one")
    run(inputs, "--output", tmp_path / "out")
    (inputs / "a.wav").unlink()

    assert run("--resume", "--output", tmp_path / "out").returncode == 0
    assert "Nothing to do" in run("--resume", "--output", tmp_path / "out").stdout


def test_files_that_failed_hold_up_no_good_ones(tmp_path):
    inputs = texts(tmp_path / "in", **{f"a{k}": f"boom {k}" for k in range(3)}, b="one")
    words = ("--output", tmp_path / "out", "--max-failures-in-a-row", 2)
    assert run(inputs, *words).returncode == 1
    for _ in range(2):
        done = run("--resume", *words)

    assert "Taking: b.wav" in done.stdout or "Already taken: b.wav" in done.stdout


def test_an_input_folder_that_is_not_utf_8_resumes(tmp_path):
    folder = os.fsdecode(bytes(tmp_path) + b"/caf\xe9")
    inputs = texts(Path(folder), a="one")
    assert run(os.fsencode(inputs), "--output", tmp_path / "out").returncode == 0

    again = run("--resume", "--output", tmp_path / "out")
    assert "Nothing to do" in again.stdout, again.stdout
    assert "damaged" not in again.stdout


def test_a_long_call_into_c_is_left_within_5_s(tmp_path):
    inputs = texts(tmp_path / "in", a="compute")
    process = start(inputs, "--output", tmp_path / "out")
    wait_for_line(process, "Taking: a.wav")
    wait_for_start(tmp_path / "out")
    began = time.monotonic()
    process.terminate()

    assert process.wait(timeout=20) == 143
    assert time.monotonic() - began < 5.5


def test_a_closed_pipe_stops_nothing(tmp_path):
    inputs = texts(tmp_path / "in", a="one")
    process = start(inputs, "--output", tmp_path / "out")
    process.stdout.close()

    assert process.wait(timeout=30) == 0
    assert dataset(tmp_path / "out")


def test_random_kills_lose_at_most_the_files_in_hand(tmp_path):
    """P1, P2: kill -9 at random moments until it is through; every byte as if undisturbed."""
    inputs = texts(tmp_path / "in", **{f"x{k:02}": f"text {k}" for k in range(15)})
    run(inputs, "--output", tmp_path / "calm")
    rng = random.Random(4)
    out, kills, worked_on = tmp_path / "out", 0, []
    while True:
        process = start(inputs, "--resume", "--output", out)
        lines = list(itertools.islice(filter(is_work, process.stdout), rng.randint(1, 12)))
        time.sleep(rng.random() * 0.02)
        process.kill()
        rest = process.communicate()[0]
        worked_on += taken_up("".join(lines) + rest)
        if process.returncode == 0:
            break
        kills += 1

    assert kills > 0
    assert dataset(out) == dataset(tmp_path / "calm")
    assert len(worked_on) <= 15 + kills


def is_work(line: str) -> bool:
    """Return whether a line of output says that a file was taken up."""
    return any(f"{verb}: " in line for verb in ("Taking", "Shouting", "Binding"))


def start(*words: object, **options) -> subprocess.Popen:
    """Start the cheap job without waiting for it."""
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def wait_for_line(process: subprocess.Popen, text: str) -> None:
    """Read a run's output until it says `text`."""
    for line in process.stdout:
        if text in line:
            return
    pytest.fail(f"the run ended without saying {text!r}")


def wait_for_start(out: Path) -> None:
    """Return once a file that says "wait" has been read and is in hand."""
    until = time.monotonic() + 20
    while not list(out.glob("work/take/.tmp-*/started")):
        assert time.monotonic() < until
        time.sleep(0.01)
