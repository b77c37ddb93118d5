"""The recordings of a job, packed: 0.1 KB each; as objects, lists and dicts they would be 0.9.

In:  `Source`s in the order of their keys; a `Stamp` of each. Out: the same, made anew whenever they
     are asked for, and found by key.
How: texts one behind the other in UTF-8, in which keys sort as they do as text, so that one is
     found by halving; numbers and digests in arrays.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

_OWN = 0  # in the place of what an origin begins with: it does not end like its key
_DIGEST = 32  # bytes of a sha256
_MOST = 2**63 - 1  # what an array holds


@dataclass(frozen=True, slots=True)
class Source:
    """One recording of the job."""

    key: str  # stable and unique, for people: "interviews/take 3.mp3"
    name: str  # unique as a folder: "take-3-1f3a09bc", [a-z0-9-]
    origin: str  # where its bytes are: an absolute path, or a URL (may hold secrets: do not log)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The identity of a source's bytes; sha256 is "" for what cannot be read."""

    bytes: int
    mtime_ns: int
    sha256: str


class Roster(Sequence[Source]):
    """Recordings in the order of their keys; ValueError for any other order."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._texts = bytearray()  # key, name and, if it is its own, origin
        self._ends = array("Q", [0])
        self._keys = array("I")  # bytes
        self._names = array("I")  # bytes
        self._roots = {"": _OWN}  # what origins have before their key
        self._root_of = array("I")
        last: str | None = None
        for source in sources:
            if last is not None and source.key <= last:
                raise ValueError(f"not in the order of their keys: {source.key} behind {last}")
            self._add(source)
            last = source.key
        self._root_texts = list(self._roots)

    def __len__(self) -> int:
        return len(self._root_of)

    @overload
    def __getitem__(self, index: int) -> Source: ...
    @overload
    def __getitem__(self, index: slice) -> list[Source]: ...
    def __getitem__(self, index: int | slice) -> Source | list[Source]:
        if isinstance(index, slice):
            return [self._source(number) for number in range(*index.indices(len(self)))]
        return self._source(range(len(self))[index])  # from the end, too; IndexError beyond it

    def __iter__(self) -> Iterator[Source]:
        return map(self._source, range(len(self)))

    def find(self, key: str) -> int | None:
        """Return which recording has a key; None if none has."""
        wanted, low, high = _encoded(key), 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._key(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self) and self._key(low) == wanted else None

    def _add(self, source: Source) -> None:
        key, name, origin = source.key, source.name, source.origin
        root = origin.removesuffix(key) if key and origin.endswith(key) else ""
        parts = [_encoded(part) for part in (key, name, "" if root else origin)]
        self._texts += b"".join(parts)
        self._keys.append(len(parts[0]))
        self._names.append(len(parts[1]))
        self._root_of.append(self._roots.setdefault(root, len(self._roots)))
        self._ends.append(len(self._texts))

    def _source(self, number: int) -> Source:
        text = self._texts[self._ends[number] : self._ends[number + 1]]
        name_at = self._keys[number]
        rest_at = name_at + self._names[number]
        key, name, rest = map(_decoded, (text[:name_at], text[name_at:rest_at], text[rest_at:]))
        root = self._root_of[number]
        return Source(key, name, rest if root == _OWN else self._root_texts[root] + key)

    def _key(self, number: int) -> bytearray:
        begin = self._ends[number]
        return self._texts[begin : begin + self._keys[number]]


class Stamps(Mapping[str, Stamp]):
    """key -> stamp of the recordings of a roster; None in the place of one that has none."""

    def __init__(self, roster: Roster, stamps: Iterable[Stamp | None] = ()) -> None:
        self._roster = roster
        self._sizes, self._times = array("q"), array("q")
        self._digests = bytearray()
        self._others: dict[int, Stamp | None] = {}  # those that do not fit in there
        for number, stamp in enumerate(stamps):
            self._add(number, stamp)

    def __getitem__(self, key: str) -> Stamp:
        number = self._roster.find(key)
        stamp = None if number is None else self._stamp(number)
        if stamp is None:
            raise KeyError(key)
        return stamp

    def __iter__(self) -> Iterator[str]:
        stamped = (number for number in range(len(self._sizes)) if self._stamp(number))
        return (self._roster[number].key for number in stamped)

    def __len__(self) -> int:
        return len(self._sizes) - sum(stamp is None for stamp in self._others.values())

    def sizes(self) -> Iterator[int]:
        """Yield the bytes of each."""
        found = map(self._stamp, range(len(self._sizes)))
        return (stamp.bytes for stamp in found if stamp)

    def _add(self, number: int, stamp: Stamp | None) -> None:
        digest = _digest_of(stamp)
        if stamp is None or digest is None:
            self._others[number] = stamp
            stamp, digest = Stamp(0, 0, ""), bytes(_DIGEST)
        self._sizes.append(stamp.bytes)
        self._times.append(stamp.mtime_ns)
        self._digests += digest

    def _stamp(self, number: int) -> Stamp | None:
        if number in self._others:
            return self._others[number]
        digest = self._digests[number * _DIGEST : (number + 1) * _DIGEST]
        return Stamp(self._sizes[number], self._times[number], digest.hex())


def _digest_of(stamp: Stamp | None) -> bytes | None:
    """Return the bytes of a stamp's digest; None where it, or a number of it, is not as usual."""
    if stamp is None or max(abs(stamp.bytes), abs(stamp.mtime_ns)) > _MOST:
        return None
    try:
        digest = bytes.fromhex(stamp.sha256)
    except ValueError:
        return None
    return digest if len(digest) == _DIGEST and digest.hex() == stamp.sha256 else None


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decoded(text: bytearray) -> str:
    return text.decode("utf-8", "surrogatepass")
