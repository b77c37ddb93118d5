"""Where the work is done: in this process, or in a pool of processes, one device each.

In:  tasks, lazily: one is pulled when a worker is free for it, so what was pulled is in hand.
Out: one `Outcome` a task, as they end. An executor is any Callable[[Iterable[Task]],
     Generator[Outcome]] around the same `run_one`; closed, it has nothing in hand.
Left out: what is to be done (`dispatch.py`), and what becomes of the results (`runner.py`).
Read task.py (one task), then pool.py (many processes); hardware.py (devices, threads).
"""

import functools
from collections.abc import Callable, Generator, Iterable, Sequence

from pipeline.executors.hardware import core_count, devices, free_memory_gb, tame_threads
from pipeline.executors.pool import run_alone, run_in_pool
from pipeline.executors.task import Outcome, Task, load, run_one

__all__ = [
    "Executor",
    "Outcome",
    "Task",
    "core_count",
    "devices",
    "free_memory_gb",
    "processes",
    "run_alone",
    "run_one",
    "serial",
    "tame_threads",
]

Executor = Callable[[Iterable[Task]], Generator[Outcome, None, None]]


def serial(tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
    """Do the tasks in this process, so that a debugger works."""
    for task in tasks:
        yield run_one(task)
    load.cache_clear()


def processes(workers: int, devices: Sequence[str]) -> Executor:
    """Return an executor over `workers` processes, the k-th on device k (modulo their number)."""
    return functools.partial(run_in_pool, workers, tuple(devices))
