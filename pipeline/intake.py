"""The recordings of a job: what is in the input now, and what was taken in before.

In:  the inputs, and the records of the first step.
Out: sources with the stamps of their bytes. A recording that is gone, or cannot be read for now,
     keeps what was made of it, unless it is to be pruned; one that is gone and had failed is
     forgotten. One that was moved or renamed is known by its bytes, and keeps its key.
"""

import contextlib
import dataclasses
import heapq
import logging
import sys
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Checkpoint, Record
from pipeline.console import safe
from pipeline.sources import Roster, Source, Stamp, Stamps, discover, fingerprint_of
from pipeline.sources.folders import is_media
from pipeline.sources.keys import names_of

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    """What is asked of a record here; all of it is 2 KB, and there may be 100,000."""

    source: str
    status: str
    name: str  # of its folders; "" for one that failed at once
    stamp: tuple[int, int, str] | None


class Intake:
    """Takes in the recordings of a job. `steps`: the names of the flow's, in order."""

    def __init__(
        self, checkpoint: Checkpoint, artefacts: Artefacts, steps: Sequence[str], prune: bool
    ) -> None:
        self._checkpoint = checkpoint
        self._artefacts = artefacts
        self._steps = steps
        self._first = steps[0]
        self._prune = prune

    def take_in(
        self, inputs: Sequence[str], reading: Callable[[], AbstractContextManager[None]]
    ) -> tuple[Roster, Stamps]:
        """Return the recordings of the job and their stamps; ValueError if a new job has none.

        Within `reading`, which may take hours, nothing is changed.
        """
        with reading():
            there, unreadable = _discovered(inputs, self._count_known() > 0)
            moved = {r.stamp[:2]: r.stamp for r in self._known_but(there) if r.stamp}
            counts: Counter[str] = Counter()
            stamps = Stamps(there, (self._stamp(source, moved, counts) for source in there))
        there, stamps = self._under_known_keys(there, stamps, counts)
        gone = self._known_but(there)
        self._say_what_is_new(counts, len(gone))
        pruned = self._prune and self._may_prune(gone, unreadable)
        kept = [
            (source, Stamp(*record.stamp))
            for record in gone
            if (source := self._keep(record, pruned)) is not None and record.stamp
        ]
        return _merged(there, stamps, frozenset(), kept)

    def known(self) -> tuple[Roster, Stamps]:
        """Return the recordings that were taken in before, wherever they are now."""
        keys = sorted(self._checkpoint.state.records.sources_of(self._first))
        records = (self._known(key) for key in keys)
        roster = Roster(Source(one.source, _name(one), "") for one in records if one)
        again = (self._known(source.key) for source in roster)
        return roster, Stamps(roster, (Stamp(*r.stamp) if r and r.stamp else None for r in again))

    def _known(self, key: str) -> _Known | None:
        record = self._checkpoint.get(self._first, key)
        return _lean(record) if record else None

    def _count_known(self) -> int:
        counts = self._checkpoint.state.records.counts_by_stage()
        return sum(counts.get(self._first, {}).values())

    def _known_but(self, there: Roster) -> list[_Known]:
        keys = self._checkpoint.state.records.sources_of(self._first)
        missing = (self._known(key) for key in keys if there.find(key) is None)
        return [record for record in missing if record]

    def _stamp(
        self,
        source: Source,
        moved: Mapping[tuple[int, int], tuple[int, int, str]],
        counts: Counter[str],
    ) -> Stamp:
        """Return the stamp of a recording, without reading it where an earlier one fits: its own,
        or that of a recording that is gone and had its size and time. Count what it is."""
        record = self._known(source.key)
        before = record.stamp if record else None
        if record is None and moved:
            with contextlib.suppress(OSError, ValueError):
                status = Path(source.origin).stat()
                before = moved.get((status.st_size, status.st_mtime_ns))
        known = dict(zip(("bytes", "mtime_ns", "sha256"), before or (), strict=False))
        stamp = fingerprint_of(source, known)
        if before and before[2] and not stamp.sha256:
            log.warning("⚠️ Cannot be read now: %s (what was made of it stays)", safe(source.key))
            stamp = Stamp(*before)
        counts[_what(record, stamp)] += 1
        return stamp

    def _under_known_keys(
        self, there: Roster, stamps: Stamps, counts: Counter[str]
    ) -> tuple[Roster, Stamps]:
        """Give a recording that is new by name, and by its bytes is one that is gone, that one's
        key: it was renamed, or another one claims the same name now."""
        gone = {
            record.stamp[2]: record
            for record in self._known_but(there)
            if record.status != "failed" and record.stamp
        }
        gone.pop("", None)
        renamed: dict[str, tuple[Source, Stamp]] = {}
        for source in there if gone else ():
            stamp = stamps[source.key]
            if self._known(source.key) is None and (record := gone.pop(stamp.sha256, None)):
                log.info("🔀 %s was %s: nothing to do again", safe(source.key), safe(record.source))
                again = dataclasses.replace(source, key=record.source, name=record.name)
                renamed[source.key] = again, stamp
        counts["new"] -= len(renamed)
        counts["unchanged"] += len(renamed)
        return _merged(there, stamps, renamed.keys(), list(renamed.values()))

    def _say_what_is_new(self, counts: Mapping[str, int], gone: int) -> None:
        if not self._count_known():
            return
        kinds = {kind: counts[kind] for kind in ("new", "changed")}
        kinds |= {"gone": gone, "unchanged": counts["unchanged"]}
        said = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        log.info("📋 Recordings: %s", said)

    def _may_prune(self, gone: Sequence[_Known], unreadable: int) -> bool:
        """Return whether what is gone was taken away, as far as one can see from here."""
        if gone and unreadable:
            log.warning("⚠️ Nothing is pruned: an input cannot be read; it may not be mounted")
            return False
        if gone and len(gone) == self._count_known():
            log.warning("⚠️ Nothing is pruned: all recordings are gone; is the input mounted?")
            return False
        return True

    def _keep(self, record: _Known, pruned: bool) -> Source | None:
        """Return a recording that is gone as a source of what was made of it, or forget it."""
        name = safe(record.source)
        if record.status == "failed" or record.stamp is None:
            log.warning("⚠️ No longer in the input: %s (it had failed)", name)
            self._checkpoint.forget(self._steps[0], record.source, "its input is gone")
        elif pruned:
            log.warning("🧹 No longer in the input: %s (pruned from the dataset)", name)
            self._forget(record)
        else:
            way_out = "" if self._prune else "; --prune takes it out"
            log.warning("⚠️ No longer in the input: %s (what was made of it stays%s)", name, way_out)
            return Source(record.source, record.name, "")
        return None

    def _forget(self, record: _Known) -> None:
        for step in self._steps:
            if self._checkpoint.get(step, record.source):
                self._checkpoint.forget(step, record.source, "its input is gone, and --prune")
                self._artefacts.remove(step, record.name)


def _what(record: _Known | None, stamp: Stamp) -> str:
    if record is None:
        return "new"
    return "unchanged" if record.stamp and record.stamp[2] == stamp.sha256 else "changed"


def _merged(
    roster: Roster,
    stamps: Stamps,
    without: Container[str],
    more: Sequence[tuple[Source, Stamp]],
) -> tuple[Roster, Stamps]:
    """Return a roster and its stamps without some keys, and with more recordings."""
    if not more:
        return roster, stamps
    added = sorted(more, key=_key)

    def pairs() -> Iterator[tuple[Source, Stamp]]:
        stay = ((source, stamps[source.key]) for source in roster if source.key not in without)
        return heapq.merge(stay, added, key=_key)

    merged = Roster(source for source, _ in pairs())
    return merged, Stamps(merged, (stamp for _, stamp in pairs()))


def _key(pair: tuple[Source, Stamp]) -> str:
    return pair[0].key


def _lean(record: Record) -> _Known:
    name = record.folder.rpartition("/")[2]
    return _Known(record.source, sys.intern(record.status), name, record.stamp)


def _name(known: _Known) -> str:
    """Return the name of a recording's folders; one that failed at once has none yet."""
    return known.name or names_of([known.source])[known.source]


def _discovered(inputs: Sequence[str], resumes: bool) -> tuple[Roster, int]:
    """Return the recordings that are there, and how many inputs cannot be read."""
    try:
        return discover(inputs), 0
    except ValueError:
        if not resumes:
            raise
    there = [text for text in inputs if _can_be_read(text)]
    unreadable = sum(text not in there and not _was_taken_away(text) for text in inputs)
    return discover(there) if there else Roster(), unreadable


def _can_be_read(text: str) -> bool:
    try:
        discover([text])
    except ValueError as err:
        log.warning("⚠️ %s", err)
        return False
    return True


def _was_taken_away(text: str) -> bool:
    """Return whether a named file is gone from a folder that holds others: that is mounted."""
    path = Path(text)
    try:
        return is_media(path.name) and not path.exists() and any(path.parent.iterdir())
    except OSError:
        return False
