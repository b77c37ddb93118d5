"""Cheap jobs in forked children: hundreds of runs a minute, each a process of its own.

Left out: the real stages. Where the parent has computed with torch, a child that does so waits for
ever for OpenMP's threads, which a fork does not copy.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from pipeline import cli
from pipeline.checkpoint import STATE_FILE
from pipeline.disk import Disk
from tests.cheap import FLOW, book, shout, take  # noqa: F401 - imported once, before the forks
from tests.forks import fork

COMMON = ("--output", "out", "--min-free-gb", "0")
WITH_TIMES = {"pipeline.log", STATE_FILE, "record.json"}


def texts(folder: Path, **contents: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (folder / f"{name}.wav").write_text(text)


def files(out: Path) -> dict[str, bytes]:
    """Return every file of an output folder, with its bytes where they hold no times."""
    return {
        str(path.relative_to(out)): b"" if path.name in WITH_TIMES else path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def run(
    folder: Path,
    *words: str,
    disk: Disk | None = None,
    before: Callable[[], object] = lambda: None,
) -> tuple[int, str]:
    """Return (exit code, output) of a run in a forked child that has everything imported; `before`
    is done in the child first."""
    with tempfile.TemporaryFile() as said:
        pid = fork()
        if not pid:
            _child(folder, words, disk, said.fileno(), before)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.seek(0)
        return code, said.read().decode()


def _child(
    folder: Path,
    words: tuple[str, ...],
    disk: Disk | None,
    said: int,
    before: Callable[[], object],
) -> None:
    code = 99  # of an exception that came through
    try:
        os.chdir(folder)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
        sys.stderr = os.fdopen(2, "w", encoding="utf-8")
        sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123
        before()
        code = cli.main(list(words), FLOW, disk)
    except SystemExit as err:  # argparse's
        code = err.code if isinstance(err.code, int) else 1
    except BaseException:  # noqa: BLE001 - told to the parent by the exit code
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
