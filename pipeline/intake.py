"""The recordings of a job: what is in the input now, and what was taken in before.

In:  the inputs, and the records of the first step.
Out: sources with the stamps of their bytes. A recording that is gone, or cannot be read for now,
     keeps what was made of it, unless it is to be pruned; one that is gone and had failed is
     forgotten. One that was moved or renamed is known by its bytes, and keeps its key.
"""

import contextlib
import dataclasses
import logging
import sys
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Checkpoint, Record
from pipeline.console import safe
from pipeline.sources import Source, Stamp, discover, fingerprint_of
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
        self._prune = prune
        self._known = {one.source: _lean(one) for one in checkpoint.records(steps[0])}

    def take_in(
        self, inputs: Sequence[str], reading: Callable[[], AbstractContextManager[None]]
    ) -> tuple[list[Source], dict[str, Stamp]]:
        """Return the recordings of the job and their stamps; ValueError if a new job has none.

        Within `reading`, which may take hours, nothing is changed.
        """
        with reading():
            there, unreadable = _discovered(inputs, bool(self._known))
            keys = {source.key for source in there}
            moved = {r.stamp[:2]: r.stamp for r in self._known_but(keys) if r.stamp}
            stamps = {source.key: self._stamp(source, moved) for source in there}
        sources = self._under_known_keys(there, stamps)
        gone = self._known_but(stamps)
        self._say_what_is_new(stamps, len(gone))
        pruned = self._prune and self._may_prune(gone, unreadable)
        for record in gone:
            if (source := self._keep(record, pruned)) is not None and record.stamp:
                sources.append(source)
                stamps[record.source] = Stamp(*record.stamp)
        return sources, stamps

    def known(self) -> tuple[list[Source], dict[str, Stamp]]:
        """Return the recordings that were taken in before, wherever they are now."""
        sources = [Source(key, _name(record), "") for key, record in self._known.items()]
        stamps = {key: Stamp(*record.stamp) for key, record in self._known.items() if record.stamp}
        return sources, stamps

    def _known_but(self, keys: Container[str]) -> list[_Known]:
        return [record for source, record in self._known.items() if source not in keys]

    def _stamp(
        self, source: Source, moved: Mapping[tuple[int, int], tuple[int, int, str]]
    ) -> Stamp:
        """Return the stamp of a recording, without reading it where an earlier one fits: its own,
        or that of a recording that is gone and had its size and time."""
        record = self._known.get(source.key)
        before = record.stamp if record else None
        if record is None and moved:
            with contextlib.suppress(OSError, ValueError):
                status = Path(source.origin).stat()
                before = moved.get((status.st_size, status.st_mtime_ns))
        known = dict(zip(("bytes", "mtime_ns", "sha256"), before or (), strict=False))
        stamp = fingerprint_of(source, known)
        if before and before[2] and not stamp.sha256:
            log.warning("⚠️ Cannot be read now: %s (what was made of it stays)", safe(source.key))
            return Stamp(*before)
        return stamp

    def _under_known_keys(self, there: Sequence[Source], stamps: dict[str, Stamp]) -> list[Source]:
        """Give a recording that is new by name, and by its bytes is one that is gone, that one's
        key: it was renamed, or another one claims the same name now."""
        gone = {
            record.stamp[2]: record
            for record in self._known_but(stamps)
            if record.status != "failed" and record.stamp
        }
        gone.pop("", None)
        sources = []
        for source in there:
            stamp = stamps[source.key]
            record = gone.pop(stamp.sha256, None) if source.key not in self._known else None
            if record is not None:
                log.info("🔀 %s was %s: nothing to do again", safe(source.key), safe(record.source))
                stamps[record.source] = stamps.pop(source.key)
                name = record.name
                source = dataclasses.replace(source, key=record.source, name=name)
            sources.append(source)
        return sources

    def _say_what_is_new(self, stamps: Mapping[str, Stamp], gone: int) -> None:
        if not self._known:
            return
        counts = Counter(self._what(key, stamp) for key, stamp in stamps.items())
        counts["gone"] = gone
        kinds = ("new", "changed", "gone", "unchanged")
        said = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind])
        log.info("📋 Recordings: %s", said)

    def _what(self, key: str, stamp: Stamp) -> str:
        record = self._known.get(key)
        if record is None:
            return "new"
        return "unchanged" if record.stamp and record.stamp[2] == stamp.sha256 else "changed"

    def _may_prune(self, gone: Sequence[_Known], unreadable: int) -> bool:
        """Return whether what is gone was taken away, as far as one can see from here."""
        if gone and unreadable:
            log.warning("⚠️ Nothing is pruned: an input cannot be read; it may not be mounted")
            return False
        if gone and len(gone) == len(self._known):
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
            log.warning(
                "⚠️ No longer in the input: %s (what was made of it stays; --prune takes it out)",
                name,
            )
            return Source(record.source, record.name, "")
        return None

    def _forget(self, record: _Known) -> None:
        for step in self._steps:
            if self._checkpoint.get(step, record.source):
                self._checkpoint.forget(step, record.source, "its input is gone, and --prune")
                self._artefacts.remove(step, record.name)


def _lean(record: Record) -> _Known:
    name = record.folder.rpartition("/")[2]
    return _Known(record.source, sys.intern(record.status), name, record.stamp)


def _name(known: _Known) -> str:
    """Return the name of a recording's folders; one that failed at once has none yet."""
    return known.name or names_of([known.source])[known.source]


def _discovered(inputs: Sequence[str], resumes: bool) -> tuple[list[Source], int]:
    """Return the recordings that are there, and how many inputs cannot be read."""
    try:
        return discover(inputs), 0
    except ValueError:
        if not resumes:
            raise
    there = [text for text in inputs if _can_be_read(text)]
    return discover(there) if there else [], len(inputs) - len(there)


def _can_be_read(text: str) -> bool:
    try:
        discover([text])
    except ValueError as err:
        log.warning("⚠️ %s", err)
        return False
    return True
