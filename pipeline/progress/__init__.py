"""How far a run is: a line for each running step, repainted on a terminal, else printed at times.

In:  what the runner takes up and what came of it. Out: lines for people; rates for the next job.
How: what is left is measured by seconds of sound (by bytes, where nothing is decoded yet): what was
done took so long, and the steps to come will take what they took in earlier runs.
Left out: painting (painting.py, imported only on a terminal), the summary at the end (`talk.py`).
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from pipeline.console import clock
from pipeline.estimate import Rates
from pipeline.flow import Step
from pipeline.progress.step import StepProgress, describe

log = logging.getLogger(__name__)

LINE_EVERY_S, LINE_EVERY_SHARE = 30.0, 0.05  # whichever is reached first,
AT_MOST_EVERY_S = 5.0  # but a job of a minute is no place for a hundred lines
TICK_S = 1.0
# How much slower this job is than earlier ones told: known from its own steps, the more the longer
# they took; PACE_S of seconds as told weigh against them (a model's loading is no pace).
PACE_S, PACE_AT_MOST = 10.0, 5.0


class Progress:
    """The progress of one run. Use it as a context: what it painted and started ends with it."""

    def __init__(
        self,
        flow: Sequence[Step],
        rates: Rates,
        *,
        mode: str = "auto",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._flow = flow
        self._rates = rates
        self._workers = 1  # the most that a step had so far
        self._now = now
        self._is_live = mode == "auto" and is_terminal()
        self._is_off = mode == "off"
        self._running: dict[str, StepProgress] = {}
        self._at_work: dict[str, int] = {}  # workers by running step
        self._coming: list[str] = [step.name for step in flow]
        self._sound_s = 0.0  # of all recordings that come to the steps ahead
        self._took_s, self._told_s = 0.0, 0.0  # by the steps that are done
        self._said: dict[str, tuple[float, float]] = {}  # step -> (when, share) of its last line
        self._lock = threading.RLock()
        self._stack = ExitStack()
        self._over = threading.Event()

    def __enter__(self) -> "Progress":
        if self._is_off:
            return self
        if self._is_live:
            from pipeline.progress.painting import painted  # rich: 0.1 s

            self._stack.enter_context(painted(self.lines))
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._stack.close()

    def begin(
        self,
        step: Step,
        sizes: Mapping[str, float | None],
        bytes_of: Mapping[str, int],
        workers: int,
    ) -> None:
        """Say which files a step has to do, source -> seconds of sound, None if not known yet, and
        how many workers do them."""
        with self._lock:
            now = self._now()
            self._coming = [name for name in self._coming if name != step.name]
            self._sound_s = max(self._sound_s, sum(s for s in sizes.values() if s))
            if sizes:
                self._at_work[step.name] = min(workers, len(sizes))
                self._workers = max(self._workers, workers)
                rate = self._rates.of(step.name) / self._at_work[step.name]
                one = StepProgress(step.name, sizes, bytes_of, rate, now)
                self._running[step.name] = one
                self._said[step.name] = (now, 0.0)

    def end(self, step: Step, source: str, status: str, sound_s: float | None) -> None:
        """Say what came of a file."""
        with self._lock:
            if one := self._running.get(step.name):
                one.end(source, status, sound_s, self._now())
                self._say_at_times(one)

    def finish(self, step: Step) -> None:
        """Say that a step has nothing left."""
        with self._lock:
            one = self._running.pop(step.name, None)
            if one is None:
                return
            self._sound_s = max(self._sound_s, one.sound_s)
            took_s, told_s = one.took_and_told_s()
            self._took_s += took_s
            self._told_s += told_s
            worker_s = one.elapsed_s(self._now()) * self._at_work.pop(step.name)
            self._rates.learn(step.name, one.sound_s, worker_s)

    def left_s(self) -> float:
        """Return the seconds until all steps are done, as far as one can tell."""
        now = self._now()
        running = sum(one.left_s(now) for one in self._running.values())
        sound_s = max([self._sound_s, *(one.expected_sound_s() for one in self._running.values())])
        collective = {step.name for step in self._flow if step.collective}
        at_once = {name: 1 if name in collective else self._workers for name in self._coming}
        coming = sum(sound_s * self._rates.of(s) / at_once[s] for s in self._coming)
        return running + coming * self._pace()

    def _pace(self) -> float:
        """Return how many times longer this job's steps take than earlier runs told: a busy hour or
        another machine shows in all of them."""
        took_s, told_s = self._took_s + PACE_S, self._told_s + PACE_S
        for one in self._running.values():
            took, told = one.took_and_told_s()
            took_s, told_s = took_s + took, told_s + told
        return min(PACE_AT_MOST, max(1 / PACE_AT_MOST, took_s / told_s))

    def lines(self) -> list[str]:
        """Return a line for each running step, and one for all that is left."""
        with self._lock:
            found = [describe(one, self._now()) for one in self._running.values()]
            return [*found, f"all: {self._all_left()}"] if found else []

    def _all_left(self) -> str:
        left_s = round(self.left_s())
        if not left_s:
            return "nearly done"
        is_late = any(one.is_late(self._now()) for one in self._running.values())
        return f"{'more than' if is_late else 'about'} {clock(left_s)} left"

    def _tick(self) -> None:
        while not self._over.wait(TICK_S):
            with self._lock:
                for one in self._running.values():
                    self._say_at_times(one)

    def _say_at_times(self, one: StepProgress) -> None:
        if self._is_off:
            return
        now, share = self._now(), one.share
        when, before = self._said[one.step]
        waited = now - when
        is_due = waited >= LINE_EVERY_S or share - before >= LINE_EVERY_SHARE
        if is_due and waited >= AT_MOST_EVERY_S:
            self._said[one.step] = (now, share)
            level = logging.DEBUG if self._is_live else logging.INFO
            log.log(level, "⏳ %s; all: %s", describe(one, now), self._all_left())


def is_terminal() -> bool:
    """Return whether lines can be repainted on standard output."""
    stream = sys.stdout
    return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
