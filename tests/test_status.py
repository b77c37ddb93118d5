"""dataset-pipeline status: what is done, running and failed; read beside a run, disturbing none."""

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.checkpoint import Record, State
from pipeline.estimate import Rates, figures, seconds_left, stage_counts
from tests.forked import COMMON, run, texts
from tests.test_runner import ROOT, start, wait_for_start
from tests.test_runner import texts as recordings

STEPS = ("take", "shout", "book")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The folder of a finished job: of four recordings one is dropped and one failed."""
    folder = tmp_path_factory.mktemp("status")
    texts(folder / "in", a="one", b="two", c="drop", d="boom")
    assert run(folder, *COMMON, "in")[0] == 3
    return folder


def status(folder: Path, *words: str) -> dict:
    code, said = run(folder, "status", "out", "--json", *words)
    assert code == 0, said
    return json.loads(said)


def test_counts_of_each_step_add_up_and_failures_have_their_reasons(finished):
    found = status(finished)

    assert (found["state"], found["published"], found["owner"]) == ("complete", True, None)
    steps = {step["step"]: step for step in found["steps"]}
    ends = {name: [one[k] for k in ("recordings", "done", "dropped", "failed", "left")]
            for name, one in steps.items()}  # fmt: skip
    assert ends == {"take": [4, 2, 1, 1, 0], "shout": [2, 2, 0, 0, 0], "book": [1, 1, 0, 0, 0]}
    assert found["failures"] == [{"source": "d.wav", "step": "take", "reason": "it says boom"}]
    assert found["dataset"]["clips"] == 2
    assert found["eta_s"] == 0


def test_a_person_reads_the_same(finished):
    code, said = run(finished, "status", "out")

    assert code == 0
    assert "out: complete, but 1 recording failed" in said
    assert "  d.wav: take: it says boom" in said
    assert "dataset: 2 clips" in said


def test_a_running_job_is_shown_with_pid_host_and_start_and_is_not_disturbed(tmp_path):
    inputs = recordings(tmp_path / "in", a="one", b="hold")
    job = start(inputs, "--output", tmp_path / "out")
    wait_for_start(tmp_path / "out")
    with contextlib.ExitStack() as last:
        last.callback((inputs / "b.go").touch)
        found = status(tmp_path)

    assert job.wait() == 0  # it had the lock all the time
    assert found["state"] == "running"
    assert found["owner"]["pid"] == job.pid
    assert found["owner"]["host"] and found["owner"]["since"].endswith("+00:00")
    step = found["steps"][0]
    assert (step["step"], step["done"], step["in_hand"]) == ("take", 1, ["b.wav"])


def test_a_dead_run_is_not_called_running(tmp_path):
    job = start(recordings(tmp_path / "in", a="wait"), "--output", tmp_path / "out")
    wait_for_start(tmp_path / "out")
    job.send_signal(signal.SIGKILL)
    job.wait()

    assert status(tmp_path)["state"] == "crashed"
    assert "was in hand: take: a.wav" in run(tmp_path, "status", "out")[1]


def test_watch_ends_with_the_run(tmp_path):
    inputs = recordings(tmp_path / "in", a="hold")
    job = start(inputs, "--output", tmp_path / "out")
    wait_for_start(tmp_path / "out")
    words = [sys.executable, "-m", "tests.cheap", "status", tmp_path / "out", "--watch", "--json"]
    watching = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())
    (inputs / "a.go").touch()
    rest = [json.loads(line) for line in watching.communicate()[0].splitlines()]

    assert job.wait() == watching.returncode == 0
    assert first["state"] == "running"
    assert rest[-1]["state"] == "complete"


def test_a_folder_without_a_state_is_said_to_have_none(tmp_path):
    code, said = run(tmp_path, "status", "nowhere")

    assert code == 2
    assert f"{tmp_path / 'nowhere'} holds no state: no run has begun there" in said


def test_prometheus_can_read_the_metrics(finished):
    assert run(finished, "status", "out", "--metrics", "out.prom")[0] == 0

    values = {}
    for line in (finished / "out.prom").read_text().splitlines():
        if not line.startswith("# "):
            name, value = line.rsplit(" ", 1)
            values[name.replace(f'output="{finished / "out"}"', "")] = float(value)
    assert values["kokoro_pipeline_published{}"] == 1
    assert values["kokoro_pipeline_running{}"] == 0
    assert values['kokoro_pipeline_results{,step="take",result="failed"}'] == 1
    assert values["kokoro_pipeline_clips{}"] == 2


def a_state(ended: int, step_s: float) -> State:
    """Return a state: 10 recordings of 100 s are taken, `ended` of them are shouted too."""
    state = State(recordings=10)
    for k in range(10):
        state.add(Record("take", f"{k}", "done", seconds=1.0, facts={"duration_s": 100.0}))
    for k in range(ended):
        state.add(Record("shout", f"{k}", "done", seconds=step_s))
    return state


def test_what_is_left_is_measured_by_what_was_done(tmp_path):
    """100 s of sound took 5 s; 900 s are left: 45 s with one worker, 15 with three."""
    found = figures(a_state(1, 5.0), STEPS, {"book"})
    rates = Rates(tmp_path, {})

    assert seconds_left(found, rates, 1)["shout"] == pytest.approx(45.0)
    assert seconds_left(found, rates, 3)["shout"] == pytest.approx(15.0)
    assert seconds_left(found, rates, 1)["take"] == 0.0


def test_recordings_that_are_not_decoded_yet_are_taken_to_be_like_the_others():
    state = State(recordings=4)
    for k, duration_s in enumerate((10.0, 30.0)):
        state.add(Record("take", f"{k}", "done", seconds=1.0, facts={"duration_s": duration_s}))

    take, shout, _ = figures(state, STEPS, {"book"})
    assert (take.left, take.left_audio_s) == (2, 40.0)
    assert (shout.left, shout.left_audio_s) == (4, 80.0)


def test_a_recording_that_cannot_be_read_adds_no_sound():
    """Nine of 100 s and one that failed are 900 s, taken and to come, not ten of the mean."""
    state = State(recordings=10)
    for k in range(9):
        state.add(Record("take", f"{k}", "done", seconds=1.0, facts={"duration_s": 100.0}))
    state.add(Record("take", "9", "failed", seconds=1.0, reason="it is empty"))

    take, shout, _ = figures(state, STEPS, {"book"})
    assert (take.left, take.audio_s, take.left_audio_s) == (0, 900.0, 0.0)
    assert (shout.left, shout.left_audio_s) == (9, 900.0)


def test_what_is_dropped_on_the_way_is_not_waited_for():
    state = a_state(0, 0.0)
    state.add(Record("take", "9", "dropped", reason="too short"))

    shout = figures(state, STEPS, {"book"})[1]
    assert (shout.recordings, shout.left_audio_s) == (9, 900.0)


def test_what_came_of_a_stage_counts_each_recording_once():
    """Of six, one is too short and one broken; of the four that are taken, one is a copy; of the
    three that come to the next stage, its first part drops one, fails one: one is shouted."""
    state = State()
    ends = ["dropped", "failed", "done", "done", "done", "done"]
    for source, status in zip("abcdef", ends, strict=True):
        state.add(Record("take", source, status))
    state.add(Record("take.unique", "*", "done", drops=(("c", "same sound as d"),)))
    for source, status in (("d", "dropped"), ("e", "failed"), ("f", "done")):
        state.add(Record("shout.survey", source, status))
    state.add(Record("shout", "f", "done"))

    take = stage_counts(state, "take", ["take", "take.unique"])
    assert take == {"done": 3, "dropped": 2, "failed": 1}
    shout = stage_counts(state, "shout", ["shout.survey", "shout"])
    assert shout == {"done": 1, "dropped": 1, "failed": 1}


def test_a_slow_run_moves_a_rate_halfway(tmp_path):
    """From 0.1 by a run at 0.4: 0.2, the geometric mean."""
    for worker_s in (10.0, 40.0):
        Rates(tmp_path, {}).learn("segment_audio", 100, worker_s)

    assert Rates(tmp_path, {}).of("segment_audio") == pytest.approx(0.2)


def test_rates_are_remembered_for_the_next_job_by_step_and_model(tmp_path):
    Rates(tmp_path, {"device": "cpu", "whisper_model": "base"}).learn("transcribe_audio", 100, 13)
    Rates(tmp_path, {"device": "cpu", "whisper_model": "base"}).learn("segment_audio", 10, 10)

    same = Rates(tmp_path, {"device": "cpu", "whisper_model": "base"})
    other = Rates(tmp_path, {"device": "cpu", "whisper_model": "tiny.en"})
    assert same.of("transcribe_audio") == pytest.approx(0.13)
    assert not other.is_measured("transcribe_audio")
    assert not same.is_measured("segment_audio")  # 10 s of sound say nothing
