"""Runs of the command, each in a child of its own, without paying for Python's start each time.

In:  the words of a command line, and where to write what it says.
Out: a `Run`: its pid, how to wait for it. The child is forked from this process, which has imported
     everything and computed nothing, and calls the very `main` of the command; or it executes
     `python -m …`, so that the short cut can be held against the real thing.
Every run is a session of its own, so that all its processes are found, and killed, by one number.
"""

import contextlib
import ctypes
import importlib
import importlib.machinery
import os
import select
import signal
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.cli import main
from pipeline.flow import FLOW as REAL_FLOW
from pipeline.plan import Step
from tests.cheap import FLOW as CHEAP_FLOW
from tests.forks import fork

ROOT = Path(__file__).parent.parent
FLOWS: dict[str, Sequence[Step]] = {"pipeline": REAL_FLOW, "tests.cheap": CHEAP_FLOW}
# What the real stages import when they work: 4 s. None of them computes or locks at import.
_HEAVY = ("torch", "whisper", "onnxruntime", "librosa", "pyloudnorm", "misaki.en", "misaki.espeak")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_BROKEN = 70  # exit code of a child that did not even come to `main`; sysexits.h: EX_SOFTWARE


class Run:
    """One run of the command, as its parent sees it."""

    def __init__(self, pid: int, said: Path) -> None:
        self.pid = pid
        self.said = said  # the file with its standard output and errors
        self.code: int | None = None  # as subprocess has it: -9 after a kill -9
        self.pidfd = os.pidfd_open(pid)  # readable once it has ended

    def wait(self, patience_s: float) -> int | None:
        """Return its exit code, or None if it is still running after `patience_s`."""
        if self.code is None and self.ends_within(patience_s):
            _, status = os.waitpid(self.pid, 0)
            os.close(self.pidfd)
            self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def ends_within(self, seconds: float) -> bool:
        """Return whether it has ended, as soon as it has."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def kill(self, signum: int = signal.SIGKILL) -> None:
        """Send a signal to it alone."""
        if self.code is None:
            os.kill(self.pid, signum)

    def kill_all(self) -> None:
        """Kill it and its workers in one call."""
        self.kill()  # first: it may be so new that it has no session yet
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def preload(command: str) -> None:
    """Import what a run would import, so that its child need not."""
    if command == "pipeline":
        for name in _HEAVY:
            importlib.import_module(name)


def start(
    command: str,
    words: Sequence[object],
    said: Path,
    *,
    environment: Mapping[str, str] | None = None,
    prepare: Callable[[], object] | None = None,
    by_exec: bool = False,
) -> Run:
    """Start `python -m command words`. `prepare` is called in the child first, to make it fail."""
    said.touch()
    sys.stdout.flush()
    pid = fork()
    if pid:
        return Run(pid, said)
    try:
        _detach(said)
        os.environ.update(environment or {})
        if by_exec:
            os.chdir(ROOT)
            os.execv(sys.executable, [sys.executable, "-m", command, *map(str, words)])
        os._exit(_call(command, [str(word) for word in words], prepare))
    finally:
        os._exit(_BROKEN)


def members(session: int) -> list[tuple[int, str]]:
    """Return (pid, command line) of all processes of a session that are alive, but its leader."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != session:
            with contextlib.suppress(OSError):  # it has just ended
                state, _, _, its_session = _stat(entry)[:4]
                if int(its_session) == session and state not in "ZX":
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append((int(entry.name), words.decode(errors="replace").strip()))
    return found


def _stat(entry: Path) -> list[str]:
    # the name in brackets may hold anything, a bracket too
    return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()


def _detach(said: Path) -> None:
    """Make this child what a shell's child would be, in a session of its own."""
    parent = os.getppid()
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a campaign leaves nothing behind
    if os.getppid() != parent:
        os._exit(_BROKEN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    silence = os.open(os.devnull, os.O_RDONLY)
    output = os.open(said, os.O_WRONLY | os.O_APPEND)
    for target, source in enumerate((silence, output, output)):
        os.dup2(source, target)


def _call(command: str, words: list[str], prepare: Callable[[], object] | None) -> int:
    """Return the exit code of the command's own `main`."""
    for name, fd, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        setattr(sys, name, open(fd, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.modules["__main__"] = _as_main(command)
    if prepare is not None:
        prepare()
    try:
        code = main(words, flow=FLOWS[command])
    except SystemExit as err:  # argparse's
        code = err.code if isinstance(err.code, int) else 1
    sys.stdout.flush()
    return code


def _as_main(command: str) -> types.ModuleType:
    """Return what a pool's workers look at to know which program they belong to."""
    module = types.ModuleType("__main__")
    module.__spec__ = importlib.machinery.ModuleSpec(f"{command}.__main__", None)
    return module
