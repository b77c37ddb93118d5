"""report.html: one page about a dataset, self-contained, readable without a network.

In: the numbers that build_dataset counted. Out: HTML, the same bytes for the same numbers.
Clips are played from wavs/ beside it.
Left out: plots of the signal.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.report.doubt import doubts

BAR_WIDTH, CHART_HEIGHT = 34, 140  # px


def render_report(view: Mapping[str, Any]) -> str:
    """Return the page; every text in it is escaped."""
    loader = FileSystemLoader(Path(__file__).parent, encoding="utf-8")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = clock
    bars = histogram(view["durations"])
    page = environment.get_template("report.html")
    doubt = doubts([clip["scores"] for clip in view["clips"]])
    clips = [{**clip, "doubt": d} for clip, d in zip(view["clips"], doubt, strict=True)]
    shown = {**view, "clips": clips, "bars": bars, "bar": seconds_bar(view["recordings"])}
    return page.render(shown, width=BAR_WIDTH, height=CHART_HEIGHT)


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
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def histogram(durations: Sequence[float]) -> list[dict[str, float]]:
    """Return one bar for each second from the shortest to the longest clip.

    >>> histogram([2.1, 2.9, 4.0])[0]
    {'second': 2, 'count': 2, 'height': 140.0}
    """
    counts = Counter(int(duration) for duration in durations)
    if not counts:
        return []
    most = max(counts.values())
    seconds = range(min(counts), max(counts) + 1)
    return [
        {"second": s, "count": counts[s], "height": round(CHART_HEIGHT * counts[s] / most, 1)}
        for s in seconds
    ]
