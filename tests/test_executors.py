"""Devices and workers. CUDA paths are held by a fake list of devices; `-m gpu` for a real one."""

import contextlib
import stat

import pytest

from pipeline import executors
from pipeline.executors import Task, hardware
from pipeline.item import Item


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


@pytest.mark.parametrize(
    ("torch", "count"), [("2.13.0", 2), ("2.13.0+cu130", 2), ("2.13.0+cpu", 0)]
)
def test_gpus_are_counted_by_the_driver_and_need_a_cuda_build(tmp_path, monkeypatch, torch, count):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: x)'\necho 'GPU 1: B (UUID: y)'\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(hardware.importlib.metadata, "version", lambda _: torch)
    hardware.gpu_count.cache_clear()

    assert hardware.gpu_count() == count
    hardware.gpu_count.cache_clear()


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
