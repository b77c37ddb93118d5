"""What a stage gets and what it gives back. Plain data: it crosses processes and machines.

In:  an `Item`, one source recording with the artefacts of the steps before.
Out: a `Result` with the facts about what was written, or a `Reject` with the reason.
Left out: who calls it, in which process, and how the result is kept (see `runner.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.packed import Packed

Facts = Mapping[str, str | int | float | bool | None]
"""Small and flat: every fact goes into the state file. Floats are kept to 4 decimals."""


@dataclass(frozen=True, slots=True)
class Item:
    """One source recording, as a step of the flow sees it."""

    source: str  # its key, for people: stable, unique in the job, e.g. "interviews/take 3.mp3"
    name: str  # the same, safe as a file name: "take-3-1f3a09bc", [a-z0-9-] only
    origin: str  # where its bytes are: an absolute path or a URL; only download_audio reads it
    folders: Mapping[str, str] = field(default_factory=dict)  # step -> folder of its artefact
    facts: Mapping[str, Facts] = field(default_factory=dict)  # step -> its facts
    scratch: str = ""  # a folder for this recording that outlives a crash (half a download)
    dropped: str = ""  # "rule: reason" once a step has dropped or failed it; for collective steps
    excluded: tuple[str, ...] = ()  # its clips that a person took out; for steps with BY_HAND

    def path(self, step: str, name: str) -> Path:
        """Return the path of file `name` in the artefact of `step`; KeyError if not read."""
        return Path(self.folders[step]) / name

    def load_json(self, step: str, name: str) -> Any:
        """Return the parsed JSON file `name` in the artefact of `step`."""
        return json.loads(self.path(step, name).read_text(encoding="utf-8"))


class Items(Packed[Item]):
    """The items of a collective step, made anew whenever they are asked for."""


@dataclass(frozen=True)
class Result:
    """What a step made of an item: its main file, and what is worth knowing about it.

    `facts["rule"]` of a collective step names the rule of its drops, as a Reject's does.
    """

    output: str  # the main file, relative to the `out` folder that the step was given
    facts: Facts = field(default_factory=dict)
    drops: Mapping[str, str] = field(default_factory=dict)  # collective steps: source -> reason


class Reject(ValueError):
    """A drop: the recording is fine to read but not fit for the dataset. The text is the reason.

    `rule`: what it is called in rejected.jsonl; "": as its stage. `facts` are kept as those of a
    result are: how long it is, for the account of each second.
    """

    def __init__(self, reason: str, rule: str = "", facts: Facts | None = None) -> None:
        super().__init__(reason)
        self.facts = dict(facts or {}) | ({"rule": rule} if rule else {})


class Unusable(Exception):
    """The stage itself cannot work (weights missing, no device): stops the run, blames no file."""


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    free: bool = False,
    is_path: bool = False,
    group: str = "",
    least: float | None = None,
) -> Any:
    """Return a dataclass field that is also a command line flag: `--name` by the field's name.

    A choice is a field of a Literal type. `free` settings cannot change the result and may
    differ on resume; `is_path` ones (several: with commas) are stored as absolute paths; `group` is
    the heading in --help (by default the stage's name); `least` is the lowest value allowed.
    """
    metadata = {
        "help": help, "unit": unit, "free": free, "is_path": is_path, "group": group,
        "least": least,
    }  # fmt: skip
    return field(default=default, metadata=metadata)


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON, keys in the given order, the same bytes for the same value."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
