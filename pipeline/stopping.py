"""SIGTERM, SIGINT and SIGHUP as an exception, raised only where it can do no harm.

A second signal exits at once; so does a first one that finds the main thread stuck in a library
for longer than a container engine would wait.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

PATIENCE_S = 4.5  # `docker stop` kills after 10 s; an exit within 5 s is promised
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Interrupted(BaseException):
    """The run was asked to stop. Not an Exception: no stage may swallow it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class Stopper:
    """Turns signals into `Interrupted`, at once while `working`, else at the next `check`."""

    def __init__(self) -> None:
        self._signum = 0
        self._working = False
        for signum in _SIGNALS:
            signal.signal(signum, self._handle)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Within this block the work in hand may be dropped at any point."""
        self.check()
        self._working = True
        try:
            yield
        finally:
            self._working = False

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self._signum:
            raise Interrupted(self._signum)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        if self._signum:
            os._exit(128 + signum)
        self._signum = signum
        watchdog = threading.Timer(PATIENCE_S, os._exit, (128 + signum,))
        watchdog.daemon = True
        watchdog.start()
        if self._working:
            raise Interrupted(signum)
