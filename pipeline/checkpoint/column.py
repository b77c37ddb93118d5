"""The lines of one stage, by recording: kept compressed, some at a time, in the order they came.

In:  numbers of recordings, lines with their newlines. Out: the same lines, byte for byte.
Why: a line is 0.6 KB, most of it said in the line before; together they are a quarter (what is left
     is digests). A million lines are 0.15 GB, and take 3 s more to read.
Where: in memory, in a large job beyond that (spill.py). Not as offsets into the state file: what is
     known must outlive whatever somebody does to it during a run, and a snapshot moves all lines.
"""

import functools
import zlib
from array import array
from collections.abc import Callable, Iterator

from pipeline.checkpoint.spill import Blocks, Spill

LINES_IN_A_BLOCK = 32  # 18 KB; one line is read in 45 us; twice as many are 1% smaller
FASTEST = 1  # zlib's level: 2.7 us a line; level 6 takes 4.5 us and saves another 8%
BLOCKS_READ_AT_MOST = 64  # kept as lines: 1.3 MB
_GONE = b"\n"  # in the place of a line that was removed
_NONE = -1


class Column:
    """number of a recording -> line."""

    def __init__(self, spill: Spill | None = None) -> None:
        self._places = array("i")  # by number: which line; _NONE: it has none
        self._numbers = array("i")  # by place: whose line; _NONE: it was removed
        self._blocks = Blocks(spill or Spill())
        self._last: list[bytes] = []  # lines that do not fill a block yet
        self._removed = 0

    def __len__(self) -> int:
        return len(self._numbers) - self._removed

    def __contains__(self, number: int) -> bool:
        return self._place(number) != _NONE

    def get(self, number: int) -> bytes | None:
        """Return the line of a recording; None if it has none."""
        place = self._place(number)
        if place == _NONE:
            return None
        block, within = divmod(place, LINES_IN_A_BLOCK)
        return (_lines(self._blocks[block]) if block < len(self._blocks) else self._last)[within]

    def put(self, number: int, line: bytes) -> None:
        """Take in a line: in the place of the one before, else at the end."""
        place = self._place(number)
        if place != _NONE:
            self._replace(place, line)
            return
        # subtle: the line first; who is killed by a second signal in here may yet write them all
        self._last.append(line)
        self._numbers.append(number)
        missing = number + 1 - len(self._places)
        self._places.extend([_NONE] * missing)
        self._places[number] = len(self._numbers) - 1
        if len(self._last) == LINES_IN_A_BLOCK:
            self._blocks.append(_packed(self._last))
            self._last = []

    def remove(self, number: int) -> None:
        """Forget the line of a recording that has one."""
        place = self._place(number)
        self._places[number] = self._numbers[place] = _NONE
        self._removed += 1
        self._replace(place, _GONE)

    def numbers(self) -> Iterator[int]:
        """Yield the recordings that have lines now, whatever comes and goes meanwhile."""
        return (number for number in self._numbers[:] if number != _NONE)

    def lines(self) -> Iterator[bytes]:
        """Yield the lines as they are now, whatever comes and goes meanwhile."""
        return (line for line in _all(self._blocks.as_now(), list(self._last)) if line != _GONE)

    def items(self) -> Iterator[tuple[int, bytes]]:
        """Yield (number, line) as they are now."""
        return zip(self.numbers(), self.lines(), strict=True)

    def change(self, changed: Callable[[bytes], bytes]) -> None:
        """Put what `changed` returns in the place of each line."""
        for number in range(len(self._blocks)):
            lines = _unpacked(self._blocks[number])
            self._blocks[number] = _packed(_changed(lines, changed))
        self._last = _changed(self._last, changed)

    def _place(self, number: int) -> int:
        return self._places[number] if number < len(self._places) else _NONE

    def _replace(self, place: int, line: bytes) -> None:
        number, within = divmod(place, LINES_IN_A_BLOCK)
        if number == len(self._blocks):
            self._last[within] = line
            return
        lines = _unpacked(self._blocks[number])
        lines[within] = line
        self._blocks[number] = _packed(lines)


def _changed(lines: list[bytes], changed: Callable[[bytes], bytes]) -> list[bytes]:
    return [line if line == _GONE else changed(line) for line in lines]


def _all(blocks: Blocks, last: list[bytes]) -> Iterator[bytes]:
    for number in range(len(blocks)):
        yield from _unpacked(blocks[number])
    yield from last


def _packed(lines: list[bytes]) -> bytes:
    return zlib.compress(b"".join(lines), FASTEST)


def _unpacked(block: bytes) -> list[bytes]:
    return zlib.decompress(block).splitlines(keepends=True)


_lines = functools.lru_cache(BLOCKS_READ_AT_MOST)(_unpacked)
