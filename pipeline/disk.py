"""Every file operation of the run's own process goes through one `Disk`.

So a test can record them, end the process between any two of them, or fail the n-th with ENOSPC,
without a mock of what the code under test does: all come through `perform`.
Left out: what is written, and when; what the stages write (`executors/`); reading; what a person is
told of a failure (`disk_errors.py`).
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
_NO_LINKS = (errno.EPERM, errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF)


class Disk:
    """Plain os calls, plus the protocols that are easy to get wrong. Every error names a path."""

    def __init__(self) -> None:
        self._paths: dict[int, Path] = {}  # of what is open, for error messages

    def perform(
        self,
        name: str,  # noqa: ARG002 - for those who listen in
        path: Path,
        call: Callable[..., T],
        *args: Any,
    ) -> T:
        """Do one operation, `name` on `path`: the one place through which all of them go."""
        try:
            return call(*args)
        except OSError as err:
            if err.filename is not None:
                raise
            raise OSError(err.errno, err.strerror, str(path)) from err

    # --- one operation each -------------------------------------------------------------------

    def open(self, path: Path, flags: int, mode: int = 0o666) -> int:
        """Return a descriptor that no child process inherits."""
        fd = self.perform("open", path, os.open, path, flags | os.O_CLOEXEC, mode)
        self._paths[fd] = path
        return fd

    def write(self, fd: int, data: bytes) -> int:
        """Write once; return how many bytes were taken: fewer than asked is a full disk."""
        try:
            return self.perform("write", self._path(fd), os.write, fd, data)
        except OSError as err:
            what = f"cannot write {len(data)} bytes: {err.strerror}"
            raise OSError(err.errno, what, err.filename) from err

    def sync(self, fd: int) -> None:
        """Flush file data to the device. Never call it again after it failed: see fsyncgate,
        https://wiki.postgresql.org/wiki/Fsync_Errors: the kernel has dropped the dirty pages."""
        self.perform("sync", self._path(fd), os.fdatasync, fd)

    def flock(self, fd: int, how: int) -> None:
        """Lock a file or folder as flock(2) does; the kernel drops it with the process."""
        self.perform("flock", self._path(fd), fcntl.flock, fd, how)

    def touch(self, path: Path) -> None:
        """Give a file the present time, by the clock of its file system."""
        self.perform("touch", path, os.utime, path)

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file to `size` bytes."""
        self.perform("truncate", self._path(fd), os.ftruncate, fd, size)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        self._paths.pop(fd, None)
        os.close(fd)

    def move(self, source: Path, target: Path) -> None:
        """Rename, replacing a file; not yet durable."""
        self.perform("rename", target, os.replace, source, target)

    def remove(self, path: Path) -> None:
        """Remove a file that may be gone already."""
        self.perform("remove", path, path.unlink, True)

    def make_folder(self, folder: Path) -> None:
        """Make a folder that may be there already; not yet durable."""
        self.perform("mkdir", folder, folder.mkdir, 0o777, False, True)

    def remove_folder(self, folder: Path) -> None:
        """Remove an empty folder."""
        self.perform("rmdir", folder, folder.rmdir)

    def sync_folder(self, folder: Path) -> None:
        """Make renames in `folder` durable; file systems that cannot do that are left alone."""
        try:
            self.perform("sync_folder", folder, _fsync, folder)
        except OSError as err:
            if err.errno not in _NO_FOLDER_SYNC:
                raise

    def sync_all(self, folder: Path) -> None:
        """Make all that was done on the file system of `folder` durable: syncfs(2), one call
        instead of one a folder."""
        self.perform("sync_all", folder, _syncfs, folder)

    def sync_file(self, path: Path) -> None:
        """Flush a file that somebody else wrote to the device."""
        self.perform("sync_file", path, _fsync, path)

    # --- protocols ----------------------------------------------------------------------------

    def rename(self, source: Path, target: Path) -> None:
        """Rename, replacing a file; the folder is synced, so that it survives a power cut."""
        self.move(source, target)
        self.sync_folder(target.parent)

    def make_folders(self, folder: Path) -> None:
        """Make a folder and those above it that are missing; they survive a power cut."""
        if not folder.is_dir():
            self.make_folders(folder.parent)
            self.make_folder(folder)
            self.sync_folder(folder.parent)

    def remove_tree(self, path: Path) -> None:
        """Remove a folder and all that is in it; it may be gone already."""
        if path.is_symlink() or not path.is_dir():
            self.remove(path)
            return
        for inner in list(path.iterdir()):
            self.remove_tree(inner)
        self.remove_folder(path)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name; where the file system has no links, a durable copy."""
        try:
            self.perform("link", target, os.link, source, target)
        except OSError as err:
            if err.errno not in _NO_LINKS:
                raise
            self._copy(source, target)

    def append(self, fd: int, data: bytes, size: int) -> None:
        """Append all of `data` to a file of `size` bytes, or leave it as it was; no sync."""
        try:
            self._write_whole(fd, data)
        except OSError:
            with contextlib.suppress(OSError):
                self.truncate(fd, size)
            raise

    def write_file(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Write a whole file that nobody reads before this has returned; synced."""
        fd = self.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            for chunk in chunks:
                self._write_whole(fd, chunk)
            self.sync(fd)
        finally:
            self.close(fd)

    def rewrite(self, fd: int, data: bytes) -> None:
        """Give an open file other content in place, for readers that put up with half of it."""
        written = self.perform("pwrite", self._path(fd), os.pwrite, fd, data, 0)
        if written < len(data):
            self._refuse_rest(fd, len(data) - written)
        self.truncate(fd, len(data))

    def replace_file(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Give `path` new content, whole or not at all: temp file, sync, rename, sync folder."""
        temp = path.with_name(f".{path.name}.tmp")
        try:
            self.write_file(temp, chunks)
            self.move(temp, path)
        except BaseException:
            with contextlib.suppress(OSError):
                self.remove(temp)
            raise
        self.sync_folder(path.parent)

    def _copy(self, source: Path, target: Path) -> None:
        try:
            self.perform("copy", target, shutil.copyfile, source, target)
            self.sync_file(target)
        except BaseException:
            with contextlib.suppress(OSError):
                self.remove(target)
            raise

    def _write_whole(self, fd: int, data: bytes) -> None:
        """Write all of `data`; where only a part is taken, the rest is tried to get its errno."""
        view = memoryview(data)
        while view:
            written = self.write(fd, bytes(view))
            if written == 0:
                self._refuse_rest(fd, len(view))
            view = view[written:]

    def _refuse_rest(self, fd: int, size: int) -> NoReturn:
        what = f"cannot write {size} bytes: {os.strerror(errno.ENOSPC)}"
        raise OSError(errno.ENOSPC, what, str(self._path(fd)))

    def _path(self, fd: int) -> Path:
        return self._paths.get(fd, Path(f"/proc/self/fd/{fd}"))


def _fsync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _syncfs(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(fd)
