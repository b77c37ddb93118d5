"""Signs of life where flock does not decide: the owner touches its lock file every few seconds.

In:  the path of a lock file. Out: `Heartbeat` gives the signs, `beats` watches for them.
Clocks of two machines are never compared: who watches counts on its own monotonic clock how long
the file's time stands still, or asks the file system for the time by writing there (`age_s`).
"""

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.disk import Disk

POLL_S = 0.2


@dataclass(frozen=True)
class Pace:
    """How often signs of life come and how long they are waited for."""

    beat_s: float = 5.0  # the owner touches its file so often
    watch_s: float = 15.0  # a file that stands still for three beats is a dead owner's
    settle_s: float = 1.0  # of two that took a lock in the same instant, one has overwritten it


class Heartbeat:
    """Touches a file in a thread of its own for as long as it is ours."""

    def __init__(self, path: Path, beat_s: float, is_ours: Callable[[], bool], disk: Disk) -> None:
        self._path = path
        self._beat_s = beat_s
        self._is_ours = is_ours
        self._disk = disk
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No further sign; what is under way is waited for."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._beat_s):
            # a beat that fails is made up for by the next; a lost lock is the next save's to notice
            with contextlib.suppress(OSError):
                if self._is_ours():
                    self._disk.touch(self._path)


def beats(path: Path, watch_s: float) -> bool:
    """Return whether a lock file shows a sign of life within `watch_s`; at once when it does."""
    before = _sign(path)
    until = time.monotonic() + watch_s
    while time.monotonic() < until:
        time.sleep(min(POLL_S, watch_s))
        if _sign(path) != before:
            return True
    return False


def age_s(path: Path, disk: Disk) -> float:
    """Return for how long a file has not been touched, by the clock of its own file system.

    Raises FileNotFoundError if it is gone.
    """
    touched = path.stat().st_mtime
    probe = path.with_name(f"{path.name}.{uuid.uuid4()}")
    fd = disk.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        return os.fstat(fd).st_mtime - touched
    finally:
        disk.close(fd)
        disk.remove(probe)


def _sign(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
