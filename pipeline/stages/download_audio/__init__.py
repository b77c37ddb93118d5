"""Any recording, from a disk or the web, as one checked mono FLAC file.

In:  item.origin: a local file of any format that ffmpeg reads, or an http(s) URL of a media file
     or (with yt-dlp) of a page.
Out: audio.flac, mono, 24 bit, the source's rate, at most 48 kHz; fingerprint.json, for unique.py.
Left out: duplicates (unique.py), anything that changes the sound but for what decode.py says.
Read on: decode.py, fetch.py; below them ffmpeg.py and reasons.py, http.py and partial.py, pages.py.
"""

import errno
import hashlib
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.ffmpeg import find_ffmpeg
from pipeline.item import Item, Reject, Result, setting, write_json
from pipeline.stages.download_audio.decode import Decoded, decode
from pipeline.stages.download_audio.fetch import IsPage, Limits, fetch
from pipeline.stages.download_audio.ffmpeg import allowed_demuxers, command
from pipeline.stages.download_audio.fingerprint import fingerprint_of
from pipeline.stages.download_audio.pages import fetch_page

VERSION = 2
READS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Params:
    """What is taken, and how patient we are."""

    # StyleTTS2's meldataset.py pads what is under 1 s; no clip can come of it.
    min_recording_s: float = setting(1.0, "drop recordings that are shorter", unit="s")
    # A day: longer is a mistake, or a file that claims to be endless.
    max_recording_h: float = setting(24.0, "fail recordings that are longer", unit="h", free=True)
    # 16-bit dither peaks near -90 dB; at -60 dB a 16-bit recording has 6 bits left.
    silent_below_db: float = setting(
        -60.0, "a recording whose peak is lower is silent, and fails", unit="dB re full scale"
    )
    # ffmpeg decodes at some 500 times real time; 2 minutes without a block is a hang.
    decode_stall_s: float = setting(
        120.0, "give up on ffmpeg when it gives nothing for so long", unit="s", free=True
    )
    download_stall_s: float = setting(
        30.0, "break off a connection that gives nothing for so long", unit="s", free=True
    )
    download_attempts: int = setting(5, "try a download so many times", free=True)
    download_backoff_s: float = setting(
        1.0,
        "wait so long before the second attempt, then twice as long each time",
        unit="s",
        free=True,
    )
    # 8 hours of 48 kHz stereo WAV are 5.5 GB; a video of that length can have more.
    max_download_mb: int = setting(20_000, "fail downloads that are bigger", unit="MB", free=True)


@dataclass(frozen=True)
class Models:
    """The ffmpeg to use, and the file formats that it may open."""

    ffmpeg: str
    demuxers: str


def load(params: Params, device: str) -> Models:  # noqa: ARG001  the contract of every stage
    """Return where ffmpeg is; Unusable if there is none."""
    ffmpeg = find_ffmpeg()
    return Models(ffmpeg, allowed_demuxers(ffmpeg))


def process(item: Item, out: Path, params: Params, models: Models) -> Result:
    """Write `out`/audio.flac; ValueError names the recording, the reason and what next."""
    scratch = Path(item.scratch or out) / "download"
    if _is_url(item.origin):
        try:
            path = _downloaded(item.origin, scratch, params, models)
        except ValueError as err:
            raise ValueError(f"cannot download {item.source}: {err}") from err
    else:
        path = Path(item.origin)
    try:
        decoded, size, digest = _decoded(path, out / "audio.flac", params, models)
    except Reject:
        _clear(scratch)
        raise
    except ValueError as err:
        _clear(scratch)  # complete and no good: it may be mended on the server by the next time
        raise ValueError(f"cannot read {item.source}: {err}") from err
    _clear(scratch)
    sound = fingerprint_of(out / "audio.flac", decoded.duration_s)
    write_json(out / "fingerprint.json", sound)
    return Result("audio.flac", facts=_facts(decoded) | {"bytes": size, "sha256": digest})


def _is_url(origin: str) -> bool:
    return origin.lower().startswith(("http://", "https://"))


def _downloaded(url: str, scratch: Path, params: Params, models: Models) -> Path:
    limits = Limits(
        stall_s=params.download_stall_s,
        attempts=params.download_attempts,
        backoff_s=params.download_backoff_s,
        max_bytes=params.max_download_mb * 1_000_000,
    )
    try:
        return fetch(url, scratch, limits)
    except IsPage:
        return fetch_page(url, scratch / "page", limits, models.ffmpeg)


def _clear(scratch: Path) -> None:
    """Remove the download; the folder of the recording too, if nothing else is in it."""
    if scratch.is_dir():
        shutil.rmtree(scratch)
        with suppress(OSError):
            scratch.parent.rmdir()


def _decoded(path: Path, out: Path, params: Params, models: Models) -> tuple[Decoded, int, str]:
    """Return what was decoded, and size and sha256 of the source's bytes."""
    before, digest = _digest(path)
    argv = command(models.ffmpeg, models.demuxers, path)
    decoded = decode(argv, out, params.decode_stall_s, params.max_recording_h * 3600)
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ValueError("it changed while it was read; try again when it is complete")
    if decoded.peak_db < params.silent_below_db:
        raise ValueError(
            f"it is silent: its peak of {decoded.peak_db:.1f} dB is below "
            f"{params.silent_below_db:g} dB; remove it, or check the recording"
        )
    if decoded.duration_s < params.min_recording_s:
        reason = f"{decoded.duration_s:.3f} s is shorter than {params.min_recording_s:g} s"
        raise Reject(reason, "too_short", {"duration_s": round(decoded.duration_s, 3)})
    return decoded, before.st_size, digest


def _digest(path: Path) -> tuple[os.stat_result, str]:
    """Return status and sha256 of a regular file with something in it."""
    try:
        # subtle: without O_NONBLOCK a FIFO named talk.mp3 blocks here for ever
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as err:
        if err.errno in (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise  # the machine's fault, not the file's
        if path.is_symlink() and err.errno == errno.ENOENT:
            target = path.readlink()
            raise ValueError(
                f"it is a link to {target} and leads nowhere here; mend it or give the file itself"
            ) from err
        raise ValueError(f"{(err.strerror or str(err)).lower()}; check the file") from err
    try:
        status = os.fstat(opened)
        if reason := _irregular(status):
            raise ValueError(reason)
        with os.fdopen(opened, "rb", closefd=False) as file:
            return status, hashlib.file_digest(file, "sha256").hexdigest()
    finally:
        os.close(opened)


def _irregular(status: os.stat_result) -> str:
    if stat.S_ISDIR(status.st_mode):
        return "it is a folder that may not be listed; make it readable"
    if not stat.S_ISREG(status.st_mode):
        return "it is a pipe or a device, not a file; save the sound to a file first"
    return "" if status.st_size else "it is empty (0 bytes); remove it or copy it again"


def _facts(decoded: Decoded) -> dict[str, str | int | float | bool | None]:
    return {
        "duration_s": round(decoded.duration_s, 3),
        "rate_hz": decoded.rate_hz,
        "source_rate_hz": decoded.source_rate_hz,
        "channels": decoded.contents.channels,
        "codec": decoded.contents.codec,
        "container": decoded.contents.container,
        "mix": decoded.mix,
        "peak_db": round(decoded.peak_db, 2),
        "level_db": round(decoded.level_db, 2),
        "gain_db": round(decoded.gain_db, 2),
        "clipped_ratio": round(decoded.clipped_ratio, 4),
        "broken_samples": decoded.broken_samples,
        "decode_errors": decoded.damage,
        "truncated": decoded.is_cut_off or decoded.missing_s > 0,
        "missing_s": round(decoded.missing_s, 3),
    }
