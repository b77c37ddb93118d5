"""The work on this machine: in this process, or in a pool of processes that stays over the steps.

In:  tasks, lazily. Out: their outcomes; "crashed" for all that were in hand as a worker died.
"""

import contextlib
import functools
import itertools
import logging
import os
import uuid
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool

from pipeline.executors.hardware import core_count, free_gpu_gb, workers_a_gpu
from pipeline.executors.pool import Pool
from pipeline.executors.task import Outcome, Task, empty, run_one, unload

log = logging.getLogger(__name__)

RUN = "KOKORO_RUN"  # by which workers know that they are of one run (`models/fetch.py`)


class LocalCrew:
    """Workers of one run."""

    is_here = True

    def __init__(self, devices: Sequence[str]) -> None:
        self._devices = tuple(devices)
        self._pool: Pool | None = None

    def places(self, on_gpu: bool, memory_gb: float) -> int:
        """Return the number of cores, or of workers that the GPUs carry where they are used: so
        that one decodes the next file and writes the last one while another computes."""
        gpus = sum(device.startswith("cuda") for device in self._devices)
        if not (on_gpu and gpus):
            return core_count()
        return gpus * workers_a_gpu(gpus, memory_gb, self._free_gpu_gb)

    @functools.cached_property
    def _free_gpu_gb(self) -> float:
        return free_gpu_gb()  # subtle: once, before our own workers have theirs

    def run(self, workers: int, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """Do the tasks with so many workers: with one in this process, so that a debugger works."""
        return self._here(tasks) if workers < 2 else self.in_pool(workers, tasks)

    def alone(self, task: Task) -> Outcome:
        """Do one task in a process of its own."""
        unload()  # it may need all the memory that there is
        if self._pool and not self._pool.in_hand:
            self.close()
        with contextlib.closing(LocalCrew((task.device,))) as crew:
            return next(crew.in_pool(1, [task]))

    def in_pool(self, workers: int, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """Do the tasks in processes, the k-th on device k (modulo their number); after a crash in
        new ones. Closed before its end, it has nothing in hand."""
        os.environ.setdefault(RUN, uuid.uuid4().hex)
        waiting = iter(tasks)
        may_start_again = True
        while True:
            pool = self._ready(workers)
            try:
                yield from pool.outcomes(waiting)
                return
            except BrokenProcessPool:
                self.close()
                log.warning(
                    "a worker died (%s) with %d files in hand", pool.end(), len(pool.in_hand)
                )
            except BaseException:  # it is closed, or the run is stopped: what is in hand is dropped
                self.close()
                raise
            waiting = itertools.chain(pool.returned, waiting)
            if pool.may_blame() or not may_start_again:
                yield from [pool.lost(task) for task in pool.in_hand]
            else:  # something killed a worker that was still importing; one more try will tell
                may_start_again = False
                for task in pool.in_hand:
                    empty(task)
                waiting = itertools.chain(pool.in_hand, waiting)

    def close(self) -> None:
        """End all processes; the next tasks get new ones."""
        if self._pool:
            self._pool.kill()
            self._pool = None

    def rest(self) -> None:
        """End the processes that wait for work."""
        self.close()

    def _here(self, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        for task in tasks:
            yield run_one(task)
        unload()

    def _ready(self, workers: int) -> Pool:
        if self._pool and (self._pool.workers != workers or not self._pool.is_whole()):
            self.close()
        if not self._pool:
            self._pool = Pool(workers, self._devices)
        return self._pool
