"""Where results live on disk, and how they get there: whole or not at all.

    work/<step>/<name>/…        what a step made of a recording, with a record.json of itself
    work/<step>/3f/<name>/…     the same in a job of more than 1,000 recordings: 256 folders of them
    work/<step>/.tmp-<name>/    the same while it is being made; swept when found
    work/.partial/<name>/       what outlives a crash within a step: half a download

In:  private folders that stages have filled, and `Record`s of them. Out: the folders in their
     places; of what is there, what is missing or not as recorded.
Left out: what is to be done (`plan.py`); who does it (`executors/`); the record's line in the
     checkpoint, which comes after (`results.py`); the dataset (`dataset.py`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.checkpoint import RECORD_FILE, Record, read_record
from pipeline.checkpoint.lines import encode
from pipeline.dataset import ANY_PUBLISHING, PARTIAL, WORK, Dataset
from pipeline.digest import folder_digest
from pipeline.disk import Disk

FLAT_UP_TO = 1000  # recordings; more are spread, since people and tools list folders
_TEMP = ".tmp-"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file that the state calls done."""

    path: Path
    what: str  # "Missing file", "Empty file", "Wrong size", "Changed file"


class Artefacts:
    """The `work` folder of one output folder."""

    def __init__(
        self, out: Path, disk: Disk | None = None, poll: Callable[[], None] = lambda: None
    ) -> None:
        self.out = out
        self._disk = disk or Disk()
        self._poll = poll  # called between two files: raises where the run is to stop
        self.dataset = Dataset(out, self._disk, poll)
        self._spreads = False

    def expect(self, recordings: int) -> None:
        """Say how many recordings the job has: new artefacts of a large one are spread. A job that
        grows large keeps those that it has where they are."""
        self._spreads = recordings > FLAT_UP_TO

    def folder(self, step: str, name: str) -> Path:
        """Return where the artefact of a recording in a step lives, or will."""
        new, other = self._places(step, name)
        return other if other.exists() and not new.exists() else new

    def _places(self, step: str, name: str) -> tuple[Path, Path]:
        """Return where an artefact is put, and where it may be since the job was smaller, or
        larger: resuming without its inputs, a job does not know how large it was."""
        above = self.out / WORK / step
        _, _, digits = name.rpartition("-")
        flat, spread = above / name, above / digits[:2] / name
        if digits == name:  # what is made of all recordings together
            return flat, flat
        return (spread, flat) if self._spreads else (flat, spread)

    def scratch(self, name: str) -> Path:
        """Return the folder of a recording that outlives crashes; a stage makes it if it must."""
        return self.out / WORK / PARTIAL / name

    def new_folder(self, step: str, name: str) -> Path:
        """Return a private empty folder to make an artefact in."""
        return self.empty(self.out / WORK / step / f"{_TEMP}{name}")

    def empty(self, temp: Path) -> Path:
        """Return a private folder, empty whatever was in it."""
        self._disk.remove_tree(temp)
        self._disk.make_folders(temp.parent)
        self._disk.make_folder(temp)
        return temp

    def drop(self, temp: Path) -> None:
        """Remove a private folder whose artefact did not come to be."""
        self._disk.remove_tree(temp)

    def commit(self, temp: Path, name: str, record: Record) -> Record:
        """Put a finished artefact in its place, durably; return its record with final paths."""
        final, _ = self._places(record.stage, name)
        placed = record._replace(output=self._relative(final / record.output))
        self._disk.write_file(temp / RECORD_FILE, [encode(placed.to_event())[2:]])
        for folder, _, _ in os.walk(temp):  # the files in it were synced by who wrote them
            self._disk.sync_folder(Path(folder))
        self.remove(record.stage, name)
        self._disk.make_folders(final.parent)
        self._disk.rename(temp, final)
        return placed

    def adopt(self, step: str, source: str, name: str, fingerprint: str) -> Record | None:
        """Return the record of an artefact that was put in place just before a crash, if it is
        whole and what would be made again; a folder that is not is removed.

        subtle: by its digest, not its sizes; it may be one that was just found to be damaged.
        """
        self._poll()
        folder = self.folder(step, name)
        record = read_record(folder)
        expected = (step, source, fingerprint)
        same = record and (record.stage, record.source, record.fingerprint) == expected
        if record and same and not self.problems(record, deep=True):
            return record
        self.remove(step, name)
        return None

    def remove(self, step: str, name: str) -> None:
        """Remove an artefact; a half-removed one is never taken for a whole one."""
        for place in self._places(step, name):
            if place.exists():
                dying = self.out / WORK / step / f"{_TEMP}dying-{name}"
                self._disk.remove_tree(dying)
                self._disk.rename(place, dying)
                self._disk.remove_tree(dying)

    def sweep(self) -> None:
        """Remove the temp files and folders of dead runs."""
        ours = (f"{WORK}/*/{_TEMP}*", *ANY_PUBLISHING, ".pipeline_*.yaml.tmp", ".excluded.txt.tmp")
        for pattern in ours:
            for temp in self.out.glob(pattern):
                self._poll()
                self._disk.remove_tree(temp)

    def problems(self, record: Record, deep: bool = False) -> list[Problem]:
        """Return what is missing, empty or of the wrong size among the files of a record; where
        nothing is and it is to go `deep`, whether their bytes are as recorded."""
        return self._problems_in(self.out / record.folder, record, deep)

    def published_problems(self, record: Record, deep: bool = False) -> list[Problem]:
        """Return what is wrong with the published dataset."""
        return self._problems_in(self.out, record, deep)

    def _problems_in(self, folder: Path, record: Record, deep: bool) -> list[Problem]:
        found = [
            Problem(folder / name, what)
            for name, size in record.sizes()
            if (what := _fault(folder / name, size)) is not None
        ]
        names = (name for name, _ in record.sizes())
        first = next(record.sizes(), None)
        if deep and first and not found and folder_digest(folder, names) != record.digest:
            return [Problem(folder / first[0], "Changed file")]
        return found

    def restore(self, record: Record, deep: bool) -> list[Problem]:
        """Link clips that were cleaned away back from the dataset; return what cannot be had."""
        for name, size in record.sizes():
            path = self.out / record.folder / name
            clip = self.out / "wavs" / path.name
            if not path.exists() and clip.is_file() and clip.stat().st_size == size:
                self.dataset.begin_to_clean()  # there is something to clean again, whatever comes
                self._disk.make_folders(path.parent)
                self._disk.link(clip, path)
        return self.problems(record, deep)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.out).as_posix()


def _fault(path: Path, size: int) -> str | None:
    try:
        found = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):  # any other error says nothing about the file
        return "Missing file"
    if found == size:
        return None
    return "Wrong size" if found else "Empty file"
