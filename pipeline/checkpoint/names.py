"""The names of recordings, each kept once and known by a number: 50 bytes each, not 250.

In:  texts. Out: a number for each, in the order in which they came; the texts again.
How: one behind the other in UTF-8, beside a table of numbers by hash: what a dict has, without an
     object for each text and each number. A look takes 1 us.
"""

from array import array
from collections.abc import Iterator

_FREE = -1
_FIRST_SLOTS = 16  # always a power of two, at most two thirds of them taken


class Names:
    """text -> number."""

    def __init__(self) -> None:
        self._texts = bytearray()
        self._ends = array("Q", [0])
        self._slots = array("i", [_FREE]) * _FIRST_SLOTS

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> str:
        return self._encoded(number).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (self[number] for number in range(len(self)))

    def find(self, text: str) -> int | None:
        """Return the number of a text; None if it has none."""
        number = self._slots[self._slot(text.encode("utf-8", "surrogatepass"))]
        return None if number == _FREE else number

    def add(self, text: str) -> int:
        """Return the number of a text, a new one if it has none."""
        encoded = text.encode("utf-8", "surrogatepass")
        slot = self._slot(encoded)
        if self._slots[slot] != _FREE:
            return self._slots[slot]
        number = len(self)
        # subtle: the text first; who is killed by a second signal in here may yet look it up
        self._texts += encoded
        self._ends.append(len(self._texts))
        self._slots[slot] = number
        if 3 * len(self) > 2 * len(self._slots):
            self._grow()
        return number

    def _encoded(self, number: int) -> bytearray:
        return self._texts[self._ends[number] : self._ends[number + 1]]

    def _slot(self, encoded: bytes) -> int:
        """Return where the number of a text is, or would be."""
        last = len(self._slots) - 1
        slot = hash(encoded) & last
        while (number := self._slots[slot]) != _FREE and self._encoded(number) != encoded:
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        slots = array("i", [_FREE]) * (2 * len(self._slots))
        last = len(slots) - 1
        for number in range(len(self)):
            slot = hash(bytes(self._encoded(number))) & last
            while slots[slot] != _FREE:
                slot = (slot + 1) & last
            slots[slot] = number
        self._slots = slots
