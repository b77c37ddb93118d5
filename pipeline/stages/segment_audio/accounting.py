"""Every second of a recording belongs to one clip, one rejection, or to nobody's speech.

In:  spans in order of precedence. Out: a partition of the recording, exact to the millisecond:
its parts add up to the duration because they are the intervals between sorted edges.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from pipeline.audio import Seconds

from .envelope import Span

NOBODY = -1


@dataclass(frozen=True)
class Rejected:
    """A span that is in no clip, and why: the rule, what was measured, what it asks for."""

    start_s: Seconds
    end_s: Seconds
    rule: str
    reason: str
    value: float | str | None = None
    threshold: float | str | None = None
    text: str = ""


def partition(duration_s: Seconds, spans: Sequence[Span]) -> list[tuple[int, int, int]]:
    """Return (start_ms, end_ms, index of the first span that covers it or NOBODY), without gaps.

    >>> partition(3.0, [(1.0, 2.0), (1.5, 2.5)])
    [(0, 1000, -1), (1000, 2000, 0), (2000, 2500, 1), (2500, 3000, -1)]
    """
    total = ms(duration_s)
    bounds = [(min(max(0, ms(a)), total), min(max(0, ms(b)), total)) for a, b in spans]
    edges = np.unique(np.array([0, total, *(edge for bound in bounds for edge in bound)]))
    owner = np.full(max(0, len(edges) - 1), NOBODY)
    for index in range(len(bounds) - 1, -1, -1):
        first, last = np.searchsorted(edges, bounds[index])
        owner[first:last] = index
    changes = np.flatnonzero(np.diff(owner)) + 1
    starts = [0, *changes.tolist()] if len(owner) else []
    ends = [*changes.tolist(), len(owner)]
    return [
        (int(edges[a]), int(edges[b]), int(owner[a])) for a, b in zip(starts, ends, strict=False)
    ]


def account(
    duration_s: Seconds, clips: Sequence[Span], rejected: Sequence[Rejected]
) -> tuple[list[Rejected], Seconds]:
    """Return (rejections cut to what is theirs alone, seconds that are nobody's).

    A clip comes before a rejection, an earlier rejection before a later one.
    """
    spans = [*clips, *((r.start_s, r.end_s) for r in rejected)]
    cut, nobodys = [], 0
    for start, end, index in partition(duration_s, spans):
        if index == NOBODY:
            nobodys += end - start
        elif index >= len(clips):
            fields = asdict(rejected[index - len(clips)])
            cut.append(Rejected(**{**fields, "start_s": start / 1000, "end_s": end / 1000}))
    return cut, nobodys / 1000


def ms(time_s: Seconds) -> int:
    return round(time_s * 1000)
