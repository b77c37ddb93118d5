"""Every file operation of the checkpoint and the lock goes through one `Disk`.

So a test can record them, replay any prefix of them, or fail the n-th with ENOSPC or EIO, without
a mock of what the code under test does. Left out: what is written, and when.
"""

import contextlib
import errno
import os
from pathlib import Path


class Disk:
    """The real thing: plain os calls, plus the two protocols that are easy to get wrong."""

    def open(self, path: Path, flags: int, mode: int = 0o666) -> int:
        """Return a descriptor that no child process inherits."""
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def write(self, fd: int, data: bytes) -> int:
        """Write once; return how many bytes were taken: fewer than asked is a full disk."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Flush file data to the device. Never call it again after it failed: see fsyncgate,
        https://wiki.postgresql.org/wiki/Fsync_Errors: the kernel has dropped the dirty pages."""
        os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file to `size` bytes."""
        os.ftruncate(fd, size)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def rename(self, source: Path, target: Path) -> None:
        """Rename, replacing a file; the folder is synced, so that it survives a power cut."""
        source.replace(target)
        self.sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        """Remove a file that may be gone already."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Make renames in `folder` durable; file systems that cannot (EINVAL) are left alone."""
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):
                os.fsync(fd)
        finally:
            os.close(fd)

    def write_all(self, fd: int, data: bytes) -> None:
        """Write all of `data` and sync it; a short write is tried once more to get its errno."""
        view = memoryview(data)
        while view:
            written = self.write(fd, bytes(view))
            if written == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view = view[written:]
        self.sync(fd)

    def replace_file(self, path: Path, data: bytes) -> None:
        """Give `path` new content, whole or not at all: temp file, sync, rename, sync folder."""
        temp = path.with_name(f".{path.name}.tmp")
        fd = self.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            self.write_all(fd, data)
        except BaseException:
            with contextlib.suppress(OSError):
                self.remove(temp)
            raise
        finally:
            self.close(fd)
        self.rename(temp, path)
