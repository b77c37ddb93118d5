"""The dataset of a complete run: is it there; put it there; remove what it does not need.

In:  a checkpoint in which all stages are complete. Out: files in the output folder, and the marks
     in the state that make a crash at any point harmless.
"""

import logging
from collections.abc import Sequence

from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Checkpoint
from pipeline.plan import ALL, Planner

log = logging.getLogger(__name__)


class Publication:
    """Of one output folder. `first` and `last`: names of those steps; `stages`: of all stages."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        artefacts: Artefacts,
        first: str,
        last: str,
        stages: Sequence[str],
        *,
        keep_temp: bool,
    ) -> None:
        self._checkpoint = checkpoint
        self._artefacts = artefacts
        self._first = first
        self._last = last
        self._stages = stages
        self._keep_temp = keep_temp

    def stands(self, planner: Planner) -> bool:
        """Return whether a dataset stands that this run could not change. No stage is imported."""
        state = self._checkpoint.state
        if not state.published or set(state.completed) != set(self._stages):
            return False
        known = ((s.key, self._checkpoint.get(self._first, s.key)) for s in planner.sources)
        same = all(r is not None and _are_same(r.stamp, planner.stamp(key)) for key, r in known)
        return same and not state.failures()

    def publish(self) -> None:
        """Link the dataset that was built into the output folder, unless it is there."""
        record = self._checkpoint.get(self._last, ALL)
        if not self._checkpoint.state.published:
            if record is not None and not record.cleaned:
                self._artefacts.dataset.publish(record)
            self._checkpoint.mark("published")
            log.debug("📊 the dataset is published in %s", self._artefacts.out)
        self._checkpoint.snapshot()

    def clean(self) -> None:
        """Remove the sound files that the dataset does not need, also where a crash left some."""
        records = self._checkpoint.state.records
        left = any(r.status == "done" and not r.cleaned for r in records.values())
        if self._keep_temp or not (left or self._artefacts.dataset.is_half_cleaned()):
            return
        # subtle: both marks first, durably; half cleaned must not look damaged
        self._artefacts.dataset.begin_to_clean()
        self._checkpoint.mark("cleaned")
        self._checkpoint.snapshot()
        failed = self._checkpoint.state.failures()
        self._artefacts.dataset.clean(r for r in records.values() if r.source not in failed)


def _are_same(before: tuple[int, int, str] | None, now: tuple[int, int, str] | None) -> bool:
    """Return whether two stamps are of the same bytes; a copy of a file has another time."""
    return before == now or (before is not None and now is not None and "" != before[2] == now[2])
