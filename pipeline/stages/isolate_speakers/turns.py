"""Who speaks when: windows with labels become turns, and turns become voices.

In:  windows in the order of time, each with the label of a voice, inside spans of speech.
Out: turns that cover the spans without gap or overlap, and for each voice its embedding.
Left out: names; the target is chosen in `agree.py`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.audio import Seconds

from .groups import Labels, centroid, in_order
from .speech import Span, total_s
from .voices import Embeddings

Turn = tuple[Seconds, Seconds, int]  # start, end, voice


def smoothed(
    labels: Labels, embeddings: Embeddings, seconds: Sequence[Seconds], least_s: Seconds
) -> Labels:
    """Return labels in which voices of less than `least_s` are taken for the likest other voice.

    A window across a change of speakers is like neither, and makes such a voice of its own. With
    nobody above `least_s`, everybody stays. `seconds` are those that each window stands for.
    """
    spoken_s = np.bincount(labels, seconds)
    large = np.flatnonzero(spoken_s >= least_s)
    if not len(large) or len(large) == len(spoken_s):
        return labels
    centroids = np.array([centroid(embeddings[labels == k]) for k in large])
    likest = large[np.argmax(embeddings @ centroids.T, axis=1)]
    return in_order(np.where(np.isin(labels, large), labels, likest))


def seconds_of(spans: Sequence[Span], windows: Sequence[Span]) -> list[Seconds]:
    """Return how much of its span each window stands for: those of a span share it.

    >>> seconds_of([(0.0, 1.0), (2.0, 5.0)], [(0.0, 1.0), (2.0, 3.6), (3.4, 5.0)])
    [1.0, 1.5, 1.5]
    """
    seconds: list[Seconds] = []
    for start, end in spans:
        first = last = len(seconds)
        while last < len(windows) and windows[last][1] <= end:
            last += 1
        seconds += [(end - start) / max(1, last - first)] * (last - first)
    return seconds


def find_turns(spans: Sequence[Span], windows: Sequence[Span], labels: Sequence[int]) -> list[Turn]:
    """Return the turns: a change lies midway between the middles of two windows.

    >>> find_turns([(0.0, 4.0)], [(0.0, 1.6), (1.2, 2.8), (2.4, 4.0)], [0, 1, 1])
    [(0.0, 1.4, 0), (1.4, 4.0, 1)]
    """
    turns: list[Turn] = []
    index = 0
    for start, end in spans:
        first = index
        while index < len(windows) and windows[index][1] <= end:
            index += 1
        turns += _turns_of((start, end), windows[first:index], labels[first:index])
    return turns


def describe_voices(
    turns: Sequence[Turn], embeddings: Embeddings, labels: Labels
) -> list[dict[str, Any]]:
    """Return each voice's seconds and embedding (rounded to 4 digits), in the order of labels."""
    count = int(labels.max()) + 1 if len(labels) else 0
    return [
        {
            "seconds": round(total_s([turn for turn in turns if turn[2] == voice]), 3),
            "embedding": [round(float(x), 4) for x in centroid(embeddings[labels == voice])],
        }
        for voice in range(count)
    ]


def _turns_of(span: Span, windows: Sequence[Span], labels: Sequence[int]) -> list[Turn]:
    turns: list[Turn] = []
    start = span[0]
    for here, after, voice, next_voice in zip(
        windows, windows[1:], labels, labels[1:], strict=False
    ):
        if next_voice != voice:
            change = round((sum(here) + sum(after)) / 4, 3)
            turns.append((start, change, int(voice)))
            start = change
    return [*turns, (start, span[1], int(labels[-1]))] if len(labels) else turns
