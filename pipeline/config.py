"""All settings, in one dataclass: the run's own and each stage's part. And pipeline_config.yaml.

In:  the stages' `Params` and what the user gave.
Out: `Settings`; the stored configuration of a run; what contradicts it on resume.
Left out: the command line (`cli.py`).
"""

import importlib.metadata
import platform
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from pipeline import __version__
from pipeline.checkpoint.lines import plain
from pipeline.disk import Disk
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

CONFIG_FILE = "pipeline_config.yaml"
CONFIG_VERSION = 1
_END = "...\n"  # YAML's own mark for the end of a document
_LIBRARIES = (
    "torch",
    "openai-whisper",
    "demucs",
    "noisereduce",
    "silero-vad",
    "Resemblyzer",
    "misaki",
    "phonemizer-fork",
    "soxr",
    "soundfile",
    "numpy",
)


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
    keep_temp: bool = setting(
        False, "keep the sound files of every stage in OUTPUT/work", free=True, group="run"
    )
    verify: bool = setting(
        False, "on resume, compare the digests of all files, not only sizes", free=True, group="run"
    )
    verbose: bool = setting(
        False, "say every save, skip, lock and validation", free=True, group="run"
    )
    workers: int = setting(
        1, "processes a stage; 1 works in the main process", free=True, group="run"
    )
    device: str = setting("auto", "auto, cpu, cuda or cuda:N", free=True, group="run")
    on_lock: Literal["ask", "wait", "kill", "fail"] = setting(
        "ask", "what to do while another run holds the output", free=True, group="run"
    )
    min_free_gb: float = setting(
        1.0, "stop, resumable, before less than this is free on the disk", unit="GB", free=True,
        group="run",
    )  # fmt: skip
    max_failures_in_a_row: int = setting(
        10, "so many files failing one after the other stop the run", free=True, group="run"
    )


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
    if settings.workers < 1:
        raise ValueError(f"--workers {settings.workers}: at least 1")


def _kind(default: object) -> Any:
    return (int, float) if isinstance(default, float) else type(default)


def configuration(
    settings: Settings,
    inputs: Sequence[str],
    weights: Mapping[str, str],
    versions: Mapping[str, int],
) -> dict[str, Any]:
    """Return what is stored of a run: inputs (a path that is not UTF-8 in base64), locked
    settings, sha256 of the weights, versions of the steps and of the libraries."""
    return {
        "version": CONFIG_VERSION,
        "pipeline": __version__,
        "inputs": list(inputs),
        "settings": locked(settings),
        "weights": dict(weights),
        "steps": dict(versions),
        "libraries": {"python": platform.python_version(), **_versions(_LIBRARIES)},
    }


def write_configuration(path: Path, stored: Mapping[str, Any], disk: Disk) -> None:
    """Write a configuration file, whole or not at all."""
    text = "# The settings of this dataset's run; they are locked on resume.\n"
    text += yaml.safe_dump(plain(dict(stored)), sort_keys=False, allow_unicode=True)
    text += _END
    disk.replace_file(path, [text.encode()])


def read_configuration(out: Path) -> dict[str, Any] | None:
    """Return the stored configuration; None if there is none, or none that can be read."""
    try:
        text = (out / CONFIG_FILE).read_text(encoding="utf-8")
        stored = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError):
        return None
    # subtle: a file that was cut is YAML still, of fewer settings, if it was cut at a line's end
    is_whole = text.rstrip().endswith(f"\n{_END.rstrip()}")
    return stored if is_whole and is_configuration(stored) else None


def is_configuration(stored: object) -> bool:
    """Return whether `stored` has the shape of a configuration of ours."""
    return (
        isinstance(stored, dict)
        and isinstance(stored.get("settings"), dict)
        and isinstance(stored.get("weights", {}), dict)
        and isinstance(stored.get("inputs"), list)
        and all(isinstance(text, str) for text in stored["inputs"])
    )


def conflicts(
    stored: Mapping[str, Any], given: Mapping[str, Any], still_open: Container[str] = ()
) -> list[str]:
    """Return one line for each locked setting that was given with another value than stored.

    `still_open` settings may yet change: no result depends on them so far.
    """
    free = {each.name for each in fields(Settings) if each.metadata.get("free")}
    return [
        f"{name}: {stored['settings'][name]!r} in {CONFIG_FILE}, {value!r} given"
        for name, value in given.items()
        if name not in free
        and name not in still_open
        and value != "auto"  # it stands for what was chosen then
        and stored["settings"].get(name, value) != value
    ]


def with_absolute_paths(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given settings with paths that hold from any folder."""
    paths = {each.name for each in fields(Settings) if each.metadata.get("is_path")}
    return {name: _absolute(v) if name in paths and v else v for name, v in given.items()}


def _absolute(text: str) -> str:
    paths = [text] if Path(text).exists() else text.split(",")
    return ",".join(str(Path(path.strip()).expanduser().absolute()) for path in paths)


def restored(stored: Mapping[str, Any], given: Mapping[str, Any]) -> Settings:
    """Return the stored settings, with what was given on top."""
    known = {each.name for each in fields(Settings)}
    kept = {name: value for name, value in stored["settings"].items() if name in known}
    return replace(
        Settings(), **{**kept, **{k: v for k, v in given.items() if v != "auto" or k not in kept}}
    )


def _versions(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
