"""A pool of worker processes that die with us, one device each.

In:  tasks, lazily. Out: their outcomes; "crashed" for all that were in hand as a worker died: who
     did it shows when each runs alone.
"""

import contextlib
import ctypes
import itertools
import logging
import multiprocessing
import os
import signal
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from pipeline.executors.hardware import share_cores
from pipeline.executors.task import DEVICE_OF_WORKER, Outcome, Task, load, run_one

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run_in_pool(
    workers: int, devices: Sequence[str], tasks: Iterable[Task]
) -> Generator[Outcome, None, None]:
    """Do the tasks, one pulled for each worker that is free; after a crash with a new pool."""
    waiting = iter(tasks)
    may_start_again = True
    while True:
        in_hand: list[Task] = []  # pulled and not yet ended
        pool = _Pool(workers, devices)
        try:
            with pool as running:
                yield from _feed(running, waiting, in_hand, workers)
            return
        except BrokenProcessPool:
            log.warning("a worker died (%s) with %d files in hand", pool.end(), len(in_hand))
        if pool.has_started() or not may_start_again:
            yield from [pool.lost(task) for task in in_hand]
        else:  # something killed a worker that was still importing; one more try will tell
            may_start_again = False
            waiting = itertools.chain(in_hand, waiting)


def run_alone(task: Task) -> Outcome:
    """Do one task in a process of its own."""
    load.cache_clear()  # it may need all the memory that there is
    return next(run_in_pool(1, (task.device,), [task]))


def _feed(
    pool: ProcessPoolExecutor, waiting: Iterator[Task], in_hand: list[Task], workers: int
) -> Iterator[Outcome]:
    futures: set[Future[Outcome]] = set()
    while True:
        while len(in_hand) < workers and (task := next(waiting, None)):
            in_hand.append(task)  # subtle: before submit, which raises if the pool just broke
            futures.add(_submit(pool, task))
        if not futures:
            return
        done, futures = wait(futures, return_when=FIRST_COMPLETED)
        for outcome in [future.result() for future in done]:
            in_hand.remove(next(task for task in in_hand if task.source == outcome.task.source))
            yield outcome


def _submit(pool: ProcessPoolExecutor, task: Task) -> Future[Outcome]:
    try:
        return pool.submit(run_one, task)
    except OSError as err:
        if err.errno is not None:  # the system's word: too many open files, and the like
            raise
        # "handle is closed": the pool is breaking at this very moment
        raise BrokenProcessPool(str(err)) from err


class _Pool:
    """A process pool whose workers die with us, and are killed when we leave: nothing is in their
    hands then, or nothing that we still want."""

    def __init__(self, workers: int, devices: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self._started = context.Value("i", 0)
        self._exit_codes: list[int | None] = []
        self._pool = ProcessPoolExecutor(
            workers,
            context,
            initializer=_start_worker,
            initargs=(self._started, tuple(devices), workers, os.getpid()),
        )

    def __enter__(self) -> ProcessPoolExecutor:
        return self._pool

    def __exit__(self, *_: object) -> None:
        # subtle: not only after an exception. A worker that was killed while it waited for work
        # died with the queue's lock; the others would wait for it, and we for them, for ever.
        # The public way, ProcessPoolExecutor.kill_workers, comes with Python 3.14.
        processes = list((self._pool._processes or {}).values())
        for process in processes:
            process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._exit_codes = [process.exitcode for process in processes]

    def has_started(self) -> bool:
        """Return whether any of its workers came as far as to begin."""
        return bool(self._started.value)

    def lost(self, task: Task) -> Outcome:
        """Return the outcome of a task that was in hand as the pool broke."""
        if not self.has_started():
            return Outcome(task, "halted", reason=f"no worker process can start ({self.end()})")
        return Outcome(task, "crashed", reason=f"its process died ({self.end()})")

    def end(self) -> str:
        """Return how the worker ended that broke the pool."""
        # subtle: as one has died, the others are ended, by the pool or by us
        ours = (-signal.SIGTERM, -signal.SIGKILL)
        codes = [code for code in self._exit_codes if code and code not in ours]
        code = codes[0] if codes else -signal.SIGKILL
        if code == -signal.SIGKILL:
            return "SIGKILL: the kernel sends it when memory runs out"
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
        return f"exit code {code}"


def _start_worker(started: Any, devices: tuple[str, ...], workers: int, driver: int) -> None:
    """Tie a worker to its driver's life, to its device and to its share of the cores."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != driver:  # it died before we could ask to be told
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the driver decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with started.get_lock():
        number = started.value
        started.value += 1
    share_cores(workers)
    os.environ[DEVICE_OF_WORKER] = devices[number % len(devices)]
