"""How noisy a recording is: the levels of its pauses and of its speech, and a noise profile.

In:  the high-passed recording, block by block, and the voice activity's spans.
Out: a `Survey`. Left out: what to do about it (see `__init__.py`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.audio import (
    FLOOR_DB,
    OUTPUT_HZ,
    Samples,
    Seconds,
    frame_levels_db,
    level_db,
    mean_db,
)

from .loudness import Span, mask

FRAME_S = 0.01
PAUSE_EDGE_S = 0.1  # the voice activity's edges are this wrong: not counted as pause
SHORTEST_PAUSE_S = 0.15  # some whole STFT frames of 43 ms
LEAST_PROFILE_S = 0.5  # from less, mean and deviation per band mean nothing
MOST_PROFILE_S = 30.0
DIGITAL_SILENCE_DB = -90.0  # below 16-bit dither: muted or edited, says nothing about the room
OUTLIER_DB = 6.0  # a pause this much over the median holds a breath or a door, not the noise


@dataclass(frozen=True)
class Survey:
    """Levels in dB re full scale after the high-pass; FLOOR_DB where there is nothing."""

    noise_db: float
    speech_db: float
    noise: Samples | None  # float32 (samples,), 24 kHz, at most 30 s; None: no usable pause

    @property
    def snr_db(self) -> float:
        return self.speech_db - self.noise_db


def survey(blocks: Iterable[Samples], speech: Sequence[Span], pauses: Sequence[Span]) -> Survey:
    """Return levels and noise profile of a recording at 24 kHz, with its speech and pauses."""
    levels, parts, position = [], [], 0
    for block in blocks:
        levels.append(_frames(block))
        parts += _cut_out(block, position, pauses)
        position += len(block)
    levels_db = np.concatenate(levels) if levels else np.zeros(0, np.float32)
    noise = _typical(parts)
    enough = len(noise) >= LEAST_PROFILE_S * OUTPUT_HZ
    noise_db = float(np.median(_frames(noise))) if enough else _floor_db(levels_db)
    return Survey(noise_db, _speech_db(levels_db, speech), noise if enough else None)


def pauses_between(
    spans: Sequence[Span], duration_s: Seconds, most_s: Seconds = MOST_PROFILE_S
) -> list[Span]:
    """Return what lies between `spans`, without the edges: at most `most_s`, from all over."""
    pauses: list[Span] = []
    before_s = -PAUSE_EDGE_S  # the recording's own ends need no margin
    for start_s, end_s in [*sorted(spans), (duration_s + PAUSE_EDGE_S, math.inf)]:
        pause = (before_s + PAUSE_EDGE_S, start_s - PAUSE_EDGE_S)
        if pause[1] - pause[0] >= SHORTEST_PAUSE_S:
            pauses.append(pause)
        before_s = max(before_s, end_s)
    total_s = sum(end_s - start_s for start_s, end_s in pauses)
    every = max(1, math.ceil(total_s / most_s))
    return [(start_s, min(end_s, start_s + most_s)) for start_s, end_s in pauses[::every]]


def _cut_out(block: Samples, position: int, pauses: Sequence[Span]) -> list[Samples]:
    """Return the parts of `block` (its first sample is number `position`) that lie in pauses."""
    parts = []
    for start_s, end_s in pauses:
        low = math.ceil(start_s * OUTPUT_HZ) - position
        high = math.floor(end_s * OUTPUT_HZ) - position
        if high > 0 and low < len(block):
            parts.append(_sounding(block[max(0, low) : high]))
    return [part for part in parts if len(part)]


def _sounding(samples: Samples) -> Samples:
    """Return the frames of `samples` that are not digital silence, joined."""
    frame = round(FRAME_S * OUTPUT_HZ)
    keep = np.repeat(_frames(samples) > DIGITAL_SILENCE_DB, frame)
    return samples[: len(keep)][keep]


def _typical(parts: Sequence[Samples]) -> Samples:
    """Return the parts that are not much louder than most, joined: MOST_PROFILE_S at most."""
    if not parts:
        return np.zeros(0, np.float32)
    levels_db = [level_db(part) for part in parts]
    limit_db = float(np.median(levels_db)) + OUTLIER_DB
    noise = np.concatenate([p for p, db in zip(parts, levels_db, strict=True) if db <= limit_db])
    return noise[: round(MOST_PROFILE_S * OUTPUT_HZ)]


def _speech_db(levels_db: Samples, speech: Sequence[Span]) -> float:
    inside = levels_db[mask(speech, len(levels_db), 1 / FRAME_S)]
    return mean_db(inside if len(inside) else levels_db)


def _floor_db(levels_db: Samples) -> float:
    """Return the level that 5% of the sounding frames stay below: without pauses, an estimate."""
    sounding = levels_db[levels_db > DIGITAL_SILENCE_DB]
    return float(np.percentile(sounding, 5)) if len(sounding) else FLOOR_DB


def _frames(samples: Samples) -> Samples:
    return frame_levels_db(samples, OUTPUT_HZ, FRAME_S)
