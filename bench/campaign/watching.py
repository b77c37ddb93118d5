"""What a run does to its output folder, seen from outside as it happens: inotify, by ctypes.

In:  an output folder. Out: the kinds of its changes in their order, some 50 µs after each.
Left out: what is done about them. See inotify(7).
"""

import contextlib
import ctypes
import os
import select
import struct
from collections.abc import Iterator
from pathlib import Path

from pipeline.checkpoint import STATE_FILE
from pipeline.dataset import WORK
from pipeline.lock import LOCK_FILE
from pipeline.stored import CONFIG_FILE

# The points at which something was saved, or is about to be. A kill is aimed at the k-th of a kind.
LOCKED = "the lock was taken"
SETTINGS = "the settings were written"
TAKEN_UP = "a file was taken up"
ARTEFACT = "an artefact is in place, its line is not"
LINE = "the state grew by a line"
SNAPSHOT = "the state was replaced by a snapshot"
PUBLISHED = "a file of the dataset was published"
CLEANED = "a sound file was cleaned away"
KINDS = (LOCKED, SETTINGS, TAKEN_UP, ARTEFACT, LINE, SNAPSHOT, PUBLISHED, CLEANED)

_MODIFY, _MOVED_TO, _CREATE, _DELETE, _IS_FOLDER = 0x2, 0x80, 0x100, 0x200, 0x40000000
_WANTED = _MODIFY | _MOVED_TO | _CREATE | _DELETE
_HEAD = struct.Struct("iIII")  # watch, mask, cookie, length of the name
_BUFFER = 65536  # bytes


class Watch:
    """The changes in one output folder, from now on."""

    def __init__(self, out: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify cannot be used")
        self._out = out
        self._folders: dict[int, tuple[str, ...]] = {}
        self._add(())

    def changes(self, until_readable: int, patience_s: float) -> Iterator[str]:
        """Yield the kinds of the changes until the descriptor is readable or nothing happens."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(until_readable, select.POLLIN)
        while ready := {fd for fd, _ in poll.poll(patience_s * 1000)}:
            if self._fd in ready:
                yield from self._read()
            elif until_readable in ready:
                return

    def close(self) -> None:
        """Stop watching."""
        os.close(self._fd)

    def _read(self) -> Iterator[str]:
        data = os.read(self._fd, _BUFFER)
        while data:
            watch, mask, _, length = _HEAD.unpack_from(data)
            name = data[_HEAD.size : _HEAD.size + length].rstrip(b"\0").decode(errors="replace")
            data = data[_HEAD.size + length :]
            folder = self._folders.get(watch)
            if folder is not None and name:
                if kind := _kind(folder, name, mask):
                    yield kind
                if mask & _IS_FOLDER and not name.startswith("."):
                    self._add((*folder, name))

    def _add(self, folder: tuple[str, ...]) -> None:
        """Watch a folder and those in it; one that is being made or removed is left alone."""
        path = self._out.joinpath(*folder)
        watch = self._libc.inotify_add_watch(self._fd, os.fsencode(path), _WANTED)
        if watch < 0:
            return
        self._folders[watch] = folder
        with contextlib.suppress(FileNotFoundError):  # it was removed just now
            for entry in os.scandir(path):
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                    self._add((*folder, entry.name))


def _kind(folder: tuple[str, ...], name: str, mask: int) -> str:
    """Return what a change means; "" for one that means nothing here."""
    if not folder:
        return _kind_at_top(name, mask)
    if folder[0] != WORK:
        return PUBLISHED if mask & _MOVED_TO else ""
    if len(folder) == 2 and mask & _IS_FOLDER:
        temp = name.startswith(".")
        if mask & _CREATE and temp:
            return TAKEN_UP
        return ARTEFACT if mask & _MOVED_TO and not temp else ""
    return CLEANED if len(folder) > 2 and mask & _DELETE and not mask & _IS_FOLDER else ""


def _kind_at_top(name: str, mask: int) -> str:
    if name == STATE_FILE:
        return SNAPSHOT if mask & _MOVED_TO else LINE if mask & _MODIFY else ""
    if name == LOCK_FILE:
        return LOCKED if mask & _CREATE else ""
    if mask & _MOVED_TO and not mask & _IS_FOLDER:
        return SETTINGS if name == CONFIG_FILE else PUBLISHED
    return ""
