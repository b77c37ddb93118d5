"""What came of a file, kept: its artefact in its place, then its line in the checkpoint.

In:  outcomes of tasks. Out: records; RunFailed where it makes no sense to go on.
Left out: who did the work (`dispatch.py`); what is done next (`runner.py`).
"""

import itertools
import logging
from pathlib import Path

from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Checkpoint, Record
from pipeline.console import safe
from pipeline.executors import Outcome
from pipeline.exits import RunFailed
from pipeline.lock import boot_id
from pipeline.packed import few_or_packed
from pipeline.plan import ALL, Decision, Planner, Step

log = logging.getLogger(__name__)


class Results:
    """Of one run. `first`: the step that measures the input; `max_failures_in_a_row`: of files in a
    step; as many are not the files' fault."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        artefacts: Artefacts,
        planner: Planner,
        first: str,
        max_failures_in_a_row: int,
    ) -> None:
        self._checkpoint = checkpoint
        self._artefacts = artefacts
        self._planner = planner
        self._first = first
        self._max_failures_in_a_row = max_failures_in_a_row
        self._failures_in_a_row = 0

    def begin(self) -> None:
        """Count failures anew: another step begins."""
        self._failures_in_a_row = 0

    def record_of(self, step: Step, decision: Decision, outcome: Outcome) -> Record:
        """Return what is to be recorded; RunFailed where the step itself cannot work."""
        if outcome.status == "halted":
            log.debug("%s", outcome.traceback)
            where = "" if decision.source == ALL else f" at {safe(decision.source)}"
            raise RunFailed(f"{step.name} stopped{where}: {outcome.reason}")
        return Record(
            stage=step.name,
            source=decision.source,
            status=outcome.status,
            fingerprint=decision.fingerprint,
            output=outcome.output,
            bytes=outcome.files[0][1] if outcome.files else 0,  # the main file comes first
            digest=outcome.digest,
            files=few_or_packed(itertools.islice(outcome.files, 1, None)),
            seconds=outcome.seconds,
            facts=outcome.facts,
            reason=outcome.reason,
            traceback=outcome.traceback,
            stamp=self._planner.stamp(decision.source) if step.name == self._first else None,
            drops=tuple(outcome.drops.items()),
            boot=boot_id(),
        )

    def keep(self, record: Record, temp: Path, name: str) -> None:
        """Keep what was made in `temp` as `name`; RunFailed where too much fails."""
        if record.status == "failed":
            self._keep_failure(record, temp)
            return
        self._failures_in_a_row = 0
        self._checkpoint.save(self._artefacts.commit(temp, name, record))
        log.debug("💾 Saved: %s %s in %.1f s", record.stage, record.source, record.seconds)
        if record.status == "dropped":
            log.info("🚮 Dropped: %s: %s", record.source, record.reason)

    def _keep_failure(self, record: Record, temp: Path) -> None:
        self._checkpoint.save(record)
        self._artefacts.drop(temp)
        log.debug("%s", record.traceback)
        if record.source == ALL:
            raise RunFailed(f"{record.stage}: {record.reason}")
        log.error("❌ Failed: %s: %s", record.source, record.reason)
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= self._max_failures_in_a_row:
            raise RunFailed(
                f"{self._failures_in_a_row} files failed in {record.stage} one after the other, "
                f"the last with: {record.reason}; so it is probably not the files "
                "(--max-failures-in-a-row allows more)"
            )
