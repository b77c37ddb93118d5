"""Silence others in the sound, at places where nobody notices, and keep the time line.

In:  a recording and its pieces. Out: the same pieces with changes moved into the quietest moment
nearby; the recording with the others' pieces silent.
Left out: whose a piece is (`labels.py`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline import audio
from pipeline.audio import Samples, Seconds

from .labels import OVERLAP, TARGET, Piece

SEARCH_S: Seconds = 0.5  # to each side of a change: windows place it to about 0.2 s
KNOWN_S: Seconds = 0.15  # to each side of a change that the segmentation network heard
FRAME_S: Seconds = 0.01
QUIET_FRAMES = 5  # 50 ms: shorter dips are inside words
FADE_S: Seconds = 0.01  # short enough to keep a first consonant, long enough not to click


def refine(path: Path, pieces: Sequence[Piece], known: Collection[Seconds] = ()) -> list[Piece]:
    """Return the pieces with each change between two that touch at the lowest energy near it.

    A change at a `known` time is nearer to it; where overlap begins or ends is left as it is.
    """
    refined = list(pieces)
    for index in range(len(refined) - 1):
        here, after = refined[index], refined[index + 1]
        if here.end_s != after.start_s or OVERLAP in (here.rule, after.rule):
            continue
        search_s = KNOWN_S if here.end_s in known else SEARCH_S
        first_s = max(here.end_s - search_s, (here.start_s + here.end_s) / 2)
        last_s = min(here.end_s + search_s, (after.start_s + after.end_s) / 2)
        change_s = _quietest(path, first_s, last_s, here.end_s)
        refined[index] = replace(here, end_s=change_s)
        refined[index + 1] = replace(after, start_s=change_s)
    return refined


def write_muted(source: Path, target: Path, pieces: Sequence[Piece]) -> None:
    """Write `source` with everything that is not the target's speech or a pause silent."""
    others = [piece for piece in pieces if piece.rule != TARGET]
    with audio.Writer(target, audio.info(source).rate_hz) as file:
        for block in muted(audio.blocks(source), audio.info(source).rate_hz, others):
            file.write(block)


def muted(blocks: Iterator[Samples], rate_hz: int, others: Sequence[Piece]) -> Iterator[Samples]:
    """Yield the blocks with the given pieces silent, faded out and in inside each piece."""
    spans = [(round(p.start_s * rate_hz), round(p.end_s * rate_hz)) for p in others]
    fade = max(1, round(FADE_S * rate_hz))
    start = index = 0
    for block in blocks:
        end = start + len(block)
        result = block.copy()
        while index < len(spans) and spans[index][1] <= start:
            index += 1
        for first, last in spans[index:]:
            if first >= end:
                break
            a, b = max(first, start), min(last, end)
            result[a - start : b - start] *= _gain(np.arange(a, b), first, last, fade)
        yield result
        start = end


def _gain(positions: np.ndarray, first: int, last: int, fade: int) -> Samples:
    """Return the gain at sample positions of the piece [first, last): 1 at its ends, 0 inside."""
    edge = np.minimum(positions - first, last - 1 - positions) + 0.5
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * np.minimum(1.0, edge / fade)), np.float32)


def _quietest(path: Path, first_s: Seconds, last_s: Seconds, default_s: Seconds) -> Seconds:
    samples, rate_hz = audio.read(path, first_s, last_s)
    levels = audio.frame_levels_db(samples, rate_hz, FRAME_S)
    if len(levels) < QUIET_FRAMES:
        return default_s
    power = 10 ** (levels.astype(np.float64) / 10)
    smooth = np.convolve(power, np.ones(QUIET_FRAMES), "valid")
    middle_s = (int(np.argmin(smooth)) + QUIET_FRAMES / 2) * FRAME_S
    return round(first_s + middle_s, 3)
