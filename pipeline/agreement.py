"""What holds for a run: what was given, held against what is stored of the run before.

In:  a `Request`. Out: an `Agreement`: settings, inputs, and the configuration to store; WrongUse
where given and stored contradict each other. Nothing is touched before that is clear.
"""

import dataclasses
import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline import config, executors, models, stored
from pipeline.artefacts import Artefacts
from pipeline.checkpoint import STATE_FILE, Checkpoint, read_record
from pipeline.config import Settings
from pipeline.dataset import DATASET_INDEX, PUBLISHED, WORK
from pipeline.disk import Disk
from pipeline.environment import checkpoint_interval, lock_timeout_s
from pipeline.exclusions import Excluded, digest_of, read_excluded
from pipeline.exits import RunFailed, WrongUse
from pipeline.flow import FLOW, Step
from pipeline.plan import ALL, ALL_NAME
from pipeline.restart import RESTART_FILE, made_in_work
from pipeline.sources import is_url, public_url
from pipeline.stored import CONFIG_FILE

log = logging.getLogger(__name__)


__all__ = [
    "Agreement",
    "Request",
    "WrongUse",
    "agree",
    "agreed_without_weights",
    "has_checkpoint",
    "has_results",
    "keep",
]


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    out: Path
    inputs: Sequence[str]
    given: Mapping[str, Any]  # settings given on the command line, by name
    mode: str  # "start", "resume", "restart", or "rebuild": the dataset alone, of what is there
    command: str
    ask: Callable[[str], str] | None = None  # None: there is no terminal
    flow: Sequence[Step] = FLOW
    disk: Disk = field(default_factory=Disk)
    prepare: Callable[[], object] = lambda: None  # done under the lock, before what holds is read
    interval: int = field(default_factory=checkpoint_interval)
    lock_timeout_s: int = field(default_factory=lock_timeout_s)


def has_checkpoint(out: Path) -> bool:
    """Return whether there is something to resume in `out`."""
    marks = (STATE_FILE, CONFIG_FILE, RESTART_FILE)
    return any((out / name).exists() for name in marks) or any(made_in_work(out))


def has_results(out: Path) -> bool:
    """Return whether a run made something in `out`: more than its settings and an empty state, as
    one leaves that was refused for want of room."""
    made = (RESTART_FILE, DATASET_INDEX)
    if any((out / name).exists() for name in made) or any(made_in_work(out)):
        return True
    return bool(Checkpoint.peek(out).records)


@dataclass(frozen=True)
class Agreement:
    """What holds for a run."""

    settings: Settings
    inputs: Sequence[str]  # as they were given or stored, absolute; may hold secrets
    configuration: Mapping[str, Any]  # to be stored
    excluded: Excluded = field(default_factory=dict)  # the clips that a person took out


def agree(request: Request) -> Agreement:
    """Return what holds; WrongUse where it cannot. Weights that the stages name are fetched."""
    before = _before(request)
    settings, inputs = _agreed(request, before), _inputs(request, before)
    excluded = read_excluded(request.out)
    configuration = _configuration(request, before, settings, inputs, digest_of(excluded))
    return Agreement(settings, inputs, configuration, excluded)


def agreed_without_weights(request: Request) -> tuple[Settings, list[str]]:
    """Return settings and inputs that would hold, for who only asks; WrongUse where none can."""
    before = _before(request)
    return _agreed(request, before), _inputs(request, before)


def _before(request: Request) -> dict[str, Any] | None:
    """Return the configuration of the run before: the config file's, else the state's own copy."""
    if not has_checkpoint(request.out):
        _refuse_foreign(request.out)
        return None
    if request.mode == "start":
        return None
    before = stored.read_configuration(request.out)
    if before is None:
        kept = Checkpoint.peek(request.out).configuration
        before = kept if stored.is_configuration(kept) else None
        copy = f"its copy in {STATE_FILE} is taken" if before else "nor is there a copy of it"
        log.warning("⚠️ %s cannot be read; %s", CONFIG_FILE, copy)
    return before


def _refuse_foreign(out: Path) -> None:
    """Raise WrongUse where the dataset would take the place of files that no run here made."""
    if found := [name for name in PUBLISHED if (out / name).exists()]:
        names = ", ".join(found)
        raise WrongUse(
            f"{out} holds {names}, which no run of this pipeline made, and which this one would "
            "overwrite: name another --output, or move them away"
        )


def _agreed(request: Request, before: Mapping[str, Any] | None) -> Settings:
    """Return the settings that hold, `auto` resolved; WrongUse where they conflict."""
    given = config.with_absolute_paths(request.given)
    if before is None:
        if not request.inputs:
            raise WrongUse(
                f"no input is given, and none is stored in {request.out}: name recordings (files, "
                "folders, globs, lists or URLs)"
            )
        settings = dataclasses.replace(Settings(), **given)
    else:
        if request.mode == "resume":
            _refuse_conflicts(request, before, given)
        settings = stored.restored(before, given)
    config.check(settings)
    for step, module in zip(request.flow, _modules(request.flow), strict=True):
        if hasattr(module, "check") and not _is_reached(request, step, module):
            module.check(module.Params(**config.params_for(module.Params, settings)))
    return _resolved(settings)


def _refuse_conflicts(
    request: Request, before: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    if not stored.conflicts(before, given, set()):
        return
    if conflicts := stored.conflicts(before, given, _still_open(request)):
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


def _is_reached(request: Request, step: Step, module: ModuleType) -> bool:
    """Return whether a step is an agreement for the life of the output, and its result is there:
    what it was reached with need not be there any more."""
    restarts = request.mode not in ("resume", "rebuild") or (request.out / RESTART_FILE).exists()
    if restarts or not getattr(module, "STICKY", False):
        return False
    record = read_record(request.out / WORK / step.name / ALL_NAME)
    if record is None or record.status != "done":
        return False
    return not Artefacts(request.out, request.disk).problems(record)


def _inputs(request: Request, before: Mapping[str, Any] | None) -> list[str]:
    inputs = [_absolute(text) for text in request.inputs]
    if any(Path(text) == request.out for text in inputs):
        raise WrongUse(
            f"INPUT and --output are the same folder, {request.out}: name another --output"
        )
    kept = [stored.readable(text) for text in before["inputs"]] if before is not None else []
    if request.mode != "resume":
        return inputs or kept
    # a URL is stored without its secrets: given again, it stands for the stored one
    whole = {public_url(text): text for text in inputs if is_url(text)}
    return list(dict.fromkeys([*(whole.get(text, text) for text in kept), *inputs]))


def _resolved(settings: Settings) -> Settings:
    device = executors.devices(settings.device)[0]
    second = settings.verify_with
    return dataclasses.replace(
        settings,
        verify_with=models.resolve_whisper(second, device, "--verify-with") if second else "",
        whisper_model=models.resolve_whisper(settings.whisper_model, device),
        asr_engine=models.resolve_engine(settings.asr_engine),
    )


def _configuration(
    request: Request,
    before: Mapping[str, Any] | None,
    settings: Settings,
    inputs: Sequence[str],
    excluded: str,
) -> dict[str, Any]:
    versions = {
        step.name: module.VERSION
        for step, module in zip(request.flow, _modules(request.flow), strict=True)
    }
    same = before is not None and before["settings"] == config.locked(settings)
    known = before.get("weights") if before is not None and same else None
    weights = known or _weights(request.flow, settings)
    kept = [stored.storable(text) for text in inputs]
    return stored.configuration(settings, kept, weights, versions, excluded)


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


def _modules(flow: Sequence[Step]) -> list[ModuleType]:
    return [importlib.import_module(step.module) for step in flow]


def _absolute(text: str) -> str:
    return text if "://" in text else str(Path(text).absolute())


def keep(request: Request, agreement: Agreement, checkpoint: Checkpoint) -> None:
    """Store what was agreed on, in its file and in the state."""
    wanted = agreement.configuration
    if stored.read_configuration(request.out) != wanted:
        stored.write_configuration(request.out / CONFIG_FILE, wanted, request.disk)
    before = checkpoint.state.configuration
    same_steps = before.get("steps", wanted["steps"]) == wanted["steps"]
    if not same_steps or before.get("excluded") != wanted.get("excluded"):
        checkpoint.mark("outdated")
    if before != wanted:
        checkpoint.configure(wanted)
