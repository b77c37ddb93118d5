"""Taking a dead owner's lock file away, where there is no flock: the file itself is the lock.

In:  the path of a lock file. Out: it is gone, or Locked is raised since its owner may be alive.
How: the file is renamed to a name that nobody else uses, which only one of two takers can do; who
     judges and renames is alone meanwhile, or a slow taker would rename a faster one's new file.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from pipeline.disk import Disk
from pipeline.lock.errors import locked
from pipeline.lock.heartbeat import age_s
from pipeline.lock.owner import Owner, read_owner


def take_away(path: Path, disk: Disk, timeout_s: float) -> Owner | None:
    """Remove the lock file of a dead owner and return who that was; Locked if it may be alive.

    Dead is who ran here and does so no more, or who has given no sign of life for `timeout_s`.
    """
    with contextlib.suppress(FileNotFoundError), _alone(path, disk, timeout_s):
        judged, owner = path.stat(), read_owner(path)
        if not _is_abandoned(path, owner, disk, timeout_s):
            raise locked(path)
        away = path.with_name(f"{path.name}.{uuid.uuid4()}")
        disk.move(path, away)
        # subtle: the owner was alive after all, ended just now, and another one came
        is_judged = os.path.samestat(judged, away.stat())
        if not is_judged:
            with contextlib.suppress(FileExistsError):
                disk.link(away, path)
        disk.remove(away)
        if not is_judged:
            raise locked(path)
        return owner
    return None  # it has just gone by itself


@contextlib.contextmanager
def _alone(path: Path, disk: Disk, timeout_s: float) -> Iterator[None]:
    mutex = path.with_name(f"{path.name}.takeover")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        fd = disk.open(mutex, flags)
    except FileExistsError as err:
        if not _is_abandoned(mutex, None, disk, timeout_s):
            raise locked(path) from err
        disk.remove(mutex)
        fd = disk.open(mutex, flags)
    try:
        yield
    finally:
        disk.close(fd)
        disk.remove(mutex)


def _is_abandoned(path: Path, owner: Owner | None, disk: Disk, timeout_s: float) -> bool:
    if owner is not None and owner.is_alive_here():
        return False
    if owner is not None and owner.is_dead_here():
        return True
    return age_s(path, disk) > timeout_s
