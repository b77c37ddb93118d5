"""What a run asked of the disk, in order; and every disk that a crash may have left of it.

In:  a run on a `RecordingDisk`. Out: `images`: folders as a crash at any place leaves them.
After `kill -9` all that was written is there, and the last write may be torn anywhere. After a
power cut only what was synced is sure: of the rest any part may be there, in any order, and a file
that grew may hold zeros. As SQLite's tests and ALICE do it (Pillai et al., OSDI 2014), with a file
system that promises less than a real one: a folder's entries are sure only once it was synced.
"""

import os
import pickle
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.disk import Disk


@dataclass(frozen=True)
class Operation:
    """One operation that succeeded."""

    name: str
    path: str  # relative to the folder
    to: str = ""  # of a rename or link: the new name, which `path` has got
    data: bytes = b""
    size: int = 0  # of a truncation
    fresh: bool = False  # of an open: the file is new or was emptied
    tree: dict[str, bytes] = field(default_factory=dict)  # of a renamed folder: what is in it


class RecordingDisk(Disk):
    """Writes down every operation under `root`, at once: the run may end at any time."""

    def __init__(self, root: Path, log: Path) -> None:
        super().__init__()
        self._root = root
        self._log = log

    def perform(self, name: str, path: Path, call: Callable[..., Any], *args: Any) -> Any:
        operation = self._as_operation(name, path, args)
        result = super().perform(name, path, call, *args)
        if operation:
            with self._log.open("ab") as file:
                pickle.dump(operation, file)
        return result

    def _as_operation(self, name: str, path: Path, args: tuple[Any, ...]) -> Operation | None:
        if not path.is_relative_to(self._root):
            return None
        inner = str(path.relative_to(self._root))
        if name == "open":
            fresh = bool(args[1] & os.O_TRUNC or (args[1] & os.O_CREAT and not path.exists()))
            return Operation(name, inner, fresh=True) if fresh else None
        if name == "write":
            return Operation(name, inner, data=args[1])
        if name == "truncate":
            return Operation(name, inner, size=args[1])
        if name in ("rename", "link"):
            source = args[0]
            tree = {
                str(each.relative_to(source)): each.read_bytes()
                for each in (source.rglob("*") if source.is_dir() else ())
                if each.is_file()
            }
            return Operation(name, str(source.relative_to(self._root)), inner, tree=tree)
        return Operation(name, inner)


def read_log(log: Path) -> list[Operation]:
    """Return all operations of a log."""
    found = []
    with log.open("rb") as file:
        while file.peek(1):
            found.append(pickle.load(file))
    return found


class _Content:
    """Of one file: what is written, and what is sure."""

    def __init__(self, data: bytes = b"", is_sure: bool = False) -> None:
        self.data = data
        self.sure = data if is_sure else b""


Entries = dict[str, _Content]
Change = Callable[[Entries], None]


class Image:
    """A folder after some operations, with all that is not sure of it yet."""

    def __init__(self) -> None:
        self.entries: Entries = {}
        self._sure: Entries = {}
        self._unsure: list[tuple[set[str], Change]] = []  # (folders, change), in order

    def apply(self, operation: Operation) -> None:
        """Do an operation."""
        path, to = operation.path, operation.to
        if operation.name == "open":
            new = _Content()
            if path in self.entries:  # emptied: the same file
                self.entries[path].data = b""
            else:
                self._change({path}, lambda entries: entries.__setitem__(path, new))
        elif operation.name == "write":
            self.entries[path].data += operation.data
        elif operation.name == "truncate":
            content = self.entries[path]
            content.data = content.data[: operation.size]
        elif operation.name in ("sync", "sync_file"):
            self.entries[path].sure = self.entries[path].data
        elif operation.name == "sync_all":
            self._sync_all()
        elif operation.name == "sync_folder":
            self._sync_folder(path)
        elif operation.name == "link":
            self._change({to}, lambda entries: _link(entries, path, to))
        elif operation.name == "rename":
            self._take_in(operation)
            self._change({path, to}, lambda entries: _rename(entries, path, to))
        elif operation.name == "remove":
            self._change({path}, lambda entries: entries.pop(path, None) and None)

    def killed(self) -> dict[str, bytes]:
        """Return what is there after `kill -9`: everything."""
        return {path: content.data for path, content in self.entries.items()}

    def cut(self, rng: random.Random) -> dict[str, bytes]:
        """Return what may be there after a power cut."""
        share = rng.choice((0.0, 0.3, 0.7, 1.0))
        entries = dict(self._sure)
        for _, change in self._unsure:
            if rng.random() < share:
                change(entries)
        return {path: _cut(content, rng) for path, content in entries.items()}

    def _take_in(self, operation: Operation) -> None:
        """What a stage wrote into a folder was synced by its executor, file by file."""
        for name, data in operation.tree.items():
            path = f"{operation.path}/{name}"
            if path not in self.entries:
                self.entries[path] = self._sure[path] = _Content(data, is_sure=True)

    def _change(self, paths: set[str], change: Change) -> None:
        change(self.entries)
        self._unsure.append(({str(Path(path).parent) for path in paths}, change))

    def _sync_all(self) -> None:
        self._sure, self._unsure = dict(self.entries), []
        for content in self.entries.values():
            content.sure = content.data

    def _sync_folder(self, folder: str) -> None:
        left = []
        for folders, change in self._unsure:
            if folder in folders:
                change(self._sure)
            else:
                left.append((folders, change))
        self._unsure = left


def _link(entries: Entries, source: str, target: str) -> None:
    if source in entries:
        entries[target] = entries[source]


def _rename(entries: Entries, source: str, target: str) -> None:
    if source in entries:
        entries[target] = entries.pop(source)
    for path in [path for path in entries if path.startswith(f"{source}/")]:
        entries[target + path.removeprefix(source)] = entries.pop(path)


def _cut(content: _Content, rng: random.Random) -> bytes:
    """Return a file of which some was not synced: the old, the new, part of it, or zeros in it."""
    sure, data = content.sure, content.data
    if sure == data:
        return data
    if not data.startswith(sure):
        return rng.choice((sure, data))
    size = rng.randint(len(sure), len(data))
    written = data[:size]
    return rng.choice((sure, data, written, sure + bytes(size - len(sure))))


def images(operations: list[Operation], seed: int, cuts: int) -> Iterator[tuple[int, str, Any]]:
    """Yield (n, how it ended, files) for a crash after each operation and amid each write; of power
    cuts `cuts` different ones each."""
    image = Image()
    rng = random.Random(seed)
    for n, operation in enumerate(operations):
        if operation.name == "write":
            before = image.entries[operation.path].data
            for size in range(len(operation.data)):
                torn = image.killed() | {operation.path: before + operation.data[:size]}
                yield n, f"a write torn at byte {size}", torn
        image.apply(operation)
        yield n, "kill -9", image.killed()
        for _ in range(cuts):
            yield n, "power cut", image.cut(rng)
