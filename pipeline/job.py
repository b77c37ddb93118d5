"""One job from the command line to its exit code: lock, checkpoint, settings, sources, run.

In:  a `Request`. Out: the exit code; everything that was opened is closed, whatever happened.
Left out: flags and prompts (`cli.py`), the flow (`runner.py`).
"""

import base64
import contextlib
import dataclasses
import functools
import importlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline import config, executors, models
from pipeline.artefacts import WORK, Artefacts
from pipeline.checkpoint import STATE_FILE, Checkpoint
from pipeline.claim import claim
from pipeline.config import CONFIG_FILE, Settings
from pipeline.console import log_to_file
from pipeline.disk import Disk, explain
from pipeline.dispatch import LowDisk
from pipeline.intake import take_in
from pipeline.lock import Lock, LostLock
from pipeline.plan import ALL, Planner, Step
from pipeline.restart import RESTART_FILE, begin_restart, finish_restart
from pipeline.runner import FLOW, RunFailed, Runner, views
from pipeline.sources import discover
from pipeline.stopping import Interrupted, Stopper

log = logging.getLogger(__name__)

BASE64 = "base64:"  # before an input that is not UTF-8, where it is stored


class WrongUse(ValueError):
    """What was asked for contradicts itself or what is stored; nothing was touched."""


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    out: Path
    inputs: Sequence[str]
    given: Mapping[str, Any]  # settings given on the command line, by name
    mode: str  # "start", "resume" or "restart"
    command: str
    interval: int = 1  # KOKORO_CHECKPOINT_INTERVAL
    lock_timeout_s: int = 3600  # KOKORO_LOCK_TIMEOUT
    ask: Callable[[str], str] | None = None  # None: there is no terminal
    flow: Sequence[Step] = FLOW
    disk: Disk = field(default_factory=Disk)


def has_checkpoint(out: Path) -> bool:
    """Return whether there is something to resume in `out`."""
    return any((out / name).exists() for name in (STATE_FILE, CONFIG_FILE, RESTART_FILE, WORK))


def run_job(request: Request) -> int:
    """Do what was asked for; return the exit code.

    Raises Locked, WrongUse, RunFailed, LostLock, NewerVersion, OSError, Interrupted.
    """
    stopper = Stopper()
    request.disk.make_folders(request.out)
    lock = Lock(request.out, request.command, request.disk)
    on_lock = request.given.get("on_lock", "ask")
    try:
        with stopper.working():  # it may wait for hours
            stale = claim(lock, on_lock, request.lock_timeout_s, request.ask)
        stopper.before_forced_exit(functools.partial(_remove_lock, lock, request.disk))
        if stale is not None:
            log.info("🔒 Found stale lock file (PID: %d not running)", stale.pid)
            log.info("🧹 Cleaning up stale lock file...")
        log.debug("🔒 Locked %s", lock.path)
        return _run_locked(request, lock, stopper)
    finally:
        lock.release()


def _remove_lock(lock: Lock, disk: Disk) -> None:
    """Remove the lock file but keep the flock, which goes with the process."""
    lock.check()
    disk.remove(lock.path)


def _run_locked(request: Request, lock: Lock, stopper: Stopper) -> int:
    finish_restart(request.out, request.flow[-1].name, request.disk)
    with stopper.working():  # it may fetch weights; nothing of ours is changed
        stored = _stored(request)
        settings, inputs = _agree(request, stored)
        wanted = _configuration(request, stored, settings, inputs)
        if request.mode == "start" and has_checkpoint(request.out):
            raise WrongUse(f"{request.out} holds a checkpoint by now; --resume goes on with it")
        if request.mode != "resume":
            discover(inputs)  # what cannot be read is said before anything is touched
    if request.mode == "restart" and has_checkpoint(request.out):
        begin_restart(request.out, wanted, request.disk)
        finish_restart(request.out, request.flow[-1].name, request.disk)
    with _logging_to(request.out), _opened(request, lock, stopper) as checkpoint:
        return _run_open(request, settings, wanted, checkpoint, stopper)


@contextlib.contextmanager
def _logging_to(out: Path) -> Iterator[None]:
    log_handler = log_to_file(out)
    try:
        yield
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


def _run_open(
    request: Request,
    settings: Settings,
    wanted: Mapping[str, Any],
    checkpoint: Checkpoint,
    stopper: Stopper,
) -> int:
    for warning in checkpoint.state.warnings:
        log.warning("⚠️ %s: %s", STATE_FILE, warning)
    resumes = bool(checkpoint.state.records)
    log.info("🚀 Starting pipeline...")
    if resumes:
        log.info("📂 Resuming from checkpoint...")
    stopper.before_forced_exit(checkpoint.drop_hands)
    try:
        return _runner(request, settings, wanted, checkpoint, stopper).run()
    except (RunFailed, LowDisk, OSError):
        with contextlib.suppress(OSError, LostLock):
            checkpoint.drop_hands()
        raise
    except Interrupted as stop:
        _save_before_stop(checkpoint)
        log.info("🛑 Stopped by %s; the checkpoint is saved, --resume goes on from here", stop)
        raise


def _runner(
    request: Request,
    settings: Settings,
    wanted: Mapping[str, Any],
    checkpoint: Checkpoint,
    stopper: Stopper,
) -> Runner:
    _store(request, wanted, checkpoint)
    inputs = [_readable(text) for text in wanted["inputs"]]
    sources, stamps = take_in(inputs, checkpoint, request.flow[0].name, stopper.working)
    artefacts = Artefacts(request.out, request.disk, stopper.check)
    planner = Planner(sources, stamps, checkpoint, artefacts)
    return Runner(settings, checkpoint, artefacts, planner, stopper, request.flow)


def _save_before_stop(checkpoint: Checkpoint) -> None:
    try:
        checkpoint.drop_hands()
        checkpoint.snapshot()
    except OSError as err:  # every result stands in the journal already
        log.warning("⚠️ the last snapshot could not be written: %s", explain(err))


def _stored(request: Request) -> dict[str, Any] | None:
    """Return the configuration of the run before: the config file's, else the state's own copy."""
    if request.mode == "start" or not has_checkpoint(request.out):
        return None
    stored = config.read_configuration(request.out)
    if stored is None:
        kept = Checkpoint.peek(request.out).configuration
        stored = kept if config.is_configuration(kept) else None
        copy = f"its copy in {STATE_FILE} is taken" if stored else "nor is there a copy of it"
        log.warning("⚠️ %s cannot be read; %s", CONFIG_FILE, copy)
    return stored


def _agree(request: Request, stored: dict[str, Any] | None) -> tuple[Settings, list[str]]:
    """Return the settings and inputs that hold, `auto` resolved; WrongUse where they conflict."""
    given = config.with_absolute_paths(request.given)
    if stored is None:
        if not request.inputs:
            raise WrongUse(f"no input is given, and none is stored in {request.out}")
        settings = dataclasses.replace(Settings(), **given)
    else:
        if request.mode == "resume":
            _refuse_conflicts(request, stored, given)
        settings = config.restored(stored, given)
    config.check(settings)
    for module in _modules(request.flow):
        if hasattr(module, "check"):
            module.check(module.Params(**config.params_for(module.Params, settings)))
    return _resolved(settings), _inputs(request, stored)


def _refuse_conflicts(
    request: Request, stored: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    conflicts = config.conflicts(stored, given, _still_open(request))
    if conflicts:
        raise WrongUse(
            "settings are locked on resume:\n  " + "\n  ".join(conflicts) + "\n"
            "resume without them, or begin anew with --force-restart"
        )


def _still_open(request: Request) -> set[str]:
    """Return the settings of agreements that were not reached yet: the stage may have asked for
    just such a setting."""
    records = Checkpoint.peek(request.out).records
    steps = zip(request.flow, _modules(request.flow), strict=True)
    pending = (
        module.Params
        for step, module in steps
        if getattr(module, "STICKY", False) and (step.name, ALL) not in records
    )
    return {each.name for params in pending for each in dataclasses.fields(params)}


def _modules(flow: Sequence[Step]) -> list[ModuleType]:
    return [importlib.import_module(step.module) for step in flow]


def _inputs(request: Request, stored: Mapping[str, Any] | None) -> list[str]:
    inputs = [_absolute(text) for text in request.inputs]
    kept = [_readable(text) for text in stored["inputs"]] if stored is not None else []
    if request.mode == "resume":
        return list(dict.fromkeys([*kept, *inputs]))
    return inputs or kept


def _resolved(settings: Settings) -> Settings:
    device = executors.devices(settings.device)[0]
    return dataclasses.replace(
        settings, whisper_model=models.resolve_whisper(settings.whisper_model, device)
    )


def _weights(flow: Sequence[Step], settings: Settings) -> dict[str, str]:
    """Return the sha256 of the weights that the stages name; what is missing is fetched now."""
    found: dict[str, str] = {}
    for module in _modules(flow):
        if hasattr(module, "weights"):
            params = module.Params(**config.params_for(module.Params, settings))
            try:
                found |= module.weights(params)
            except models.MissingWeights as err:
                raise RunFailed(str(err)) from err
    return found


def _absolute(text: str) -> str:
    return text if "://" in text else str(Path(text).absolute())


def _storable(text: str) -> str:
    """Return an input as valid Unicode: a path that is not UTF-8 in base64."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return BASE64 + base64.b64encode(os.fsencode(text)).decode()
    return text


def _readable(text: str) -> str:
    if text.startswith(BASE64):
        return os.fsdecode(base64.b64decode(text.removeprefix(BASE64)))
    return text


def _configuration(
    request: Request, stored: Mapping[str, Any] | None, settings: Settings, inputs: Sequence[str]
) -> dict[str, Any]:
    versions = {
        step.name: module.VERSION
        for step, module in zip(request.flow, _modules(request.flow), strict=True)
    }
    same = stored is not None and stored["settings"] == config.locked(settings)
    known = stored.get("weights") if stored is not None and same else None
    weights = known or _weights(request.flow, settings)
    return config.configuration(settings, [_storable(text) for text in inputs], weights, versions)


def _store(request: Request, wanted: Mapping[str, Any], checkpoint: Checkpoint) -> None:
    if config.read_configuration(request.out) != wanted:
        config.write_configuration(request.out / CONFIG_FILE, wanted, request.disk)
    before = checkpoint.state.configuration
    if before.get("steps", wanted["steps"]) != wanted["steps"]:
        checkpoint.mark("outdated")
    if before != wanted:
        checkpoint.configure(wanted)
