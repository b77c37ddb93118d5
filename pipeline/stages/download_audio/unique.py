"""Recordings of the same sound are taken once: the best copy stays, the others are dropped.

In:  of each recording the sha256 of its source, and what it sounds like (fingerprint.py).
Out: duplicates.json, which names what was dropped for what.
How: equal bytes are equal; among the rest, those of the same length whose fingerprints agree. The
best copy stays: lossless before lossy, the higher rate, then the first by key.
Left out: another cut of the same sound. The same sentence spoken twice is no duplicate.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Item, Result, write_json
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


def process(items: Sequence[Item], out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    """Return the drops: source -> "same content as first.mp3", or "same sound as first.flac"."""
    present = [item for item in sorted(items, key=lambda item: item.source) if not item.dropped]
    found: list[dict[str, object]] = []
    drops: dict[str, str] = {}
    for what, group in [*_same_bytes(present), *_same_sounds(present)]:
        group = [item for item in group if item.source not in drops]
        kept = min(group, key=_rank)
        others = [item.source for item in group if item is not kept]
        drops |= dict.fromkeys(others, f"same {what} as {kept.source}")
        found.append({"kept": kept.source, "dropped": others, "same": what})
    found.sort(key=lambda group: str(group["kept"]))
    write_json(out / "duplicates.json", {"version": 2, "duplicates": found})
    return Result("duplicates.json", facts={"duplicates": len(drops)}, drops=drops)


def _same_bytes(items: Sequence[Item]) -> Iterator[tuple[str, list[Item]]]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if digest := _facts(item).get("sha256"):
            groups[str(digest)].append(item)
    yield from (("content", group) for group in groups.values() if len(group) > 1)


def _same_sounds(items: Sequence[Item]) -> Iterator[tuple[str, list[Item]]]:
    """Yield groups of recordings that sound the same, one of each content."""
    digests = {str(_facts(item).get("sha256") or item.source): item for item in reversed(items)}
    lengths = sorted((_duration_s(item), item.source, item) for item in digests.values())
    starts = [length for length, _, _ in lengths]
    bits = _Bits()
    taken: set[str] = set()
    for index, (length_s, source, item) in enumerate(lengths):
        if source in taken:
            continue
        near = lengths[index + 1 : bisect_right(starts, length_s + SAME_LENGTH_S)]
        group = [item, *(n for _, key, n in near if key not in taken and bits.agree(item, n))]
        if len(group) > 1:
            taken.update(one.source for one in group)
            yield "sound", group


class _Bits:
    """The fingerprints, each read once and only where another recording is as long."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[fingerprint.Bits, fingerprint.Bits]] = {}

    def agree(self, one: Item, other: Item) -> bool:
        return fingerprint.difference(self._of(one), self._of(other)) <= SAME_SOUND

    def _of(self, item: Item) -> tuple[fingerprint.Bits, fingerprint.Bits]:
        if item.source not in self._read:
            stored = item.load_json("download_audio", "fingerprint.json")
            self._read[item.source] = fingerprint.decoded(stored)
        return self._read[item.source]


def _rank(item: Item) -> tuple[bool, bool, int, str]:
    """Return what sorts the best copy first. subtle: opus says 48 kHz whatever went in."""
    rate_hz, codec = int(_facts(item).get("source_rate_hz") or 0), str(_facts(item).get("codec"))
    is_exact = codec in _LOSSLESS or (codec.startswith("pcm_") and codec not in _LOSSY_PCM)
    return rate_hz < WIDE_HZ, not is_exact, -rate_hz, item.source


def _duration_s(item: Item) -> float:
    return float(_facts(item).get("duration_s") or 0.0)


def _facts(item: Item) -> dict[str, str | int | float | bool | None]:
    return dict(item.facts.get("download_audio", {}))
