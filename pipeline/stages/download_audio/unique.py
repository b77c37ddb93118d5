"""Recordings of the same sound are taken once: the best copy stays, the others are dropped.

In:  of each recording the sha256 of its source, and what it sounds like (fingerprint.py).
Out: duplicates.json, which names what was dropped for what.
How: equal bytes are equal; among the rest, those of the same length whose fingerprints agree. The
best copy stays: lossless before lossy, the higher rate, then the first by key.
Left out: another cut of the same sound. The same sentence spoken twice is no duplicate.
"""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Facts, Item, Result, write_json
from pipeline.stages.download_audio import fingerprint

VERSION = 2
READS: tuple[str, ...] = ("download_audio",)
COLLECTIVE = True

SAME_LENGTH_S = 0.3  # encoders add up to 0.1 s at each end: 1105 samples at 16 kHz for MP3
SAME_SOUND = 0.32
"""Share of bits that may differ. Measured on 55 recordings of readers and meetings: copies (MP3
32k, Opus 16k, AAC, Vorbis, 8 kHz mu-law, -20 dB) at most 0.24, different ones at least 0.40."""
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
    starts = [one.duration_s for one in lengths]
    bits = _Bits()
    taken: set[str] = set()
    for index, one in enumerate(lengths):
        if one.source not in taken:
            near = lengths[index + 1 : bisect_right(starts, one.duration_s + SAME_LENGTH_S)]
            group = [one, *(n for n in near if n.source not in taken and bits.agree(one, n))]
            if len(group) > 1:
                taken.update(member.source for member in group)
                yield "sound", group
        bits.forget(one)


class _Bits:
    """The fingerprints, each read once and only where another recording is as long. Decoded it is
    20 KB: it goes when all that are as long have been compared."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[fingerprint.Bits, fingerprint.Bits]] = {}

    def agree(self, one: _Recording, other: _Recording) -> bool:
        return fingerprint.difference(self._of(one), self._of(other)) <= SAME_SOUND

    def forget(self, one: _Recording) -> None:
        self._read.pop(one.source, None)

    def _of(self, one: _Recording) -> tuple[fingerprint.Bits, fingerprint.Bits]:
        if one.source not in self._read:
            text = (Path(one.folder) / "fingerprint.json").read_text(encoding="utf-8")
            self._read[one.source] = fingerprint.decoded(json.loads(text))
        return self._read[one.source]


def _rank(source: str, facts: Facts) -> tuple[bool, bool, int, str]:
    """Return what sorts the best copy first. subtle: opus says 48 kHz whatever went in."""
    rate_hz, codec = int(facts.get("source_rate_hz") or 0), str(facts.get("codec"))
    is_exact = codec in _LOSSLESS or (codec.startswith("pcm_") and codec not in _LOSSY_PCM)
    return rate_hz < WIDE_HZ, not is_exact, -rate_hz, source
