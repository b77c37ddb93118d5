"""What a person is told of a file operation that failed: where, what, and what would help.

In:  an OSError. Out: a sentence.
"""

import errno
import os
from pathlib import Path

_ADVICE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room, or have the quota raised",
    errno.EROFS: "mount it for writing",
    errno.EIO: "the device has a fault (dmesg says more): mend it or move the folder",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f)",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the system's limit of open files (fs.file-max)",
    errno.EACCES: "let this user write there",
}
_OF_THE_PATH = {  # nothing was begun there: there is nothing to resume
    errno.EEXIST: "a file of that name is in the way: name another folder",
    errno.ENOTDIR: "a part of that path is a file, not a folder: name another one",
    errno.ENOENT: "it cannot be made there, or is gone: check the path",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "its links lead in a circle: mend them",
}


def explain(error: OSError, where: str | Path = "") -> str:
    """Return which file (else `where`), what is wrong with it, what is free, and what would help.

    >>> explain(OSError(errno.EROFS, "Read-only file system", "/out/work"))
    '/out/work: Read-only file system; mount it for writing, then run again with --resume'
    """
    path = str(error.filename or where)
    what = error.strerror or str(error)
    if error.errno in _OF_THE_PATH:
        return f"{path}{': ' if path else ''}{what}; {_OF_THE_PATH[error.errno]}"
    free = f" ({_free(path)})" if path and error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    advice = _ADVICE.get(error.errno or 0, "mend it")
    return f"{path}{': ' if path else ''}{what}{free}; {advice}, then run again with --resume"


def _free(path: str) -> str:
    there = next(p for p in (Path(path), *Path(path).absolute().parents) if p.exists())
    status = os.statvfs(there)
    no_inodes = ", and no inodes" if status.f_files and not status.f_favail else ""
    return f"{status.f_bavail * status.f_frsize} bytes are free there{no_inodes}"
