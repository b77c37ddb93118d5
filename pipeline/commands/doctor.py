"""dataset-pipeline doctor: what this machine has and lacks, each lack with its remedy."""

import contextlib
import dataclasses
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.agreement import Request, agreed_without_weights, has_checkpoint
from pipeline.checkpoint import Checkpoint
from pipeline.commands.words import Parser
from pipeline.doctor import NEEDED, Finding, findings
from pipeline.exits import FAILED, FINISHED
from pipeline.flow import Step
from pipeline.forecast import foresee

log = logging.getLogger(__name__)


def run(words: Sequence[str], flow: Sequence[Step]) -> int:
    """Look at everything; fail if something that is needed is not well."""
    parser = Parser("doctor", "Say what this machine has and lacks for a run.")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(), metavar="FOLDER", help="what --output names"
    )
    parser.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="recordings: is there room for what they need?"
    )
    parser.add_argument("--json", action="store_true", help="for programs; keys stay")
    given = parser.parse(words)
    out = given.folder.absolute()
    found = list(findings(out, _needed_bytes(out, given.inputs, flow)))
    if given.json:
        print(json.dumps([dataclasses.asdict(one) for one in found]))
    else:
        for one in found:
            _say(one)
    return FAILED if any(one.kind == NEEDED and not one.is_well for one in found) else FINISHED


def _needed_bytes(out: Path, inputs: Sequence[str], flow: Sequence[Step]) -> int:
    """Return what the job needs on the disk: that of the inputs, or one that was begun; else 0."""
    begun = has_checkpoint(out)
    if not inputs and not begun:
        return 0
    request = Request(out, inputs, {}, "resume" if begun else "start", "doctor", flow=flow)
    try:
        with _quiet():
            settings, all_inputs = agreed_without_weights(request)
            return foresee(out, Checkpoint.peek(out), settings, all_inputs, flow).needed_bytes
    except ValueError:  # what was begun there cannot go on; that is not the machine's fault
        if inputs:
            raise
        return 0


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What a look at a job says of its recordings is no news of the machine."""
    top = logging.getLogger("pipeline")
    before = top.level
    top.setLevel(logging.ERROR)
    try:
        yield
    finally:
        top.setLevel(before)


def _say(one: Finding) -> None:
    if one.is_well:
        log.info("✅ %s: %s", one.what, one.found)
        return
    sign = "❌ missing: " if one.kind == NEEDED else "⚠️ optional: "
    log.info("%s%s: %s; %s", sign, one.what, one.found, one.remedy)
