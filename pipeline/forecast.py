"""How long a job will take and how much disk it needs, before it begins.

In:  what there is to do (`preview.py`), the lengths of the recordings, the rates of earlier runs.
Out: a `Forecast`; LowDisk where a run could not be finished. Nothing is written.
How: seconds of sound x what a step costs and leaves a second of sound; its cost as measured in
     this job, else in earlier ones on this machine, else elsewhere (PRIORS).
"""

import importlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.checkpoint import State
from pipeline.config import Settings, params_for
from pipeline.dispatch import GIGABYTE, LowDisk
from pipeline.estimate import ENOUGH_S, StepFigures, figures
from pipeline.executors import Crew
from pipeline.flow import Step
from pipeline.plan import ALL
from pipeline.preview import Preview, Work, preview
from pipeline.sources import is_url
from pipeline.stages.download_audio.length import lengths_s
from pipeline.workforce import Workforce, workforce_for

# Bytes that a step leaves on the disk a second of sound, all there until the dataset is complete;
# clips are hard links after that. Measured on data/sample (phone to studio, 16 to 48 kHz, 24-bit
# FLAC): 47, 42, 47 and 44 kB; stated for the loudest of its recordings.
BYTES = {
    "download_audio": 66_000,
    "isolate_speakers.survey": 8_000,
    "isolate_speakers": 63_000,
    "enhance_audio": 96_000,  # noisy recordings are kept with and without their noise
    "transcribe_audio": 1_000,
    "segment_audio": 48_000,  # 24 kHz of 16 bit
    "build_dataset": 2_000,
}
DENSEST = sum(BYTES.values()) // 2_000  # bytes needed a byte of input: speech at 16 kbit/s


@dataclass(frozen=True)
class StepForecast:
    """What a step has to do, how much sound that is, how long it takes and how we know."""

    work: Work
    sound_s: float
    seconds: float
    is_measured: bool


@dataclass(frozen=True)
class Forecast:
    """Of a job. `unknown`: recordings whose length cannot be told; they are taken for average."""

    steps: Sequence[StepForecast]
    recordings: int
    sound_s: float
    unknown: int
    needed_bytes: int

    @property
    def seconds(self) -> float:
        """How long it takes until all is done."""
        return sum(step.seconds for step in self.steps)


def foresee(
    out: Path,
    state: State,
    settings: Settings,
    inputs: Sequence[str],
    flow: Sequence[Step],
    *,
    is_restart: bool = False,
    crew: Crew | None = None,
) -> Forecast:
    """Return what the job would cost; ValueError if it has no recordings. `state` is changed.

    Without a crew, which may be a cluster, the work is taken for this machine's.
    """
    names, collective = [step.name for step in flow], {s.name for s in flow if s.collective}
    done = figures(state, names, collective)
    known = state.records.numbers(names[0], "duration_s")
    found = preview(out, state, settings, inputs, flow, is_restart=is_restart)
    sound, unknown = _sound(found, known)
    workforce = workforce_for(settings, crew)
    pairs = zip(found.works, done, strict=True)
    steps = [_step(work, one, sound, settings, workforce) for work, one in pairs]
    needed = sum(step.sound_s * BYTES.get(step.work.step.name, 0) for step in steps)
    return Forecast(steps, len(found.bytes), sum(sound.values()), unknown, round(needed))


def _sound(found: Preview, known: Mapping[str, float]) -> tuple[dict[str, float], int]:
    """Return the seconds of each recording, and how many are guessed."""
    files = {
        source: Path(origin)
        for source, origin in found.origins.items()
        if source not in known and not is_url(origin)
    }
    told = {**{s: known[s] for s in found.bytes if s in known}, **lengths_s(files)}
    mean_s = sum(told.values()) / len(told) if told else 0.0
    return {s: told.get(s, mean_s) for s in found.bytes}, len(found.bytes) - len(told)


def _step(
    work: Work,
    done: StepFigures,
    sound: Mapping[str, float],
    settings: Settings,
    workforce: Workforce,
) -> StepForecast:
    all_s = sum(sound.values())
    sizes_s = [all_s if source == ALL else sound[source] for source in work.todo]
    sound_s, rates = sum(sizes_s), workforce.rates
    own = done.rate if done.audio_s >= ENOUGH_S else None
    rate = own or rates.of(work.step.name)
    module = importlib.import_module(work.step.module)
    params = params_for(module.Params, settings)
    at_once = max(1, workforce.workers(work.step.name, module, params, sizes_s))
    measured = own is not None or rates.is_measured(work.step.name)
    return StepForecast(work, sound_s, sound_s * rate / at_once, measured)


def size(count: int) -> str:
    """Return a number of bytes as people read it: "4.4 MB", "1.2 GB"."""
    return f"{count / 1e6:.1f} MB" if count < GIGABYTE else f"{count / GIGABYTE:.1f} GB"


def free_bytes(out: Path) -> int:
    """Return what is free where the output folder is or will be."""
    there = next(folder for folder in (out, *out.parents) if folder.is_dir())
    return shutil.disk_usage(there).free


def require_room(out: Path, needed_bytes: int, free: int, settings: Settings) -> None:
    """Raise LowDisk where a job does not fit, unless that is not to be looked at."""
    floor = settings.min_free_gb * GIGABYTE
    if settings.skip_disk_check or not needed_bytes or needed_bytes + floor <= free:
        return
    raise LowDisk(
        f"the job needs about {size(needed_bytes)} in {out}, and {settings.min_free_gb:g} GB are "
        f"to stay free (--min-free-gb), but only {size(free)} are; make room, name an --output "
        "on another disk, give fewer recordings at a time, or try it all the same with "
        "--skip-disk-check"
    )


def certainly_fits(state: State, size: int, first: str, free: int, settings: Settings) -> bool:
    """Return whether there is so much room that nobody has to look closer. `size`: of the input
    files together, in bytes."""
    known_s = sum(state.records.numbers(first, "duration_s").values())
    most = known_s * sum(BYTES.values()) + size * DENSEST
    return most + settings.min_free_gb * GIGABYTE <= free
