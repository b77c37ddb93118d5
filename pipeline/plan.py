"""What is to be done in a step, and why: fingerprints held against the records.

In:  the sources, the records of the steps before, the settings.
Out: `Decision`s: skip this file, or do this task because …
Left out: doing it.
"""

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from pipeline.artefacts import Artefacts
from pipeline.checkpoint import ALL, Checkpoint, Record
from pipeline.decisions import FAILED_BEFORE, Decision, Decisions
from pipeline.exclusions import Excluded, clips_of
from pipeline.flow import Step
from pipeline.item import Item, Items
from pipeline.sources import Roster, Source, Stamp

ALL_NAME = "all"  # the folder of what a collective step made

__all__ = ["ALL", "ALL_NAME", "FAILED_BEFORE", "Decision", "Decisions", "Planner", "Step"]


class Planner:
    """Knows the files of a job and what is recorded of them."""

    def __init__(
        self,
        sources: Roster,
        stamps: Mapping[str, Stamp],
        checkpoint: Checkpoint,
        artefacts: Artefacts,
        excluded: Excluded | None = None,
    ) -> None:
        self.sources = sources
        self.lost: dict[str, str] = {}  # source -> "rule: reason", dropped or failed on the way
        self._stamps = stamps
        self._checkpoint = checkpoint
        self._artefacts = artefacts
        self.by_hand = dict(excluded or {})

    def decide(self, step: str, module: ModuleType, params: Mapping[str, Any]) -> Decisions:
        """Return one decision a file, in the order of their keys."""
        if getattr(module, "COLLECTIVE", False):
            whole = Source(ALL, ALL_NAME, "")
            decisions = Decisions([whole])
            reads = (self._digests(source, module) for source in self.sources)
            decisions.add(0, *self._decide(step, module, params, whole, reads))
            return decisions
        decisions = Decisions(self.sources)
        for number, one in enumerate(self.sources):
            if one.key not in self.lost:
                reads_one = [self._digests(one, module)]
                decisions.add(number, *self._decide(step, module, params, one, reads_one))
        return decisions

    def items(self, module: ModuleType, decision: Decision) -> Sequence[Item]:
        """Return what a step gets of a file (or, if collective, of all of them). It is made as the
        file is handed out: of all files beforehand it would be some KB each."""
        if decision.source == ALL:
            return Items(self._item(source, module) for source in self.sources)
        one = Source(decision.source, decision.name, decision.origin)
        return (self._item(one, module),)

    def lose_again(self, steps: Sequence[Step]) -> None:
        """Leave out what earlier runs dropped or failed in these steps."""
        for step in steps:
            keys = (source.key for source in self.sources)
            self.leave_out(step, itertools.chain([ALL], keys))

    def leave_out(self, step: Step, sources: Iterable[str]) -> list[tuple[str, str]]:
        """Leave out from here on what a step has dropped or failed of these; return the drops of a
        step over all of them: (source, reason)."""
        lost = set(self._checkpoint.state.records.lost(step.name))
        asked = (s for s in sources if s in lost or s == ALL)  # the others were not left out
        found = [record for s in asked if (record := self._checkpoint.get(step.name, s))]
        drops: list[tuple[str, str]] = []
        for record in found:
            own = [] if record.source == ALL else [(record.source, record.reason)]
            drops += record.drops
            for source, reason in (*own, *record.drops):
                self.lost.setdefault(source, f"{record.facts.get('rule', step.stage)}: {reason}")
        return drops

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

    def lacks_files(self, module: ModuleType, source: str) -> bool:
        """Return whether files that a step reads of a recording were cleaned away."""
        records = (self._checkpoint.get(step, source) for step in module.READS)
        return any(r is not None and r.cleaned and self._artefacts.problems(r) for r in records)

    def lacking(self, module: ModuleType, todo: Sequence[Decision]) -> list[Decision]:
        """Return the recordings of which files that are to be read now were cleaned away; a step
        over all recordings that says HEARS reads those of each."""
        asked = (d for d in todo if d.why and d.source != ALL)
        if getattr(module, "HEARS", False) and any(d.why for d in todo):
            alive = (source for source in self.sources if source.key not in self.lost)
            asked = (Decision(s.key, s.name, s.origin, "", "it is heard") for s in alive)
        return [d for d in asked if self.lacks_files(module, d.source)]

    def begin_anew(self, flow: Sequence[Step], lacking: Sequence[Decision]) -> None:
        """Forget the recordings whose files were cleaned away and are needed again."""
        for decision in lacking:
            for step in flow:
                if self._checkpoint.get(step.name, decision.source):
                    self._checkpoint.forget(step.name, decision.source, "its files are needed")

    def _decide(
        self,
        step: str,
        module: ModuleType,
        params: Mapping[str, Any],
        source: Source,
        reads: Iterable[Sequence[str]],
    ) -> tuple[str, str, bool]:
        """Return (fingerprint, why it is to be done, whether it stands)."""
        fingerprint = _fingerprint(step, module.VERSION, params, reads)
        key, name = source.key, source.name
        record = self._checkpoint.get(step, key) or self._adopt(step, key, name, fingerprint)
        stands = record is not None and record.status == "done"
        keeps = stands and key == ALL and getattr(module, "STICKY", False)
        why = "" if keeps else _why(record, fingerprint)
        return fingerprint, why, stands

    def _adopt(self, step: str, source: str, name: str, fingerprint: str) -> Record | None:
        record = self._artefacts.adopt(step, source, name, fingerprint)
        if record is not None:
            self._checkpoint.save(record)
        return record

    def _item(self, source: Source, module: ModuleType) -> Item:
        records = ((step, self._checkpoint.get(step, source.key)) for step in module.READS)
        known = {step: r for step, r in records if r is not None}
        done = {step: r for step, r in known.items() if r.status == "done"}
        found = ((step, self._checkpoint.get(step, ALL)) for step in module.READS)
        shared = {step: r for step, r in found if r is not None}
        return Item(
            source=source.key,
            name=source.name,
            origin=source.origin,
            folders={
                step: str(self._artefacts.out / r.folder) for step, r in {**done, **shared}.items()
            },
            facts={step: dict(r.facts) for step, r in {**known, **shared}.items()},
            scratch=str(self._artefacts.scratch(source.name)),
            dropped=self.lost.get(source.key, ""),
            excluded=self._excluded(source.key, module),
        )

    def _excluded(self, source: str, module: ModuleType) -> tuple[str, ...]:
        """Return which clips a person took out, where a step heeds that; a clip of another size
        than then is another clip."""
        if not self.by_hand or not getattr(module, "BY_HAND", False):
            return ()
        records = (self._checkpoint.get(step, source) for step in module.READS)
        clips = {clip: size for r in records if r for clip, size in clips_of(r).items()}
        found = (c for c, size in clips.items() if self.by_hand.get(c, 0) in (size, None))
        return tuple(sorted(found))

    def _digests(self, source: Source, module: ModuleType) -> list[str]:
        """Return what identifies all that a step reads of a recording."""
        key = source.key
        if not module.READS:
            stamp = self._stamps.get(key)
            return [key, stamp.sha256 if stamp else ""]
        records = (
            self._checkpoint.get(step, key) or self._checkpoint.get(step, ALL)
            for step in module.READS
        )
        digests = (record.digest if record else "" for record in records)
        return [key, self.lost.get(key, ""), *digests, *self._excluded(key, module)]


def _fingerprint(
    step: str, version: int, params: Mapping[str, Any], reads: Iterable[Sequence[str]]
) -> str:
    """Return the sha256 of all that a result depends on: of [step, version, params, reads] as
    JSON, made piece by piece, as `reads` may be of 100,000 recordings."""
    head = json.dumps([step, version, dict(params)], sort_keys=True)
    digest = hashlib.sha256(f"{head[:-1]}, [".encode())
    for number, one in enumerate(reads):
        digest.update(f"{', ' if number else ''}{json.dumps(one)}".encode())
    digest.update(b"]]")
    return digest.hexdigest()


def _why(record: Record | None, fingerprint: str) -> str:
    if record is None:
        return "no record"
    if record.status == "failed":
        return FAILED_BEFORE
    return "" if record.fingerprint == fingerprint else "its input, settings or stage changed"
