"""What is known about one source recording in one step: a line of the state, and record.json."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.checkpoint import lines
from pipeline.packed import few_or_packed

RECORD_FILE = "record.json"
CLEANED_MARK = ".cleaned"  # in work/: sound files were removed on purpose
STATUSES = ("done", "dropped", "failed")
ALL = "*"  # the source of a step over all recordings
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("fingerprint", "output", "digest", "reason", "traceback", "boot"), str),
    "bytes": int,
    "seconds": (int, float),
    "cleaned": bool,
}


class Record(NamedTuple):
    """One result. A tuple, not a dict: a million dicts are 1.1 GB."""

    stage: str  # the step, e.g. "isolate_speakers.survey"
    source: str  # the key of the recording; ALL for a step over all of them
    status: str  # one of STATUSES
    fingerprint: str = ""  # of what the result depends on
    output: str = ""  # its main file, relative to the output folder
    bytes: int = 0  # of the main file
    digest: str = ""  # sha256 over names and contents of all its files
    files: Sequence[tuple[str, int]] = ()  # (name in the artefact's folder, bytes) of the others
    seconds: float = 0.0
    facts: Mapping[str, Any] = {}
    reason: str = ""  # of a drop or failure
    traceback: str = ""
    stamp: tuple[int, int, str] | None = None  # bytes, mtime_ns, sha256 of the input file
    drops: tuple[tuple[str, str], ...] = ()  # (source, reason) that a collective step left out
    boot: str = ""  # boot id of the machine that wrote it: after a power cut, check digests
    cleaned: bool = False  # its sound files were removed after the dataset was complete

    @property
    def folder(self) -> str:
        """The artefact's folder, relative to the output folder."""
        return self.output.rpartition("/")[0] if self.status == "done" else self.output

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Yield (name in the artefact's folder, bytes) of all its files, the main one first."""
        if self.status == "done":
            yield self.output.removeprefix(f"{self.folder}/"), self.bytes
            yield from self.files

    def to_event(self) -> dict[str, Any]:
        """Return what stands in the state: every field that says something."""
        return {
            key: value for key, value in self._asdict().items() if value not in ("", None, (), {})
        }

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Record":
        """Return the record of a line; ValueError where its shape is wrong."""
        known = {key: event[key] for key in cls._fields if key in event}
        if known.get("status") not in STATUSES or not all(
            isinstance(known.get(key), str) for key in ("stage", "source")
        ):
            raise ValueError(f"not a record: {str(dict(event))[:200]}")
        known["files"] = few_or_packed((str(n), int(size)) for n, size in known.get("files", ()))
        if (stamp := known.get("stamp")) is not None:
            known["stamp"] = (int(stamp[0]), int(stamp[1]), str(stamp[2]))
        for key, value in known.items():
            if not isinstance(value, _TYPES.get(key, object)):
                raise ValueError(f"{key} of {known['source']} is {value!r}")
        known["drops"] = tuple((str(name), str(why)) for name, why in known.get("drops", ()))
        if not isinstance(known.setdefault("facts", {}), dict):
            raise ValueError(f"not a mapping: facts of {known['source']}")
        return cls(**known)


def read_record(folder: Path) -> Record | None:
    """Return the record that an artefact holds of itself; None if there is no sound one."""
    try:
        event, intact = lines.decode((folder / RECORD_FILE).read_bytes().rstrip(b"\n"))
        return Record.from_event(event) if intact else None
    # subtle: not every OSError; too many open files say nothing about this one
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, IndexError):
        return None
