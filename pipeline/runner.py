"""THE FLOW: recordings → stages → dataset. For each step: decide, dispatch, record.

In:  an output folder that we own (`lock/`), its checkpoint, the settings, the sources.
Out: the dataset, and an exit code.
A step is a function of one recording, or, if its module says COLLECTIVE, of all of them. A stage
may have several: who speaks is surveyed in each recording, agreed on over all, then isolated.
"""

import contextlib
import importlib
import itertools
import logging
import time
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline import executors, talk
from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Checkpoint
from pipeline.config import Settings, params_for
from pipeline.console import counted, safe
from pipeline.dispatch import Dispatcher
from pipeline.estimate import stage_counts
from pipeline.executors import Outcome
from pipeline.exits import FINISHED, SOME_FAILED, RunFailed
from pipeline.flow import FLOW
from pipeline.lengths import Lengths, guessed_s
from pipeline.plan import ALL, FAILED_BEFORE, Decision, Decisions, Planner, Step
from pipeline.progress import Progress
from pipeline.publication import Publication
from pipeline.results import Results
from pipeline.stopping import Stopper
from pipeline.validation import Validator
from pipeline.workforce import crew_for, longest_first, workforce_for

log = logging.getLogger(__name__)


class _Again(Exception):
    """Files that were cleaned away are needed again: their recordings begin at the start."""


class Runner:
    """One run over one output folder."""

    def __init__(
        self,
        settings: Settings,
        checkpoint: Checkpoint,
        artefacts: Artefacts,
        planner: Planner,
        stopper: Stopper,
        flow: Sequence[Step] = FLOW,
    ) -> None:
        self._settings = settings
        self._checkpoint = checkpoint
        self._artefacts = artefacts
        self._planner = planner
        self._stopper = stopper
        self._flow = flow
        self._stages = list(dict.fromkeys(step.stage for step in flow))
        names = [step.name for step in flow]
        self._validator = Validator(
            checkpoint, artefacts, names, stopper, verify=settings.verify, verbose=settings.verbose
        )
        self._publication = Publication(
            checkpoint, artefacts, names[0], names[-1], self._stages, keep_temp=settings.keep_temp
        )
        self._crew = crew_for(settings)
        self._dispatcher = Dispatcher(
            checkpoint,
            artefacts,
            stopper,
            planner.items,
            crew=self._crew,
            device=executors.devices(settings.device)[0],
            min_free_gb=settings.min_free_gb,
        )
        self._results = Results(
            checkpoint, artefacts, planner, names[0], settings.max_failures_in_a_row
        )
        self._workforce = workforce_for(settings, self._crew)
        self._progress = self._progress_of(flow)
        self._lengths = Lengths(checkpoint, planner, names[0])
        self._skipped: Counter[str] = Counter()  # by step; done in earlier runs

    def run(self, before_work: Callable[[], None] = lambda: None) -> int:
        """Take all sources through the flow; return the exit code. Where there is something to do,
        `before_work` has the last word: it may raise.

        Raises RunFailed, LowDisk, OSError or Interrupted; the checkpoint is sound after each.
        """
        self._artefacts.sweep()
        self._validator.validate()
        if self._publication.stands(self._planner):
            self._publication.clean()
            log.info("✅ Nothing to do: %s is complete", self._artefacts.out)
            return FINISHED
        before_work()
        self._validator.restore_clips()
        talk.say_where_it_resumes(self._checkpoint.state, self._stages)
        with self._progress, contextlib.closing(self._crew):
            while not self._through_all_stages():
                self._planner.lost.clear()
            self._finish()
        out, lost = self._artefacts.out, self._planner.lost
        talk.say_summary(self._checkpoint, out, self._stages, lost, self._skipped)
        return SOME_FAILED if self._checkpoint.state.failures() else FINISHED

    def rebuild(self) -> int:
        """Build the dataset anew of what the steps before it made; return the exit code.

        Raises RunFailed where something of that is gone, and as `run` does.
        """
        records = self._checkpoint.state.records
        keeps_temp = not any(record.cleaned for record in records.values())
        self._artefacts.sweep()
        self._validator.validate()
        if not self._publication.stands(self._planner):
            self._validator.restore_clips()
            self._planner.lose_again(self._flow[:-1])
            if undone := self._planner.undone(self._flow[:-1]):
                many = counted(len(undone), "recording")
                raise RunFailed(
                    f"{many} must be done again (like {safe(undone[0])}): "
                    "run with --resume; its dataset will be without what excluded.txt names"
                )
            last = [step for step in self._flow if step.stage == self._stages[-1]]
            self._progress = self._progress_of(last)
            with self._progress, contextlib.closing(self._crew):
                self._run_stage(last)
                self._require_dataset()
                self._publication.publish()
        if not keeps_temp:
            self._publication.clean()
        talk.say_dataset(self._checkpoint, self._artefacts.out, self._stages[-1])
        return FINISHED

    def _through_all_stages(self) -> bool:
        """Run all stages; return False if they have to begin anew."""
        try:
            for _, steps in itertools.groupby(self._flow, key=lambda step: step.stage):
                self._run_stage(list(steps))
        except _Again:
            return False
        return True

    def _run_stage(self, steps: Sequence[Step]) -> None:
        stage = steps[-1].stage
        began = time.monotonic()
        try:
            for step in steps:
                self._run_step(step)
        except executors.NoCluster as err:
            raise RunFailed(str(err)) from err
        if stage in self._checkpoint.state.completed:
            log.info("⏭️ Skipping completed stage: %s", stage)
            return
        seconds = time.monotonic() - began
        self._checkpoint.finish_stage(stage, seconds, self._counts(stage))
        log.debug("📊 %s is complete after %.1f s", stage, seconds)

    def _run_step(self, step: Step) -> None:
        module = importlib.import_module(step.module)
        params = params_for(module.Params, self._settings)
        decisions = self._planner.decide(step.name, module, params)
        todo = decisions.chosen(lambda d: d.why != "")
        # a bad file holds none up
        todo = todo.in_order(array("b", (d.why == FAILED_BEFORE for d in todo)))
        self._results.begin()
        talk.say_skipped(step, decisions.chosen(lambda d: not d.why and d.source != ALL))
        self._skipped[step.name] = sum(d.stands and not d.why for d in decisions)
        if todo:
            self._checkpoint.reopen_stage(step.stage)
            log.debug("📊 %s has %d files to do", step.name, len(todo))
        if getattr(module, "BY_HAND", False) and todo:
            items = self._planner.items(module, todo[0]) if self._planner.by_hand else ()
            talk.say_excluded(self._planner.by_hand, {c for i in items for c in i.excluded})
        self._do(step, module, params, self._doable(module, todo))
        for source, reason in self._planner.leave_out(step, (d.source for d in decisions)):
            log.info("🚮 Dropped: %s: %s", source, reason)

    def _do(
        self, step: Step, module: ModuleType, params: Mapping[str, Any], todo: Decisions
    ) -> None:
        self._stopper.check()
        if step is self._flow[-1]:
            self._crew.rest()
        known_s, sizes = self._lengths.known_s(todo), self._lengths.bytes_of(todo)
        sizes_s = guessed_s(known_s, sizes)
        workers = self._workforce.workers(step.name, module, params, sizes_s)
        todo = longest_first(todo, sizes_s) if workers > 1 else todo
        self._progress.begin(step, known_s, sizes, workers)
        outcomes = self._dispatcher.outcomes(step, todo, params, workers)
        with contextlib.closing(outcomes):
            for decision, outcome in outcomes:
                self._take(step, decision, outcome)
        self._progress.finish(step)

    def _take(self, step: Step, decision: Decision, outcome: Outcome) -> None:
        record = self._results.record_of(step, decision, outcome)
        self._progress.end(step, record.source, record.status, self._lengths.of_record(record))
        self._results.keep(record, Path(outcome.task.out), decision.name)

    def _progress_of(self, flow: Sequence[Step]) -> Progress:
        return Progress(flow, self._workforce.rates, mode=self._settings.progress)

    def _doable(self, module: Any, todo: Decisions) -> Decisions:
        """Return what can be done; raise _Again where files that it reads were cleaned away."""
        lacking = self._planner.lacking(module, todo)
        with_input = [decision for decision in lacking if decision.origin]
        if with_input:
            self._planner.begin_anew(self._flow, with_input)
            raise _Again
        gone = {decision.source for decision in lacking}
        for decision in todo if gone else ():
            if decision.source in gone:
                log.warning("⚠️ %s stays as it is: its input is gone", safe(decision.source))
        return todo.without(gone) if gone else todo

    def _finish(self) -> None:
        self._require_dataset()
        self._publication.publish()
        self._publication.clean()

    def _require_dataset(self) -> None:
        self._stopper.check()
        if self._checkpoint.get(self._flow[-1].name, ALL) is None:
            raise RunFailed(
                "no dataset was built: no recording came as far; the reasons stand above, and in "
                "pipeline.log"
            )

    def _counts(self, stage: str) -> dict[str, Any]:
        steps = [step.name for step in self._flow if step.stage == stage]
        return {
            **stage_counts(self._checkpoint.state, stage, steps),
            "seconds_of_audio": round(self._lengths.done_s(stage), 1),
        }
