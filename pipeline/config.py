"""All settings, in one dataclass: the run's own and each stage's part.

In:  the stages' `Params`. Out: `Settings`, checked; a stage's part of them.
Left out: the command line (`cli.py`); the settings of the run before (`stored.py`).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from pipeline.item import setting
from pipeline.stages import (
    build_dataset,
    download_audio,
    enhance_audio,
    isolate_speakers,
    segment_audio,
    transcribe_audio,
)
from pipeline.stages.isolate_speakers import agree, survey


@dataclass(frozen=True)
class RunSettings:
    """How a run goes: nothing here can change the dataset, all of it is free on resume."""

    output: str = setting("", "folder of the dataset", free=True, group="run")
    resume: bool = setting(
        False, "go on where the last run stopped, or start", free=True, group="run"
    )
    force_restart: bool = setting(
        False, "remove what the last run made and begin anew", free=True, group="run"
    )
    dry_run: bool = setting(
        False, "say what would be done, how long it takes and how much disk it needs; do nothing",
        free=True, group="run",
    )  # fmt: skip
    prune: bool = setting(
        False, "take recordings that are gone from the input out of the dataset", free=True,
        group="run",
    )  # fmt: skip
    keep_temp: bool = setting(
        False, "keep the sound files of every stage in OUTPUT/work", free=True, group="run"
    )
    verify: bool = setting(
        False, "on resume, compare the digests of all files, not only sizes", free=True, group="run"
    )
    verbose: bool = setting(
        False, "say every save, skip, lock and validation", free=True, group="run"
    )
    progress: Literal["auto", "plain", "off"] = setting(
        "auto", "how a run says how far it is: repainted on a terminal, as lines, or not at all",
        free=True, group="run",
    )  # fmt: skip
    workers: str = setting(
        "auto", "processes a step: a number, or auto, by cores, GPUs, memory and work; 1 works in "
        "the main process", free=True, group="run",
    )  # fmt: skip
    executor: Literal["local", "ray"] = setting(
        "local", "where the work is done: on this machine, or on a Ray cluster (docs/ray.md)",
        free=True, group="run",
    )  # fmt: skip
    ray_address: str = setting(
        "", "HOST:PORT of the cluster's head; without it the cluster that this machine is part of",
        free=True, group="run",
    )  # fmt: skip
    device: str = setting("auto", "auto, cpu, cuda or cuda:N", free=True, group="run")
    on_lock: Literal["ask", "wait", "kill", "fail"] = setting(
        "ask", "what to do while another run holds the output", free=True, group="run"
    )
    min_free_gb: float = setting(
        1.0, "stop, resumable, before less than this is free on the disk", unit="GB", free=True,
        group="run", least=0,
    )  # fmt: skip
    skip_disk_check: bool = setting(
        False, "start although the disk seems too small for the job", free=True, group="run"
    )
    max_failures_in_a_row: int = setting(
        10, "so many files failing one after the other stop the run", free=True, group="run",
        least=1,
    )  # fmt: skip


@dataclass(frozen=True)
class Settings(
    RunSettings,
    download_audio.Params,
    survey.Params,
    agree.Params,
    isolate_speakers.Params,
    enhance_audio.Params,
    transcribe_audio.Params,
    segment_audio.Params,
    build_dataset.Params,
):
    """Every setting, in the order of the flow; a field is a flag of the same name."""


def groups() -> dict[str, list[str]]:
    """Return the names of the settings under their headings, in the order of the flow."""
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for part in Settings.__bases__:
        title = part.__module__.removeprefix("pipeline.stages.").partition(".")[0]
        for each in fields(part):
            if each.name not in seen:
                seen.add(each.name)
                found.setdefault(each.metadata.get("group") or title, []).append(each.name)
    return found


def params_for(params_class: Any, settings: Settings) -> dict[str, Any]:
    """Return a stage's part of the settings, as plain data."""
    return {each.name: getattr(settings, each.name) for each in fields(params_class)}


def locked(settings: Settings) -> dict[str, Any]:
    """Return the settings that the dataset depends on: they cannot change on resume."""
    return {
        each.name: getattr(settings, each.name)
        for each in fields(settings)
        if not each.metadata.get("free")
    }


def check(settings: Settings) -> None:
    """Raise ValueError for a value that makes no sense, naming its flag."""
    for each in fields(settings):
        value = getattr(settings, each.name)
        allowed = get_args(each.type)
        flag = f"--{each.name.replace('_', '-')}"
        if not isinstance(value, _kind(each.default)):
            raise ValueError(f"{flag} {value!r}: not of the kind of {each.default!r}")
        if allowed and value not in allowed:
            raise ValueError(f"{flag} {value}: choose one of {', '.join(map(str, allowed))}")
        least = each.metadata["least"]
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{flag} {value}: give a finite number")
        if least is not None and value < least:
            raise ValueError(f"{flag} {value}: at least {least}")
    if settings.ray_address and settings.executor != "ray":
        raise ValueError("--ray-address is for --executor ray: give both")
    if settings.workers != "auto" and not re.fullmatch(r"0*[1-9][0-9]*", settings.workers):
        raise ValueError(f"--workers {settings.workers}: a whole number, at least 1, or auto")


def _kind(default: object) -> Any:
    return (int, float) if isinstance(default, float) else type(default)


def with_absolute_paths(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given settings with paths that hold from any folder."""
    paths = {each.name for each in fields(Settings) if each.metadata.get("is_path")}
    return {name: _absolute(v) if name in paths and v else v for name, v in given.items()}


def _absolute(text: str) -> str:
    paths = [text] if Path(text).exists() else text.split(",")
    return ",".join(str(Path(path.strip()).expanduser().absolute()) for path in paths)
