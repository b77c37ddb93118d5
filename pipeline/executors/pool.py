"""A pool of worker processes that die with us, one device each.

In:  tasks, lazily. Out: their outcomes; BrokenProcessPool as soon as a worker died, with what was
     in hand then: who did it shows when each runs alone (`local.py`).
"""

import contextlib
import ctypes
import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any

from pipeline.executors.hardware import share_cores
from pipeline.executors.task import DEVICE_OF_WORKER, Outcome, Task, run_one

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Pool:
    """`workers` processes, started as they are needed; killed by `kill`, not before."""

    def __init__(self, workers: int, devices: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self.workers = workers
        self.in_hand: list[Task] = []  # pulled and not yet ended
        self.returned: list[Task] = []  # pulled, and no worker has seen it
        self._begun: Any = context.Array("i", workers)  # their process ids, by order; 0: not yet
        self._exit_codes: list[int | None] = []
        self._dead: set[int | None] = set()  # the processes that had ended before `kill`
        self._pool = ProcessPoolExecutor(
            workers,
            context,
            initializer=_start_worker,
            initargs=(self._begun, tuple(devices), workers, os.getpid()),
        )

    def outcomes(self, waiting: Iterator[Task]) -> Iterator[Outcome]:
        """Do the tasks, one pulled for each worker that is free. Raises BrokenProcessPool."""
        futures: set[Future[Outcome]] = set()
        while True:
            while len(self.in_hand) < self.workers and (task := next(waiting, None)):
                futures.add(self._submit(task))
                self.in_hand.append(task)
            if not futures:
                return
            done, futures = wait(futures, return_when=FIRST_COMPLETED)
            for outcome in [future.result() for future in done]:
                source = outcome.task.source
                self.in_hand.remove(next(task for task in self.in_hand if task.source == source))
                yield outcome

    def kill(self) -> None:
        """End all workers, whatever they do."""
        # subtle: not only after an exception. A worker that was killed while it waited for work
        # died with the queue's lock; the others would wait for it, and we for them, for ever.
        # The public way, ProcessPoolExecutor.kill_workers, comes with Python 3.14.
        processes = list((self._pool._processes or {}).values())
        ended = connection.wait([process.sentinel for process in processes], timeout=0)
        for process in processes:
            process.kill()
        try:
            self._pool.shutdown(wait=True, cancel_futures=True)
        except RuntimeError:  # subtle: a signal's exception came as its own thread was to start
            for process in processes:
                process.join()
        self._exit_codes = [process.exitcode for process in processes]
        # subtle: -SIGTERM is what the pool itself does to the others
        self._dead = {
            process.pid
            for process in processes
            if process.sentinel in ended and process.exitcode != -signal.SIGTERM
        }

    def is_whole(self) -> bool:
        """Return whether none of its workers has ended: one may be killed while it has no work."""
        workers = list((self._pool._processes or {}).values())
        return not connection.wait([worker.sentinel for worker in workers], timeout=0)

    def may_blame(self) -> bool:
        """Return whether the worker that broke the pool may have had a task, as it had begun; after
        `kill`."""
        return bool(self._dead & self._begun_pids()) if self._dead else self.has_started()

    def has_started(self) -> bool:
        """Return whether any of its workers came as far as to begin."""
        return bool(self._begun_pids())

    def _begun_pids(self) -> set[int]:
        # subtle: without its lock, which a worker may have held as it was killed
        return set(self._begun.get_obj()) - {0}

    def lost(self, task: Task) -> Outcome:
        """Return the outcome of a task that was in hand as the pool broke; after `kill`."""
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

    def _submit(self, task: Task) -> Future[Outcome]:
        self.returned = [task]  # subtle: before submit, which raises if the pool just broke
        try:
            future = self._pool.submit(run_one, task)
        except OSError as err:
            if err.errno is not None:  # the system's word: too many open files, and the like
                raise
            # "handle is closed": the pool is breaking at this very moment
            raise BrokenProcessPool(str(err)) from err
        self.returned = []
        return future


def _start_worker(begun: Any, devices: tuple[str, ...], workers: int, driver: int) -> None:
    """Tie a worker to its driver's life, to its device and to its share of the cores."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != driver:  # it died before we could ask to be told
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the driver decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with begun.get_lock():
        number = list(begun).index(0)
        begun[number] = os.getpid()
    share_cores(workers)
    os.environ[DEVICE_OF_WORKER] = devices[number % len(devices)]
