"""A dataset in some lines: what is in it, and what of the recordings is not, by rule.

In:  a dataset folder; files that are missing or from elsewhere are passed over. Out: lines.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.console import counted

SHOWN_RULES = 8


def dataset_lines(out: Path) -> Iterator[str]:
    """Yield lines on clips, minutes, speakers and mean DNSMOS, and on the minutes not used."""
    clips, total_s = 0, 0.0
    speakers: set[object] = set()
    scores = []
    for row in rows(out / "metadata.jsonl"):
        clips += 1
        total_s += number(row.get("duration")) or 0.0
        speakers.add(row.get("speaker"))
        if (score := dnsmos(row)) is not None:
            scores.append(score)
    if total_s:
        mean = f", mean DNSMOS {sum(scores) / len(scores):.2f}" if scores else ""
        many = f"{counted(clips, 'clip')}, {total_s / 60:.1f} minutes"
        yield f"📊 In the dataset: {many}, {counted(len(speakers), 'speaker')}{mean}"
    if seconds := _rejected(out):
        order = sorted(seconds, key=lambda rule: -seconds[rule])
        named = [f"{rule} {seconds[rule] / 60:.1f}" for rule in order[:SHOWN_RULES]]
        more = sum(seconds[rule] for rule in order[SHOWN_RULES:])
        yield f"📊 Not used, minutes: {', '.join([*named, *_others(more)])}"


def _others(seconds: float) -> list[str]:
    return [f"other rules {seconds / 60:.1f}"] if seconds else []


def _rejected(out: Path) -> dict[str, float]:
    seconds: dict[str, float] = defaultdict(float)
    for row in rows(out / "rejected.jsonl"):
        start_s, end_s = number(row.get("start")), number(row.get("end"))
        if start_s is not None and end_s is not None:
            seconds[str(row.get("rule"))] += end_s - start_s
    return dict(seconds)


def dnsmos(row: Mapping[str, Any]) -> float | None:
    """Return a clip's DNSMOS, where it was measured."""
    scores = row.get("scores")
    found = scores if isinstance(scores, Mapping) else {}
    return next((number(found[n]) for n in ("mos_ovrl", "dnsmos") if n in found), None)


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON-lines file; none where there is no such file."""
    with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8") as lines:
        for line in lines:
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row
