"""What a run says: on the terminal, and with times in pipeline.log.

Left out: progress (progress/). A terminal that cannot show a sign gets plain words.
"""

import contextlib
import logging
import os
import re
import select
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

LOG_FILE = "pipeline.log"
_SIGN = re.compile("[^\x00-\u2fff]\ufe0f?\\s*|[\u2190-\u2bff]\ufe0f?\\s*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_LINES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class _PlainWords(logging.Formatter):
    """The message alone; without signs where the stream cannot encode them."""

    def __init__(self, signs: bool) -> None:
        super().__init__("%(message)s")
        self._signs = signs

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:  # of debugging only: nobody else wants to see a traceback
            text += f"\n{self.formatException(record.exc_info)}"
        text = _CONTROL_BUT_LINES.sub("?", text)
        return text if self._signs else _SIGN.sub("", text)


def safe(text: str) -> str:
    """Return `text` on one line: a file's name must not move the cursor."""
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def shows_signs(stream: TextIO) -> bool:
    """Return whether emoji can be written to `stream`."""
    try:
        "⏭️✅".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError, AttributeError):  # None: it is closed
        return False
    return True


class _Terminal(logging.StreamHandler[TextIO]):
    """Writes lines to the stream, or where they are diverted to for now."""

    diversion: Callable[[str], object] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.diversion is None:
            super().emit(record)
            return
        try:
            self.diversion(self.format(record))
        except Exception:  # noqa: BLE001 - as StreamHandler does
            self.handleError(record)


@contextlib.contextmanager
def diverted(say: Callable[[str], object]) -> Iterator[None]:
    """Within this block, what is logged for the terminal is handed to `say`, line by line."""
    ours = [h for h in logging.getLogger("pipeline").handlers if isinstance(h, _Terminal)]
    for handler in ours:
        handler.diversion = say
    try:
        yield
    finally:
        for handler in ours:
            handler.diversion = None


def start_logging(verbose: bool) -> logging.Logger:
    """Let the pipeline's loggers write to standard output; return the topmost."""
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="replace", line_buffering=True)  # type: ignore[union-attr]
    logging.raiseExceptions = False  # a closed pipe or a full disk under the log is no news here
    top = logging.getLogger("pipeline")
    top.setLevel(logging.DEBUG)
    top.propagate = False
    top.handlers.clear()
    handler = _Terminal(sys.stdout)
    handler.setFormatter(_PlainWords(shows_signs(sys.stdout)))
    handler.setLevel(logging.DEBUG if verbose else logging.INFO)
    top.addHandler(handler)
    return top


def log_to_file(out: Path) -> logging.Handler:
    """Let everything, also what --verbose would show, go into the output's log file."""
    handler = logging.FileHandler(out / LOG_FILE, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.DEBUG)
    logging.getLogger("pipeline").addHandler(handler)
    return handler


def on_terminal() -> bool:
    """Return whether a person can be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def ask(question: str) -> str:
    """Print a question and return the line that is typed; EOFError where there is none.

    subtle: not input(); a signal that comes between its question and its read would not be heard
    before the next key. The wakeup descriptor is written to also then.
    """
    sys.stdout.write(question)
    sys.stdout.flush()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        while sys.stdin not in select.select([sys.stdin, reader], [], [])[0]:
            signals = os.read(reader, 64)  # their handlers have run by now, and raised nothing
            if before >= 0:
                os.write(before, signals)
    finally:
        signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        os.close(reader)
        os.close(writer)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def table(rows: Sequence[Sequence[object]]) -> list[str]:
    """Return rows as aligned lines; the first column to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in cells
    ]


def clock(seconds: float) -> str:
    """Return seconds as people read them: 3725.2 -> "1:02:05", 65.0 -> "1:05"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def counted(count: int, noun: str) -> str:
    """Return how many: "1 clip", "2 clips"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(problems: Mapping[str, str], limit: int = 50) -> list[str]:
    """Return one line a problem, and how many more there are."""
    lines = [f"  {safe(name)}: {safe(why)}" for name, why in list(problems.items())[:limit]]
    left = len(problems) - limit
    return [*lines, f"  … and {left} more, see {LOG_FILE}"] if left > 0 else lines
