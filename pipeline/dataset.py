"""The dataset in the output folder, and the end of what it makes superfluous.

    wavs/, metadata.csv, …      the dataset, linked from work/build_dataset/all/
    wavs/.tmp-publishing        a file that is about to replace one there; swept when found
    work/.cleaned               a mark: sound files are gone from `work` since a dataset stands

In:  records of what is done, and their files in `work`. Out: files and links.
Left out: when that is to happen, and what the state says of it (`publication.py`).
"""

import contextlib
import glob
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pipeline.checkpoint import CLEANED_MARK, Record
from pipeline.disk import Disk

WORK = "work"
PARTIAL = ".partial"
DATASET_INDEX = "metadata.jsonl"  # published last: it names the clips of the dataset before
# What a dataset has beside wavs/, where others' files may lie
PUBLISHED = (
    "metadata.csv", DATASET_INDEX, "README.md", "report.html", "spectrograms.js", "rejected.jsonl",
    "speakers.json", "kokoro", "styletts2", "huggingface",
)  # fmt: skip
_TEMP = ".tmp-publishing"
ANY_PUBLISHING = (_TEMP, f"*/{_TEMP}", f"*/*/{_TEMP}")
_CLEANING = b"not all of it yet\n"  # in the mark of cleaned folders


class Dataset:
    """The dataset of one output folder."""

    def __init__(self, out: Path, disk: Disk, poll: Callable[[], None]) -> None:
        self._out = out
        self._disk = disk
        self._poll = poll  # called between two files: raises where the run is to stop

    def publish(self, record: Record) -> None:
        """Make the dataset in `work` the one in the output folder, file by file; clips of the
        dataset before it that are no longer in it are removed. Repeating it does no harm."""
        source = self._out / record.folder
        stale = set(self._indexed_clips()).difference(name for name, _ in record.sizes())
        folders = set()
        for name, _ in record.sizes():  # no Path, no list: they are 1 KB and 0.1 KB a clip
            if name != DATASET_INDEX:
                self._publish_file(source / name, self._out / name)
                folders.add(os.path.dirname(name))  # noqa: PTH120
        if any(name == DATASET_INDEX for name, _ in record.sizes()):
            for clip in stale:  # the old index names what is stale: last to go
                self._disk.remove(self._out / clip)
            self._publish_file(source / DATASET_INDEX, self._out / DATASET_INDEX)
            folders.add("")
        for folder in folders:
            self._disk.sync_folder(self._out / folder)

    def begin_to_clean(self) -> None:
        """Leave a mark; without a state file, half cleaned must not look damaged."""
        mark = self._out / WORK / CLEANED_MARK
        # subtle: written anew, it is empty for an instant, which means that all is cleaned
        if self.is_half_cleaned():
            self._disk.sync_file(mark)
        else:
            self._disk.write_file(mark, [_CLEANING])
        self._disk.sync_folder(self._out / WORK)

    def is_half_cleaned(self) -> bool:
        """Return whether a crash came between the first and the last file to be removed."""
        mark = self._out / WORK / CLEANED_MARK
        return mark.exists() and mark.read_bytes() == _CLEANING

    def clean(self, records: Iterable[Record]) -> None:
        """Remove the sound files that the finished dataset does not need any more.

        The JSON beside them stays: it is small, and a later run with new recordings, or one
        without a state file, goes on from it.
        """
        for record in records:
            for name, _ in record.sizes():
                self._poll()
                self._clean_file(self._out / record.folder / name, self._out / name)
        self._disk.remove_tree(self._out / WORK / PARTIAL)
        self._disk.sync_all(self._out)  # the mark must not outlive a file that came back
        self._disk.write_file(self._out / WORK / CLEANED_MARK, [])

    def _clean_file(self, path: Path, published: Path) -> None:
        stands = published.exists() or (self._out / "wavs" / path.name).exists()
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
        temp = target.with_name(_TEMP)
        self._disk.remove(temp)
        self._disk.link(source, temp)
        self._disk.move(temp, target)

    def _indexed_clips(self) -> Iterator[str]:
        """Yield the clips of the dataset that stands, and their copies in huggingface/."""
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            for line in (self._out / DATASET_INDEX).read_text(encoding="utf-8").splitlines():
                name = Path(str(json.loads(line)["file_name"]))
                if name.parent == Path("wavs"):
                    yield str(name)
                    for copy in sorted(self._out.glob(f"huggingface/*/{glob.escape(name.name)}")):
                        yield str(copy.relative_to(self._out))
