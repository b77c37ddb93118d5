"""Many starters on one stale lock in the same instant: exactly one may win, every time.

    .venv/bin/python bench/lock_races.py --rounds 1000 --starters 8

Three kinds of file systems: one with flock; one without, where a file made exclusively and signs of
life decide; and one that grants a flock to everybody, as shared folders of desktop engines may.
In every round the stale lock is the one that the last winner left as it died, or names a process
that never was. Prints how many rounds had one winner, several, none; exit code 1 on any but one.
"""

import argparse
import errno
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for running it as a script

from pipeline.disk import Disk  # noqa: E402
from pipeline.lock import LOCK_FILE, Lock, Locked, LostLock, Pace  # noqa: E402

# as in production, but for the seconds: a round of real ones takes 16
PACE = Pace(beat_s=0.02, watch_s=0.2, settle_s=0.1)
TIMEOUT_S = 3600.0


class NoFlock(Disk):
    """A file system without flock, as NFS without its lock daemon."""

    def flock(self, fd: int, how: int) -> None:  # noqa: ARG002
        """Raise ENOLCK."""
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


class AlwaysGranted(Disk):
    """A file system that grants every flock."""

    def flock(self, fd: int, how: int) -> None:
        """Do nothing."""


KINDS: dict[str, Callable[[], Disk]] = {
    "flock": Disk,
    "no flock": NoFlock,
    "granted to all": AlwaysGranted,
}


def main() -> None:
    """Race; print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--starters", type=int, default=8)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    options = parser.parse_args()
    print(f"{'file system':<16}{'rounds':>8}{'one wins':>10}{'several':>9}{'none':>6}{'s':>7}")
    flawless = True
    for kind in options.kinds:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            wins = Counter(races(Path(folder), kind, options.rounds, options.starters))
        several = sum(count for winners, count in wins.items() if winners > 1)
        seconds = time.monotonic() - began
        print(f"{kind:<16}{options.rounds:>8}{wins[1]:>10}{several:>9}{wins[0]:>6}{seconds:>7.0f}")
        flawless = flawless and wins[1] == options.rounds
    sys.exit(0 if flawless else 1)


def races(folder: Path, kind: str, rounds: int, starters: int) -> list[int]:
    """Return how many won in each round."""
    found = []
    for number in range(rounds):
        lock = folder / LOCK_FILE
        if number % 2 == 0 or not lock.exists():
            lock.unlink(missing_ok=True)
            lock.write_text("pid: 999999\n")
            os.utime(lock, (1.0, 1.0))  # its owner has given no sign since 1970
        found.append(_race(folder, KINDS[kind], starters, is_shared=kind == "granted to all"))
    return found


def _race(folder: Path, disk: Callable[[], Disk], starters: int, *, is_shared: bool) -> int:
    """Return how many of the starters won: they start when a pipe is closed, and the winners hold
    the lock until another one is, then die with it."""
    go, end = os.pipe(), os.pipe()
    said = os.pipe()
    for _ in range(starters):
        if not os.fork():
            os.close(go[1])
            os.close(end[1])
            with mock.patch("pipeline.lock.may_be_shared", return_value=is_shared):
                _start(Lock(folder, "race", disk(), TIMEOUT_S, PACE), go[0], end[0], said[1])
    os.close(go[1])
    results = b""
    while len(results) < starters:
        results += os.read(said[0], starters)
    os.close(end[1])
    for _ in range(starters):
        os.wait()
    for fd in (go[0], end[0], *said):
        os.close(fd)
    return results.count(b"W")


def _start(lock: Lock, go: int, end: int, said: int) -> None:
    try:
        os.read(go, 1)
        try:
            lock.acquire()
        except Locked:
            os.write(said, b"L")
            os._exit(0)
        time.sleep(PACE.settle_s)  # a second winner would have shown itself by now
        try:
            lock.check()
            os.write(said, b"W")
        except LostLock:
            os.write(said, b"L")
        os.read(end, 1)
        os._exit(0)
    except BaseException:  # noqa: BLE001 - told to the parent by the exit code
        traceback.print_exc()
        os.write(said, b"E")
        os._exit(1)


if __name__ == "__main__":
    main()
