"""Which devices there are, and how threads behave on a machine that is shared."""

import functools
import importlib.metadata
import os
import re
import shutil
import subprocess


def tame_threads() -> None:
    """Let idle threads of OpenMP sleep; for this process and its children, before torch is loaded.

    By default they spin, and where another process wants the same core every small step waits for
    a thread that does not run: a (8, 512) x (512, 2048) product takes 16 ms instead of 0.46 ms
    (measured, 2 threads on 2 cores beside one busy process; 0.33 ms on one thread).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def devices(wanted: str) -> list[str]:
    """Return the devices to use: all GPUs or the CPU for `auto`; else what was asked for.

    Raises ValueError for a device that is not there.
    """
    if wanted == "cpu":
        return ["cpu"]
    if not re.fullmatch(r"auto|cuda(:\d+)?", wanted):
        raise ValueError(f"--device {wanted}: choose auto, cpu, cuda or cuda:N")
    gpus = [f"cuda:{k}" for k in range(gpu_count())]
    if wanted == "auto":
        return gpus or ["cpu"]
    if not gpus:
        raise ValueError(f"--device {wanted}: no NVIDIA GPU with a CUDA build of torch; use cpu")
    if wanted != "cuda" and wanted not in gpus:
        raise ValueError(f"--device {wanted}: there are only {', '.join(gpus)}")
    return gpus if wanted == "cuda" else [wanted]


@functools.cache
def gpu_count() -> int:
    """Return how many GPUs torch can use, without importing torch (that takes 2 s)."""
    try:
        if "+cpu" in importlib.metadata.version("torch") or not shutil.which("nvidia-smi"):
            return 0
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (importlib.metadata.PackageNotFoundError, OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
