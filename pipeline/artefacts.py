"""Where results live on disk, and how they get there: whole or not at all.

    work/<step>/<name>/…        what a step made of a recording, with a record.json of itself
    work/<step>/3f/<name>/…     the same in a job of more than 1,000 recordings: 256 folders of them
    work/<step>/.tmp-<name>/    the same while it is being made; swept when found
    work/.partial/<name>/       what outlives a crash within a step: half a download
    wavs/, metadata.csv, …      the dataset, linked from work/build_dataset/all/
    wavs/.tmp-publishing        a file that is about to replace one there; swept when found

In:  outcomes of tasks. Out: folders on disk and `Record`s in the checkpoint, in this order.
Left out: what is to be done (`plan.py`); who does it (`executors/`).
"""

import contextlib
import glob
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.checkpoint import CLEANED_MARK, RECORD_FILE, Record, read_record
from pipeline.checkpoint.lines import encode
from pipeline.digest import folder_digest
from pipeline.disk import Disk

WORK = "work"
FLAT_UP_TO = 1000  # recordings; more are spread, since people and tools list folders
DATASET_INDEX = "metadata.jsonl"  # published last: it names the clips of the dataset before
_TEMP = ".tmp-"
_PUBLISHING = f"{_TEMP}publishing"
_ANY_PUBLISHING = (_PUBLISHING, f"*/{_PUBLISHING}", f"*/*/{_PUBLISHING}")
_PARTIAL = ".partial"
_CLEANING = b"not all of it yet\n"  # in the mark of cleaned folders


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
        return self.out / WORK / _PARTIAL / name

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
        ours = (f"{WORK}/*/{_TEMP}*", *_ANY_PUBLISHING, ".pipeline_*.yaml.tmp", ".excluded.txt.tmp")
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
                self.begin_to_clean()  # there is something to clean again, whatever comes
                self._disk.make_folders(path.parent)
                self._disk.link(clip, path)
        return self.problems(record, deep)

    def publish(self, record: Record) -> None:
        """Make the dataset in `work` the one in the output folder, file by file; clips of the
        dataset before it that are no longer in it are removed. Repeating it does no harm."""
        source = self.out / record.folder
        stale = set(self._indexed_clips(self.out)).difference(name for name, _ in record.sizes())
        folders = set()
        for name, _ in record.sizes():  # no Path, no list: they are 1 KB and 0.1 KB a clip
            if name != DATASET_INDEX:
                self._publish_file(source / name, self.out / name)
                folders.add(os.path.dirname(name))  # noqa: PTH120
        if any(name == DATASET_INDEX for name, _ in record.sizes()):
            for clip in stale:  # the old index names what is stale: last to go
                self._disk.remove(self.out / clip)
            self._publish_file(source / DATASET_INDEX, self.out / DATASET_INDEX)
            folders.add("")
        for folder in folders:
            self._disk.sync_folder(self.out / folder)

    def begin_to_clean(self) -> None:
        """Leave a mark; without a state file, half cleaned must not look damaged."""
        mark = self.out / WORK / CLEANED_MARK
        # subtle: written anew, it is empty for an instant, which means that all is cleaned
        if self.is_half_cleaned():
            self._disk.sync_file(mark)
        else:
            self._disk.write_file(mark, [_CLEANING])
        self._disk.sync_folder(self.out / WORK)

    def is_half_cleaned(self) -> bool:
        """Return whether a crash came between the first and the last file to be removed."""
        mark = self.out / WORK / CLEANED_MARK
        return mark.exists() and mark.read_bytes() == _CLEANING

    def clean(self, records: Iterable[Record]) -> None:
        """Remove the sound files that the finished dataset does not need any more.

        The JSON beside them stays: it is small, and a later run with new recordings, or one
        without a state file, goes on from it.
        """
        for record in records:
            for name, _ in record.sizes():
                self._poll()
                self._clean_file(self.out / record.folder / name, self.out / name)
        self._disk.remove_tree(self.out / WORK / _PARTIAL)
        self._disk.sync_all(self.out)  # the mark must not outlive a file that came back
        self._disk.write_file(self.out / WORK / CLEANED_MARK, [])

    def _clean_file(self, path: Path, published: Path) -> None:
        stands = published.exists() or (self.out / "wavs" / path.name).exists()
        is_kept_clip = path.suffix == ".wav" and not stands
        if path.suffix == ".json" or is_kept_clip:
            return
        self._disk.remove(path)
        with contextlib.suppress(OSError):  # the folder of clips, once empty
            self._disk.remove_folder(path.parent)

    def _publish_file(self, source: Path, target: Path) -> None:
        self._poll()
        if target.exists() and target.samefile(source):
            return  # it was published before a crash
        self._disk.make_folders(target.parent)
        temp = target.with_name(_PUBLISHING)
        self._disk.remove(temp)
        self._disk.link(source, temp)
        self._disk.move(temp, target)

    def _indexed_clips(self, folder: Path) -> Iterator[str]:
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            for line in (folder / DATASET_INDEX).read_text(encoding="utf-8").splitlines():
                name = Path(str(json.loads(line)["file_name"]))
                if name.parent == Path("wavs"):
                    yield str(name)
                    for copy in sorted(folder.glob(f"huggingface/*/{glob.escape(name.name)}")):
                        yield str(copy.relative_to(folder))

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
