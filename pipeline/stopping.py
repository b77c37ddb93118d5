"""SIGTERM, SIGINT and SIGHUP as an exception, raised only where it can do no harm.

A second signal exits at once; so does a first one that finds the main thread stuck in a library
for longer than a container engine would wait. Even then, what is in hand is not left looking like
a crash, nor the lock like that of a dead run: see `before_forced_exit`.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

PATIENCE_S = 4.0  # `docker stop` kills after 10 s; an exit within 5 s is promised
# subtle: timeout(1) sends its signal twice, to the process and to its group; so do some wrappers
TWICE_S = 0.5
HEARD_S = 0.1  # after that the main thread has run the handler, if it can
LAST_WORDS_S = 0.5  # a disk that hangs must not keep us
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
        self._asked_at = 0.0
        self._working = False
        self._leaving = threading.RLock()
        self._last_words: list[Callable[[], object]] = []
        self._exit_when_stuck()
        for signum in _SIGNALS:
            # nohup means what it says
            if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:
                signal.signal(signum, self._handle)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Within this block the work in hand may be dropped at any point.

        subtle: a library may swallow the exception, or make another one of it, as torch does while
        it loads weights. What comes of the work then says nothing, so it is dropped at the end.
        """
        try:
            self._working = True  # subtle: before the check, or a signal between them would wait
            self.check()
            yield
            self.check()
        finally:
            self._pause_work()

    @contextlib.contextmanager
    def sheltered(self) -> Iterator[None]:
        """Within this block, in one of work, a signal waits: what is known is being changed."""
        before = self._working
        self._pause_work()
        try:
            yield
        finally:
            self._working = before
        if before:
            self.check()

    def _pause_work(self) -> None:
        self._working = False
        with self._leaving:  # subtle: a forced exit that has begun speaks for what is in hand
            pass

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self._signum:
            raise Interrupted(self._signum)

    def before_forced_exit(self, call: Callable[[], object]) -> None:
        """Have `call` done first, the latest first, if the work in hand cannot be interrupted."""
        self._last_words.insert(0, call)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        with self._leaving:
            if self._signum:
                if time.monotonic() - self._asked_at > TWICE_S:
                    os._exit(128 + signum)
                return
            self._signum, self._asked_at = signum, time.monotonic()
        if self._working:
            raise Interrupted(signum)

    def _exit_when_stuck(self) -> None:
        """Exit some seconds after a signal, whatever the main thread does.

        subtle: Python runs handlers in the main thread, after the C call that it is in; only the
        byte that it writes into the wakeup descriptor comes through at once.
        """
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reader,), daemon=True).start()

    def _watch(self, reader: int) -> None:
        while (signum := os.read(reader, 1)[0]) not in _SIGNALS:
            pass
        asked_at = time.monotonic()
        time.sleep(HEARD_S)
        if not self._signum:
            # subtle: of two signals in one instant another thread may take both; the main thread,
            # which runs the handlers, then goes on waiting where a signal of its own wakes it
            signal.pthread_kill(threading.main_thread().ident or 0, signum)
        while (left_s := asked_at + PATIENCE_S - time.monotonic()) > 0:
            if select.select([reader], [], [], left_s)[0]:
                again = os.read(reader, 1)[0]
                if again in _SIGNALS and time.monotonic() - asked_at > TWICE_S:
                    signum = again
                    break
        self._force_exit(signum)

    def _force_exit(self, signum: int) -> None:
        self._leaving.acquire()  # for ever: a handler that comes now waits for the exit
        if self._working:  # stuck in a call, or goes on all the same; nothing is half changed
            speaking = threading.Thread(target=self._speak, daemon=True)
            speaking.start()
            speaking.join(LAST_WORDS_S)
        os._exit(128 + signum)

    def _speak(self) -> None:
        for call in self._last_words:
            with contextlib.suppress(Exception):
                call()
