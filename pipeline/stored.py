"""pipeline_config.yaml: what a run was asked for, for the runs that go on with it.

In:  settings, inputs, sha256 of the weights, versions. Out: the file, whole or not at all; the
     settings again, and what contradicts them.
Left out: what is done about that (`agreement.py`).
"""

import base64
import functools
import importlib.metadata
import os
import platform
from collections.abc import Container, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline import __version__
from pipeline.checkpoint.lines import plain
from pipeline.config import Settings, locked
from pipeline.disk import Disk
from pipeline.sources import is_url, public_url

CONFIG_FILE = "pipeline_config.yaml"
CONFIG_VERSION = 1
_BASE64 = "base64:"  # before an input that is not UTF-8
_END = "...\n"  # YAML's own mark for the end of a document
_LIBRARIES = (
    "torch",
    "openai-whisper",
    "demucs",
    "noisereduce",
    "silero-vad",
    "misaki",
    "phonemizer-fork",
    "soxr",
    "soundfile",
    "numpy",
)


def configuration(
    settings: Settings,
    inputs: Sequence[str],
    weights: Mapping[str, str],
    versions: Mapping[str, int],
    excluded: str = "",
) -> dict[str, Any]:
    """Return what is stored of a run: inputs (a path that is not UTF-8 in base64), locked
    settings, sha256 of the weights, versions of the steps and of the libraries, and of the list
    of clips that a person took out, if there is one."""
    by_hand = {"excluded": excluded} if excluded else {}
    return {
        "version": CONFIG_VERSION,
        "pipeline": __version__,
        "inputs": list(inputs),
        "settings": locked(settings),
        "weights": dict(weights),
        "steps": dict(versions),
        "libraries": {"python": platform.python_version(), **library_versions()},
        **by_hand,
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


def restored(stored: Mapping[str, Any], given: Mapping[str, Any]) -> Settings:
    """Return the stored settings, with what was given on top."""
    known = {each.name for each in fields(Settings)}
    kept = {name: value for name, value in stored["settings"].items() if name in known}
    return replace(
        Settings(), **{**kept, **{k: v for k, v in given.items() if v != "auto" or k not in kept}}
    )


def storable(text: str) -> str:
    """Return an input as it is stored: a path that is not UTF-8 in base64, a URL without user,
    password and secret parameters; an output is shown around."""
    if is_url(text):
        return public_url(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _BASE64 + base64.b64encode(os.fsencode(text)).decode()
    return text


def readable(text: str) -> str:
    """Return the input that was stored."""
    if text.startswith(_BASE64):
        return os.fsdecode(base64.b64decode(text.removeprefix(_BASE64)))
    return text


@functools.cache
def library_versions() -> Mapping[str, str]:
    """Return the versions of the libraries that decide what comes out."""
    return {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
