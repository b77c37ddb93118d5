"""One job from the command line to its exit code: lock, agreement, checkpoint, sources, run.

In:  a `Request`. Out: the exit code; everything that was opened is closed, whatever happened.
Left out: flags and prompts (`cli.py`), what holds for the run (`agreement.py`), the flow
(`runner.py`).
"""

import contextlib
import copy
import functools
import logging
from collections.abc import Iterator
from pathlib import Path

from pipeline.agreement import (
    Agreement,
    Request,
    WrongUse,
    agree,
    agreed_without_weights,
    has_checkpoint,
    has_results,
    keep,
)
from pipeline.artefacts import Artefacts
from pipeline.checkpoint import STATE_FILE, Checkpoint
from pipeline.claim import claim
from pipeline.console import log_to_file
from pipeline.disk import Disk
from pipeline.disk_errors import explain
from pipeline.dispatch import LowDisk
from pipeline.exits import RunFailed
from pipeline.flow import views
from pipeline.forecast import certainly_fits, foresee, free_bytes, require_room
from pipeline.intake import Intake
from pipeline.lock import Lock, LostLock
from pipeline.plan import Planner
from pipeline.restart import begin_restart, finish_restart
from pipeline.runner import Runner
from pipeline.sources import Roster, Stamps, discover
from pipeline.stopping import Interrupted, Stopper

log = logging.getLogger(__name__)


def run_job(request: Request) -> int:
    """Do what was asked for; return the exit code.

    Raises Locked, WrongUse, RunFailed, LostLock, NewerVersion, OSError, Interrupted.
    """
    stopper = Stopper()
    agreed = (
        None if request.out.exists() else _agreed(request, stopper)
    )  # wrong use makes no folder
    request.disk.make_folders(request.out)
    lock = Lock(request.out, request.command, request.disk, request.lock_timeout_s)
    on_lock = request.given.get("on_lock", "ask")
    try:
        with stopper.working():  # it may wait for hours
            stale = claim(lock, on_lock, request.lock_timeout_s, request.ask)
        stopper.before_forced_exit(functools.partial(_remove_lock, lock, request.disk))
        if stale is not None:
            log.info("🔒 Found stale lock file (PID: %d not running)", stale.pid)
            log.info("🧹 Cleaning up stale lock file...")
        log.debug("🔒 Locked %s", lock.path)
        return _run_locked(request, agreed, lock, stopper)
    finally:
        lock.release()


def _remove_lock(lock: Lock, disk: Disk) -> None:
    """Remove the lock file but keep the flock, which goes with the process."""
    lock.check()
    disk.remove(lock.path)


def _agreed(request: Request, stopper: Stopper) -> Agreement:
    """Return what holds for the run; what cannot be read is said before anything is touched."""
    with stopper.working():  # it may fetch weights; nothing of ours is changed
        agreed = agree(request)
        if request.mode == "start" and has_results(request.out):
            raise WrongUse(f"{request.out} holds a checkpoint by now; --resume goes on with it")
        if request.mode in ("start", "restart"):
            discover(agreed.inputs)
    return agreed


def _run_locked(request: Request, agreed: Agreement | None, lock: Lock, stopper: Stopper) -> int:
    steps = [step.name for step in request.flow]
    finish_restart(request.out, steps, request.disk)
    if request.mode == "rebuild":  # what cannot be is said before the list of clips changes
        agreed_without_weights(request)
    request.prepare()
    if agreed is None or has_checkpoint(request.out):  # another run may have been here by now
        agreed = _agreed(request, stopper)
    if request.mode == "restart" and has_checkpoint(request.out):
        begin_restart(request.out, agreed.configuration, request.disk)
        finish_restart(request.out, steps, request.disk)
    with _logging_to(request.out), _opened(request, lock, stopper) as checkpoint:
        return _run_open(request, agreed, checkpoint, stopper)


@contextlib.contextmanager
def _logging_to(out: Path) -> Iterator[None]:
    log_handler = log_to_file(out)
    try:
        yield
    except Exception as err:
        log.debug("the run ends with %s: %s", type(err).__name__, err, exc_info=True)
        raise
    finally:
        logging.getLogger("pipeline").removeHandler(log_handler)
        with contextlib.suppress(OSError):  # what a full disk keeps from the log is lost
            log_handler.close()


def _opened(request: Request, lock: Lock, stopper: Stopper) -> Checkpoint:
    with stopper.working():  # a large state takes its time; what is half done is as after a crash
        return Checkpoint.open(
            request.out,
            views=views(request.flow),
            interval=request.interval,
            disk=request.disk,
            guard=lock.check,
        )


def _run_open(request: Request, agreed: Agreement, checkpoint: Checkpoint, stopper: Stopper) -> int:
    for warning in checkpoint.state.warnings:
        log.warning("⚠️ %s: %s", STATE_FILE, warning)
    resumes = bool(checkpoint.state.records)
    log.info("🚀 Starting pipeline...")
    if resumes:
        log.info("📂 Resuming from checkpoint...")
    stopper.before_forced_exit(checkpoint.drop_hands)
    try:
        runner, size = _runner(request, agreed, checkpoint, stopper)
        if request.mode == "rebuild":  # that needs no room to speak of
            return runner.rebuild()
        return runner.run(functools.partial(_require_room, request, agreed, checkpoint, size))
    except (RunFailed, LowDisk, OSError):
        with contextlib.suppress(OSError, LostLock):
            checkpoint.drop_hands()
        raise
    except Interrupted as stop:
        _save_before_stop(checkpoint)
        log.info("🛑 Stopped by %s; the checkpoint is saved, --resume goes on from here", stop)
        raise


def _runner(
    request: Request, agreed: Agreement, checkpoint: Checkpoint, stopper: Stopper
) -> tuple[Runner, int]:
    """Return who does the job, and how many bytes its recordings are."""
    keep(request, agreed, checkpoint)
    artefacts = Artefacts(request.out, request.disk, stopper.check)
    sources, stamps = _recordings(request, agreed, checkpoint, artefacts, stopper)
    checkpoint.expect(len(sources))
    artefacts.expect(len(sources))
    planner = Planner(sources, stamps, checkpoint, artefacts, agreed.excluded)
    runner = Runner(agreed.settings, checkpoint, artefacts, planner, stopper, request.flow)
    return runner, sum(stamps.sizes())


def _recordings(
    request: Request,
    agreed: Agreement,
    checkpoint: Checkpoint,
    artefacts: Artefacts,
    stopper: Stopper,
) -> tuple[Roster, Stamps]:
    """Return the recordings of the job and their stamps; what more the intake knew is let go."""
    steps = [step.name for step in request.flow]
    intake = Intake(checkpoint, artefacts, steps, agreed.settings.prune)
    if request.mode == "rebuild":
        return intake.known()
    return intake.take_in(agreed.inputs, stopper.working)


def _require_room(request: Request, agreed: Agreement, checkpoint: Checkpoint, size: int) -> None:
    """Raise LowDisk where the job would not fit on the disk: looked at before anything is made."""
    free, settings, first = free_bytes(request.out), agreed.settings, request.flow[0].name
    if not certainly_fits(checkpoint.state, size, first, free, settings):
        state = copy.deepcopy(checkpoint.state)  # its lines are shared: it takes little
        found = foresee(request.out, state, settings, agreed.inputs, request.flow)
        require_room(request.out, found.needed_bytes, free, settings)


def _save_before_stop(checkpoint: Checkpoint) -> None:
    try:
        checkpoint.drop_hands()
        checkpoint.snapshot()
    except OSError as err:  # every result stands in the journal already
        log.warning("⚠️ the last snapshot could not be written: %s", explain(err))
