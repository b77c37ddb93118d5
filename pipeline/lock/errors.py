"""What a run that wants the lock, or had it, is told."""

import errno
from pathlib import Path

from pipeline.lock.owner import Owner, read_owner


class Locked(BlockingIOError):
    """Another run owns the output folder."""

    def __init__(self, path: Path, owner: Owner) -> None:
        super().__init__(errno.EAGAIN, f"Pipeline already running (PID: {owner.pid})", str(path))
        self.owner = owner


class LostLock(RuntimeError):
    """The lock file was removed or replaced while we ran: somebody else may be writing."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"the lock file {path} {what} while this run was working; it stops here, resumable"
        )


def locked(path: Path) -> Locked:
    """Return the refusal that names who stands in a lock file."""
    return Locked(path, read_owner(path) or Owner())
