"""SIGTERM, SIGINT and SIGHUP as an exception, raised only where it can do no harm.

A second signal exits at once; so does a first one that finds the main thread stuck in a library
for longer than a container engine would wait.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

PATIENCE_S = 4.0  # `docker stop` kills after 10 s; an exit within 5 s is promised
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
        _exit_when_stuck()
        for signum in _SIGNALS:
            # nohup means what it says
            if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:
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
        if self._working:
            raise Interrupted(signum)


def _exit_when_stuck() -> None:
    """Exit some seconds after a signal, whatever the main thread does.

    subtle: Python runs handlers in the main thread, after the C call that it is in; only the byte
    that it writes into the wakeup descriptor comes through at once.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), daemon=True).start()


def _watch(reader: int) -> None:
    while (signum := os.read(reader, 1)[0]) not in _SIGNALS:
        pass
    time.sleep(PATIENCE_S)
    os._exit(128 + signum)
