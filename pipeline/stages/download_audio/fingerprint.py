"""What a recording sounds like, in a few bytes: the same for its copies in other codecs.

In:  audio.flac. Out: one bit string for the first minute, one for the last; `difference` of two.
Method: Haitsma and Kalker, A Highly Robust Audio Fingerprinting System, ISMIR 2002: the signs of
the changes, in time and frequency, of the energy in bands from 300 to 2000 Hz. Level falls out, and
what codecs and telephone lines take away lies outside the bands. Frames are 0.4 s, so that a shift
of half a hop changes few bits; two takes of a sentence never agree to the tenth of a second.
Left out: another cut of the same sound.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline import audio
from pipeline.audio import Samples, Seconds

Bits = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]  # bits, 64 to a word; a row of them for each end

PART_S: Seconds = 60.0  # of the start and of the end: copies have the same length
RATE_HZ = 5_000  # as in the paper
FRAME = 2048  # 0.41 s; the paper has 0.37
HOP = 500  # 0.1 s; the paper has 0.012: it finds cuts from anywhere, we compare whole files
BANDS = 16  # the paper has 32 in the same range
BAND_HZ = (300.0, 2000.0)
SHIFTS = 3  # hops: encoders put up to 0.1 s of silence before the sound
SHORTEST = 5  # frames: under 1 s of sound there is too little to tell
WORD = 64  # bits
SAMPLED = 16  # words


@dataclass(frozen=True)
class Stack:
    """Many ends side by side, so that one is held against all of them at once."""

    words: Words  # (words, ends), zeros behind the last frame
    there: Words  # (words, ends), ones where there are frames
    frames: npt.NDArray[np.int64]  # (ends,)


def fingerprint_of(path: Path, duration_s: Seconds) -> dict[str, str]:
    """Return {"start": base64, "end": base64}; the same sound gives nearly the same bits."""
    first, rate_hz = audio.read(path, 0.0, min(PART_S, duration_s))
    last, _ = audio.read(path, max(0.0, duration_s - PART_S), duration_s)
    # from the end backwards, so that what an encoder put at the start does not matter
    return {"start": _encode(_bits(first, rate_hz)), "end": _encode(_bits(last[::-1], rate_hz))}


def decoded(stored: dict[str, str]) -> tuple[Bits, Bits]:
    """Return the bits of both ends, each (frames, BANDS)."""
    return _decode(stored["start"]), _decode(stored["end"])


def difference(one: tuple[Bits, Bits], other: tuple[Bits, Bits]) -> float:
    """Return the share of bits that differ, 0..1, of the worse end; about 0.5 for strangers."""
    return max(_difference(a, b) for a, b in zip(one, other, strict=True))


def stacked(ends: Sequence[Bits]) -> Stack:
    """Return ends, each (frames, BANDS), as one; their order stays."""
    frames = np.array([len(end) for end in ends], np.int64)
    count = -(-int(frames.max(initial=0)) * BANDS // WORD)
    words, there = (np.zeros((count, len(ends)), np.uint64) for _ in range(2))
    for k, end in enumerate(ends):
        words[:, k], there[:, k] = _words(end, count), _words(np.ones_like(end), count)
    return Stack(words, there, frames)


def differences(one: Bits, stack: Stack, rows: slice) -> npt.NDArray[np.float64]:
    """Return what `difference` is of an end and each of some others, (rows,)."""
    words, there, frames = stack.words[:, rows], stack.there[:, rows], stack.frames[rows]
    least = np.ones(len(frames))
    for shift in range(-SHIFTS, SHIFTS + 1):
        before = np.zeros((max(0, -shift), BANDS), np.bool_)
        moved = np.concatenate([before, one[max(0, shift) :]])
        is_there = np.concatenate([before, np.ones_like(one[max(0, shift) :])])
        both = there & _column(is_there, len(words))
        changed = np.bitwise_count((words ^ _column(moved, len(words))) & both)
        unlike = changed.sum(axis=0, dtype=np.uint16)
        count = np.minimum(frames, len(moved)) - len(before)
        shares = np.where(count >= SHORTEST, unlike / np.maximum(1, count * BANDS), 1.0)
        least = np.minimum(least, shares)
    return least


def places(length_s: Seconds) -> npt.NDArray[np.int64]:
    """Return SAMPLED places of words, spread over an end of a recording so long; none is so near to
    its edges that a shift, or a somewhat longer copy, would not fill it."""
    frames = int((min(PART_S, length_s) * RATE_HZ - FRAME) // HOP)
    return np.linspace(1, frames * BANDS // WORD - 3, SAMPLED).astype(np.int64)


def words_at(end: Bits, at: npt.NDArray[np.int64]) -> Words:
    """Return the words of an end at some places, (places,)."""
    return _words(end, int(at[-1]) + 1)[at]


def differences_at(one: Bits, at: npt.NDArray[np.int64], words: Words) -> npt.NDArray[np.float64]:
    """Return the share of bits that differ between an end and each of some others in the words at
    some places alone, words: (places, others), (others,)."""
    least = np.full(words.shape[1], WORD * len(at), np.uint16)
    for shift in range(-SHIFTS, SHIFTS + 1):
        before = np.zeros((max(0, -shift), BANDS), np.bool_)
        moved = words_at(np.concatenate([before, one[max(0, shift) :]]), at)[:, np.newaxis]
        unlike = np.bitwise_count(words ^ moved).sum(axis=0, dtype=np.uint16)
        np.minimum(least, unlike, out=least)
    return least / (WORD * len(at))


def _column(end: Bits, count: int) -> Words:
    return _words(end, count)[:, np.newaxis]


def _words(end: Bits, count: int) -> Words:
    """Return the first `count` words of an end, filled up with zeros, (count,)."""
    room = np.zeros(count * WORD // 8, np.uint8)
    packed = np.packbits(end, axis=None)[: len(room)]
    room[: len(packed)] = packed
    return room.view(np.uint64)


def _difference(one: Bits, other: Bits) -> float:
    shares = [1.0]
    for shift in range(-SHIFTS, SHIFTS + 1):
        a, b = one[max(0, shift) :], other[max(0, -shift) :]
        count = min(len(a), len(b))
        if count >= SHORTEST:
            shares.append(float(np.mean(a[:count] != b[:count])))
    return min(shares)


def _bits(samples: Samples, rate_hz: int) -> Bits:
    """Return (frames - 1, BANDS): is the difference of neighbouring bands rising?"""
    low = audio.resample(np.ascontiguousarray(samples), rate_hz, RATE_HZ)
    if len(low) < FRAME + HOP:
        return np.zeros((0, BANDS), np.bool_)
    frames = np.lib.stride_tricks.sliding_window_view(low, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME).astype(np.float32), axis=1)) ** 2
    edges = np.geomspace(*BAND_HZ, BANDS + 2) * FRAME / RATE_HZ
    energy = np.add.reduceat(power, np.round(edges).astype(int), axis=1)[:, :-1]
    change = np.diff(np.diff(energy, axis=1), axis=0)
    return np.asarray(change > 0)


def _encode(bits: Bits) -> str:
    return base64.b64encode(np.packbits(bits, axis=1).tobytes()).decode("ascii")


def _decode(text: str) -> Bits:
    rows = np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, BANDS // 8)
    return np.unpackbits(rows, axis=1).astype(np.bool_)
