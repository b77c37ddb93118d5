"""A signal at an exact point: just before the n-th change that a run makes in its output folder.

In:  the folder, n, and the signal. For `sessions.start(prepare=…)`: called in the child.
How: Python's audit events tell of every open for writing, rename, link, removal and new folder, in
     the pipeline's code and in the library's; writes and syncs of the state go through `Disk`.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.disk import Disk

_CHANGES = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class AtChange:
    """Sends a signal to its own process before the n-th change under `out`."""

    def __init__(self, out: Path, number: int, signum: signal.Signals) -> None:
        self._out = str(out)
        self._left = number
        self._signum = signum

    def __call__(self) -> None:
        sys.addaudithook(self._audited)
        for name in ("write", "sync", "sync_folder"):
            setattr(Disk, name, self._counted(getattr(Disk, name)))

    def _audited(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in _CHANGES or (event == "open" and not args[2] & _WRITING):
            return
        # a name relative to a folder's descriptor is rmtree's
        path = os.fsdecode(args[0]) if isinstance(args[0], str | bytes | os.PathLike) else ""
        if path.startswith(self._out) or (path and not path.startswith("/")):
            self._count()

    def _counted(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def counted(disk: Disk, *args: Any) -> Any:
            self._count()
            return plain(disk, *args)

        return counted

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._signum)
