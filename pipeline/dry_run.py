"""--dry-run: what a run would do, how long it would take, how much disk it needs. Writes nothing.

In:  a `Request`. Out: lines for people, and the exit code that the run would refuse with: WrongUse,
     Locked, LowDisk, OSError and, without its cluster, RunFailed are raised as a run raises them.
Left out: fetching weights; a run that lacks some fetches them first.
"""

import contextlib
import errno
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline import models
from pipeline.agreement import Request, agreed_without_weights
from pipeline.checkpoint import Checkpoint, State
from pipeline.config import Settings
from pipeline.console import clock, counted, safe, table
from pipeline.executors import NoCluster
from pipeline.exits import FINISHED, RunFailed
from pipeline.forecast import Forecast, StepForecast, foresee, free_bytes, require_room, size
from pipeline.lock import require_free
from pipeline.plan import ALL
from pipeline.restart import RESTART_FILE
from pipeline.workforce import crew_for

log = logging.getLogger(__name__)

HEAD = ("step", "to do", "up to date", "sound", "takes")
FEW = 5  # files that are named with why they are done; --verbose names all


def dry_run(request: Request) -> int:
    """Say what a run would do; return 0 where it could be done."""
    log.info("🔍 Dry run: this is what a run would find and do; nothing is written")
    require_free(request.out)
    _require_writable(request.out)
    settings, inputs = agreed_without_weights(request)
    anew = request.mode == "restart" or (request.out / RESTART_FILE).exists()
    state = State() if anew else Checkpoint.peek(request.out)
    free = free_bytes(request.out) + (_bytes_of_the_run_before(request.out) if anew else 0)
    forecast = _foreseen(request, state, settings, inputs, anew)
    for line in _lines(forecast):
        log.info("%s", line)
    if not any(step.work.todo for step in forecast.steps):
        log.info("✅ Nothing to do: %s is complete", request.out)
        return FINISHED
    for line in _costs(forecast, settings, request.out, free):
        log.info("%s", line)
    require_room(request.out, forecast.needed_bytes, free, settings)
    log.info("✅ It can be done: leave --dry-run away to do it")
    return FINISHED


def _require_writable(out: Path) -> None:
    """Raise OSError where a run could not write `out`, or make it."""
    there = next(path for path in (out, *out.parents) if path.exists())
    number = 0
    if not there.is_dir():
        number = errno.EEXIST
    elif not os.access(there, os.W_OK | os.X_OK):
        number = errno.EROFS if os.statvfs(there).f_flag & os.ST_RDONLY else errno.EACCES
    if number:
        raise OSError(number, os.strerror(number), str(there))


def _foreseen(
    request: Request, state: State, settings: Settings, inputs: Sequence[str], anew: bool
) -> Forecast:
    """Return the forecast, with the workers of the cluster where one is to do it."""
    out, flow = request.out, request.flow
    with contextlib.closing(crew_for(settings)) as crew:
        try:
            return foresee(out, state, settings, inputs, flow, is_restart=anew, crew=crew)
        except NoCluster as err:
            raise RunFailed(str(err)) from err


def _lines(found: Forecast) -> Iterator[str]:
    unknown = f" ({found.unknown} of unknown length, taken for average)" if found.unknown else ""
    yield f"{counted(found.recordings, 'recording')}, {clock(found.sound_s)} of sound{unknown}"
    yield from table([HEAD, *map(_row, found.steps)])
    for step in found.steps:
        yield from _reasons(step)


def _costs(found: Forecast, settings: Settings, out: Path, free: int) -> Iterator[str]:
    yield f"⏱️ about {clock(found.seconds)} with --workers {settings.workers}{_guessed(found.steps)}"
    yield f"💾 about {size(found.needed_bytes)} are needed in {out}, {size(free)} are free"
    if settings.whisper_model in models.PRESETS and not models.is_cached(settings.whisper_model):
        yield (
            f"⚠️ the weights of {settings.whisper_model} are not in {models.cache_dir()}: a run "
            "fetches them first (dataset-pipeline models fetch does so beforehand)"
        )


def _row(step: StepForecast) -> tuple[object, ...]:
    todo = len(step.work.todo)
    takes = f"{clock(step.seconds)}{'' if step.is_measured else ' (guess)'}" if todo else "-"
    sound = clock(step.sound_s) if todo else "-"
    return (step.work.step.name, todo, step.work.up_to_date, sound, takes)


def _reasons(step: StepForecast) -> Iterator[str]:
    """Yield why files that have been through a step are to go through it again."""
    again = {s: why for s, why in step.work.todo.items() if why != "no record" and s != ALL}
    for why, count in sorted(Counter(again.values()).items()):
        names = [safe(source) for source, one in again.items() if one == why]
        more = f" and {count - FEW} more" if count > FEW else ""
        yield f"  {step.work.step.name}: {why}: {', '.join(names[:FEW])}{more}"


def _guessed(steps: Sequence[StepForecast]) -> str:
    guessed = [step.work.step.name for step in steps if step.work.todo and not step.is_measured]
    if not guessed:
        return ", by the rates of earlier runs here"
    return f"; a guess, as no run here has measured: {', '.join(guessed)}"


def _bytes_of_the_run_before(out: Path) -> int:
    """Return what a restart frees: each file once, whatever its names."""
    sizes = {}
    for name in ("work", "wavs", "huggingface"):
        for path in (out / name).rglob("*"):
            if path.is_file():
                status = path.stat()
                sizes[status.st_ino] = status.st_size
    return sum(sizes.values())
