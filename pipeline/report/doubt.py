"""How doubtful a clip is beside the others of its dataset: which ones to listen to first."""

import bisect
from collections.abc import Mapping, Sequence
from typing import Any

# The lower, the more doubtful; what is not among a clip's scores has no say.
LOW_IS_BAD = (
    "word_probability", "avg_logprob", "similarity", "snr_db", "mos_ovrl", "fit", "token_fit",
)  # fmt: skip


def doubts(scores: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return a number 0..1 a clip: the share of clips that are better, averaged over its scores.

    >>> doubts([{"snr_db": 10}, {"snr_db": 30}])
    [0.5, 0.0]
    """
    ranks: list[list[float]] = [[] for _ in scores]
    for name in LOW_IS_BAD:
        values = sorted(
            float(one[name]) for one in scores if isinstance(one.get(name), int | float)
        )
        for rank, one in zip(ranks, scores, strict=True):
            if isinstance(one.get(name), int | float):
                better = len(values) - bisect.bisect_right(values, float(one[name]))
                rank.append(better / len(values))
    return [round(sum(rank) / len(rank), 3) if rank else 0.0 for rank in ranks]
