"""Before a run goes on: is everything that the state calls done really there?

In:  the checkpoint and the artefacts. Out: a checkpoint that says nothing untrue.
Left out: damage of the state file itself (`checkpoint/reading.py`); whether the dataset stands
     already (`publication.py`).
"""

import logging
from collections.abc import Sequence

from pipeline.artefacts import Artefacts, Problem
from pipeline.checkpoint import Checkpoint, Record
from pipeline.console import safe
from pipeline.lock import boot_id
from pipeline.stopping import Stopper

log = logging.getLogger(__name__)


class Validator:
    """Holds the records of a flow against the disk. `steps`: their names, in order."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        artefacts: Artefacts,
        steps: Sequence[str],
        stopper: Stopper,
        *,
        verify: bool,
        verbose: bool,
    ) -> None:
        self._stopper = stopper
        self._verify = verify
        self._verbose = verbose
        self._checkpoint = checkpoint
        self._artefacts = artefacts
        self._steps = steps

    def validate(self) -> None:
        """Take out of the state what is not on disk as recorded, so that it is done again."""
        records = self._checkpoint.state.records
        if not records:
            return
        log.info("⚠️ Validating checkpoint files...")
        boots = set()
        for key in records:
            record = records.get(key)  # one after the other: they may be a million
            if record is None:
                continue  # it went with another one of its recording
            boots.add(record.boot)
            with self._stopper.working():  # large files take their time
                problems = self._problems(record)
            self._forget_if(record, problems)
        if boots - {boot_id()}:
            self._checkpoint.mark("verified", boot=boot_id())
        log.info("✅ Checkpoint validated and cleaned")

    def restore_clips(self) -> None:
        """Before a new dataset is built: link the clips that were cleaned away back from the old
        one. What cannot be had from there is done again from its start."""
        # a dataset that was found damaged does not say which clip is: their own digests do
        deep = self._verify or not any(self._checkpoint.records(self._steps[-1]))
        for record in list(self._checkpoint.records(self._steps[-2])):
            self._stopper.check()
            if record.cleaned:
                self._forget_if(record, self._artefacts.restore(record, deep))

    def _problems(self, record: Record) -> list[Problem]:
        # after a power cut a size proves nothing: what was not synced may be zeros
        deep = self._verify or record.boot != boot_id()
        if record.stage == self._steps[-1] and (self._checkpoint.state.published or record.cleaned):
            return self._artefacts.published_problems(record, deep)
        return [] if record.cleaned else self._artefacts.problems(record, deep)

    def _forget_if(self, record: Record, problems: Sequence[Problem]) -> None:
        for problem in problems:
            log.info("❌ %s: %s (removed from state)", problem.what, safe(str(problem.path)))
        if problems:
            self._forget(record)
        elif self._verbose:  # else not even in the log: a nightly run would add a line a file
            log.debug("📂 %s of %s: as recorded", record.stage, safe(record.source))

    def _forget(self, record: Record) -> None:
        """Forget a result; what came of it is redone only if the new one is different (its
        fingerprint tells). What was cleaned away has to begin at the start."""
        steps = self._steps if record.cleaned else [record.stage]
        for step in steps:
            if self._checkpoint.get(step, record.source):
                self._checkpoint.forget(step, record.source, "its files are not as recorded")
