"""Where two speak at once, and where one speaker follows another, by the segmentation network.

In:  windows of classes' probabilities, see `segmentation.py`. Out: spans of overlap, times of
changes, and the parts of speech in which one speaker speaks alone; spans of speech that begin where
they do. None of it needs to know who speaks: each window tells its own speakers apart, and the
windows that see the same moment vote.
Left out: whose voice it is (`voices.py`), pauses (`speech.py`).
"""

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.audio import Seconds

from .segmentation import CLASSES, FRAMES, RATE_HZ, STEP, WINDOW, Classes, frame_s
from .speech import Span, runs

SPEAKERS = 3  # that the network can tell apart in a window
SOMEBODY = np.array([len(who) > 0 for who in CLASSES])
TWO = np.array([len(who) > 1 for who in CLASSES])
IN_CLASS = np.array([[k in who for k in range(SPEAKERS)] for who in CLASSES], np.float32)
LEAST_FRAMES = 8  # 0.14 s: who is heard for less does not take over
LEAST_OVERLAP = 6  # frames, 0.1 s
PAD_S: Seconds = 0.05  # the network is that exact
HALF = 0.5  # of the windows: a majority
NEAR = 6  # frames, 0.1 s, by which windows may differ about a change and mean the same
LEAST_PART_S: Seconds = 0.1  # less between two overlaps is no speech of one alone
LEAST_TURN_S: Seconds = 0.25  # a change nearer to a pause happens in it; silero's least speech
# Music right before a sentence is taken for speech up to 0.89; first words stand at 0.95 and more.
# Of 90 sentences after sounds, three seeds, 0 are begun 0.3 s late or early; at 0.5 one 1.1 s early
SURE = 0.9
LATE_S: Seconds = 1.5  # silero-vad's worst is 1.4; what began earlier is singing, laughter, music
EDGE = 30  # frames, 0.5 s, at a window's ends, of which it has heard too little to judge a change


@dataclass(frozen=True)
class Heard:
    """What the windows say together, frame by frame."""

    speech: npt.NDArray[np.float32]  # (frames,), mean probability that somebody speaks
    overlap: npt.NDArray[np.float32]  # (frames,), ... that two do
    change: npt.NDArray[np.float32]  # (frames,), share of windows that heard a change here


def heard(windows: Iterable[tuple[int, Classes]], duration_s: Seconds) -> Heard:
    """Return the mean of what all windows say about each frame of a recording."""
    size = FRAMES + max(0, math.ceil((duration_s * RATE_HZ - WINDOW) / STEP))
    speech, overlap, change = (np.zeros(size, np.float32) for _ in range(3))
    seen, judged = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for first, classes in windows:
        room = slice(first, min(size, first + FRAMES))
        classes = classes[: room.stop - first]
        speech[room] += classes[:, SOMEBODY].sum(axis=1)
        overlap[room] += classes[:, TWO].sum(axis=1)
        seen[room] += 1
        votes, judges = _votes(classes), np.ones(len(classes), np.float32)
        if first:
            votes[:EDGE] = judges[:EDGE] = 0
        if first + FRAMES < size:
            votes[-EDGE:] = judges[-EDGE:] = 0
        change[room] += votes
        judged[room] += judges
    seen, judged = np.maximum(seen, np.float32(1)), np.maximum(judged, np.float32(1))
    return Heard(speech / seen, overlap / seen, change / judged)


def begun(spans: Sequence[Span], sound: Heard) -> list[Span]:
    """Return the spans of speech, begun where the network heard them begin.

    silero-vad wakes late, after seconds of loud sound (0.3-0.7 s) and by telephone (up to 1.4 s),
    for what it heard last is all that it remembers; this network hears what comes after, too.
    """
    sounding = [
        (frame_s(first - 0.5) - PAD_S, frame_s(end - 0.5) + PAD_S)
        for first, end in runs(sound.speech, SURE, SURE)
    ]
    found: list[Span] = []
    for start_s, end_s in spans:
        index = bisect.bisect_right(sounding, start_s, key=lambda run: run[0]) - 1
        first_s, last_s = sounding[index] if index >= 0 else (0.0, 0.0)
        earliest_s = max(start_s - LATE_S, found[-1][1] if found else 0.0)
        if last_s > start_s and first_s > earliest_s:
            start_s = round(first_s, 3)
        found.append((start_s, end_s))
    return found


def overlaps(sound: Heard, threshold: float) -> list[Span]:
    """Return the spans in which two speak, with PAD_S on both sides."""
    return [
        (frame_s(first - 0.5) - PAD_S, frame_s(end - 0.5) + PAD_S)
        for first, end in runs(sound.overlap, threshold, threshold / 2)
        if end - first >= LEAST_OVERLAP
    ]


def changes(sound: Heard) -> list[Seconds]:
    """Return the times at which half of the windows or more heard another speaker begin."""
    found = []
    for first, end in runs(sound.change, HALF, HALF):
        best = np.flatnonzero(sound.change[first:end] == sound.change[first:end].max()) + first
        found.append(frame_s(float(best[0] + best[-1]) / 2))
    return found


def parted(spans: Sequence[Span], out: Sequence[Span], cuts: Sequence[Seconds]) -> list[Span]:
    """Return the spans without those of `out`, cut in two at each of `cuts` amid them.

    >>> parted([(0.0, 5.0), (6.0, 9.0)], [(2.0, 3.0)], [4.0, 7.0, 8.9])
    [(0.0, 2.0), (3.0, 4.0), (4.0, 5.0), (6.0, 7.0), (7.0, 9.0)]
    """
    alone = _without(spans, out)
    parts, index = [], 0
    for start, end in alone:
        while index < len(cuts) and cuts[index] < end - LEAST_TURN_S:
            if cuts[index] >= start + LEAST_TURN_S:
                parts.append((start, round(cuts[index], 3)))
                start = parts[-1][1]
            index += 1
        parts.append((start, end))
    return parts


def _without(spans: Sequence[Span], out: Sequence[Span]) -> list[Span]:
    """Return the spans without those of `out`; both are sorted."""
    left, index = [], 0
    for start, end in spans:
        while index < len(out) and out[index][1] <= start:
            index += 1
        for first, last in out[index:]:
            if first >= end:
                break
            left.append((start, round(first, 3)))
            start = max(start, round(last, 3))
        left.append((start, end))
    return [(a, b) for a, b in left if b - a >= LEAST_PART_S]


def _votes(classes: Classes) -> npt.NDArray[np.float32]:
    """Return 1 for the frames between two speakers, and NEAR of them, of one window."""
    votes = np.zeros(len(classes), np.float32)
    speaking = classes @ IN_CLASS > 0.5
    alone = np.where(speaking.sum(axis=1) == 1, speaking.argmax(axis=1), -1)
    last, last_end = -1, 0
    for first, end, who in _alone(alone):
        if last >= 0 and who != last:
            middle = (first + last_end) // 2
            votes[max(0, min(last_end, middle) - NEAR) : max(first, middle) + NEAR] = 1
        last, last_end = who, end
    return votes


def _alone(who: npt.NDArray[np.int64]) -> Iterable[tuple[int, int, int]]:
    """Yield [first, end) and the speaker of runs of LEAST_FRAMES at least in which one speaks."""
    edges = np.flatnonzero(np.diff(who)) + 1
    for first, end in zip([0, *edges.tolist()], [*edges.tolist(), len(who)], strict=True):
        if who[first] >= 0 and end - first >= LEAST_FRAMES:
            yield first, end, int(who[first])
