"""One thing that a trainer would choke on: where it is, what it is, what to do about it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.console import counted

SHOWN_PER_RULE = 5  # a folder at the wrong rate has one problem a clip: 13,100 for LJSpeech


@dataclass(frozen=True)
class Problem:
    """A finding. An `error` stops or spoils a training, a `warning` may."""

    severity: Literal["error", "warning"]
    rule: str  # short and stable, e.g. "unknown_symbols": what findings are grouped by
    file: str  # relative to the dataset's folder
    line: int  # from 1; 0 = the file as a whole
    message: str  # what, and what to do

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{self.severity}: {place}: {self.message} [{self.rule}]"


def errors(problems: Sequence[Problem]) -> list[Problem]:
    """Return those with which a trainer cannot work."""
    return [problem for problem in problems if problem.severity == "error"]


def describe(problems: Sequence[Problem], shown_per_rule: int = SHOWN_PER_RULE) -> str:
    """Return the findings as lines for a terminal, errors first, and a last line with the counts.

    Of one rule in one file no more than `shown_per_rule` are named; the rest are counted.
    """
    return "\n".join([*_lines(problems, shown_per_rule), _verdict(problems)])


def _lines(problems: Sequence[Problem], shown_per_rule: int) -> Iterator[str]:
    seen: Counter[tuple[str, str]] = Counter()
    for problem in sorted(problems, key=lambda problem: problem.severity):
        seen[problem.rule, _folder(problem)] += 1
        if seen[problem.rule, _folder(problem)] <= shown_per_rule:
            yield str(problem)
    for (rule, folder), count in seen.items():
        if count > shown_per_rule:
            yield f"… and {count - shown_per_rule} more of {rule} in {folder}"


def _folder(problem: Problem) -> str:
    """Wavs are many files with one problem each: they are counted by their folder."""
    if problem.line:
        return problem.file
    return problem.file.rpartition("/")[0] or problem.file


def _verdict(problems: Sequence[Problem]) -> str:
    bad = len(errors(problems))
    if not problems:
        return "valid: a trainer can take this folder"
    state = "not valid" if bad else "valid, with warnings"
    return f"{state}: {counted(bad, 'error')}, {counted(len(problems) - bad, 'warning')}"
