"""Devices and workers. CUDA paths are held by a fake list of devices; `-m gpu` for a real one."""

import contextlib
import stat

import pytest

from pipeline import executors
from pipeline.executors import Task, hardware
from pipeline.item import Item
from tests.cheap import lost_gpu


@pytest.fixture
def gpus(monkeypatch):
    """Sets how many GPUs there are."""

    def there_are(count: int) -> None:
        monkeypatch.setattr(hardware, "gpu_count", lambda: count)

    return there_are


@pytest.mark.parametrize(
    ("wanted", "count", "found"),
    [
        ("auto", 0, ["cpu"]),
        ("auto", 2, ["cuda:0", "cuda:1"]),
        ("cuda", 1, ["cuda:0"]),
        ("cuda:1", 2, ["cuda:1"]),
        ("cpu", 2, ["cpu"]),
    ],
)
def test_the_devices_are_those_wanted_and_there(gpus, wanted, count, found):
    gpus(count)

    assert executors.devices(wanted) == found


@pytest.mark.parametrize(
    ("wanted", "count", "message"),
    [
        ("cuda", 0, "--device cuda: no NVIDIA GPU with a CUDA build of torch; use cpu"),
        ("cuda:0", 0, "--device cuda:0: no NVIDIA GPU"),
        ("cuda:2", 2, "--device cuda:2: there are only cuda:0, cuda:1"),
        ("gpu", 2, "--device gpu: choose auto, cpu, cuda or cuda:N"),
    ],
)
def test_a_device_that_is_not_there_is_refused_by_name(gpus, wanted, count, message):
    gpus(count)

    with pytest.raises(ValueError, match=message):
        executors.devices(wanted)


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Puts a tool of that name into the way: it prints what NVIDIA's does for each question."""

    def says(listed: str, free: str) -> None:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n[ \"$1\" = -L ] && printf '{listed}' || printf '{free}'\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(hardware.importlib.metadata, "version", lambda _: "2.13.0")
    monkeypatch.delenv(hardware.VISIBLE, raising=False)
    hardware.gpu_count.cache_clear()
    yield says
    hardware.gpu_count.cache_clear()


TWO_GPUS = "GPU 0: A (UUID: x)\\nGPU 1: B (UUID: y)\\n"


@pytest.mark.parametrize(
    ("torch", "count"), [("2.13.0", 2), ("2.13.0+cu130", 2), ("2.13.0+cpu", 0)]
)
def test_gpus_are_counted_by_the_driver_and_need_a_cuda_build(
    nvidia_smi, monkeypatch, torch, count
):
    nvidia_smi(TWO_GPUS, "")
    monkeypatch.setattr(hardware.importlib.metadata, "version", lambda _: torch)

    assert hardware.gpu_count() == count


@pytest.mark.parametrize(
    ("visible", "count"), [("1", 1), ("0,1", 2), ("", 0), ("-1", 0), ("0,-1,1", 1), ("0,1,2,3", 2)]
)
def test_gpus_that_cuda_is_told_to_hide_are_not_counted(nvidia_smi, monkeypatch, visible, count):
    nvidia_smi(TWO_GPUS, "")
    monkeypatch.setenv(hardware.VISIBLE, visible)

    assert hardware.gpu_count() == count


@pytest.mark.parametrize(
    ("free", "gb"),
    [
        ("8000, Default\\n16000, Default\\n", 8.388608),  # MiB; the fuller one
        ("8000, Default\\n16000, Exclusive_Process\\n", 0.0),
        ("[N/A], Default\\n", 0.0),
        ("NVIDIA-SMI has failed because it could not communicate with the driver\\n", 0.0),
        ("", 0.0),
    ],
)
def test_free_memory_of_gpus_is_that_of_the_fullest_one_that_may_be_shared(nvidia_smi, free, gb):
    nvidia_smi(TWO_GPUS, free)

    assert hardware.free_gpu_gb() == pytest.approx(gb)


@pytest.fixture
def full_gpu(tmp_path):
    """Does a task on a GPU without memory left, as torch or CTranslate2 say it."""

    def done(where: str, words: str) -> executors.Outcome:
        item = Item("a.wav", "a", "")
        params = {"fails_in": where, "words": words}
        return executors.run_one(
            Task("tests.cheap.full_gpu", (item,), item.source, str(tmp_path), params, "cuda:0")
        )

    return done


@pytest.mark.parametrize("where", ["load", "load, in the stage's words", "process"])
@pytest.mark.parametrize(
    "words",
    [
        "CUDA out of memory. Tried to allocate 20.00 MiB",
        "CUDA failed with error out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_a_file_for_which_a_gpu_has_no_memory_is_done_on_the_cpu(full_gpu, caplog, where, words):
    outcome = full_gpu(where, words)

    assert (outcome.status, outcome.facts) == ("done", {"device": "cpu"})
    # what the first try left is not in the result
    assert [name for name, _ in outcome.files] == ["device.txt"]
    assert "a.wav: the GPU has no memory left for it; it is done on the CPU" in caplog.text


def test_another_error_on_a_gpu_is_the_files(full_gpu):
    outcome = full_gpu("process", "CUDA error: invalid argument")

    assert outcome.status == "failed"
    assert "invalid argument" in outcome.reason


def test_of_a_long_traceback_the_last_whole_lines_are_kept(tmp_path, monkeypatch):
    """It is read in the log: it begins with a line, not with half a word."""
    monkeypatch.setattr("pipeline.executors.task._TRACEBACK_CHARS", 200)
    item = Item("gone.wav", "gone", str(tmp_path / "gone.wav"))
    task = Task("tests.cheap.take", (item,), item.source, str(tmp_path), {}, "cpu")

    kept = executors.run_one(task).traceback.splitlines()
    assert kept[0] == "…"
    assert all(line.startswith("  ") for line in kept[1:-1])
    assert kept[-1].startswith("FileNotFoundError: ")
    assert len("\n".join(kept[1:])) <= 200


def test_a_gpu_that_is_lost_with_one_file_fails_no_other(tmp_path):
    """CUDA leaves a process in which every call fails; only another process can go on."""
    tasks = []
    for name in ("bad.wav", "next.wav", "last.wav"):
        (tmp_path / name).mkdir()
        out = str(tmp_path / name)
        item = Item(name, name, "")
        tasks.append(Task("tests.cheap.lost_gpu", (item,), name, out, {}, "cuda:0"))

    with contextlib.closing(executors.LocalCrew(["cuda:0"])) as crew:
        bad, after, last = crew.in_pool(1, tasks)
        assert (bad.status, bad.reason) == ("crashed", lost_gpu.ILLEGAL)
        assert (after.status, after.reason) == ("crashed", "its process died (exit code 71)")
        assert last.status == "done"

        # each is tried by itself then: the one fails again, the other does not
        assert [crew.alone(one.task).status for one in (bad, after)] == ["crashed", "done"]


def test_worker_k_works_on_device_k(tmp_path):
    """Two fake GPUs, two workers: each loads its models on its own."""
    tasks = []
    for number in range(6):
        out = tmp_path / str(number)
        out.mkdir()
        item = Item(str(number), str(number), "")
        tasks.append(Task("tests.cheap.where", (item,), item.source, str(out), {}))

    with contextlib.closing(executors.LocalCrew(["cuda:0", "cuda:1"])) as crew:
        outcomes = list(crew.in_pool(2, tasks))
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert {outcome.facts["device"] for outcome in outcomes} == {"cuda:0", "cuda:1"}


@pytest.mark.gpu
def test_a_gpu_computes():
    import torch

    device = executors.devices("cuda")[0]
    assert float(torch.ones(3, device=device).sum()) == 3.0
