"""Where the work is done: in this process, in a pool of processes, or on a Ray cluster.

In:  tasks, lazily: one is pulled when a worker is free for it, so what was pulled is in hand.
Out: one `Outcome` a task, as they end.
Left out: what is to be done (`dispatch.py`), and what becomes of the results (`runner.py`).
Read task.py (one task), then local.py and pool.py (many processes); ray_cluster.py (many machines);
hardware.py (devices, cores).
"""

from collections.abc import Generator, Iterable
from typing import Protocol

from pipeline.executors.hardware import devices, free_memory_gb, tame_threads
from pipeline.executors.local import LocalCrew
from pipeline.executors.ray_cluster import RayCrew
from pipeline.executors.ray_connection import NoCluster
from pipeline.executors.task import Outcome, Task, run_one

__all__ = [
    "Crew",
    "LocalCrew",
    "NoCluster",
    "Outcome",
    "RayCrew",
    "Task",
    "devices",
    "free_memory_gb",
    "run_one",
    "tame_threads",
]


class Crew(Protocol):
    """Who does the tasks of a run, all by the same `run_one`."""

    is_here: bool
    """On this machine, whose cores and memory count."""

    def places(self, on_gpu: bool, memory_gb: float) -> int:
        """Return how many tasks of a kind there is room for at a time, as far as processors go,
        and the memory of GPUs; each takes `memory_gb` of main memory."""

    def run(self, workers: int, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:
        """Do the tasks, so many at a time; "crashed" are those that were in hand in a crash. Closed
        before its end, it has nothing in hand."""

    def alone(self, task: Task) -> Outcome:
        """Do one task in a process of its own, which it may kill."""

    def rest(self) -> None:
        """Let those go that wait for work: what they hold in memory is needed elsewhere."""

    def close(self) -> None:
        """Let all workers go: then none is alive. The next tasks get new ones."""
