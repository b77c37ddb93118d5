"""dataset-pipeline: flags, prompts, exit codes.

    dataset-pipeline ./audio/ --output my-voice [--resume|--force-restart] …
    dataset-pipeline status|why|doctor|validate|exclude|models …     (commands/)

Exit codes: 0 all done; 1 the run failed; 2 wrong use; 3 finished, but some files failed;
4 another run holds the output; 130/143 interrupted, --resume goes on.
"""

import argparse
import difflib
import functools
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from argparse_dataclass import ArgumentParser

from pipeline import __version__, commands, config
from pipeline.agreement import Request, WrongUse, has_checkpoint, has_results
from pipeline.config import Settings
from pipeline.console import ask, on_terminal, start_logging
from pipeline.disk import Disk
from pipeline.dry_run import dry_run
from pipeline.environment import INTERVAL, LOCK_TIMEOUT
from pipeline.executors import tame_threads
from pipeline.flow import FLOW, Step
from pipeline.guard import guarded
from pipeline.job import run_job
from pipeline.lock import require_free
from pipeline.sources import is_url, public_url

METAVARS = {int: "N", float: "NUMBER", str: "TEXT"}
USAGE = "\n       ".join(
    f"dataset-pipeline {usage}"
    for usage in (
        "INPUT [INPUT ...] --output FOLDER [--resume | --force-restart] [flags]",
        *commands.USAGES.values(),
    )
)
EPILOG = f"""sub-commands: 'status' says what is done, running and failed, and what is left;
'why' says what became of a second of a recording;
'doctor' says what this machine lacks; 'models fetch' fills the cache of weights; 'validate' says
what a trainer would choke on; 'exclude' builds a dataset again without some clips; each knows
--help (an input called like these: ./status). Environment: {INTERVAL}
(sync the state on every Nth file; default 1), {LOCK_TIMEOUT} (how long --on-lock wait waits;
default 3600 s), KOKORO_MODELS (where weights are kept). Exit codes: 0 done, 1 failed, 2 wrong
use, 3 finished but some files failed, 4 another run holds the output, 130/143 interrupted (--resume
goes on)."""


def main(
    argv: Sequence[str] | None = None, flow: Sequence[Step] = FLOW, disk: Disk | None = None
) -> int:
    """Run the command line; return the exit code.

    `flow`: other stages on the same runner; `disk`: one that fails on purpose.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    start_logging("--verbose" in words)
    tame_threads()
    if commands.is_command(words):
        return commands.run(words, flow, disk)
    return guarded(lambda: _run(words, flow, disk or Disk()))


def _run(words: Sequence[str], flow: Sequence[Step], disk: Disk) -> int:
    inputs, given = parse(words)
    if not given.get("output"):
        raise WrongUse(f"--output FOLDER is needed: where the dataset goes{_meant(words)}")
    request = Request(
        out=Path(given["output"]).absolute(),
        inputs=inputs,
        given={name: value for name, value in given.items() if name != "output"},
        mode=_mode(Path(given["output"]), inputs, given),
        command=shlex.join(["dataset-pipeline", *map(_without_secrets, words)]),
        ask=ask if on_terminal() else None,
        flow=flow,
        disk=disk,
    )
    return dry_run(request) if given.get("dry_run") else run_job(request)


def _meant(words: Sequence[str]) -> str:
    """Return what may have been meant by a first word that is nearly a sub-command."""
    near = difflib.get_close_matches(words[0], commands.USAGES, 1) if words else []
    return f"; did you mean 'dataset-pipeline {near[0]}'?" if near else "; --help says more"


def _flag_meant(word: str) -> str:
    """Return what may have been meant by a word that is nearly a flag: "--min-snr" is."""
    flags = [f"--{each.name.replace('_', '-')}" for each in fields(Settings)]
    near = difflib.get_close_matches(word.partition("=")[0], flags, 1)
    return f"; did you mean {near[0]}?" if near else "; --help lists the flags"


def _without_secrets(word: str) -> str:
    return public_url(word) if is_url(word) else word


def _mode(out: Path, inputs: Sequence[str], given: Mapping[str, Any]) -> str:
    """Return start, resume or restart: the table in docs/checkpointing.md."""
    if given.get("resume") and given.get("force_restart"):
        raise WrongUse("--resume and --force-restart contradict each other: give one of them")
    there = has_checkpoint(out)
    if given.get("force_restart"):
        return "restart"
    if given.get("resume"):
        if not there and not inputs:
            raise WrongUse(
                f"nothing to resume in {out}: name the folder of an earlier run, or the recordings "
                "to begin with"
            )
        return "resume" if there else "start"
    return _ask_mode(out) if there and has_results(out) else "start"


def _ask_mode(out: Path) -> str:
    if not on_terminal():
        require_free(out)
        raise WrongUse(
            f"{out} holds a checkpoint; --resume goes on with it, --force-restart discards it"
        )
    if _yes("Existing checkpoint found. Resume? (y/n) "):
        return "resume"
    if _yes(f"Discard what is in {out} and begin anew? (y/n) "):
        return "restart"
    raise WrongUse("nothing was done")


def _yes(question: str) -> bool:
    while True:
        try:
            answer = ask(question).strip().lower()
        except EOFError:
            return False
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")


class _GroupedParser(ArgumentParser):  # type: ignore[misc]
    """argparse-dataclass's parser with the settings under headings, and defaults in the help."""

    def __init__(self) -> None:
        self._group_of = {name: g for g, names in config.groups().items() for name in names}
        self._groups: dict[str, argparse._ArgumentGroup] = {}
        super().__init__(
            Settings,
            prog="dataset-pipeline",
            usage=USAGE,
            description="From recordings of one voice to a dataset that trains Kokoro / StyleTTS2.",
            epilog=EPILOG,
            allow_abbrev=False,
        )

    def add_argument(self, *flags: str, **options: Any) -> argparse.Action:
        """Add a flag to its group; argparse-dataclass calls this once a field."""
        name = options.get("dest") or flags[0].lstrip("-").replace("-", "_")
        title = self._group_of.get(name)
        if title is None:
            action: argparse.Action = super().add_argument(*flags, **options)
            return action
        if not self._groups:  # all at once, in the order of the flow
            self._groups = {title: self.add_argument_group(title) for title in config.groups()}
        options["help"] = _help(name)
        if options.get("type") in METAVARS and not options.get("choices"):
            options["metavar"] = METAVARS[options["type"]]
        return self._groups[title].add_argument(*flags, **options)


def _help(name: str) -> str:
    one = next(each for each in fields(Settings) if each.name == name)
    default = "" if one.default is False or one.default == "" else f" (default: {one.default}"
    unit = f" {one.metadata['unit']}" if one.metadata["unit"] else ""
    closing = f"{unit})" if default else (f" [{unit.strip()}]" if unit else "")
    return f"{one.metadata['help']}{default}{closing}".replace("%", "%%")


@functools.cache
def _parser() -> _GroupedParser:
    """Return the parser of a run's words."""
    parser = _GroupedParser()
    parser.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="files, folders, globs, lists, URLs"
    )
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def parse(words: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Return (inputs, the settings that were given by name); argparse exits 2 on wrong use."""
    parser = _parser()
    # subtle: the plain parser's result tells what was given; the dataclass would fill in defaults
    namespace, left = argparse.ArgumentParser.parse_known_args(parser, list(words))
    if unknown := [word for word in left if word.startswith("-")]:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{_flag_meant(unknown[0])}")
    found = vars(namespace)
    known = {each.name for each in fields(Settings)}
    given = {name: value for name, value in found.items() if name in known and value != MISSING}
    return [*found["inputs"], *left], given


if __name__ == "__main__":
    sys.exit(main())
