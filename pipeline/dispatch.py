"""From decisions to outcomes: each file is taken up, journaled as in hand, and given to a worker.

In:  what a step has to do. Out: one outcome a file, never "crashed": a file that kills its process
     is tried again in a process of its own, and set aside when it has done so too often.
Left out: where the work is done (`executors/`); what becomes of a result (`runner.py`).
"""

import contextlib
import importlib
import logging
import shutil
from collections.abc import Callable, Generator, Mapping, MutableMapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Checkpoint
from pipeline.console import counted, safe
from pipeline.executors import Crew, Outcome, Task
from pipeline.item import Item
from pipeline.plan import ALL, Decision, Decisions, Step
from pipeline.stopping import Stopper

log = logging.getLogger(__name__)

CRASHES_ALLOWED = 3  # a file that was in hand in so many crashes is set aside
GIGABYTE = 1e9  # bytes


class LowDisk(RuntimeError):
    """Too little is free on the disk to go on."""


class Dispatcher:
    """Hands out the files of one step after the other."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        artefacts: Artefacts,
        stopper: Stopper,
        items: Callable[[ModuleType, Decision], Sequence[Item]],
        *,
        crew: Crew,
        device: str,
        min_free_gb: float,
    ) -> None:
        self._checkpoint = checkpoint
        self._artefacts = artefacts
        self._stopper = stopper
        self._items = items
        self._crew = crew
        self._device = device
        self._min_free_gb = min_free_gb

    def outcomes(
        self, step: Step, todo: Decisions, params: Mapping[str, Any], workers: int
    ) -> Generator[tuple[Decision, Outcome], None, None]:
        """Yield the outcomes; files that were in hand in a crash come last, each alone.

        Close it before the lock is given back: then no worker is alive.
        """
        crashed = todo.chosen(lambda d: self._checkpoint.attempts(step.name, d.source) > 0)
        again = {decision.source for decision in crashed}
        sound = todo.without(again) if again else todo
        in_hand: dict[str, Decision] = {}
        tasks = (self._next(step, decision, params, in_hand) for decision in sound)
        at_work = self._crew.run(min(workers, len(sound)), tasks)
        with contextlib.closing(self._interruptible(at_work)) as found:
            for outcome in found:
                decision = in_hand.pop(outcome.task.source)
                tried_again = outcome.status == "crashed"
                yield decision, self._try_alone(step, outcome) if tried_again else outcome
        for decision in crashed:
            outcome = Outcome(self._task(step, decision, params), "crashed")
            yield decision, self._try_alone(step, outcome)

    def _try_alone(self, step: Step, crashed: Outcome) -> Outcome:
        """Try a file that was in hand in a crash by itself: it may have been another's fault."""
        source = crashed.task.source
        while self._checkpoint.attempts(step.name, source) < CRASHES_ALLOWED:
            if crashed.reason:
                log.warning("⚠️ %s: %s; it is tried by itself", safe(source), crashed.reason)
            self._stopper.check()
            self._artefacts.empty(Path(crashed.task.out))
            self._take_up(step, crashed.task, "it was in hand in a crash")
            with self._stopper.working():
                outcome = self._crew.alone(crashed.task)
            if outcome.status != "crashed":
                return outcome
            crashed = outcome
        reason = f"set aside after {CRASHES_ALLOWED} crashed attempts"
        return Outcome(crashed.task, "failed", reason=reason, traceback=crashed.reason)

    def _interruptible(
        self, outcomes: Generator[Outcome, None, None]
    ) -> Generator[Outcome, None, None]:
        with contextlib.closing(outcomes):
            while True:
                with self._stopper.working():
                    outcome = next(outcomes, None)
                if outcome is None:
                    return
                yield outcome

    def _next(
        self,
        step: Step,
        decision: Decision,
        params: Mapping[str, Any],
        in_hand: MutableMapping[str, Decision],
    ) -> Task:
        in_hand[decision.source] = decision
        with self._stopper.sheltered():  # an executor pulls it while it is at work
            return self._take_up(step, self._task(step, decision, params), decision.why)

    def _take_up(self, step: Step, task: Task, why: str) -> Task:
        self._check_free_space()
        self._checkpoint.start(step.name, task.source)
        what = _alive(task.items) if task.source == ALL else task.source
        log.info("%s: %s", step.doing, what)
        log.debug("🔁 %s: %s", safe(task.source), why)
        return task

    def _task(self, step: Step, decision: Decision, params: Mapping[str, Any]) -> Task:
        out = str(self._artefacts.new_folder(step.name, decision.name))
        items = self._items(importlib.import_module(step.module), decision)
        return Task(step.module, items, decision.source, out, dict(params), self._device)

    def _check_free_space(self) -> None:
        free_gb = shutil.disk_usage(self._artefacts.out).free / GIGABYTE
        if free_gb < self._min_free_gb:
            raise LowDisk(
                f"only {free_gb:.2f} GB are free for {self._artefacts.out}, the floor is "
                f"{self._min_free_gb} GB (--min-free-gb); make room, then run again with --resume"
            )


def _alive(items: Sequence[Item]) -> str:
    """Return how many recordings come to a step over all; the others are there for the report."""
    return counted(sum(not item.dropped for item in items), "recording")
