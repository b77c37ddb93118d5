"""Bytes of a large state that need not be in memory: in a file without a name, beside the state.

In:  blocks of bytes. Out: the same, by number. The first MEMORY bytes stay in memory, so a small
     job has no such file; nor has one whose folder takes none: then all stay there.
Why without a name: what is known must outlive whatever somebody does to files during a run; and it
     is gone with the process, however that ends.
How: nothing is ever overwritten, so who goes through all blocks sees them as they were, and copies
     share the file.
"""

import errno
import logging
import os
import tempfile
import weakref
from array import array
from pathlib import Path

log = logging.getLogger(__name__)

MEMORY = 4_000_000  # bytes: of some 15,000 recordings in two stages
_HERE = -1  # in the place of an offset: the block is in memory


class Spill:
    """Where the blocks of one state are put."""

    def __init__(self, folder: Path | None = None, memory: int | None = None) -> None:
        self._folder = folder  # None: memory is all there is
        self._room = MEMORY if memory is None else memory
        self._fd = -1
        self._size = 0

    def __deepcopy__(self, _memo: object) -> "Spill":
        return self

    def put(self, block: bytes) -> int | None:
        """Return where a block was written; None if it is to stay in memory."""
        self._room -= len(block)
        if self._room >= 0 or self._folder is None:
            return None
        try:
            return self._write(block)
        except OSError as err:  # a full disk, a folder that takes no file: memory has room yet
            log.debug("💾 what is known stays in memory from here on: %s", err)
            self._folder = None
            return None

    def get(self, offset: int, size: int) -> bytes:
        """Return a block; OSError where the disk does not give it back."""
        block = os.pread(self._fd, size, offset)
        if len(block) < size:
            raise OSError(errno.EIO, "what was written is not there", str(self._folder))
        return block

    def _write(self, block: bytes) -> int:
        if self._fd < 0:
            self._fd = _nameless(self._folder)
            weakref.finalize(self, os.close, self._fd)
        if os.pwrite(self._fd, block, self._size) < len(block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += len(block)
        return self._size - len(block)


class Blocks:
    """A list of blocks, each of them in memory or spilled."""

    def __init__(self, spill: Spill) -> None:
        self._spill = spill
        self._offsets = array("q")
        self._sizes = array("I")
        self._here: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, number: int) -> bytes:
        offset = self._offsets[number]
        if offset == _HERE:
            return self._here[number]
        return self._spill.get(offset, self._sizes[number])

    def __setitem__(self, number: int, block: bytes) -> None:
        offset = self._put(number, block)
        self._offsets[number], self._sizes[number] = offset, len(block)
        if offset != _HERE:
            self._here.pop(number, None)

    def append(self, block: bytes) -> None:
        """Take in one more."""
        offset = self._put(len(self), block)
        self._sizes.append(len(block))
        self._offsets.append(offset)

    def as_now(self) -> "Blocks":
        """Return them as they are now, whatever comes and goes meanwhile."""
        other = Blocks(self._spill)
        other._offsets, other._sizes = self._offsets[:], self._sizes[:]
        other._here = dict(self._here)
        return other

    def _put(self, number: int, block: bytes) -> int:
        offset = self._spill.put(block)
        if offset is None:
            self._here[number] = block
            return _HERE
        return offset


def _nameless(folder: Path | None) -> int:
    """Return the descriptor of a new file in a folder that has no name there; where the file system
    always gives one, and the process dies before it is taken away, the next run sweeps it."""
    with tempfile.TemporaryFile(dir=folder, prefix=".pipeline_", suffix=".yaml.tmp") as file:
        return os.dup(file.fileno())
