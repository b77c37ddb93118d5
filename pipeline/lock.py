""".pipeline_running: two runs never work in one output folder at the same time.

In:  the output folder. Out: a `Lock` held until `release`, or `Locked` naming the owner.
How: an exclusive flock on the folder and on the lock file decides; the kernel drops it when the
     process dies, however it dies. What stands in the file is for people and for messages.
Left out: file systems without flock; waiting, killing and prompts (the command line's).

"""

import contextlib
import errno
import fcntl
import os
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from pipeline.disk import Disk

LOCK_FILE = ".pipeline_running"
_BUSY = (errno.EWOULDBLOCK, errno.EACCES)
_NO_FLOCK = (errno.EBADF, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class Owner:
    """Who holds a lock, as far as its file tells."""

    pid: int = 0
    run_id: str = ""
    host: str = ""
    boot_id: str = ""
    pid_namespace: int = 0
    start_ticks: int = 0
    container: str = ""
    started: float = 0.0  # seconds since the epoch
    command: str = ""

    def __str__(self) -> str:
        place = (
            f"container {self.container}" if self.container else f"host {self.host or 'unknown'}"
        )
        if not isinstance(self.started, float) or not self.started:
            return f"on {place}"
        return f"on {place}, for {(time.time() - self.started) / 60:.0f} min"

    def is_alive_here(self) -> bool:
        """Return whether this very process runs: same boot, same PID namespace, same start."""
        me = describe_self("")
        here = (self.boot_id, self.pid_namespace) == (me.boot_id, me.pid_namespace)
        return here and self.pid > 0 and self.start_ticks == _start_ticks(self.pid)


class Locked(BlockingIOError):
    """Another run owns the output folder."""

    def __init__(self, path: Path, owner: Owner) -> None:
        super().__init__(errno.EAGAIN, f"Pipeline already running (PID: {owner.pid})", str(path))
        self.owner = owner


class LostLock(RuntimeError):
    """The lock file was removed or replaced while we ran: somebody else may be writing."""


class Lock:
    """The exclusive right to write in one output folder.

    >>> lock = Lock(Path("my-voice"), command="dataset-pipeline …")
    >>> stale = lock.acquire()      # raises Locked; returns the owner that a crash left behind
    >>> lock.check(); lock.release()
    """

    def __init__(self, folder: Path, command: str, disk: Disk | None = None) -> None:
        self.path = folder / LOCK_FILE
        self._command = command
        self._disk = disk or Disk()
        self._fds: list[int] = []
        self._inode = (0, 0)

    def acquire(self) -> Owner | None:
        """Take the lock, or raise Locked at once; return the stale owner that was found, if any."""
        try:
            self._lock_folder()
            fd = self._lock_file()
            stale = parse_owner(os.pread(fd, 65536, 0))
            self._write_owner(fd)
            return stale
        except BaseException:
            self.release()
            raise

    def check(self) -> None:
        """Raise LostLock unless the lock file is still the one that we locked."""
        try:
            status = self.path.lstat()
        except OSError as err:
            raise LostLock(self._lost("was removed")) from err
        if (status.st_dev, status.st_ino) != self._inode:
            raise LostLock(self._lost("was replaced"))

    def release(self) -> None:
        """Remove the file, if it is ours, while still holding it; then let go."""
        if not self._fds:
            return
        with contextlib.suppress(LostLock, OSError):
            self.check()
            self._disk.remove(self.path)
        self._close()

    def _lock_folder(self) -> None:
        # This one survives an rm of the lock file.
        fd = self._disk.open(self.path.parent, os.O_RDONLY)
        self._fds.append(fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            if err.errno in _BUSY:
                raise Locked(self.path, read_owner(self.path) or Owner()) from err
            if err.errno not in _NO_FLOCK:
                raise

    def _lock_file(self) -> int:
        while True:
            fd = self._open_file()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as err:
                os.close(fd)
                if err.errno in _BUSY:
                    raise Locked(self.path, read_owner(self.path) or Owner()) from err
                raise OSError(err.errno, f"cannot lock: {err.strerror}", str(self.path)) from err
            if self._is_named(fd):
                self._fds.append(fd)
                return fd
            os.close(fd)  # somebody removed it between our open and our flock

    def _open_file(self) -> int:
        try:
            return self._disk.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
        except OSError as err:
            if err.errno in (errno.EISDIR, errno.ELOOP):
                raise OSError(err.errno, "is not a plain file; remove it", str(self.path)) from err
            raise

    def _is_named(self, fd: int) -> bool:
        held = os.fstat(fd)
        self._inode = (held.st_dev, held.st_ino)
        with contextlib.suppress(LostLock):
            self.check()
            return True
        return False

    def _write_owner(self, fd: int) -> None:
        # subtle: in place; a rename would put an unlocked inode under the name
        data = yaml.safe_dump(asdict(describe_self(self._command)), sort_keys=False).encode()
        os.pwrite(fd, data, 0)
        self._disk.truncate(fd, len(data))
        self._disk.sync(fd)

    def _close(self) -> None:
        while self._fds:
            self._disk.close(self._fds.pop())

    def _lost(self, what: str) -> str:
        return (
            f"the lock file {self.path} {what} while this run was working; it stops here, resumable"
        )


def read_owner(path: Path) -> Owner | None:
    """Return who stands in a lock file; None where there is none or it is empty."""
    try:
        return parse_owner(path.read_bytes())
    except OSError:
        return None


def parse_owner(data: bytes) -> Owner | None:
    """Return the owner that the bytes of a lock file name; a bare number is a PID."""
    try:
        values = yaml.safe_load(data.decode())
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if isinstance(values, int):
        return Owner(pid=values)
    return _owner(values) if isinstance(values, dict) else None


def _owner(values: Mapping[str, Any]) -> Owner | None:
    known = {key: values[key] for key in Owner.__dataclass_fields__ if key in values}
    return Owner(**known) if type(known.get("pid")) is int else None


def describe_self(command: str) -> Owner:
    """Return this process as an owner."""
    return Owner(
        pid=os.getpid(),
        run_id=str(uuid.uuid4()),
        host=socket.gethostname(),
        boot_id=boot_id(),
        pid_namespace=_pid_namespace(),
        start_ticks=_start_ticks(os.getpid()),
        container=_container(),
        started=round(time.time(), 1),
        command=command,
    )


def boot_id() -> str:
    """Return an id that changes with every boot of the machine; "" where there is none."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _pid_namespace() -> int:
    with contextlib.suppress(OSError):
        return Path("/proc/self/ns/pid").stat().st_ino
    return 0


def _start_ticks(pid: int) -> int:
    """Return the start time of a process: a PID is used again, the pair is not. 0: no process,
    or one that is dead and only waits for its parent to hear of it."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return round(process.create_time() * 100)
    return 0


def _container() -> str:
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return socket.gethostname() if any(mark.exists() for mark in marks) else ""
