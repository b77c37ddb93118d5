"""What there is to work with: devices, cores, memory; and how threads behave where it is shared.

Cores and memory are those that this process may use: of its control groups too (version 2), which
is how a container, a pod and a systemd service are limited.
"""

import functools
import importlib.metadata
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

GIGABYTE = 1e9  # bytes
THREADS = "OMP_NUM_THREADS"  # read by torch, MKL and OpenBLAS as they are loaded
GROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")
# Read by torch as it runs its first network: of what oneDNN compiles for each shape of input, and
# of what torch keeps beside it, how many are held; 1024 each by default. With 64 segmenting 12
# minutes takes 33.1 s of CPU (31.7 s with 1024), htdemucs, which has 177, 6.0 instead of 5.9 s.
KERNELS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
MOST_KERNELS = 64
# cuBLAS' scratch memory: fixed, so that LSTMs on a GPU (who speaks when) sum in one order; a choice
# of torch's own: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html
SCRATCH = ("CUBLAS_WORKSPACE_CONFIG", ":4096:2")
MIB = 1 << 20  # bytes; nvidia-smi's unit
VISIBLE = "CUDA_VISIBLE_DEVICES"  # which GPUs CUDA shows to a process; nvidia-smi lists all of them
# Of a worker's main memory, what it takes of a GPU's: weights and what decoding keeps in float16,
# attention while words are aligned in float32, CUDA's own 0.5 GB. Reckoned, not measured: whisper
# medium 4.0 GB, here 4.8 GB; the rest is room for what torch keeps unused.
GPU_MEMORY_FACTOR = 1.25
# One computes while the others decode, measure and write; more take turns on the same GPU.
MOST_ON_A_GPU = 4


def tame_threads() -> None:
    """Let idle threads of OpenMP sleep, and have no more than there are cores for; for this process
    and its children, before torch is loaded.

    By default they spin, and where another process wants the same core every small step waits for
    a thread that does not run: a (8, 512) x (512, 2048) product takes 16 ms instead of 0.46 ms
    (measured, 2 threads on 2 cores beside one busy process; 0.33 ms on one thread). torch counts
    the cores of the machine, also where a container may use two of them. And `keep_few_kernels`,
    `sum_in_one_order`.
    """
    keep_few_kernels()
    sum_in_one_order()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if core_count() < (os.cpu_count() or 1):
        os.environ.setdefault(THREADS, str(core_count()))


def keep_few_kernels() -> None:
    """Let torch forget what it compiled for inputs of a length that came long ago; for this process
    and its children, before torch is loaded.

    Each clip has another length, so that memory grows with the recording: 1127 MB after 3 minutes,
    1644 after 12, and with this 1001 (segment_audio, tiny.en). Either variable alone leaves two
    thirds of the growth. Known of torch: https://github.com/pytorch/pytorch/issues/98688
    """
    for variable in KERNELS:
        os.environ.setdefault(variable, str(MOST_KERNELS))


def sum_in_one_order() -> None:
    """Have a GPU give the same bytes in each run; for this process and its children, before CUDA is
    started."""
    os.environ.setdefault(*SCRATCH)


def share_cores(workers: int) -> None:
    """Give this process its share of the cores, before torch is loaded: each of N workers would
    start as many threads as there are cores."""
    share = max(1, core_count() // workers)
    wanted = os.environ.get(THREADS, "")
    os.environ[THREADS] = str(min(share, int(wanted)) if wanted.isdecimal() else share)


def core_count() -> int:
    """Return how many cores this process may use, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for group in _groups():
        quota, _, period = _read(group / "cpu.max").partition(
            " "
        )  # us in each period of so many us
        if quota.isdecimal():
            cores = min(cores or 1, round(int(quota) / int(period)))
    return max(1, cores or 1)


def free_memory_gb() -> float:
    """Return how much memory this process may take yet, GB."""
    free = psutil.virtual_memory().available
    for group in _groups():
        limit = _read(group / "memory.max")
        if limit.isdecimal():
            cache = re.search(r"^inactive_file (\d+)$", _read(group / "memory.stat"), re.M)
            used = int(_read(group / "memory.current") or 0) - (int(cache[1]) if cache else 0)
            free = min(free, int(limit) - used)
    return float(max(0, free) / GIGABYTE)


def _groups() -> Iterator[Path]:
    """Yield the folder of our control group, and of those above it."""
    own = re.search(r"^0::/(.*)$", _read(OWN_GROUP), re.M)
    folder = GROUPS / own[1] if own else GROUPS
    yield folder
    yield from (parent for parent in folder.parents if parent.is_relative_to(GROUPS))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


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
        if "+cpu" in importlib.metadata.version("torch"):
            return 0
    except importlib.metadata.PackageNotFoundError:
        return 0
    listed = sum(line.startswith("GPU ") for line in _nvidia_smi("-L"))
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return listed
    shown = [name.strip() for name in visible.split(",")]
    return min(listed, len(list(itertools.takewhile(lambda name: name not in ("", "-1"), shown))))


def workers_a_gpu(gpus: int, memory_gb: float, free_gb: float) -> int:
    """Return how many workers share each of so many GPUs, at least 1: as many as there are cores
    and, of a GPU's memory, room for; `memory_gb` is what a worker takes of main memory."""
    carried = int(free_gb / (GPU_MEMORY_FACTOR * memory_gb))
    return max(1, min(core_count() // max(1, gpus), carried, MOST_ON_A_GPU))


def free_gpu_gb() -> float:
    """Return how much memory is free on every GPU, GB; 0 where that is not said, or where a GPU
    takes one process alone.

    Of nvidia-smi, not of torch: that would cost the driver torch, and the GPU a context of 0.5 GB.
    """
    free = []
    for line in _nvidia_smi(
        "--query-gpu=memory.free,compute_mode", "--format=csv,noheader,nounits"
    ):
        mib, _, mode = line.partition(",")
        is_shared = mib.strip().isdecimal() and mode.strip() == "Default"
        free.append(int(mib) * MIB / GIGABYTE if is_shared else 0.0)
    return min(free, default=0.0)


def _nvidia_smi(*words: str) -> list[str]:
    """Return the lines that it prints; none where it is not there or does not answer."""
    if not shutil.which("nvidia-smi"):
        return []
    try:
        told = subprocess.run(["nvidia-smi", *words], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return told.stdout.splitlines()
