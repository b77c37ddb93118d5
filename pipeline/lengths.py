"""How much sound the recordings of a job are, told by what the first step said of each.

In:  the checkpoint, the steps' decisions. Out: seconds by source, for workers and for progress.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from pipeline.checkpoint import Checkpoint, Record
from pipeline.plan import ALL, Decision, Planner

BYTES_PER_S = 16_000  # of a recording that is not decoded yet: 128 kbit/s

V = TypeVar("V")


class Lengths:
    """The lengths of a job's recordings, as far as they are known."""

    def __init__(self, checkpoint: Checkpoint, planner: Planner, first: str) -> None:
        self._checkpoint = checkpoint
        self._planner = planner
        self._first = first  # the step that measures them

    def known_s(self, todo: Sequence[Decision]) -> Mapping[str, float | None]:
        """Return the seconds by source; of a step over all of them, of all; None: not decoded."""
        known = self._known()
        if [one.source for one in todo[:1]] == [ALL]:
            return {ALL: sum(known.values())}
        return _Told(todo, known.get)

    def bytes_of(self, todo: Sequence[Decision]) -> Mapping[str, int]:
        """Return the bytes of the input by source; 0 where there is no file."""
        return _Told(todo, self._bytes)

    def of_record(self, record: Record) -> float:
        """Return how long a recording is; for a step over all of them, how long they all are."""
        if record.source == ALL:
            return sum(self._known().values())
        is_first = record.stage == self._first
        known = record if is_first else self._checkpoint.get(self._first, record.source)
        return _duration_s(known) if known else 0.0

    def done_s(self, stage: str) -> float:
        """Return how much sound went well through the step that is called like a stage."""
        records = self._checkpoint.state.records
        lost, known = set(records.lost(stage)), self._known()
        if (stage, ALL) in records:
            return 0.0 if ALL in lost else sum(known.values())
        well = (s for s in known if s not in lost and (stage, s) in records)
        return sum(known[source] for source in well)

    def _known(self) -> Mapping[str, float]:
        return self._checkpoint.state.records.numbers(self._first, "duration_s")

    def _bytes(self, source: str) -> int:
        stamp = self._planner.stamp(source)
        return stamp[0] if stamp else 0


class _Told(Mapping[str, V]):
    """What somebody tells of each file of a step, asked anew each time: nothing of it is kept."""

    def __init__(self, todo: Sequence[Decision], tell: Callable[[str], V]) -> None:
        self._todo = todo
        self._tell = tell

    def __getitem__(self, source: str) -> V:
        return self._tell(source)

    def __iter__(self) -> Iterator[str]:
        return (decision.source for decision in self._todo)

    def __len__(self) -> int:
        return len(self._todo)


def guessed_s(known_s: Mapping[str, float | None], sizes: Mapping[str, int]) -> "array[float]":
    """Return the seconds of each; of what is not decoded yet, by its bytes."""
    return array(
        "d",
        (
            sizes.get(source, 0) / BYTES_PER_S if seconds is None else seconds
            for source, seconds in known_s.items()
        ),
    )


def _duration_s(record: Record) -> float:
    duration_s = record.facts.get("duration_s")
    return float(duration_s) if isinstance(duration_s, int | float) else 0.0
