"""How far one step is. Numbers only: no clock of its own, nothing is printed."""

from collections.abc import Mapping

from pipeline.console import clock


class StepProgress:
    """The files of a step in this run, and what came of them.

    A file weighs as many seconds as it sounds; where no length is known, its bytes tell.
    """

    def __init__(
        self,
        step: str,
        sizes: Mapping[str, float | None],
        bytes_of: Mapping[str, int],
        rate: float,
        began: float,
    ) -> None:
        self.step = step
        self.files = len(sizes)
        self.ended = 0
        self.failed = 0
        self.sound_s = 0.0  # of what has ended
        self._sizes = sizes
        self._bytes_of = bytes_of
        self._by_bytes = any(seconds is None for seconds in sizes.values())
        self._total = sum(self._weight_of(source) for source in sizes)
        self._weight = 0.0
        self._rate = rate  # seconds a second of sound, from before
        self._began = self._last = began

    def end(self, source: str, status: str, sound_s: float | None, now: float) -> None:
        self.ended += 1
        self.failed += status == "failed"
        self._weight += self._weight_of(source) if source in self._sizes else 0.0
        self.sound_s += sound_s or 0.0
        self._last = now

    @property
    def share(self) -> float:
        """What is done of it, 0..1."""
        return self._weight / self._total if self._total else self.ended / self.files

    def elapsed_s(self, now: float) -> float:
        return now - self._began

    def took_and_told_s(self) -> tuple[float, float]:
        """Return what it took for what has ended, and what earlier runs would have told."""
        return self._last - self._began, self.sound_s * self._rate

    def expected_sound_s(self) -> float:
        """Return the sound of all its files; 0 as long as there is nothing to tell by."""
        if not self._by_bytes:
            return self._total
        return self.sound_s / self.share if self.share else 0.0

    def left_s(self, now: float) -> float:
        """Return how long it will yet take: as what is done took; before that, as in earlier runs.

        Between two files it counts down from what the last one told.
        """
        if self._weight:
            left_s = (self._last - self._began) * (1 - self.share) / self.share
        else:
            left_s = self.expected_sound_s() * self._rate
        return max(0.0, left_s - (now - self._last))

    def is_late(self, now: float) -> bool:
        """Return whether it takes longer than anything told: then nobody knows what is left."""
        return self.ended < self.files and not round(self.left_s(now))

    def _weight_of(self, source: str) -> float:
        if self._by_bytes:
            return float(self._bytes_of.get(source) or 1)
        return float(self._sizes[source] or 0.0)

    def times_real_time(self) -> float | None:
        took_s = self._last - self._began
        return self.sound_s / took_s if self.sound_s and took_s > 0 else None


def describe(one: StepProgress, now: float) -> str:
    """Return a step's line: files, hours of sound, speed, what is left, failures. What is late is
    not said to have nothing left."""
    speed = one.times_real_time()
    expected_s = one.expected_sound_s()
    parts = [f"{one.ended} of {one.files} files"]
    if expected_s:
        parts.append(f"{clock(one.sound_s)} of {clock(expected_s)}")
    if speed:
        parts.append(f"{speed:.1f}x real time")
    if not one.is_late(now):
        parts.append(f"{clock(one.left_s(now))} left")
    if one.failed:
        parts.append(f"{one.failed} failed")
    return f"{one.step}: {', '.join(parts)}"
