"""Running ffmpeg: with which command, watched so that it cannot hang the run.

In:  a local file of any kind, trusted in nothing.
Out: its decoded bytes as a stream (a `.au` of float32, one or two channels) and what it said.
Left out: which one (`pipeline/ffmpeg.py`), what the bytes mean (decode.py) and what its messages
mean (reasons.py).
"""

import ctypes
import functools
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Unusable

READ_BYTES = 1 << 20
LOG_BYTES = 64 * 1024  # kept of ffmpeg's messages at each end; a damaged video can say gigabytes
PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Demuxers that open other files, run scripts or use the network. A playlist is not a recording,
# and one from a stranger could name any file of this machine.
REFUSED = {
    *("avisynth", "concat", "concatf", "dash", "hls", "applehttp", "imf", "lavfi", "libcdio"),
    *("mpjpeg", "rtp", "rtsp", "sap", "sdp", "vapoursynth", "webm_dash_manifest"),
}


class Stalled(Exception):
    """ffmpeg gave nothing for too long and was killed."""


@dataclass
class Log:
    """The beginning and the end of what ffmpeg said, and how it ended."""

    head: bytes = b""
    tail: bytes = b""
    returncode: int = 0

    def add(self, part: bytes) -> None:
        room = LOG_BYTES - len(self.head)
        self.head += part[:room]
        self.tail = (self.tail + part[room:])[-LOG_BYTES:] if len(part) > room else self.tail

    @property
    def text(self) -> str:
        return (self.head + self.tail).decode("utf-8", "replace").replace("\r", "\n")


@functools.cache  # asked for once a file by who only wants its length
def allowed_demuxers(ffmpeg: str) -> str:
    """Return ffmpeg's demuxers without REFUSED ones and devices, as -format_whitelist wants it."""
    try:
        listing = subprocess.run(
            [ffmpeg, "-hide_banner", "-demuxers"], capture_output=True, timeout=60, check=True
        ).stdout.decode()
    except (OSError, subprocess.SubprocessError) as err:
        raise Unusable(f"cannot run {ffmpeg}: {err}; install ffmpeg again") from err
    names = _demuxers(listing)
    if "wav" not in names:
        raise Unusable(f"cannot use {ffmpeg}: it lists no WAV demuxer; install ffmpeg again")
    return ",".join(sorted(name for name in names if not REFUSED & set(name.split(","))))


def _demuxers(listing: str) -> set[str]:
    """Return the names below the rule: " D   wav   WAV / WAVE" (" D d alsa" is a device)."""
    below = re.split(r"(?m)^ *-{2,3} *$", listing, maxsplit=1)[-1]  # 2 dashes until ffmpeg 7
    rows = (line.split() for line in below.splitlines())
    return {row[1] for row in rows if len(row) > 1 and row[0] in ("D", "DE") and row[1] != "d"}


def command(ffmpeg: str, demuxers: str, path: Path) -> list[str]:
    """Return the command that decodes the best audio stream of `path` to stdout."""
    # `-protocol_whitelist`: nothing inside the file makes ffmpeg open a URL.
    # `file:` before an absolute path: a name like "-y" or "concat:a|b" is nothing but a name.
    # `aformat`: mono stays mono, more than two channels are mixed to two by their layout.
    return [
        *(ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info"),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", demuxers),
        *("-i", f"file:{path}", "-vn", "-sn", "-dn", "-map_metadata", "-1"),
        *("-af", "aformat=channel_layouts=mono|stereo"),
        *("-c:a", "pcm_f32be", "-f", "au", "pipe:1"),
    ]


def stream(argv: list[str], stall_s: float, log: Log) -> Iterator[bytes]:
    """Yield what the command writes; `log` is complete when the stream has ended.

    Raises Stalled when nothing came for `stall_s`. The process is gone however this ends.
    """
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the run: ffmpeg would end early as if at the end
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    ) as process:
        try:
            yield from _output(process, stall_s, log)
            log.returncode = process.wait(timeout=stall_s)
        except subprocess.TimeoutExpired as err:
            raise Stalled(f"did not end within {stall_s:g} s") from err
        finally:
            process.kill()


def _output(process: "subprocess.Popen[bytes]", stall_s: float, log: Log) -> Iterator[bytes]:
    """Yield stdout and collect stderr, in one thread, until both are closed."""
    with selectors.DefaultSelector() as pipes:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipes.register(pipe, selectors.EVENT_READ)
        last = time.monotonic()
        while pipes.get_map():
            ready = pipes.select(stall_s)
            if time.monotonic() - last > stall_s or not ready:  # complaints alone are no progress
                raise Stalled(f"gave nothing for {stall_s:g} s")
            for key, _events in ready:
                part = os.read(key.fd, READ_BYTES)
                if not part:
                    pipes.unregister(key.fileobj)
                elif key.fileobj is process.stderr:
                    log.add(part)
                else:
                    yield part
                    last = time.monotonic()


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # before the fork, not after it


def _die_with_parent() -> None:
    with suppress(Exception):
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
