"""From decisions to outcomes: each file is taken up, journaled as in hand, and given to a worker.

In:  what a step has to do. Out: one outcome a file, never "crashed": a file that kills its process
     is tried again in a process of its own, and set aside when it has done so too often.
Left out: where the work is done (`executors.py`); what becomes of a result (`runner.py`).
"""

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline import executors
from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Checkpoint
from pipeline.console import safe
from pipeline.executors import Executor, Outcome, Task
from pipeline.plan import ALL, Decision, Step
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
        *,
        workers: int,
        devices: Sequence[str],
        min_free_gb: float,
    ) -> None:
        self._checkpoint = checkpoint
        self._artefacts = artefacts
        self._stopper = stopper
        self._workers = workers
        self._devices = devices
        self._min_free_gb = min_free_gb

    def outcomes(
        self, step: Step, todo: Sequence[Decision], params: Mapping[str, Any]
    ) -> Iterator[Outcome]:
        """Yield the outcomes; files that were in hand in a crash come last, each alone."""
        crashed = {d.source for d in todo if self._checkpoint.attempts(step.name, d.source)}
        sound = [d for d in todo if d.source not in crashed]
        tasks = (self._take_up(step, decision, params) for decision in sound)
        for outcome in self._interruptible(self._executor(len(sound))(tasks)):
            if outcome.status == "crashed":
                log.warning("⚠️ %s: %s", safe(outcome.task.source), outcome.reason)
                outcome = self._try_alone(step, outcome.task)
            yield outcome
        for decision in todo:
            if decision.source in crashed:
                yield self._try_alone(step, self._task(step, decision, params))

    def _executor(self, files: int) -> Executor:
        workers = min(self._workers, files)
        return executors.serial if workers < 2 else executors.processes(workers, self._devices)

    def _try_alone(self, step: Step, task: Task) -> Outcome:
        while self._checkpoint.attempts(step.name, task.source) < CRASHES_ALLOWED:
            self._start(step, task)
            outcome = next(self._interruptible(executors.alone([task])))
            if outcome.status != "crashed":
                return outcome
        return Outcome(task, "failed", reason=f"set aside after {CRASHES_ALLOWED} crashed attempts")

    def _interruptible(self, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        while True:
            with self._stopper.working():
                outcome = next(outcomes, None)
            if outcome is None:
                return
            yield outcome

    def _take_up(self, step: Step, decision: Decision, params: Mapping[str, Any]) -> Task:
        task = self._task(step, decision, params)
        self._start(step, task)
        log.debug("🔁 %s: %s", safe(decision.source), decision.why)
        return task

    def _start(self, step: Step, task: Task) -> None:
        self._check_free_space()
        self._checkpoint.start(step.name, task.source)
        what = f"{len(task.items)} recordings" if task.source == ALL else task.source
        log.info("%s: %s", step.doing, what)

    def _task(self, step: Step, decision: Decision, params: Mapping[str, Any]) -> Task:
        out = str(self._artefacts.new_folder(step.name, decision.name))
        source, items = decision.source, decision.items
        return Task(step.module, items, source, out, dict(params), self._devices[0])

    def _check_free_space(self) -> None:
        free_gb = shutil.disk_usage(self._artefacts.out).free / GIGABYTE
        if free_gb < self._min_free_gb:
            raise LowDisk(
                f"only {free_gb:.2f} GB are free for {self._artefacts.out}, the floor is "
                f"{self._min_free_gb} GB (--min-free-gb); make room, then run again with --resume"
            )
