"""A real Ray cluster of two nodes on this machine: the same bytes, also when one is killed."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from pipeline import audio, executors
from pipeline.checkpoint import Checkpoint, State
from pipeline.config import Settings
from pipeline.executors import Task, ray_task
from pipeline.flow import FLOW
from pipeline.forecast import foresee
from pipeline.item import Item
from tests.test_limits import wait_until
from tests.test_runner import ROOT, dataset, start, taken_up, texts
from tests.test_runner import run_command as run  # Ray's threads are in this process

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
TEXTS = {f"text-{number}": f"this is number {number}" for number in range(5)}


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    """Two nodes of one CPU each; the second has what Ray takes for a GPU."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # of the workers: where the cheap stages are
        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        cluster.second = cluster.add_node(**NODE, num_gpus=1)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def on_ray(cluster) -> tuple[object, ...]:
    return ("--executor", "ray", "--ray-address", cluster.address)


def bytes_of_a_serial_run(tmp_path: Path, inputs: Path) -> dict[str, bytes]:
    done = run(inputs, "--output", tmp_path / "serial", "--workers", 1)
    assert done.returncode == 0, done.stdout
    return dataset(tmp_path / "serial")


def held(out: Path) -> int:
    """Return how many files are held in the hands of a worker."""
    return len(list((out / "work/take").glob(".tmp-*/started"))) if out.exists() else 0


def release(inputs: Path) -> None:
    for path in inputs.glob("*.wav"):
        path.with_suffix(".go").touch()


def left_behind(out: Path) -> list[Path]:
    return [*out.glob("work/*/.tmp-*"), *out.rglob(ray_task.TOKEN)]


def at_work() -> set[int]:
    """Return the processes of Ray's that do a task of ours."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "ray::run_task" in " ".join(process.cmdline()):
                found.add(process.pid)
    return found


def test_a_cluster_makes_the_same_bytes_and_a_file_that_kills_its_process_is_set_aside(
    tmp_path, on_ray
):
    inputs = texts(tmp_path / "in", **TEXTS, dropped="drop this")
    expected = bytes_of_a_serial_run(tmp_path, inputs)
    texts(inputs, killer="die")
    done = run(inputs, "--output", tmp_path / "out", *on_ray)

    assert done.returncode == 3, done.stdout
    assert dataset(tmp_path / "out") == expected
    assert taken_up(done.stdout).count("killer.wav") == 3
    record = Checkpoint.peek(tmp_path / "out").records["take", "killer.wav"]
    assert record.reason == "set aside after 3 crashed attempts"
    assert "its process died" in record.traceback
    assert left_behind(tmp_path / "out") == []


def test_a_step_that_uses_a_gpu_is_given_one_by_ray(tmp_path, cluster):
    tasks = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        tasks.append(
            Task("tests.cheap.where", (Item(name, name, ""),), name, str(tmp_path / name), {})
        )

    with contextlib.closing(executors.RayCrew(cluster.address, "auto", "auto")) as crew:
        assert (crew.places(on_gpu=True), crew.places(on_gpu=False)) == (1, 2)
        outcomes = list(crew.run(1, tasks))
        (tmp_path / "alone").mkdir()
        alone = crew.alone(dataclasses.replace(tasks[0], out=str(tmp_path / "alone")))
    assert alone.facts["device"] == "cuda:0"
    assert [outcome.facts["device"] for outcome in outcomes] == ["cuda:0", "cuda:0"]
    with contextlib.closing(executors.RayCrew(cluster.address, "1", "cpu")) as crew:
        (tmp_path / "c").mkdir()
        task = Task("tests.cheap.where", (Item("c", "c", ""),), "c", str(tmp_path / "c"), {})
        assert next(crew.run(1, [task])).facts["device"] == "cpu"


def test_a_dry_run_counts_the_workers_of_the_cluster(tmp_path, cluster, monkeypatch):
    """Two CPUs and a GPU there; here two seconds of sound are not worth a second worker."""
    monkeypatch.setenv("KOKORO_MODELS", str(tmp_path / "no rates of earlier runs"))
    for name in ("a", "b"):
        audio.write(tmp_path / f"{name}.wav", np.zeros(24_000, np.float32), 24_000)
    out, inputs = tmp_path / "out", [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]

    here = foresee(out, State(), Settings(), inputs, FLOW)
    with contextlib.closing(executors.RayCrew(cluster.address, "auto", "auto")) as crew:
        there = foresee(out, State(), Settings(executor="ray"), inputs, FLOW, crew=crew)
    times = {
        one.work.step.name: one.seconds / other.seconds
        for one, other in zip(here.steps, there.steps, strict=True)
    }
    assert times["enhance_audio"] == 2
    assert times["transcribe_audio"] == 1  # the one GPU


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_goes_on_after_its_driver_and_resume_makes_the_same_bytes(
    tmp_path, on_ray, signum
):
    inputs, out = texts(tmp_path / "in", **TEXTS, held="hold"), tmp_path / "out"
    process = start(inputs, "--output", out, *on_ray)
    wait_until(lambda: held(out) == 1)
    assert at_work()

    process.send_signal(signum)
    assert process.wait(timeout=10) == (143 if signum == signal.SIGTERM else -9)
    wait_until(lambda: not at_work())
    release(inputs)
    again = run("--resume", "--output", out, *on_ray)
    assert again.returncode == 0, again.stdout
    assert dataset(out) == bytes_of_a_serial_run(tmp_path, inputs)
    assert left_behind(out) == []


def test_files_in_the_hands_of_a_lost_node_are_done_again_with_the_same_bytes(
    tmp_path, cluster, on_ray
):
    """Both nodes hold a file as the second one is killed. The last test: there is one node then."""
    inputs, out = texts(tmp_path / "in", **TEXTS, held_a="hold", held_b="hold"), tmp_path / "out"
    process = start(inputs, "--output", out, *on_ray)
    wait_until(lambda: held(out) == 2)

    cluster.remove_node(cluster.second, allow_graceful=False)
    lost = "a machine was lost with held_"
    wait_until(lambda: lost in (out / "pipeline.log").read_text(encoding="utf-8"))
    release(inputs)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 0, said
    assert said.count(lost) == 1
    assert dataset(out) == bytes_of_a_serial_run(tmp_path, inputs)
    assert left_behind(out) == []


# --- what is not there --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "--ray-address 127.0.0.1:1: no Ray answers there"),
        ("ray://127.0.0.1:10001", "give HOST:PORT of the head"),
        ("somewhere", "give HOST:PORT of the head"),
        ("localhost:99999", "no Ray answers there"),
    ],
)
def test_an_address_without_a_cluster_stops_the_run_by_name_and_it_can_be_resumed(
    tmp_path, address, message
):
    inputs = texts(tmp_path / "in", **TEXTS)
    words = (inputs, "--output", tmp_path / "out", "--executor", "ray", "--ray-address", address)
    dry, done = run(*words, "--dry-run"), run(*words)

    assert (dry.returncode, done.returncode) == (1, 1), done.stdout
    assert message in dry.stdout
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert run("--resume", "--output", tmp_path / "out").returncode == 0


def test_without_ray_the_command_that_installs_it_is_said(tmp_path):
    texts(tmp_path / "in", a="one")
    code = "import sys; sys.modules['ray'] = None; from tests.cheap.__main__ import *; "
    words = ["in", "--output", "out", "--executor", "ray"]
    done = subprocess.run(
        [sys.executable, "-c", f"{code} sys.exit(main({words}, FLOW))"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 1
    assert "❌ --executor ray: Ray is not installed; pip install -e '.[ray]'" in done.stdout
    assert "fault of the program" not in done.stdout


def test_an_address_without_the_executor_is_refused(tmp_path):
    texts(tmp_path / "in", a="one")
    done = run(tmp_path / "in", "--output", tmp_path / "out", "--ray-address", "host:6379")

    assert done.returncode == 2
    assert "--ray-address is for --executor ray: give both" in done.stdout


def test_a_machine_without_the_folder_or_of_another_version_stops_the_run(tmp_path, monkeypatch):
    """What a worker says that does not find the driver's word in the folder of its task."""
    monkeypatch.setattr(ray_task, "SEEN_S", 0.0)
    (tmp_path / "in.wav").write_text("one")
    out = tmp_path / "out"
    task = Task(
        "tests.cheap.take",
        (Item("in.wav", "in", str(tmp_path / "in.wav")),),
        "in.wav",
        str(out),
        {},
    )
    there = ray_task.__version__

    unshared = ray_task.run_task(task, "word", there)
    assert unshared.status == "halted"
    assert "all machines must share the output folder under the same path" in unshared.reason
    out.mkdir()
    (out / ray_task.TOKEN).write_text("another run's")
    assert ray_task.run_task(task, "word", there).status == "halted"
    other = ray_task.run_task(task, "word", "0.0.1")
    assert other.status == "halted"
    assert (
        f"has version {there} of the pipeline, the driver 0.0.1: install the same" in other.reason
    )


def test_files_that_the_driver_does_not_see_stop_the_run(tmp_path, monkeypatch):
    """A machine that writes into a folder of its own under the same path."""
    monkeypatch.setattr(ray_task, "SEEN_S", 0.0)
    task = Task("tests.cheap.take", (), "in.wav", str(tmp_path), {})
    (tmp_path / "half.txt").write_text("ha")

    for files in ((("lost.txt", 4),), (("half.txt", 4),)):
        outcome = ray_task.seen(executors.Outcome(task, "done", files=files))
        assert outcome.status == "halted"
        assert (
            f"{tmp_path / files[0][0]}, written on the cluster, is not seen here" in outcome.reason
        )
