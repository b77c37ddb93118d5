"""What a step has to do with each recording, and why; packed: 45 bytes a file instead of 300.

In:  decisions, one file after the other. Out: the same, in the order given or in another one.
"""

import copy
from array import array
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from pipeline.sources import Source

FAILED_BEFORE = "it failed before"
_DIGEST = 32  # bytes of a fingerprint


@dataclass(frozen=True, slots=True)
class Decision:
    """What a step has to do with a file (or, if collective, with all of them); what it reads is
    told by `Planner.items`."""

    source: str
    name: str
    origin: str
    fingerprint: str
    why: str  # "" means: it is done, skip it
    stands: bool = False  # a record says that it is done, whatever is to be done now


class Decisions(Sequence[Decision]):
    """The decisions of a step over some sources; those chosen of them, or in another order, share
    what is kept of them."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._numbers = array("I")
        self._fingerprints = bytearray()
        self._stands = bytearray()
        self._whys: dict[str, int] = {}
        self._why_of = bytearray()
        self._places = array("I")  # of these decisions, in their order

    def add(self, number: int, fingerprint: str, why: str, stands: bool) -> None:
        """Add what is to be done with a source. `fingerprint`: a sha256 in hexadecimal; of reasons
        there are few."""
        self._places.append(len(self._numbers))
        self._numbers.append(number)
        self._fingerprints += bytes.fromhex(fingerprint)
        self._stands.append(stands)
        self._why_of.append(self._whys.setdefault(why, len(self._whys)))

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Decision: ...
    @overload
    def __getitem__(self, index: slice) -> list[Decision]: ...
    def __getitem__(self, index: int | slice) -> Decision | list[Decision]:
        if isinstance(index, slice):
            return [self._decision(place) for place in self._places[index]]
        return self._decision(self._places[index])

    def __iter__(self) -> Iterator[Decision]:
        return map(self._decision, self._places)

    def chosen(self, wanted: Callable[[Decision], bool]) -> "Decisions":
        """Return those that are wanted."""
        pairs = zip(self._places, self, strict=True)
        return self._at(array("I", (place for place, decision in pairs if wanted(decision))))

    def without(self, sources: Container[str]) -> "Decisions":
        """Return those of other sources."""
        return self.chosen(lambda decision: decision.source not in sources)

    def in_order(self, ranks: Sequence[float]) -> "Decisions":
        """Return them in the order of their ranks; those of the same rank stay as they are."""
        order = sorted(range(len(ranks)), key=ranks.__getitem__)
        return self._at(array("I", (self._places[number] for number in order)))

    def _at(self, places: "array[int]") -> "Decisions":
        other = copy.copy(self)
        other._places = places
        return other

    def _decision(self, place: int) -> Decision:
        source = self._sources[self._numbers[place]]
        fingerprint = self._fingerprints[place * _DIGEST : (place + 1) * _DIGEST].hex()
        why = next(why for why, code in self._whys.items() if code == self._why_of[place])
        stands = bool(self._stands[place])
        return Decision(source.key, source.name, source.origin, fingerprint, why, stands)
