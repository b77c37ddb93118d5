"""dataset-pipeline exclude FOLDER IDS.TXT: the dataset again, without some clips; --undo: with."""

import argparse
import functools
import importlib
import logging
import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.agreement import Request, has_checkpoint
from pipeline.checkpoint import Checkpoint, State
from pipeline.commands.words import Parser
from pipeline.console import ask, counted, on_terminal
from pipeline.disk import Disk
from pipeline.exclusions import (
    EXCLUDED_FILE,
    changed,
    clips_of,
    read_excluded,
    read_ids,
    write_excluded,
)
from pipeline.exits import WrongUse
from pipeline.flow import Step
from pipeline.job import run_job

log = logging.getLogger(__name__)

LEAST = 2  # clips: one to train on, one to validate with


def run(words: Sequence[str], flow: Sequence[Step], disk: Disk | None = None) -> int:
    """Note what to leave out, then build the dataset of the rest; --resume goes on after a stop."""
    given = _parsed(words)
    out = given.folder.absolute()
    if not has_checkpoint(out):
        raise WrongUse(f"there is no dataset of this pipeline in {out}")
    ids = read_ids(given.ids) if given.ids else []
    disk = disk or Disk()
    request = Request(
        out=out,
        inputs=(),
        given={"on_lock": given.on_lock},
        mode="rebuild",
        command=shlex.join(["dataset-pipeline", "exclude", *words]),
        ask=ask if on_terminal() else None,
        flow=flow,
        disk=disk,
        prepare=functools.partial(_note, out, ids, given.undo, flow, disk),
    )
    return run_job(request)


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser("exclude", "Build the dataset again without some clips.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what --output named")
    parser.add_argument(
        "ids", type=Path, nargs="?", metavar="IDS.TXT",
        help="ids of clips, one a line, as report.html collects them; # begins a comment",
    )  # fmt: skip
    parser.add_argument(
        "--undo", action="store_true", help="take these clips in again, or all without IDS.TXT"
    )
    parser.add_argument(
        "--on-lock", choices=("ask", "wait", "kill", "fail"), default="ask",
        help="what to do while a run holds the output",
    )  # fmt: skip
    given = parser.parse(words)
    if given.ids is None and not given.undo:
        parser.error("say which clips: a file of ids, or --undo")
    return given


def _note(out: Path, ids: Sequence[str], undo: bool, flow: Sequence[Step], disk: Disk) -> None:
    """Change the list, or raise WrongUse and change nothing."""
    state = Checkpoint.peek(out)
    _require_finished(out, state, flow)
    records = list(state.records.of(flow[-2].name))
    clips = {clip: size for record in records for clip, size in clips_of(record).items()}
    before = read_excluded(out)
    try:
        after = changed(before, ids, clips, undo)
    except ValueError as err:
        raise WrongUse(str(err)) from err
    if (left := sum(1 for clip in clips if clip not in after)) < LEAST:
        raise WrongUse(
            f"{counted(left, 'clip')} would be left, {LEAST} are needed; nothing was changed"
        )
    if after == before:
        log.info("✋ The list of excluded clips is as it was: %s", counted(len(after), "clip"))
        return
    write_excluded(out, after, disk)
    changed_by = abs(len(after) - len(before))
    what = "taken in again" if undo else "taken out"
    log.info(
        "✋ %s %s; out now: %d (%s)", counted(changed_by, "clip"), what, len(after), EXCLUDED_FILE
    )


def _require_finished(out: Path, state: State, flow: Sequence[Step]) -> None:
    """Raise WrongUse unless all stages before the last one are done, by their present versions."""
    known = state.configuration.get("steps", {})
    stages = dict.fromkeys(step.stage for step in flow[:-1])
    todo = [stage for stage in stages if stage not in state.completed]
    old = [
        step.name
        for step in flow[:-1]
        if known.get(step.name) != importlib.import_module(step.module).VERSION
    ]
    if todo or old:
        why = (
            f"{(todo or old)[0]} is {'not done' if todo else 'of another version of the pipeline'}"
        )
        raise WrongUse(
            f"the dataset in {out} is not up to date ({why}): run with --resume first; "
            "nothing was changed"
        )
