"""Many small things in little memory: compressed some at a time, made anew whenever asked for.

In:  plain data. Out: equal things, in the same order. Of 100,000 recordings what a step over all of
     them gets would be a GB, and the list of a dataset's files 40 MB.
"""

import itertools
import operator
import pickle
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar, overload

T = TypeVar("T")

PACKED_TOGETHER = 32  # things; one alone is unpacked in 0.3 ms
FASTEST = 1  # zlib's level
FEW_FILES = 1000  # of an artefact; a dataset may have 200,000


class Packed(Sequence[T]):
    """Go through them once rather than by number."""

    def __init__(self, things: Iterable[T] = ()) -> None:
        self._blocks: list[bytes] = []
        self._length = 0
        left = iter(things)
        while some := list(itertools.islice(left, PACKED_TOGETHER)):
            self._blocks.append(zlib.compress(pickle.dumps(some), FASTEST))
            self._length += len(some)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return (thing for block in self._blocks for thing in self._unpacked(block))

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]  # from the end, too; IndexError beyond it
        return self._unpacked(self._blocks[number // PACKED_TOGETHER])[number % PACKED_TOGETHER]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Packed):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    @staticmethod
    def _unpacked(block: bytes) -> list[T]:
        things: list[T] = pickle.loads(zlib.decompress(block))  # our own, of a moment ago
        return things


def few_or_packed(files: Iterable[T]) -> Sequence[T]:
    """Return an artefact's files as a tuple, or packed where they are many."""
    left = iter(files)
    first = tuple(itertools.islice(left, FEW_FILES + 1))
    return first if len(first) <= FEW_FILES else Packed(itertools.chain(first, left))
