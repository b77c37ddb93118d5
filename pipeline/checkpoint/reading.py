"""Reading the state back, whatever a crash, a full disk or a person left of it.

In:  any bytes. Out: a `State`; reading never raises on bytes, only on a newer version of ours.
Order of trust: lines with a right checksum; lines edited by hand that still say something; the
whole file as YAML, where a person wrote it anew; then the artefacts' own records.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.checkpoint.lines import decode
from pipeline.checkpoint.record import CLEANED_MARK, Record, read_record
from pipeline.checkpoint.spill import Spill
from pipeline.checkpoint.table import Key, Table

FORMAT_VERSION = 1
BY_HAND = "the state was edited by hand; what it says is taken as it is"
LARGEST_BY_HAND = 16_000_000  # bytes; as YAML a file needs a second for 3 MB, and nobody edits more
_HEAD_CRC = re.compile(rb'^head_crc: "([0-9a-f]{8})"\n\Z', re.MULTILINE)
_LISTED = re.compile(rb'^- ".*\n', re.MULTILINE)  # an output, as snapshot.py writes it
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WRONG = (ValueError, KeyError, TypeError, IndexError, AttributeError, yaml.YAMLError)


class NewerVersion(ValueError):
    """The state was written by a newer version of the pipeline; it is left untouched."""


@dataclass
class State:
    """What is known, in memory. `apply` is the only way in which it changes."""

    records: Table = field(default_factory=Table)
    attempts: dict[Key, int] = field(default_factory=dict)
    completed: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    published: bool = False
    recordings: int = 0  # how many the job has; 0: not known
    existed: bool = False  # there was a state file
    damaged: bool = False  # part of it could not be read
    warnings: list[str] = field(default_factory=list)

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the journal; ValueError or KeyError where its shape is wrong."""
        kind = event["event"]
        if kind == "file":
            self.add(Record.from_event(event))
        elif kind == "start":
            key = (str(event["stage"]), str(event["source"]))
            self.attempts[key] = self.attempts.get(key, 0) + int(event.get("attempts", 1))
        elif kind == "removed":
            self.records.pop((event["stage"], event["source"]), None)
            self.published = False
        elif kind in ("stage", "reopened"):
            self._stage(event)
        elif kind == "configuration":
            self.configuration = dict(event["configuration"])
        elif kind == "stop":
            for stage, source in event.get("hands", list(self.attempts)):
                left = self.attempts.pop((stage, source), 0) - 1
                if left > 0:
                    self.attempts[stage, source] = left
        elif kind in ("published", "outdated"):
            self.published = kind == "published"
        elif kind == "recordings":
            self.recordings = int(event["count"])
        elif kind == "verified":
            self.records.change(lambda record: record._replace(boot=event["boot"]))
        elif kind == "cleaned":
            self.records.change(lambda record: record._replace(cleaned=record.status == "done"))
        else:
            raise ValueError(f"unknown event {kind!r}")

    def add(self, record: Record) -> None:
        """Take in one file's result."""
        key = (record.stage, record.source)
        self.records[key] = record
        self.attempts.pop(key, None)
        self.published = False

    def failures(self) -> dict[str, str]:
        """Return "stage: reason" of every recording that failed."""
        return {r.source: f"{r.stage}: {r.reason}" for r in self.records.failed()}

    def _stage(self, event: Mapping[str, Any]) -> None:
        stage = str(event["stage"])
        if stage in self.completed:
            self.completed.remove(stage)
        if event["event"] == "stage":
            self.completed.append(stage)
            self.timings[stage] = self.timings.get(stage, 0.0) + float(event["seconds"])
            self.results[stage] = dict(event["result"])


def read_state(path: Path, work: Path, spill: Spill | None = None) -> State:
    """Return the state in `path`; what is unreadable is made up from the records under `work`. A
    large one is kept in `spill`; without one, in memory."""
    state = State(Table(spill))
    try:
        with path.open("rb") as file:
            state.existed = True
            _read(file, state)
    except FileNotFoundError:
        pass
    if state.damaged and path.stat().st_size <= LARGEST_BY_HAND:
        state = _read_by_hand(path.read_bytes(), spill) or state
    if state.damaged or (not state.existed and work.is_dir()):
        _rebuild(state, work)
    return state


def _read(lines: Iterator[bytes], state: State) -> None:
    """Read a file line by line; the lines of a million records are kept, not copied."""
    head = []
    for line in lines:
        if line.startswith(b"files:"):
            _check_begin(line, state)
            break
        head.append(line)
    _read_head(b"".join(head), state)
    for line in lines:
        if line.startswith(b"journal:"):
            _check_begin(line, state)
            break
        if not state.records.take_line(line):
            _read_line(line, state)
    else:  # a snapshot has one from its first instant
        _damage(state, "it has no journal")
    for line in lines:
        if line.endswith(b"\n"):
            _read_line(line, state)
        elif not state.damaged:
            state.warnings.append("the last line was not written whole and was cut off")


def _check_begin(line: bytes, state: State) -> None:
    name, _, value = line.partition(b":")
    if value.strip() not in (b"", b"[]"):
        _damage(state, f"{name.decode()} is no list of lines")


def _read_head(head: bytes, state: State) -> None:
    found = _HEAD_CRC.search(head)
    intact = found is not None and int(found[1], 16) == zlib.crc32(head[: found.start()])
    if intact:  # the lists of outputs are for people; as YAML they would be 1 KB an entry
        head = _LISTED.sub(b"", head)
    try:
        values = yaml.load(head, Loader=_LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as err:
        values = str(err)
    if not isinstance(values, dict):
        _damage(state, "its head cannot be read")
        return
    _take_head(values, state)
    if not intact and not state.damaged:
        state.warnings.append(BY_HAND)


def _take_head(values: dict[str, Any], state: State) -> None:
    version = values.get("version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise NewerVersion(
            f"its version is {version}, this program knows up to {FORMAT_VERSION}; "
            "use the newer program, or --force-restart to begin anew"
        )
    if version != FORMAT_VERSION:  # there has been none before it
        _damage(state, f"its version is {version!r}")
        return
    try:
        state.completed = [str(name) for name in values.get("completed_stages") or []]
        timings = values.get("stage_timings") or {}
        state.timings = {str(name): float(seconds) for name, seconds in timings.items()}
        state.configuration = dict(values.get("configuration") or {})
        state.published = values.get("published") is True
        state.recordings = int((values.get("statistics") or {}).get("recordings") or 0)
        for name in state.completed:
            state.results[name] = dict(values.get(f"{name}_result") or {})
    except (TypeError, ValueError, AttributeError):
        _damage(state, "its head has the wrong shape")


def _read_line(line: bytes, state: State) -> None:
    if not line.strip():
        return
    try:
        event, intact = decode(line.rstrip(b"\n"))
        _take_entry(event if intact else _edited(line), state)
    except _WRONG:
        _damage(state, f"a line cannot be read: {line[:60].decode(errors='replace').rstrip()}")


def _take_entry(event: Mapping[str, Any], state: State) -> None:
    """Take in an event of the journal, or a record of `files`: that one says nothing new."""
    if "event" in event:
        state.apply(event)
    else:
        published = state.published
        state.add(Record.from_event(event))
        state.published = published


def _edited(line: bytes) -> dict[str, Any]:
    """Return a line that a person has changed or written, as YAML reads it."""
    values = yaml.load(line, Loader=_LOADER)
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], dict):
        raise ValueError("not one entry")
    return {key: value for key, value in values[0].items() if key != "crc"}


def _read_by_hand(data: bytes, spill: Spill | None) -> State | None:
    """Return what a file says that a person, or a program of theirs, has written anew as YAML;
    None where it does not have our shape."""
    state = State(Table(spill), existed=True, warnings=[BY_HAND])
    try:
        values = yaml.load(data, Loader=_LOADER)
        entries = [*(values["files"] or []), *(values["journal"] or [])]
        _take_head(values, state)
        for entry in entries:
            _take_entry({key: value for key, value in entry.items() if key != "crc"}, state)
    except NewerVersion:
        raise
    except (*_WRONG, RecursionError):
        return None
    return None if state.damaged else state


def _damage(state: State, why: str) -> None:
    if not state.damaged:
        state.warnings.append(f"the state is damaged: {why}")
    state.damaged = True


def _rebuild(state: State, work: Path) -> None:
    found = 0
    on_purpose = (work / CLEANED_MARK).exists()
    spread = work.glob("*/[0-9a-f][0-9a-f]/*")  # in a large job
    for folder in sorted([*work.glob("*/*"), *spread]):
        record = read_record(folder) if not folder.name.startswith(".") else None
        if record and (record.stage, record.source) not in state.records:
            there = all((folder / name).exists() for name, _ in record.sizes())
            record = record._replace(cleaned=on_purpose and not there)
            state.records[(record.stage, record.source)] = record
            found += 1
    if found:
        state.warnings.append(f"{found} results were taken from the artefacts' own records")
