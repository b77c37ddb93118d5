""".pipeline_running: two runs never work in one output folder at the same time.

In:  the output folder. Out: a `Lock` held until `release`, or `Locked` naming the owner.
How: - an exclusive flock on the folder and on the lock file decides; the kernel drops it when the
       process dies, however it dies, and it holds between containers of one host;
     - where another machine may share the folder, flock may be granted twice: the owner also gives
       signs of life, and who finds an owner in the file watches for them before it takes over;
     - where there is no flock, the file itself is the lock: see `takeover.py`.
Left out: waiting, killing and prompts (`claim.py`); what stands in the file (`owner.py`).
"""

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path

from pipeline.disk import Disk
from pipeline.lock.errors import Locked, LostLock, locked
from pipeline.lock.heartbeat import Heartbeat, Pace, beats
from pipeline.lock.owner import Owner, as_bytes, boot_id, describe_self, parse_owner, read_owner
from pipeline.lock.places import may_be_shared
from pipeline.lock.takeover import take_away

__all__ = [
    "LOCK_FILE", "Lock", "Locked", "LostLock", "Owner", "Pace", "boot_id", "describe_self",
    "parse_owner", "read_owner", "require_free",
]  # fmt: skip

LOCK_FILE = ".pipeline_running"
DEFAULT_TIMEOUT_S = 3600.0  # of KOKORO_LOCK_TIMEOUT
BEATS_A_TIMEOUT = 10  # where the file's age decides, it is touched so often within the timeout
_BUSY = (errno.EWOULDBLOCK, errno.EACCES)
_NO_FLOCK = (errno.EBADF, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_PACE = Pace()


def require_free(folder: Path) -> None:
    """Raise Locked where a run of this machine works in a folder: a look, nothing is taken."""
    owner = read_owner(folder / LOCK_FILE)
    if owner is not None and owner.is_alive_here():
        raise Locked(folder / LOCK_FILE, owner)


class Lock:
    """The exclusive right to write in one output folder.

    >>> lock = Lock(Path("my-voice"), command="dataset-pipeline …")
    >>> stale = lock.acquire()      # raises Locked; returns the owner that a crash left behind
    >>> lock.check(); lock.release()
    """

    def __init__(
        self,
        folder: Path,
        command: str,
        disk: Disk | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        pace: Pace = _PACE,
    ) -> None:
        self.path = folder / LOCK_FILE
        self._me = describe_self(command)
        self._disk = disk or Disk()
        self._timeout_s = timeout_s
        self._pace = pace
        self._fds: list[int] = []
        self._inode = (0, 0)
        self._is_ours = False  # the lock file; before that it may be another one's
        self._needs_signs = False  # whether flock alone does not decide here
        self._heartbeat: Heartbeat | None = None

    def acquire(self) -> Owner | None:
        """Take the lock, or raise Locked; return the stale owner that was found, if any.

        Decided at once where flock decides; else after some seconds of watching.
        """
        try:
            self._needs_signs = may_be_shared(self.path.parent)
            self._lock_folder()
            stale = self._lock_file()
            self._write_owner()
            if self._needs_signs:
                self._settle()
            return stale
        except BaseException:
            self.release()
            raise

    def check(self) -> None:
        """Raise LostLock unless the lock file is still the one that we locked."""
        try:
            status = self.path.lstat()
        except OSError as err:
            raise LostLock(self.path, "was removed") from err
        if (status.st_dev, status.st_ino) != self._inode:
            raise LostLock(self.path, "was replaced")
        if self._heartbeat is not None and not self._names_us():
            raise LostLock(self.path, "was taken over")

    def release(self) -> None:
        """Remove the file, if it is ours, while still holding it; then let go."""
        if self._heartbeat is not None:
            self._heartbeat.stop()
        if self._is_ours:
            with contextlib.suppress(LostLock, OSError):
                self.check()
                self._disk.remove(self.path)
        self._heartbeat, self._is_ours = None, False
        while self._fds:
            self._disk.close(self._fds.pop())

    def _lock_folder(self) -> None:
        # This one survives an rm of the lock file.
        fd = self._disk.open(self.path.parent, os.O_RDONLY)
        self._fds.append(fd)
        self._flock(fd)

    def _lock_file(self) -> Owner | None:
        """Open and lock the file; return the stale owner that stood in it, if any."""
        dead = None
        while True:
            fd, is_new = self._open_file()
            self._fds.append(fd)
            if not self._flock(fd):
                self._needs_signs = True  # and who has made the file decides
                if not is_new:
                    self._disk.close(self._fds.pop())
                    dead = take_away(self.path, self._disk, self._timeout_s) or dead
                    continue
            if self._is_named(fd):
                self._is_ours = is_new
                return dead or self._stale_owner(fd)
            self._disk.close(self._fds.pop())  # somebody removed it between our open and our flock

    def _open_file(self) -> tuple[int, bool]:
        """Return a descriptor of the lock file, and whether it was made just now, by us."""
        while True:
            with contextlib.suppress(FileExistsError):
                return self._disk.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL), True
            try:
                return self._disk.open(self.path, os.O_RDWR | os.O_NOFOLLOW), False
            except FileNotFoundError:
                continue  # it has just gone
            except OSError as err:
                if err.errno not in (errno.EISDIR, errno.ELOOP):
                    raise
                what = "is not a plain file; remove it"
                raise OSError(err.errno, what, str(self.path)) from err

    def _flock(self, fd: int) -> bool:
        """Return whether there is flock, and it is ours; raise Locked where it is another one's."""
        try:
            self._disk.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            if err.errno in _BUSY:
                raise locked(self.path) from err
            if err.errno in _NO_FLOCK:
                return False
            raise OSError(err.errno, f"cannot lock: {err.strerror}", str(self.path)) from err
        return True

    def _is_named(self, fd: int) -> bool:
        held = os.fstat(fd)
        self._inode = (held.st_dev, held.st_ino)
        with contextlib.suppress(LostLock):
            self.check()
            return True
        return False

    def _stale_owner(self, fd: int) -> Owner | None:
        stale = parse_owner(os.pread(fd, 65536, 0))
        if self._needs_signs and stale is not None and beats(self.path, self._pace.watch_s):
            raise locked(self.path)
        return stale

    def _write_owner(self) -> None:
        self._is_ours = True
        # subtle: in place; a rename would put an unlocked inode under the name
        self._disk.rewrite(self._fds[-1], as_bytes(self._me))
        self._disk.sync(self._fds[-1])

    def _settle(self) -> None:
        """Give signs of life; raise Locked if another taker of the same instant was the last."""
        beat_s = min(self._pace.beat_s, self._timeout_s / BEATS_A_TIMEOUT)
        self._heartbeat = Heartbeat(self.path, beat_s, self._names_us, self._disk)
        time.sleep(self._pace.settle_s)
        try:
            self.check()
        except LostLock as err:
            raise locked(self.path) from err

    def _names_us(self) -> bool:
        owner = read_owner(self.path)
        return owner is not None and owner.run_id == self._me.run_id
