"""What is to be done in a step, and why: fingerprints held against the records.

In:  the sources, the records of the steps before, the settings.
Out: `Decision`s: skip this file, or do this task because …
Left out: doing it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Checkpoint, Record
from pipeline.exclusions import Excluded, clips_of
from pipeline.flow import Step
from pipeline.item import Item
from pipeline.sources import Source, Stamp

ALL = "*"  # what a collective step's result is recorded under
ALL_NAME = "all"  # its folder
FAILED_BEFORE = "it failed before"

__all__ = ["ALL", "ALL_NAME", "FAILED_BEFORE", "Decision", "Planner", "Step"]


@dataclass(frozen=True)
class Decision:
    """What a step has to do with a file (or, if collective, with all of them)."""

    source: str
    name: str
    items: tuple[Item, ...]
    fingerprint: str
    why: str  # "" means: it is done, skip it
    record: Record | None = None  # the one that stands


class Planner:
    """Knows the files of a job and what is recorded of them."""

    def __init__(
        self,
        sources: Sequence[Source],
        stamps: Mapping[str, Stamp],
        checkpoint: Checkpoint,
        artefacts: Artefacts,
        excluded: Excluded | None = None,
    ) -> None:
        self.sources = sorted(sources, key=lambda source: source.key)
        self.lost: dict[str, str] = {}  # source -> "stage: reason", dropped or failed on the way
        self._stamps = stamps
        self._checkpoint = checkpoint
        self._artefacts = artefacts
        self.by_hand = dict(excluded or {})

    def decide(self, step: str, module: ModuleType, params: Mapping[str, Any]) -> list[Decision]:
        """Return one decision a file, in the order of their keys."""
        if getattr(module, "COLLECTIVE", False):
            items = tuple(self._item(source, module.READS) for source in self.sources)
            if getattr(module, "BY_HAND", False):
                items = tuple(self._without_excluded(item, module.READS) for item in items)
            sticky = getattr(module, "STICKY", False)
            return [self._decide(step, module, params, ALL, ALL_NAME, items, sticky)]
        alive = (source for source in self.sources if source.key not in self.lost)
        return [
            self._decide(
                step, module, params, s.key, s.name, (self._item(s, module.READS),), sticky=False
            )
            for s in alive
        ]

    def lose_again(self, steps: Sequence[Step]) -> None:
        """Leave out what earlier runs dropped or failed in these steps."""
        for step in steps:
            for record in self._checkpoint.records(step.name):
                ends = record.drops
                if record.source != ALL and record.status != "done":
                    ends = ((record.source, record.reason),)
                for source, reason in ends:
                    self.lost.setdefault(source, f"{step.stage}: {reason}")

    def undone(self, steps: Sequence[Step]) -> list[str]:
        """Return the recordings that were not lost, and of which some step is not recorded."""
        return [
            source.key
            for source in self.sources
            if source.key not in self.lost
            and not all(
                self._checkpoint.get(step.name, ALL if step.collective else source.key)
                for step in steps
            )
        ]

    def stamp(self, source: str) -> tuple[int, int, str] | None:
        """Return (bytes, mtime_ns, sha256) of an input file."""
        stamp = self._stamps.get(source)
        return (stamp.bytes, stamp.mtime_ns, stamp.sha256) if stamp else None

    def _decide(
        self,
        step: str,
        module: ModuleType,
        params: Mapping[str, Any],
        source: str,
        name: str,
        items: tuple[Item, ...],
        sticky: bool,
    ) -> Decision:
        reads = [self._digests(item, module.READS) for item in items]
        fingerprint = _fingerprint(step, module.VERSION, params, reads)
        record = self._checkpoint.get(step, source) or self._adopt(step, source, name, fingerprint)
        keeps = sticky and record is not None and record.status == "done"
        why = "" if keeps else _why(record, fingerprint)
        return Decision(source, name, items, fingerprint, why, record)

    def _adopt(self, step: str, source: str, name: str, fingerprint: str) -> Record | None:
        record = self._artefacts.adopt(step, source, name, fingerprint)
        if record is not None:
            self._checkpoint.save(record)
        return record

    def _item(self, source: Source, reads: Sequence[str]) -> Item:
        records = {step: self._checkpoint.get(step, source.key) for step in reads}
        done = {step: r for step, r in records.items() if r is not None and r.status == "done"}
        shared = {step: r for step in reads if (r := self._checkpoint.get(step, ALL)) is not None}
        return Item(
            source=source.key,
            name=source.name,
            origin=source.origin,
            folders={
                step: str(self._artefacts.out / r.folder) for step, r in {**done, **shared}.items()
            },
            facts={step: dict(r.facts) for step, r in {**done, **shared}.items()},
            scratch=str(self._artefacts.scratch(source.name)),
            dropped=self.lost.get(source.key, ""),
        )

    def _without_excluded(self, item: Item, reads: Sequence[str]) -> Item:
        """Return an item that says which of its clips a person took out; a clip of another size
        than then is another clip."""
        records = (self._checkpoint.get(step, item.source) for step in reads if self.by_hand)
        clips = {clip: size for r in records if r for clip, size in clips_of(r).items()}
        found = (c for c, size in clips.items() if self.by_hand.get(c, 0) in (size, None))
        return replace(item, excluded=tuple(sorted(found)))

    def _digests(self, item: Item, reads: Sequence[str]) -> list[str]:
        """Return what identifies all that a step reads of an item."""
        if not reads:
            stamp = self._stamps.get(item.source)
            return [item.source, stamp.sha256 if stamp else ""]
        records = (
            self._checkpoint.get(step, item.source) or self._checkpoint.get(step, ALL)
            for step in reads
        )
        return [
            item.source, item.dropped, *(r.digest if r else "" for r in records), *item.excluded
        ]  # fmt: skip


def _fingerprint(
    step: str, version: int, params: Mapping[str, Any], reads: Sequence[Sequence[str]]
) -> str:
    """Return the sha256 of all that a result depends on."""
    depends_on = json.dumps([step, version, dict(params), list(reads)], sort_keys=True)
    return hashlib.sha256(depends_on.encode()).hexdigest()


def _why(record: Record | None, fingerprint: str) -> str:
    if record is None:
        return "no record"
    if record.status == "failed":
        return FAILED_BEFORE
    return "" if record.fingerprint == fingerprint else "its input, settings or stage changed"
