"""A long recording through every step, each in a process of its own: its memory, its speed.

In:  lengths, a folder of speech. Out: a table of peak memory (MB) and of times real time.
"""

import importlib
import multiprocessing
import os
import random
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio
from pipeline.audio import OUTPUT_HZ
from pipeline.config import Settings, params_for
from pipeline.executors import tame_threads
from pipeline.flow import FLOW
from pipeline.item import Item

SOUNDS = {".flac", ".wav", ".mp3", ".ogg", ".m4a"}
PAUSE_S = (0.3, 3.0)
NOISE_DB = -65.0
LEVELS_DB = (-8.0, 0.0)
SPEEDS = (0.94, 1.06)


@dataclass(frozen=True)
class Step:
    """What a step took."""

    folder: str
    facts: Mapping[str, Any]
    seconds: float
    cpu_s: float  # of all threads, and of what it started (ffmpeg)
    peak_mb: float


def measure(
    lengths_s: Sequence[float],
    speech: Path,
    settings: Mapping[str, str],
    folder: Path,
    until: str,
) -> None:
    """Print a row a step, up to and with `until`: peak memory at each length, the speed by the
    clock, and by the time of all cores: that one says also beside other work whether it falls."""
    tame_threads()
    chosen = replace(Settings(), **{k: _typed(k, v) for k, v in settings.items()})
    columns = []
    for length_s in lengths_s:
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=folder) as name:
            source = Path(name) / "long.flac"
            duration_s = write_recording(source, speech, length_s)
            columns.append((duration_s, through(source, Path(name), chosen, until)))
    heads = "".join(f"{f'{s / 60:.0f} min':>12}{'clock':>9}{'cores':>9}" for s, _ in columns)
    print(f"\npeak MB, times real time{'':4}{heads}")
    for name in columns[0][1]:
        cells = "".join(
            f"{steps[name].peak_mb:>12.0f}{duration_s / steps[name].seconds:>9.0f}"
            f"{duration_s / max(0.01, steps[name].cpu_s):>9.0f}"
            for duration_s, steps in columns
        )
        print(f"{name:<28}{cells}")


def write_recording(target: Path, speech: Path, length_s: float) -> float:
    """Write speech over and over, never twice the same; return the seconds."""
    chance, samples = random.Random(0), 0
    paths = sorted(path for path in speech.rglob("*") if path.suffix.lower() in SOUNDS)
    usable = [path for path in paths if path.suffix != ".m4a"]  # libsndfile knows the others
    noise = np.random.default_rng(0)
    with audio.Writer(target, OUTPUT_HZ) as file:
        while samples < length_s * OUTPUT_HZ:
            rate_hz = round(OUTPUT_HZ * chance.uniform(*SPEEDS))
            said = audio.read_at(chance.choice(usable), rate_hz)
            said = said * np.float32(10 ** (chance.uniform(*LEVELS_DB) / 20))
            pause = noise.standard_normal(round(chance.uniform(*PAUSE_S) * OUTPUT_HZ))
            for part in (said, pause * 10 ** (NOISE_DB / 20)):
                file.write(np.asarray(part, np.float32))
                samples += len(part)
    return samples / OUTPUT_HZ


def through(source: Path, folder: Path, settings: Settings, until: str) -> dict[str, Step]:
    """Take a recording through the steps; return what each took."""
    item = Item(source.name, "long-00000000", str(source), scratch=str(folder / "scratch"))
    found: dict[str, Step] = {}
    names = [step.name for step in FLOW]
    for step in FLOW[: names.index(until) + 1]:
        module = importlib.import_module(step.module)
        out = folder / "work" / step.name
        out.mkdir(parents=True)
        params = params_for(module.Params, settings)
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            took = alone.apply(run_step, (step.module, item, str(out), params))
        found[step.name] = took
        item = replace(
            item,
            folders={**item.folders, step.name: took.folder},
            facts={**item.facts, step.name: took.facts},
        )
        print(f"{step.name}: {took.peak_mb:.0f} MB, {took.seconds:.1f} s, "
              f"{took.cpu_s:.1f} s of cores", flush=True)  # fmt: skip
    return found


def run_step(module_name: str, item: Item, out: str, params: Mapping[str, Any]) -> Step:
    """Do one step in this process; return what it took, loading its models included."""
    began = time.monotonic()
    module = importlib.import_module(module_name)
    known = module.Params(**params)
    subject: Any = (item,) if getattr(module, "COLLECTIVE", False) else item
    result = module.process(subject, Path(out), known, module.load(known, "cpu"))
    times = os.times()
    cpu_s = times.user + times.system + times.children_user + times.children_system
    return Step(out, dict(result.facts), time.monotonic() - began, cpu_s, _peak_mb())


def _peak_mb() -> float:
    """Return the highest memory of this process: ru_maxrss may be that of who started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")


def _typed(name: str, value: str) -> Any:
    default = getattr(Settings(), name)
    return type(default)(value)
