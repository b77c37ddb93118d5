"""What a run would do in each step, and why: found out by the run's own rules, without a trace.

In:  an output folder, there or not; what its state says; the settings; the recordings.
Out: a `Work` a step. Intake, validation and planning are the run's own; the checkpoint they write
     to is one in memory, and their artefacts can be looked at only.
Left out: how long it takes and how much disk it needs (`forecast.py`).
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pipeline.artefacts import Artefacts, Problem
from pipeline.checkpoint import Checkpoint, Record, State
from pipeline.config import Settings, params_for
from pipeline.console import counted
from pipeline.exclusions import read_excluded
from pipeline.intake import Intake
from pipeline.plan import ALL, Decision, Planner, Step
from pipeline.stopping import Stopper
from pipeline.validation import Validator


@dataclass(frozen=True)
class Work:
    """What a step has to do. `todo`: source (or ALL) -> why, `up_to_date`: how many are not."""

    step: Step
    todo: Mapping[str, str]
    up_to_date: int


@dataclass(frozen=True)
class Preview:
    """What a run would do. `origins` and `bytes`: of each recording that is in the input."""

    works: Sequence[Work]
    origins: Mapping[str, str]
    bytes: Mapping[str, int]


class _InMemory(Checkpoint):
    """A checkpoint that no file stands behind."""

    def _append(self, event: dict[str, object]) -> None:
        self.state.apply(event)

    def snapshot(self) -> None:
        return


class _LookedAt(Artefacts):
    """Artefacts that stay as they are. Digests are not compared: it would take long."""

    def __init__(self, out: Path, is_restart: bool) -> None:
        super().__init__(out)
        self._is_restart = is_restart

    def adopt(self, step: str, source: str, name: str, fingerprint: str) -> Record | None:
        """Return what a crash left whole; a restart removes that first."""
        return None if self._is_restart else super().adopt(step, source, name, fingerprint)

    def remove(self, step: str, name: str) -> None:
        """Leave a folder that is not whole where it is."""

    def problems(self, record: Record, deep: bool = False) -> list[Problem]:  # noqa: ARG002
        return super().problems(record)

    def published_problems(self, record: Record, deep: bool = False) -> list[Problem]:  # noqa: ARG002
        return super().published_problems(record)

    def restore(self, record: Record, deep: bool) -> list[Problem]:  # noqa: ARG002
        """Return what could not be linked back from the dataset."""
        folder = self.out / record.folder
        size_of = {folder / name: size for name, size in record.sizes()}
        return [
            problem
            for problem in self.problems(record)
            if not _has_size(self.out / "wavs" / problem.path.name, size_of[problem.path])
        ]


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def preview(
    out: Path,
    state: State,
    settings: Settings,
    inputs: Sequence[str],
    flow: Sequence[Step],
    *,
    is_restart: bool = False,
) -> Preview:
    """Return what a run would do; ValueError if it has no recordings. `state` is changed."""
    checkpoint = _InMemory(out, state, views={})
    artefacts = _LookedAt(out, is_restart)
    stopper = Stopper()
    steps = [step.name for step in flow]
    sources, stamps = Intake(checkpoint, artefacts, steps, settings.prune).take_in(
        inputs, stopper.working
    )
    validator = Validator(checkpoint, artefacts, steps, stopper, verify=False, verbose=False)
    validator.validate()
    validator.restore_clips()
    planner = Planner(sources, stamps, checkpoint, artefacts, read_excluded(out))
    works = _Foresight(flow, settings, checkpoint, planner).works()
    origins = {source.key: source.origin for source in sources if source.origin}
    return Preview(works, origins, {key: stamp.bytes for key, stamp in stamps.items()})


class _Foresight:
    """Goes through the flow as the runner does, and notes what there is to do."""

    def __init__(
        self,
        flow: Sequence[Step],
        settings: Settings,
        checkpoint: Checkpoint,
        planner: Planner,
    ) -> None:
        self._flow = flow
        self._settings = settings
        self._checkpoint = checkpoint
        self._planner = planner

    def works(self) -> list[Work]:
        while (found := self._through_all_steps()) is None:
            self._planner.lost.clear()
        return found

    def _through_all_steps(self) -> list[Work] | None:
        """Return the work of each step; None where recordings turn out to begin at the start."""
        works: list[Work] = []
        anew: dict[str, str] = {}  # source -> the step that makes it anew
        for step in self._flow:
            module = importlib.import_module(step.module)
            params = params_for(module.Params, self._settings)
            decisions = self._planner.decide(step.name, module, params)
            lacking = self._planner.lacking(module, decisions)
            if with_input := [d for d in lacking if d.origin]:
                self._planner.begin_anew(self._flow, with_input)
                return None
            if stay := {d.source for d in lacking}:  # as they are: their input is gone
                decisions = decisions.without(stay)
            todo = _todo(decisions, module, anew)
            works.append(Work(step, todo, len(decisions) - len(todo)))
            anew |= {source: anew.get(source, step.name) for source in todo if source != ALL}
            self._planner.leave_out(step, [d.source for d in decisions if d.source not in todo])
        return works


def _todo(
    decisions: Sequence[Decision], module: ModuleType, anew: Mapping[str, str]
) -> dict[str, str]:
    """Return source -> why. What a step before makes anew may come out the same, but who knows."""
    keeps = getattr(module, "STICKY", False)
    found = {d.source: d.why for d in decisions if d.why}
    for decision in decisions:
        if decision.source in found:
            continue
        if decision.source in anew:
            found[decision.source] = f"if {anew[decision.source]} changes it"
        elif decision.source == ALL and anew and not keeps:
            found[ALL] = f"{counted(len(anew), 'recording')} done anew"
    return found
