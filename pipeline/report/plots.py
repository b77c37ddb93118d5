"""Where numbers lie, as data for an SVG: bars of round width, an axis, the median.

In:  one number a clip. Out: a `Plot` in user units of its viewBox; plots.html draws it.
Left out: colours and type, which the page has for light and dark.
"""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.console import counted
from pipeline.report.sounds import sounds

WIDTH, HEIGHT = 360, 132  # user units; a letter is as large as on the page if drawn 360 px wide
EDGE, FOOT, HEAD = 14, 20, 18  # left and right; under the bars; over them, for the median
FEWEST_BARS, MOST_BARS = 6, 24
MOST_TICKS = 6

# Names of scores as segment_audio writes them; what a clip does not have is not plotted.
SCORES = (
    ("DNSMOS (overall)", "", "mos_ovrl"),
    ("Signal to noise (SNR)", "dB", "snr_db"),
    ("Loudness", "LUFS", "lufs"),
    ("Likeness to the speaker", "", "similarity"),
)


@dataclass(frozen=True)
class Plot:
    """A histogram. `bars`: x, y, width, height, words; `ticks`: x, words."""

    title: str
    summary: str
    bars: Sequence[tuple[float, float, float, float, str]]
    ticks: Sequence[tuple[float, str]]
    median_x: float
    median: str


@dataclass(frozen=True)
class Axis:
    """Bars of one width side by side, from a round number on."""

    first: int  # the number of the first bar: it begins at first * step
    bars: int
    step: float

    def x(self, value: float) -> float:
        return round(EDGE + (value / self.step - self.first) * self.bar, 2)

    @property
    def bar(self) -> float:
        return (WIDTH - 2 * EDGE) / self.bars

    def words(self, value: float, more: int = 0) -> str:
        return f"{value:.{max(0, -math.floor(math.log10(self.step))) + more}f}"


def plots(clips: Sequence[Mapping[str, Any]]) -> list[Plot]:
    """Return a plot of each thing that is known of the clips."""
    rates = [phonemes_per_s(clip["kokoro"], clip["duration_s"]) for clip in clips]
    found = [
        distribution("Length", "s", [float(clip["duration_s"]) for clip in clips]),
        distribution("Speaking rate", "sounds/s", rates),
    ]
    for title, unit, name in SCORES:
        found.append(distribution(title, unit, numbers(clips, name)))
    return [plot for plot in found if plot]


def numbers(clips: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """Return a score of all clips that have it."""
    scores = (clip["scores"].get(name) for clip in clips)
    return [float(score) for score in scores if isinstance(score, int | float)]


def phonemes_per_s(phonemes: str, duration_s: float) -> float:
    """Return how many sounds are said a second of clip, pauses included."""
    return sum(1 for _ in sounds(phonemes)) / duration_s


def distribution(title: str, unit: str, values: Sequence[float]) -> Plot | None:
    """Return the histogram of `values`, None without any.

    >>> distribution("Length", "s", [2.1, 2.9, 4.0]).summary
    '3 clips: 2.1 to 4.0 s, median 2.9 s'
    """
    if not values:
        return None
    step = bar_width(min(values), max(values), len(values))
    places = Counter(_bar_of(value, step) for value in values)
    axis = Axis(min(places), max(places) - min(places) + 1, step)
    most, middle = max(places.values()), statistics.median(values)
    low, high, half = (axis.words(v, step >= 1) for v in (min(values), max(values), middle))
    unit = f" {unit}" if unit else ""
    return Plot(
        title=title,
        summary=f"{len(values)} clips: {low} to {high}{unit}, median {half}{unit}",
        bars=[_bar(axis, place, places[place], most, unit) for place in sorted(places)],
        ticks=_ticks(axis),
        median_x=axis.x(middle),
        median=half,
    )


def bar_width(low: float, high: float, count: int) -> float:
    """Return 1, 2 or 5 times a power of ten: as many bars as `count` numbers fill."""
    most = max(FEWEST_BARS, min(MOST_BARS, round(2 * math.sqrt(count))))
    least = (high - low) / most or max(abs(high), 0.01) / 10
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _bar_of(value: float, step: float) -> int:
    return math.floor(value / step + 1e-9)  # subtle: 0.3 / 0.1 is 2.9999999999999996


def _bar(
    axis: Axis, place: int, count: int, most: int, unit: str
) -> tuple[float, float, float, float, str]:
    room = HEIGHT - HEAD - FOOT
    height = round(max(1.0, room * count / most), 2)  # one clip among thousands is seen too
    x, y = axis.x(place * axis.step) + 0.75, round(HEAD + room - height, 2)
    span = f"{axis.words(place * axis.step)} to {axis.words((place + 1) * axis.step)}{unit}"
    return round(x, 2), y, round(axis.bar - 1.5, 2), height, f"{span}: {counted(count, 'clip')}"


def _ticks(axis: Axis) -> list[tuple[float, str]]:
    every = next(n for n in (1, 2, 5, 10, 20) if axis.bars / n <= MOST_TICKS)
    edges = [
        axis.step * place
        for place in range(axis.first, axis.first + axis.bars + 1)
        if place % every == 0
    ]
    return [(axis.x(edge), axis.words(edge)) for edge in edges]
