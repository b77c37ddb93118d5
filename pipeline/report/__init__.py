"""report.html: one page about a dataset, self-contained, readable without a network.

In: the numbers that build_dataset counted. Out: HTML, the same bytes for the same numbers.
Beside it: wavs/, which it plays, and spectrograms.js, which it loads when one is asked for.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import console
from pipeline.report.doubt import doubts
from pipeline.report.plots import numbers, plots
from pipeline.report.sounds import RARE, coverage
from pipeline.report.spectrogram import write_spectrograms

__all__ = ["clock", "doubts", "render_report", "seconds_bar", "write_spectrograms"]

FIRST_LINES = 100  # recordings in the table at once
SOUND_BAR = 90  # px; the height of the most frequent sound


def render_report(view: Mapping[str, Any]) -> str:
    """Return the page; every text in it is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent, encoding="utf-8")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = clock
    page = environment.get_template("report.html")
    doubt = doubts([clip["scores"] for clip in view["clips"]])
    clips = [{**clip, "doubt": d} for clip, d in zip(view["clips"], doubt, strict=True)]
    moses = numbers(clips, "mos_ovrl")
    said = coverage((clip["kokoro"] for clip in clips), view["language"], view["accent"])
    return page.render(
        {
            **view,
            "clips": clips,
            "bar": seconds_bar(view["recordings"]),
            "mean_mos": sum(moses) / len(moses) if moses else None,
            "plots": plots(clips),
            "coverage": said,
            "rare": RARE,
            "first_lines": FIRST_LINES,
            "sound_bars": sound_bars([*said["counts"], *said["others"]]),
        }
    )


def sound_bars(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int, float]]:
    """Return (sound, count, height in px): heights are logarithms, the highest fills the chart."""
    most = math.log(max((count for _, count in counts), default=0) + 1) or 1.0
    return [(s, count, round(SOUND_BAR * math.log(count + 1) / most, 1)) for s, count in counts]


def seconds_bar(recordings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the parts of one bar, used first; together they are all seconds of the recordings."""
    seconds: Counter[tuple[str, str]] = Counter()
    for row in recordings:
        seconds["used", "used"] += row["used_s"]
        for rule, length_s in row["by_rule"]:
            seconds["bad", rule] += length_s
        seconds["none", "no speech"] += row["non_speech_s"]
    order = sorted(seconds, key=lambda part: ("used bad none".index(part[0]), -seconds[part], part))
    parts, before = [], 0.0
    for kind, rule in order:
        length_s = seconds[kind, rule]
        if length_s > 0:
            parts.append({"kind": kind, "rule": rule, "seconds": length_s, "before": before})
            before += length_s
    return parts


def clock(seconds: float | None) -> str:
    """Return seconds as people read them: 3725.2 -> "1:02:05", 65.0 -> "1:05", None -> "?"."""
    return "?" if seconds is None else console.clock(seconds)
