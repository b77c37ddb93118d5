"""Where the work is done: in this process, or in a pool of processes, one device each.

In:  tasks, lazily: one is pulled when a worker is free for it, so what was pulled is in hand.
Out: one `Outcome` a task, as they end. An executor is any Callable[[Iterable[Task]],
     Iterator[Outcome]] around the same `run_one`.
Left out: what is to be done, and what becomes of the results (`runner.py`).
"""

import ctypes
import dataclasses
import errno
import functools
import importlib
import importlib.metadata
import json
import logging
import multiprocessing
import os
import shutil
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.digest import folder_digest
from pipeline.item import Facts, Item, Reject, Result, Unusable

log = logging.getLogger(__name__)

# These errors say something about the machine, nothing about the file in hand.
_MACHINE_ERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
    errno.EFBIG,
    errno.EMFILE,
    errno.ENFILE,
)
_DEVICE_OF_WORKER = "KOKORO_WORKER_DEVICE"  # set in a pool's workers only
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_TRACEBACK_CHARS = 1500  # what is kept of a traceback; the log has it whole


@dataclass(frozen=True)
class Task:
    """One file in one step, as plain data."""

    module: str  # of the step, by its full name
    items: tuple[Item, ...]  # one; all of them for a collective step
    source: str  # what the result is recorded under
    out: str  # a private empty folder
    params: Mapping[str, Any]
    device: str = "cpu"


@dataclass(frozen=True)
class Outcome:
    """What became of a task. `status`: done, dropped, failed; crashed: the process died with it;
    halted: the machine or the stage cannot work, which says nothing about the file."""

    task: Task
    status: str
    output: str = ""
    files: tuple[tuple[str, int], ...] = ()  # (name, bytes), the main file first
    digest: str = ""
    seconds: float = 0.0
    facts: Facts = field(default_factory=dict)
    drops: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    traceback: str = ""


Executor = Callable[[Iterable[Task]], Iterator[Outcome]]


def run_one(task: Task) -> Outcome:
    """Do one task and say what became of it. Never raises: a file is isolated from the next."""
    began = time.monotonic()
    try:
        module = importlib.import_module(task.module)
        params = module.Params(**task.params)
        models = _load(task.module, json.dumps(task.params, sort_keys=True), _device(task))
    except (Exception, SystemExit) as err:  # noqa: BLE001 - it is the stage's, not the file's
        return _ended(task, began, "halted", err)
    try:
        subject = task.items if getattr(module, "COLLECTIVE", False) else task.items[0]
        result = module.process(subject, Path(task.out), params, models)
        return _done(task, began, result)
    except Reject as err:
        return _ended(task, began, "dropped", err)
    except Unusable as err:
        return _ended(task, began, "halted", err)
    except (Exception, SystemExit) as err:  # noqa: BLE001 - not the next file's
        machine = isinstance(err, OSError) and err.errno in _MACHINE_ERRORS
        return _ended(task, began, "halted" if machine else "failed", err)


def serial(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """Do the tasks in this process, so that a debugger works."""
    for task in tasks:
        yield run_one(task)
    _load.cache_clear()


def alone(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """Do the tasks one at a time in a process of their own: for files that may kill it."""
    yield from (_run_alone(task) for task in tasks)


def processes(workers: int, devices: Sequence[str]) -> Executor:
    """Return an executor over `workers` processes, the k-th on device k (modulo their number)."""
    return functools.partial(_run_in_pool, workers, tuple(devices))


def tame_threads() -> None:
    """Let idle threads of OpenMP sleep; for this process and its children, before torch is loaded.

    By default they spin, and where another process wants the same core every small step waits for
    a thread that does not run: a (8, 512) x (512, 2048) product takes 16 ms instead of 0.46 ms
    (measured, 2 threads on 2 cores beside one busy process; 0.33 ms on one thread).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def devices(wanted: str) -> list[str]:
    """Return the devices to use: all GPUs or the CPU for `auto`; else what was asked for."""
    if wanted == "cuda":
        wanted = "auto"
        if not gpu_count():
            raise ValueError("--device cuda: no NVIDIA GPU with a CUDA build of torch; use cpu")
    if wanted != "auto":
        return [wanted]
    return [f"cuda:{k}" for k in range(gpu_count())] or ["cpu"]


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


@functools.lru_cache(maxsize=1)  # one stage's models at a time
def _load(name: str, params: str, device: str) -> Any:
    module = importlib.import_module(name)
    return module.load(module.Params(**json.loads(params)), device)


def _device(task: Task) -> str:
    return os.environ.get(_DEVICE_OF_WORKER, task.device)


def _done(task: Task, began: float, result: Result) -> Outcome:
    out = Path(task.out)
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    if result.output not in names:
        raise ValueError(f"{task.module} did not write the file it names: {result.output}")
    names.sort(key=lambda name: name != result.output)
    for name in names:
        _sync(out / name)
    return Outcome(
        task,
        "done",
        output=result.output,
        files=tuple((name, (out / name).stat().st_size) for name in names),
        digest=folder_digest(out, names),
        seconds=time.monotonic() - began,
        facts=dict(result.facts),
        drops=dict(result.drops),
    )


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _ended(task: Task, began: float, status: str, error: BaseException) -> Outcome:
    reason = str(error) or type(error).__name__
    trace = "" if status == "dropped" else "".join(traceback.format_exception(error))
    if status == "failed" and not isinstance(error, ValueError | OSError):
        reason = f"{type(error).__name__}: {reason}"
    seconds = time.monotonic() - began
    return Outcome(
        task, status, reason=reason, traceback=trace[-_TRACEBACK_CHARS:], seconds=seconds
    )


def _run_in_pool(
    workers: int, devices_: tuple[str, ...], tasks: Iterable[Task]
) -> Iterator[Outcome]:
    waiting = iter(tasks)
    while True:
        in_hand: list[Task] = []  # pulled and not yet ended
        try:
            with _Pool(workers, devices_) as pool:
                yield from _feed(pool, waiting, in_hand, workers)
            return
        except BrokenProcessPool:
            # A worker died: which file killed it shows when each runs alone.
            log.warning("a worker died; %d files in hand run again one at a time", len(in_hand))
        yield from alone(in_hand)


def _feed(
    pool: ProcessPoolExecutor, waiting: Iterator[Task], in_hand: list[Task], workers: int
) -> Iterator[Outcome]:
    futures: set[Future[Outcome]] = set()
    while True:
        while len(in_hand) < workers and (task := next(waiting, None)):
            in_hand.append(task)  # subtle: before submit, which raises if the pool just broke
            futures.add(pool.submit(run_one, task))
        if not futures:
            return
        done, futures = wait(futures, return_when=FIRST_COMPLETED)
        for outcome in [future.result() for future in done]:
            in_hand.remove(next(task for task in in_hand if task.source == outcome.task.source))
            yield outcome


def _run_alone(task: Task) -> Outcome:
    emptied = _empty(Path(task.out))
    try:
        with _Pool(1, (task.device,)) as pool:
            return pool.submit(run_one, dataclasses.replace(task, out=str(emptied))).result()
    except BrokenProcessPool:
        return Outcome(task, "crashed", reason="the process died while working on it")


class _Pool:
    """A process pool whose workers die with us, and are killed when we leave: nothing is in their
    hands then, or nothing that we still want."""

    def __init__(self, workers: int, devices_: tuple[str, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self._numbers = context.Value("i", 0)
        self._pool = ProcessPoolExecutor(
            workers,
            context,
            initializer=_start_worker,
            initargs=(self._numbers, devices_, os.getpid()),
        )

    def __enter__(self) -> ProcessPoolExecutor:
        return self._pool

    def __exit__(self, *_: object) -> None:
        # subtle: not only after an exception. A worker that was killed while it waited for work
        # died with the queue's lock; the others would wait for it, and we for them, for ever.
        # The public way, ProcessPoolExecutor.kill_workers, comes with Python 3.14.
        for process in list((self._pool._processes or {}).values()):
            process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(numbers: Any, devices_: tuple[str, ...], driver: int) -> None:
    """Tie a worker to its driver's life and to its device."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != driver:  # it died before we could ask to be told
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the driver decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with numbers.get_lock():
        number = numbers.value
        numbers.value += 1
    os.environ[_DEVICE_OF_WORKER] = devices_[number % len(devices_)]


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
