"""How many workers a step gets, and which file they begin with.

In:  what --workers says; the step's files and how long they are; how fast the step is.
Out: a number of workers; the files, the longest first.
Left out: who they are (`executors/`).
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import ModuleType
from typing import Any

from pipeline import executors, models
from pipeline.config import Settings
from pipeline.estimate import Rates
from pipeline.executors import Crew
from pipeline.plan import FAILED_BEFORE, Decisions

AUTO = "auto"
WORTH_S = 10.0  # of work for each worker: one starts in 1 to 4 s, most of it the import of torch
WORKER_GB = 2.0  # at most, in a step without memory_gb: demucs takes 1.3 GB on 8-s blocks


class Workforce:
    """The workers of one run."""

    def __init__(self, wanted: str, crew: Crew, rates: Rates) -> None:
        self.rates = rates
        self._wanted = wanted
        self._crew = crew
        self._free_gb = executors.free_memory_gb()  # before workers have theirs

    def workers(
        self, step: str, module: ModuleType, params: Mapping[str, Any], sizes_s: Sequence[float]
    ) -> int:
        """Return how many workers files of these lengths get.

        auto: one a core, or as many as share the GPUs where the step says ON_GPU; on this machine
        as far as memory carries them, and as long as there is work worth another's start.
        """
        if self._wanted != AUTO:
            return min(int(self._wanted), len(sizes_s))
        if not sizes_s:
            return 1
        memory_gb, on_gpu = _memory_gb(module, params), getattr(module, "ON_GPU", False)
        places = min(len(sizes_s), self._crew.places(on_gpu, memory_gb))
        if not self._crew.is_here:
            return places
        carried = int(self._free_gb / memory_gb)
        worth = int(sum(sizes_s) * self.rates.of(step) / WORTH_S)
        return max(1, min(places, carried, worth))


def workforce_for(settings: Settings, crew: Crew | None = None) -> Workforce:
    """Return the workers of a job, of this machine without a crew, and what their work takes."""
    devices = executors.devices(settings.device)
    variant = {**asdict(settings), "device": devices[0].partition(":")[0]}
    rates = Rates(models.cache_dir(), variant)
    return Workforce(settings.workers, crew or executors.LocalCrew(devices), rates)


def crew_for(settings: Settings) -> Crew:
    """Return who does the work; a cluster is asked for nothing yet."""
    if settings.executor == "ray":
        return executors.RayCrew(settings.ray_address, settings.workers, settings.device)
    return executors.LocalCrew(executors.devices(settings.device))


def longest_first(todo: Decisions, sizes_s: Sequence[float]) -> Decisions:
    """Return the files in the order in which several workers end together: a long one that comes
    last keeps one of them busy alone. What failed before holds up none of the others."""
    late_s = max(sizes_s, default=0.0) + 1.0
    late = (late_s if one.why == FAILED_BEFORE else 0.0 for one in todo)
    return todo.in_order(array("d", (last - s for last, s in zip(late, sizes_s, strict=True))))


def _memory_gb(module: ModuleType, params: Mapping[str, Any]) -> float:
    if hasattr(module, "memory_gb"):
        return float(module.memory_gb(module.Params(**params)))
    return WORKER_GB
