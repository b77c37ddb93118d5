"""All records of a state, each kept as the line that says it and decoded when it is asked for.

In:  lines whose checksum is right, and `Record`s. Out: `Record`s; the same lines for a snapshot.
Why: a million decoded records are 2 GB and take 20 s to read; as lines they take 6 s and, packed
(column.py), 0.2 GB, and a snapshot writes them as they are.
"""

import functools
import math
import re
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping

from pipeline.checkpoint.column import Column
from pipeline.checkpoint.lines import LONG, decode, encode, load_text
from pipeline.checkpoint.names import Names
from pipeline.checkpoint.record import ALL, Record
from pipeline.checkpoint.spill import Spill

Key = tuple[str, str]  # (stage, source)
DECODED_AT_MOST = 1 << 11  # records; those of a small job are decoded once, in 5 MB

# Our own lines, whose keys have a fixed order; every other line is decoded whole.
_OURS = re.compile(
    rb'- \{"stage": ("[^"\\]*"), "source": ("[^"\\]*(?:\\.[^"\\]*)*"), '
    rb'"status": "(done|dropped|failed)"'
)
_OUTPUT = re.compile(rb', "output": ("(?:[^"\\]|\\.)*")')
_CRC_TAIL = len(b', "crc": "01234567"}\n')
_DONE = b'", "status": "done"'


class Table(MutableMapping[Key, Record]):
    """(stage, source) -> Record, stage by stage, in the order in which they came."""

    def __init__(self, spill: Spill | None = None) -> None:
        self._spill = spill or Spill()
        self._stages: dict[str, Column] = {}
        self._sources = Names()
        self._failed: dict[Key, None] = {}
        self._dropped: dict[Key, None] = {}

    def __getitem__(self, key: Key) -> Record:
        column, number = self._stages.get(key[0]), self._sources.find(key[1])
        line = column.get(number) if column is not None and number is not None else None
        if line is None:
            raise KeyError(key)
        return _record(line)

    def __setitem__(self, key: Key, record: Record) -> None:
        self._put(key, record.status, encode(record.to_event()))

    def __delitem__(self, key: Key) -> None:
        number = self._sources.find(key[1])
        if number is None or key not in self:
            raise KeyError(key)
        self._failed.pop(key, None)
        self._dropped.pop(key, None)
        self._stages[key[0]].remove(number)

    def __contains__(self, key: object) -> bool:
        stage, source = key if isinstance(key, tuple) else (None, None)
        if stage not in self._stages or not isinstance(source, str):
            return False
        number = self._sources.find(source)
        return number is not None and number in self._stages[stage]

    def __iter__(self) -> Iterator[Key]:
        # subtle: over copies, a stage's at a time: some records go while one looks at all
        for stage, column in list(self._stages.items()):
            for number in column.numbers():
                yield stage, self._sources[number]

    def __len__(self) -> int:
        return sum(map(len, self._stages.values()))

    def take_line(self, line: bytes) -> bool:
        """Take in a snapshot's line as it is, newline and all; False where it has to be read with
        more care."""
        found = _OURS.match(line)
        if found is None or line[-_CRC_TAIL:] != _crc_tail(line) or b"\r" in line:
            return False
        self._put((load_text(found[1]), load_text(found[2])), found[3].decode(), line)
        return True

    def of(self, stage: str) -> Iterator[Record]:
        """Yield the records of a stage."""
        return map(_record, self._lines(stage))

    def failed(self) -> list[Record]:
        """Return the records of all that failed."""
        return [self[key] for key in self._failed]

    def change(self, changed: Callable[[Record], Record]) -> None:
        """Put what `changed` returns in the place of each record; key and status stay."""
        for column in self._stages.values():
            column.change(lambda line: encode(changed(_decoded(line)).to_event()))

    def lines(self) -> Iterator[bytes]:
        """Yield the line of each record."""
        for column in self._stages.values():
            yield from column.lines()

    def outputs(self, stage: str) -> Iterator[bytes]:
        """Yield the output of each done record of a stage, as a JSON string."""
        for line in self._lines(stage):
            if _DONE in line and (found := _OUTPUT.search(line)):
                yield found[1]

    def counts(self) -> dict[str, int]:
        """Return how many records there are of each status."""
        dropped, failed = len(self._dropped), len(self._failed)
        return {"done": len(self) - dropped - failed, "dropped": dropped, "failed": failed}

    def counts_by_stage(self) -> dict[str, dict[str, int]]:
        """Return the same for each stage."""
        dropped = Counter(stage for stage, _ in self._dropped)
        failed = Counter(stage for stage, _ in self._failed)
        return {
            stage: {
                "done": len(column) - dropped[stage] - failed[stage],
                "dropped": dropped[stage],
                "failed": failed[stage],
            }
            for stage, column in self._stages.items()
        }

    def lost(self, stage: str) -> Iterator[str]:
        """Yield the sources that a stage has dropped or failed."""
        return (source for at, source in (*self._dropped, *self._failed) if at == stage)

    def numbers(self, stage: str, name: str) -> Mapping[str, float]:
        """Return source -> the number called `name` in its record or among its facts, where it has
        one now. Its line is searched, not decoded: 3 s for a million."""
        number = re.compile(rb'"%s": ([0-9.]+)[,}]' % name.encode())  # in a text, \" stands for "
        values = array("d", [math.nan]) * len(self._sources)
        for at, line in self._stages[stage].items() if stage in self._stages else ():
            if found := number.search(line):
                values[at] = float(found[1])
        return _Numbers(self._sources, values)

    def sources_of(self, stage: str) -> Iterator[str]:
        """Yield the recordings that a stage has records of."""
        numbers = self._stages[stage].numbers() if stage in self._stages else iter(())
        return (self._sources[number] for number in numbers)

    def sources(self) -> int:
        """Return how many recordings have records; ALL is none."""
        found = {number for column in self._stages.values() for number in column.numbers()}
        return len(found - {self._sources.find(ALL)})

    def _lines(self, stage: str) -> Iterator[bytes]:
        return self._stages[stage].lines() if stage in self._stages else iter(())

    def _put(self, key: Key, status: str, line: bytes) -> None:
        self._failed.pop(key, None)
        self._dropped.pop(key, None)
        stage, source = key
        number = self._sources.add(source)
        self._stages.setdefault(stage, Column(self._spill)).put(number, line)
        if status != "done":
            (self._failed if status == "failed" else self._dropped)[key] = None


class _Numbers(Mapping[str, float]):
    """source -> number, of those that have one: 8 bytes each."""

    def __init__(self, sources: Names, values: "array[float]") -> None:
        self._sources = sources
        self._values = values  # by number of a recording; nan: it has none
        self._length = sum(not math.isnan(value) for value in values)

    def __getitem__(self, source: str) -> float:
        number = self._sources.find(source)
        if number is None or number >= len(self._values) or math.isnan(self._values[number]):
            raise KeyError(source)
        return self._values[number]

    def __iter__(self) -> Iterator[str]:
        found = enumerate(self._values)
        return (self._sources[number] for number, value in found if not math.isnan(value))

    def __len__(self) -> int:
        return self._length


def _crc_tail(line: bytes) -> bytes:
    return b', "crc": "%08x"}\n' % zlib.crc32(line[2:-_CRC_TAIL] + b"}")


def _decoded(line: bytes) -> Record:
    return Record.from_event(decode(line[:-1])[0])


_remembered = functools.lru_cache(DECODED_AT_MOST)(_decoded)


def _record(line: bytes) -> Record:
    """Return what a line says; what a long one says is not remembered."""
    return _remembered(line) if len(line) <= LONG else _decoded(line)
