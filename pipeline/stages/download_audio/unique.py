"""Recordings of the same sound are taken once: the best copy stays, the others are dropped.

In:  of each recording the sha256 of its source, and what it sounds like (fingerprint.py).
Out: duplicates.json, which names what was dropped for what.
How: equal bytes are equal; among the rest, those of the same length whose fingerprints agree. The
best copy stays: lossless before lossy, the higher rate, then the first by key.
Left out: another cut of the same sound. The same sentence spoken twice is no duplicate.
"""

import itertools
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.item import Facts, Item, Result, write_json
from pipeline.stages.download_audio import fingerprint

VERSION = 3
READS: tuple[str, ...] = ("download_audio",)
COLLECTIVE = True

SAME_LENGTH_S = 0.3  # encoders add up to 0.1 s at each end: 1105 samples at 16 kHz for MP3
SAME_SOUND = 0.32
"""Share of bits that may differ. Measured on 55 recordings of readers and meetings: copies (MP3
32k, Opus 16k, AAC, Vorbis, 8 kHz mu-law, -20 dB) at most 0.24, different ones at least 0.40."""
# The shorter, the more alike strangers are by chance: pieces of LJ Speech and LibriSpeech differ by
# 0.5 and, in 1.5 to 5 s, a standard deviation of 0.175 / sqrt(frames); the least of 421,000 pairs
# of 1.5 s is 0.20, of 217,000 of 2 s 0.27. Copies of 70 such pieces: 0.12 in 95%, at most 0.20.
CHANCE, SPREAD, SURE = 0.5, 0.175, 7.0  # by so many deviations a copy is no chance
BLOCK = 1024  # recordings held against as many others at once: 10 MB of fingerprints
WIDE_HZ = 16_000  # a telephone's 8 kHz is worse than any codec
_LOSSY_PCM = {"pcm_mulaw", "pcm_alaw"}
_LOSSLESS = {"flac", "alac", "wavpack", "ape", "tta"}


@dataclass(frozen=True)
class Params:
    """No settings."""


def load(params: Params, device: str) -> None:
    """Return nothing: there is no model here."""


@dataclass(frozen=True, slots=True)
class _Recording:
    """What is asked of a recording here: the items of 100,000 would be 0.2 GB."""

    source: str
    sha256: str  # of its sound; "" if it is not known
    duration_s: float
    rank: tuple[bool, bool, int, str]  # sorts the best copy first
    folder: str


def process(items: Sequence[Item], out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    """Return the drops: source -> "same content as first.mp3", or "same sound as first.flac"."""
    present = [_recording(item) for item in items if not item.dropped]
    present.sort(key=lambda one: one.source)
    found: list[dict[str, object]] = []
    drops: dict[str, str] = {}
    for what, group in [*_same_bytes(present), *_same_sounds(present)]:
        group = [one for one in group if one.source not in drops]
        kept = min(group, key=lambda one: one.rank)
        others = [one.source for one in group if one is not kept]
        drops |= dict.fromkeys(others, f"same {what} as {kept.source}")
        found.append({"kept": kept.source, "dropped": others, "same": what})
    found.sort(key=lambda group: str(group["kept"]))
    write_json(out / "duplicates.json", {"version": 2, "duplicates": found})
    return Result("duplicates.json", facts={"duplicates": len(drops)}, drops=drops)


def _recording(item: Item) -> _Recording:
    facts = item.facts.get("download_audio", {})
    return _Recording(
        item.source,
        str(facts.get("sha256") or ""),
        float(facts.get("duration_s") or 0.0),
        _rank(item.source, facts),
        item.folders.get("download_audio", ""),
    )


def _same_bytes(recordings: Sequence[_Recording]) -> Iterator[tuple[str, list[_Recording]]]:
    groups: dict[str, list[_Recording]] = defaultdict(list)
    for one in recordings:
        if one.sha256:
            groups[one.sha256].append(one)
    yield from (("content", group) for group in groups.values() if len(group) > 1)


def _same_sounds(recordings: Sequence[_Recording]) -> Iterator[tuple[str, list[_Recording]]]:
    """Yield groups of recordings that sound the same, one of each content."""
    digests = {one.sha256 or one.source: one for one in reversed(recordings)}
    lengths = sorted(digests.values(), key=lambda one: (one.duration_s, one.source))
    taken: set[str] = set()
    for one, near in _alike(_in_company(lengths)):
        if one.source not in taken:
            group = [one, *(n for n in near if n.source not in taken and _agree(one, n))]
            if len(group) > 1:
                taken.update(member.source for member in group)
                yield "sound", group


def _in_company(lengths: Sequence[_Recording]) -> list[_Recording]:
    """Return those beside which another is as long: the others' fingerprints are not read."""
    close = [b.duration_s - a.duration_s <= SAME_LENGTH_S for a, b in itertools.pairwise(lengths)]
    return [one for k, one in enumerate(lengths) if any(close[max(0, k - 1) : k + 1])]


def _alike(lengths: Sequence[_Recording]) -> Iterator[tuple[_Recording, list[_Recording]]]:
    """Yield each recording, and those behind it that are as long and begin the same.

    BLOCK by BLOCK: of 100,000 short clips each has thousands that are as long.
    """
    starts = [one.duration_s for one in lengths]
    ends = [bisect_right(starts, start_s + SAME_LENGTH_S) for start_s in starts]
    for first in range(0, len(lengths), BLOCK):
        block = range(first, min(len(lengths), first + BLOCK))
        near: dict[int, list[int]] = {index: [] for index in block}
        own = [_bits(lengths[index])[0] for index in block]
        for begin in range(first, ends[block[-1]], BLOCK):
            others = lengths[begin : min(ends[block[-1]], begin + BLOCK)]
            stack = fingerprint.stacked([_bits(one)[0] for one in others])
            for index, bits in zip(block, own, strict=True):
                rows = slice(max(index + 1, begin) - begin, min(ends[index] - begin, len(others)))
                if rows.start < rows.stop:
                    unlike = fingerprint.differences(bits, stack, rows)
                    alike = unlike <= _most(np.minimum(len(bits), stack.frames[rows]))
                    near[index] += (np.flatnonzero(alike) + begin + rows.start).tolist()
        yield from ((lengths[index], [lengths[k] for k in found]) for index, found in near.items())


def _agree(one: _Recording, other: _Recording) -> bool:
    bits, others = _bits(one), _bits(other)
    frames = np.array(min(len(bits[0]), len(others[0])))
    return bool(fingerprint.difference(bits, others) <= _most(frames))


def _most(frames: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the share of bits that may differ in copies of so many frames.

    >>> _most(np.array([7, 15, 25, 60])).round(2).tolist()
    [0.04, 0.18, 0.26, 0.32]
    """
    by_chance = SURE * SPREAD / np.sqrt(np.maximum(1, frames))
    return np.asarray(np.minimum(SAME_SOUND, CHANCE - by_chance))


def _bits(one: _Recording) -> tuple[fingerprint.Bits, fingerprint.Bits]:
    text = (Path(one.folder) / "fingerprint.json").read_text(encoding="utf-8")
    return fingerprint.decoded(json.loads(text))


def _rank(source: str, facts: Facts) -> tuple[bool, bool, int, str]:
    """Return what sorts the best copy first. subtle: opus says 48 kHz whatever went in."""
    rate_hz, codec = int(facts.get("source_rate_hz") or 0), str(facts.get("codec"))
    is_exact = codec in _LOSSLESS or (codec.startswith("pcm_") and codec not in _LOSSY_PCM)
    return rate_hz < WIDE_HZ, not is_exact, -rate_hz, source
