"""pipeline_state.yaml: what is done. A snapshot, then an append-only journal.

In:  results of files (`Record`), ends of stages, the configuration.
Out: a file that is valid YAML at every instant, and the same facts again after any crash.
How: one line is appended a result (constant cost); a snapshot folds the journal in, seldom enough
     to cost 1% of the time. Method: write-ahead log and checkpoint, as databases do.
Left out: audio, models, stages; which files exist (see `artefacts.py`).
"""

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.checkpoint import snapshot
from pipeline.checkpoint.lines import encode, padding
from pipeline.checkpoint.reading import NewerVersion, State, read_state
from pipeline.checkpoint.record import ALL, CLEANED_MARK, RECORD_FILE, Record, read_record
from pipeline.checkpoint.spill import Spill
from pipeline.disk import Disk

__all__ = [
    "ALL",
    "CLEANED_MARK",
    "RECORD_FILE",
    "STATE_FILE",
    "Checkpoint",
    "NewerVersion",
    "Record",
    "State",
    "read_record",
]

STATE_FILE = "pipeline_state.yaml"
SNAPSHOT_SHARE = 100  # a snapshot is due once 100 times its own cost has passed: 1% of the time


class Checkpoint:
    """The state of one output folder, opened for writing by its one owner.

    >>> with Checkpoint.open(Path("my-voice"), views={}) as checkpoint:
    ...     checkpoint.start("enhance_audio", "talk.wav")
    ...     checkpoint.save(Record("enhance_audio", "talk.wav", "done", output="work/…/audio.flac"))
    """

    def __init__(
        self,
        folder: Path,
        state: State,
        *,
        views: Mapping[str, str],
        interval: int = 1,
        disk: Disk | None = None,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        self.state = state
        self._path = folder / STATE_FILE
        self._views = views
        self._interval = interval
        self._disk = disk or Disk()
        self._guard = guard
        self._fd = -1
        self._size = 0
        self._unsynced = 0
        self._in_hand: set[tuple[str, str]] = set()
        self._snapshot_at = 0.0
        self._snapshot_cost_s = 0.0

    @classmethod
    def open(cls, folder: Path, **options: Any) -> "Checkpoint":
        """Return the checkpoint of `folder`, new or read from disk; NewerVersion if not ours.

        What could not be read is kept aside as pipeline_state.yaml.corrupt-<n>;
        `state.warnings` tells what was found and what was done about it.
        """
        state = read_state(folder / STATE_FILE, folder / "work", Spill(folder))
        checkpoint = cls(folder, state, **options)
        checkpoint._set_damage_aside()
        checkpoint.snapshot()
        return checkpoint

    @staticmethod
    def peek(folder: Path) -> State:
        """Return the state of `folder` without touching anything."""
        return read_state(folder / STATE_FILE, folder / "work")

    # --- asking -------------------------------------------------------------------------------

    def get(self, stage: str, source: str) -> Record | None:
        """Return what is recorded of `source` in `stage`."""
        return self.state.records.get((stage, source))

    def records(self, stage: str) -> Iterator[Record]:
        """Yield all records of a stage."""
        return self.state.records.of(stage)

    def attempts(self, stage: str, source: str) -> int:
        """Return how often `source` was taken up in `stage` without an end: crashes."""
        return self.state.attempts.get((stage, source), 0)

    # --- telling ------------------------------------------------------------------------------

    def start(self, stage: str, source: str) -> None:
        """Record that a file is in hand, so that after a crash the suspects are known."""
        self._append({"event": "start", "stage": stage, "source": source})
        self._in_hand.add((stage, source))

    def save(self, record: Record) -> None:
        """Record a file's result: one line, one write, and a sync on every interval-th."""
        self._append({"event": "file", **record.to_event()})
        self._in_hand.discard((record.stage, record.source))
        if time.monotonic() - self._snapshot_at > SNAPSHOT_SHARE * self._snapshot_cost_s:
            self.snapshot()

    def forget(self, stage: str, source: str, why: str) -> None:
        """Take a record out of the state; the file will be done again."""
        self._append({"event": "removed", "stage": stage, "source": source, "why": why})

    def finish_stage(self, stage: str, seconds: float, result: Mapping[str, Any]) -> None:
        """Record that a stage is complete, with its time and counts."""
        self._append({"event": "stage", "stage": stage, "seconds": seconds, "result": dict(result)})
        self.snapshot()

    def reopen_stage(self, stage: str) -> None:
        """Record that a complete stage has work again."""
        if stage in self.state.completed:
            self._append({"event": "reopened", "stage": stage})

    def configure(self, configuration: Mapping[str, Any]) -> None:
        """Record the settings of the run."""
        self._append({"event": "configuration", "configuration": dict(configuration)})

    def expect(self, recordings: int) -> None:
        """Record how many recordings the job has: what is done is measured by it."""
        if recordings != self.state.recordings:
            self._append({"event": "recordings", "count": recordings})

    def mark(self, event: str, **values: str) -> None:
        """Record that the dataset stands ("published") or may not any more ("outdated"), that
        sound files are being removed ("cleaned"), that all digests are right ("verified")."""
        self._append({"event": event, **values})

    def drop_hands(self) -> None:
        """Record a stop on request: what is in hand now has not crashed."""
        event = {"event": "stop", "hands": sorted(self._in_hand)}
        try:
            self._append(event)
        except OSError:  # the journal fails, or did before; a new file may do
            self.state.apply(event)
            self.snapshot()
        self._in_hand.clear()

    def snapshot(self) -> None:
        """Fold the journal into a new file that replaces the old one at once."""
        self._guard()
        began = time.monotonic()
        self._disk.replace_file(self._path, snapshot.dump_state(self.state, self._views))
        self._close_journal()
        self._fd = self._disk.open(self._path, os.O_WRONLY | os.O_APPEND)
        self._size = os.fstat(self._fd).st_size
        self._unsynced = 0
        self._snapshot_at = time.monotonic()
        self._snapshot_cost_s = self._snapshot_at - began

    def close(self) -> None:
        """Close the journal; what was appended is on disk."""
        if self._fd >= 0 and self._unsynced:
            self._disk.sync(self._fd)
        self._close_journal()

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- how ----------------------------------------------------------------------------------

    def _append(self, event: dict[str, Any]) -> None:
        self._guard()
        data = encode(event)
        data = padding(self._size, len(data)) + data  # subtle: one name; it may be 10 MB
        if self._fd < 0:
            raise OSError(errno.EIO, "the state is closed after a failed write", str(self._path))
        try:
            self._write(data)
        except OSError as err:
            # subtle: after a failed write or sync nothing may be appended: its fate is unknown
            self._close_journal()
            raise OSError(err.errno, err.strerror, str(self._path)) from err
        self.state.apply(event)

    def _write(self, data: bytes) -> None:
        self._disk.append(self._fd, data, self._size)
        self._size += len(data)
        self._unsynced += 1
        if self._unsynced >= self._interval:
            self._disk.sync(self._fd)
            self._unsynced = 0

    def _close_journal(self) -> None:
        if self._fd >= 0:
            self._disk.close(self._fd)
        self._fd = -1

    def _set_damage_aside(self) -> None:
        if not self.state.damaged or not self._path.exists():
            return
        number = 1
        while (kept := self._path.with_name(f"{STATE_FILE}.corrupt-{number}")).exists():
            number += 1
        self._disk.rename(self._path, kept)
        self.state.warnings.append(f"the damaged state was kept as {kept.name}")
