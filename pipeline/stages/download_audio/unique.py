"""Recordings with the same bytes are taken once: the first by key stays, the others are dropped.

In:  the sha256 of each recording's source, as download_audio found it.
Out: duplicates.json, which names what was dropped for what.
Left out: the same sound in other bytes (another codec, another cut).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Item, Result, write_json

VERSION = 1
READS: tuple[str, ...] = ("download_audio",)
COLLECTIVE = True


@dataclass(frozen=True)
class Params:
    """No settings."""


def load(params: Params, device: str) -> None:
    """Return nothing: there is no model here."""


def process(items: Sequence[Item], out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    """Return the drops: source -> "same content as first.mp3"."""
    groups = [keys for keys in _same(items).values() if len(keys) > 1]
    drops = {key: f"same content as {keys[0]}" for keys in groups for key in keys[1:]}
    found = [{"kept": keys[0], "dropped": keys[1:]} for keys in sorted(groups)]
    write_json(out / "duplicates.json", {"version": 1, "duplicates": found})
    return Result("duplicates.json", facts={"duplicates": len(drops)}, drops=drops)


def _same(items: Sequence[Item]) -> dict[str, list[str]]:
    """Return the sorted keys of the recordings with each digest."""
    groups: dict[str, list[str]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.source):
        digest = item.facts.get("download_audio", {}).get("sha256")
        if digest and not item.dropped:
            groups[str(digest)].append(item.source)
    return dict(groups)
