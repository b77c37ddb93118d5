"""How much sound the recordings of a job are, told by what the first step said of each.

In:  the checkpoint, the steps' decisions. Out: seconds by source, for workers and for progress.
"""

from collections.abc import Mapping, Sequence

from pipeline.checkpoint import Checkpoint, Record
from pipeline.plan import ALL, Decision, Planner
from pipeline.workforce import BYTES_PER_S


class Lengths:
    """The lengths of a job's recordings, as far as they are known."""

    def __init__(self, checkpoint: Checkpoint, planner: Planner, first: str) -> None:
        self._checkpoint = checkpoint
        self._planner = planner
        self._first = first  # the step that measures them

    def known_s(self, todo: Sequence[Decision]) -> dict[str, float | None]:
        """Return the seconds by source; of a step over all of them, of all; None: not decoded."""
        known = self._known()
        whole_s = sum(known.values())
        return {d.source: whole_s if d.source == ALL else known.get(d.source) for d in todo}

    def bytes_of(self, todo: Sequence[Decision]) -> dict[str, int]:
        """Return the bytes of the input by source, where there is a file."""
        stamps = {d.source: self._planner.stamp(d.source) for d in todo}
        return {source: stamp[0] for source, stamp in stamps.items() if stamp}

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

    def _known(self) -> dict[str, float]:
        return self._checkpoint.state.records.numbers(self._first, "duration_s")


def guessed_s(known_s: Mapping[str, float | None], sizes: Mapping[str, int]) -> dict[str, float]:
    """Return the seconds by source; of what is not decoded yet, by its bytes."""
    return {
        source: sizes.get(source, 0) / BYTES_PER_S if seconds is None else seconds
        for source, seconds in known_s.items()
    }


def _duration_s(record: Record) -> float:
    duration_s = record.facts.get("duration_s")
    return float(duration_s) if isinstance(duration_s, int | float) else 0.0
