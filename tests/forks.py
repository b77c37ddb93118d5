"""A fork of a process that has imported everything, without paying for what any child would do."""

import faulthandler
import functools
import gc
import os

from pipeline import cli
from pipeline.stored import library_versions


def fork() -> int:
    """Return 0 in the child, its pid in the parent."""
    _warm()
    gc.freeze()  # the child's collector leaves the parent's objects, and so their pages, alone
    pid = os.fork()
    if pid:
        gc.unfreeze()
    else:
        faulthandler.disable()  # pytest's: what crashes in a child is meant to
    return pid


@functools.cache
def _warm() -> None:
    """Do once what each run of the command does once: a quarter of what a cheap run takes."""
    cli.parse([])
    library_versions()
