"""The recordings of a job: what is in the input now, and what was taken in before.

In:  the inputs, and the records of the first step.
Out: sources with the stamps of their bytes. A recording that is gone, or cannot be read for now,
     keeps what was made of it; one that is gone and had failed is forgotten.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.checkpoint import Checkpoint, Record
from pipeline.sources import Source, Stamp, discover, fingerprint_of

log = logging.getLogger(__name__)


def take_in(
    inputs: Sequence[str],
    checkpoint: Checkpoint,
    first: str,
    reading: Callable[[], AbstractContextManager[None]],
) -> tuple[list[Source], dict[str, Stamp]]:
    """Return the recordings of the job and their stamps; ValueError if a new job has none.

    Within `reading`, which may take hours, nothing is changed.
    """
    known = {record.source: record for record in checkpoint.records(first)}
    with reading():
        found = _discovered(inputs, bool(known))
        stamps = {source.key: _stamp(source, known.get(source.key)) for source in found}
    for record in known.values():
        if record.source in stamps:
            continue
        if record.status == "failed" or record.stamp is None:
            log.warning("⚠️ No longer in the input: %s (it had failed)", record.source)
            checkpoint.forget(first, record.source, "its input is gone")
            continue
        log.warning("⚠️ No longer in the input: %s (what was made of it stays)", record.source)
        found.append(Source(record.source, Path(record.folder).name, ""))
        stamps[record.source] = Stamp(*record.stamp)
    return found, stamps


def _stamp(source: Source, record: Record | None) -> Stamp:
    before = record.stamp if record else None
    known = dict(zip(("bytes", "mtime_ns", "sha256"), before or (), strict=False))
    stamp = fingerprint_of(source, known)
    if before and before[2] and not stamp.sha256:
        log.warning("⚠️ Cannot be read now: %s (what was made of it stays)", source.key)
        return Stamp(*before)
    return stamp


def _discovered(inputs: Sequence[str], resumes: bool) -> list[Source]:
    if not resumes:
        return discover(inputs)
    there = []
    for text in inputs:
        try:
            discover([text])
        except ValueError as err:
            log.warning("⚠️ %s", err)
        else:
            there.append(text)
    return discover(there) if there else []
