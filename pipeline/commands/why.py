"""dataset-pipeline why FOLDER RECORDING [TIME]: what became of a second of a recording, and why."""

import json
import logging
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.commands.words import Parser
from pipeline.console import clock, safe
from pipeline.exits import FINISHED, WrongUse
from pipeline.flow import Step

log = logging.getLogger(__name__)

CLIPS, REJECTED = "metadata.jsonl", "rejected.jsonl"
NAMED = 10  # recordings that are named where a name fits none or several
_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)")


@dataclass(frozen=True)
class Stretch:
    """A part of a recording and what became of it. `end_s` None: to its end, not known where."""

    source: str
    start_s: float
    end_s: float | None
    what: str

    def holds(self, moment_s: float) -> bool:
        """Return whether a moment lies in it."""
        return self.start_s <= moment_s and (self.end_s is None or moment_s < self.end_s)


def run(words: Sequence[str], _flow: Sequence[Step]) -> int:
    """Say what became of one moment, or of each stretch of a recording in turn."""
    parser = Parser("why", "Say what became of a second of a recording, and why.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what --output named")
    parser.add_argument("recording", metavar="RECORDING", help="its name, or a part of it")
    parser.add_argument("time", nargs="?", metavar="TIME", help="1:23, 83 or 1:02:03; else all")
    given = parser.parse(words)
    moment_s = None if given.time is None else seconds_of(given.time)
    found = list(_stretches(given.folder))
    source = _named(given.recording, sorted({one.source for one in found}))
    mine = sorted((one for one in found if one.source == source), key=lambda one: one.start_s)
    chosen = [one for one in mine if moment_s is None or one.holds(moment_s)]
    if not chosen:
        ends = [one.end_s for one in mine if one.end_s is not None]
        raise WrongUse(f"{safe(source)} has no {given.time}: it ends at {clock(max(ends))}")
    log.info("%s%s", safe(source), "" if moment_s is None else f" at {clock(moment_s)}")
    for one in chosen:
        end = "its end" if one.end_s is None else f"{one.end_s:.1f} s"
        log.info("  %.1f s to %s: %s", one.start_s, end, safe(one.what))
    return FINISHED


def seconds_of(text: str) -> float:
    """Return what a time means; WrongUse for what is none.

    >>> seconds_of("1:02:03.5")
    3723.5
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise WrongUse(f"{text!r} is no time: write 1:23, 83 or 1:02:03")
    hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def _named(text: str, sources: Sequence[str]) -> str:
    """Return the recording that is called so, or the only one with that in its name."""
    part = _plain(text)
    fitting = [text] if text in sources else [one for one in sources if part in _plain(one)]
    if len(fitting) == 1:
        return fitting[0]
    some = ", ".join(safe(one) for one in (fitting or sources)[:NAMED])
    more = len(fitting or sources) - NAMED
    which = "several recordings are" if fitting else "no recording is"
    raise WrongUse(
        f"{which} called like {safe(text)!r}; name one of: {some}"
        + (f" and {more} more" if more > 0 else "")
    )


def _plain(name: str) -> str:
    """Return a name as people tell names apart: no case, and an ü is one however it is stored."""
    return unicodedata.normalize("NFC", name).casefold()


def _stretches(folder: Path) -> Iterator[Stretch]:
    for row in _rows(folder, CLIPS):
        what = f"used: {row['file_name']}: {row['text']}"
        yield Stretch(str(row["source"]), float(row["start"]), float(row["end"]), what)
    for row in _rows(folder, REJECTED):
        end_s = None if row["end"] is None else float(row["end"])
        yield Stretch(str(row["source"]), float(row["start"]), end_s, _why(row))


def _why(row: dict[str, Any]) -> str:
    """Return the rule and its reason, and the text that is lost with it."""
    said = f'; it says: "{row["text"]}"' if row.get("text") else ""
    return f"not used, {row['rule']}: {row['reason']}{said}"


def _rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    path = folder / name
    if not path.is_file():
        raise WrongUse(
            f"{folder} holds no {name}: is it the output folder, and is its run complete? "
            "('status' says so)"
        )
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
