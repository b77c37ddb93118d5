"""How much is done, how fast it goes, how long it will take: counted from the state.

In:  a `State`, the steps of the flow, the rates of earlier runs.
Out: `StepFigures`; seconds that are left. Nothing is written but the rates (`Rates.learn`).
How: a step costs so many seconds of a worker a second of sound. That number comes from what the
     step has done in this job, else from earlier runs on this machine, else from PRIORS.
Left out: who shows it (`status/`, `progress/`).
"""

import contextlib
import json
import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.checkpoint import ALL, State

log = logging.getLogger(__name__)

ENOUGH_S = 60.0  # seconds of sound; from less, a rate is chance and start-up
RATES_FILE = "rates.json"
# Seconds of one worker a second of sound: 230 s of data/sample on two cores, whisper base.
PRIORS = {
    "download_audio": 0.004,
    "download_audio.unique": 0.0001,
    "isolate_speakers.survey": 0.055,
    "isolate_speakers.agree": 0.0005,
    "isolate_speakers": 0.006,
    "enhance_audio": 0.005,
    "transcribe_audio.agree": 0.0005,  # a few seconds whatever the length
    "transcribe_audio": 0.15,
    "segment_audio": 0.08,
    "build_dataset": 0.01,
}
UNKNOWN_STEP = 0.01
UNHEARD = 1e-4  # seconds a second of sound: nothing that reads it is so fast
DEPENDS_ON = {"transcribe_audio": ("whisper_model",), "isolate_speakers": ("separation",)}
NOTHING = {"done": 0, "dropped": 0, "failed": 0}


@dataclass(frozen=True)
class StepFigures:
    """What came of a step so far. `recordings` = done + dropped + failed + left."""

    step: str
    recordings: int  # that come this far
    done: int
    dropped: int
    failed: int
    in_hand: tuple[str, ...]  # sources
    audio_s: float  # of what has an end here
    left_audio_s: float
    worker_s: float  # what it took, of all workers together

    @property
    def left(self) -> int:
        return max(0, self.recordings - self.done - self.dropped - self.failed)

    @property
    def rate(self) -> float | None:
        """Seconds of a worker a second of sound; None if too little was done to tell."""
        return self.worker_s / self.audio_s if self.audio_s and self.worker_s else None

    @property
    def times_real_time(self) -> float | None:
        """Seconds of sound a second of one worker; None where no sound is heard, only compared."""
        return 1 / self.rate if self.rate and self.rate > UNHEARD else None


class _Sound:
    """The lengths of the recordings; those that are not known yet are taken to be like the rest.
    `unreadable`: what failed before anybody knew; there is no sound of it."""

    def __init__(self, durations: Mapping[str, float], unreadable: Set[str]) -> None:
        self.durations = durations
        self._unreadable = unreadable
        self._mean_s = sum(durations.values()) / len(durations) if durations else 0.0

    def of(self, sources: Iterable[str]) -> float:
        heard = (source for source in sources if source not in self._unreadable)
        return sum(self.durations.get(source, self._mean_s) for source in heard)

    def of_all_but(self, lost: Set[str], alive: int) -> float:
        known = [s for source, s in self.durations.items() if source not in lost]
        unknown = alive - len(known) - len(self._unreadable - lost)
        return sum(known) + max(0, unknown) * self._mean_s


def figures(
    state: State, steps: Sequence[str], collective: Set[str] = frozenset()
) -> list[StepFigures]:
    """Return the figures of each step, in order; a million records take some seconds."""
    counts = state.records.counts_by_stage()
    recordings = max(state.recordings, sum(counts.get(steps[0], {}).values()))
    durations = state.records.numbers(steps[0], "duration_s")
    sound = _Sound(durations, set(state.records.lost(steps[0])) - set(durations))
    lost: set[str] = set()
    found = []
    for step in steps:
        one = counts.get(step, NOTHING)
        alive = recordings - len(lost)
        found.append(_figures(state, step, one, sound, lost, alive, step in collective))
        lost.update(state.records.lost(step), _left_out(state, step))
    return found


def _figures(
    state: State,
    step: str,
    counts: Mapping[str, int],
    sound: _Sound,
    lost: Set[str],
    alive: int,
    collective: bool,
) -> StepFigures:
    took = state.records.numbers(step, "seconds")
    in_hand = tuple(source for at, source in state.attempts if at == step)
    total_s = sound.of_all_but(lost, alive)
    ended = (sound.durations if ALL in took else ()) if collective else took
    audio_s = sound.of(source for source in ended if source not in lost)
    return StepFigures(
        step,
        recordings=1 if collective else alive,
        **counts,
        in_hand=in_hand,
        audio_s=audio_s,
        left_audio_s=max(0.0, total_s - audio_s),
        worker_s=sum(took.values()),
    )


def _left_out(state: State, step: str) -> list[str]:
    record = state.records.get((step, ALL))
    return [source for source, _ in record.drops] if record else []


def stage_counts(state: State, stage: str, steps: Sequence[str]) -> dict[str, int]:
    """Return what came of the recordings in all steps of a stage: done by the step that is called
    like it, dropped or failed in any of them. They add up to those that came to the stage."""
    counts = state.records.counts_by_stage()
    of_steps = [counts.get(step, NOTHING) for step in steps]
    left_out = {source for step in steps for source in _left_out(state, step)}
    undone = sum((stage, source) in state.records for source in left_out)
    return {
        "done": counts.get(stage, NOTHING)["done"] - undone,
        "dropped": sum(one["dropped"] for one in of_steps) + len(left_out),
        "failed": sum(one["failed"] for one in of_steps),
    }


class Rates:
    """Seconds of a worker a second of sound, by step; kept beside the weights for the next job."""

    def __init__(self, folder: Path, variant: Mapping[str, Any]) -> None:
        self._path = folder / RATES_FILE
        self._kept: dict[str, float] = {}
        self._variant = variant
        with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            self._kept = {str(name): float(rate) for name, rate in kept.items()}

    def of(self, step: str) -> float:
        """Return what earlier runs on this machine took, else what it took elsewhere."""
        return self._kept.get(self._key(step), PRIORS.get(step, UNKNOWN_STEP))

    def is_measured(self, step: str) -> bool:
        return self._key(step) in self._kept

    def learn(self, step: str, audio_s: float, worker_s: float) -> None:
        """Keep a rate, if it was measured on enough; what cannot be kept is not missed.

        It is halfway (as a ratio) to what was kept: a run beside others says less of the next one.
        """
        if audio_s < ENOUGH_S or step not in PRIORS or worker_s <= 0:
            return
        now = worker_s / audio_s
        self._kept[self._key(step)] = round(
            math.sqrt(now * self._kept.get(self._key(step), now)), 6
        )
        temp = self._path.with_name(f".{RATES_FILE}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temp.write_text(json.dumps(self._kept, indent=1, sort_keys=True), encoding="utf-8")
            temp.replace(self._path)
        except OSError as err:
            log.debug("📊 the rate of %s is not kept: %s", step, err)

    def _key(self, step: str) -> str:
        names = ("device", *DEPENDS_ON.get(step.partition(".")[0], ()))
        return "/".join([step, *(str(self._variant.get(name, "")) for name in names)])


def seconds_left(found: Sequence[StepFigures], rates: Rates, workers: int) -> dict[str, float]:
    """Return how long each step will yet take."""
    left = {}
    for one in found:
        rate = one.rate if one.rate and one.audio_s >= ENOUGH_S else rates.of(one.step)
        at_once = min(workers, max(1, one.left))
        left[one.step] = one.left_audio_s * rate / at_once if one.left else 0.0
    return left
