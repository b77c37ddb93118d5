"""The sub-commands: `dataset-pipeline NAME …`. Each is a module here with a `run(words, flow)`.

Imported is only the one that is asked for, so that `status` is there at once.
"""

import importlib
from collections.abc import Sequence

from pipeline.console import start_logging
from pipeline.disk import Disk
from pipeline.flow import FLOW, Step
from pipeline.guard import guarded

USAGES = {
    "status": "status FOLDER [--watch] [--json] [--metrics FILE]",
    "why": "why FOLDER RECORDING [TIME]",
    "doctor": "doctor [FOLDER [INPUT ...]] [--json]",
    "validate": "validate FOLDER",
    "exclude": "exclude FOLDER IDS.TXT [--undo]",
    "models": "models fetch [NAME ...]",
}


def is_command(words: Sequence[str]) -> bool:
    """Return whether these are the words of a sub-command."""
    return bool(words) and words[0] in USAGES


def run(words: Sequence[str], flow: Sequence[Step] = FLOW, disk: Disk | None = None) -> int:
    """Run a sub-command; return its exit code. `disk`: for one that writes, to fail on purpose."""
    start_logging("--verbose" in words)
    module = importlib.import_module(f"pipeline.commands.{words[0]}")
    rest = [word for word in words[1:] if word != "--verbose"]
    more = {"disk": disk} if disk else {}
    return guarded(lambda: int(module.run(rest, flow, **more)))
