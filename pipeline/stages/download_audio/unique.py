"""Recordings of the same sound are taken once: the best copy stays, the others are dropped.

In:  of each recording the sha256 of its source, and what it sounds like (fingerprint.py).
Out: duplicates.json, which names what was dropped for what.
How: equal bytes are equal; among the rest, those that are as long and begin alike (alike.py) whose
fingerprints agree. The best copy stays: lossless before lossy, the higher rate, then the shorter
name ("talk.wav" before "talk (copy).wav"), then the first by key.
Left out: another cut of the same sound. The same sentence spoken twice is no duplicate.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.item import Facts, Item, Result, write_json
from pipeline.stages.download_audio import alike, fingerprint

VERSION = 4
READS: tuple[str, ...] = ("download_audio",)
COLLECTIVE = True

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
    rank: tuple[bool, bool, int, int, str]  # sorts the best copy first
    folder: str


def process(items: Sequence[Item], out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    """Return the drops: source -> "same content as first.mp3", or "same sound as first.flac"."""
    present = [_recording(item) for item in items if not item.dropped]
    present.sort(key=lambda one: one.source)
    found: list[dict[str, object]] = []
    drops: dict[str, str] = {}
    groups = _same_bytes(present)
    copies = {one.source for _, group in groups for one in group[1:]}
    groups += _same_sounds([one for one in present if one.source not in copies])
    for what, group in groups:
        group = [one for one in group if one.source not in drops]
        kept = min(group, key=lambda one: one.rank)
        others = [one.source for one in group if one is not kept]
        drops |= dict.fromkeys(others, f"same {what} as {kept.source}")
        found.append({"kept": kept.source, "dropped": others, "same": what})
    found.sort(key=lambda group: str(group["kept"]))
    write_json(out / "duplicates.json", {"version": 2, "duplicates": found})
    return Result(
        "duplicates.json", facts={"duplicates": len(drops), "rule": "duplicate"}, drops=drops
    )


def _recording(item: Item) -> _Recording:
    facts = item.facts.get("download_audio", {})
    return _Recording(
        item.source,
        str(facts.get("sha256") or ""),
        float(facts.get("duration_s") or 0.0),
        _rank(item.source, facts),
        item.folders.get("download_audio", ""),
    )


def _same_bytes(recordings: Sequence[_Recording]) -> list[tuple[str, list[_Recording]]]:
    """Return groups of recordings of the same bytes; in them and among them by source."""
    by_bytes = sorted((one for one in recordings if one.sha256), key=lambda one: one.sha256)
    groups = (list(group) for _, group in itertools.groupby(by_bytes, lambda one: one.sha256))
    several = sorted((group for group in groups if len(group) > 1), key=lambda g: g[0].source)
    return [("content", group) for group in several]


def _same_sounds(recordings: Sequence[_Recording]) -> Iterator[tuple[str, list[_Recording]]]:
    """Yield groups of recordings, no two of the same bytes, that sound the same."""
    lengths = sorted(recordings, key=lambda one: (one.duration_s, one.source))
    taken: set[str] = set()
    lengths = _in_company(lengths)
    durations_s = [one.duration_s for one in lengths]
    for number, near in alike.candidates(durations_s, lambda k: _bits(lengths[k])[0]):
        one = lengths[number]
        if one.source not in taken:
            others = (lengths[k] for k in near)
            group = [one, *(n for n in others if n.source not in taken and _agree(one, n))]
            if len(group) > 1:
                taken.update(member.source for member in group)
                yield "sound", group


def _in_company(lengths: Sequence[_Recording]) -> list[_Recording]:
    """Return those beside which another is as long: the others' fingerprints are not read."""
    close = [
        b.duration_s - a.duration_s <= alike.SAME_LENGTH_S for a, b in itertools.pairwise(lengths)
    ]
    return [one for k, one in enumerate(lengths) if any(close[max(0, k - 1) : k + 1])]


def _agree(one: _Recording, other: _Recording) -> bool:
    bits, others = _bits(one), _bits(other)
    frames = np.array(min(len(bits[0]), len(others[0])))
    return bool(fingerprint.difference(bits, others) <= alike.most(frames))


def _bits(one: _Recording) -> tuple[fingerprint.Bits, fingerprint.Bits]:
    text = (Path(one.folder) / "fingerprint.json").read_text(encoding="utf-8")
    return fingerprint.decoded(json.loads(text))


def _rank(source: str, facts: Facts) -> tuple[bool, bool, int, int, str]:
    """Return what sorts the best copy first. subtle: opus says 48 kHz whatever went in."""
    rate_hz, codec = int(facts.get("source_rate_hz") or 0), str(facts.get("codec"))
    is_exact = codec in _LOSSLESS or (codec.startswith("pcm_") and codec not in _LOSSY_PCM)
    return rate_hz < WIDE_HZ, not is_exact, -rate_hz, len(source), source
