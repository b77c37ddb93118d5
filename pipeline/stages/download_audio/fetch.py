"""A media file from an http(s) URL: continued where it stopped, checked, limited.

In:  a URL, and a folder that outlives a crash of the run.
Out: the path of the complete file in that folder, or `IsPage`: it is a page about media.
Left out: pages (pages.py), what is in the file (decode.py).
"""

import re
import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import BinaryIO

from pipeline.stages.download_audio.http import TryAgain, get, read
from pipeline.stages.download_audio.partial import Partial

CHUNK_BYTES = 256 * 1024
SYNC_BYTES = 16 * 1024 * 1024  # what a power cut may cost
SLOWEST_BYTES = 1024  # less than this in a stall time is a stall: 34 bytes/s at 30 s
LONGEST_WAIT_S = 60.0
PAGES = (
    "text/html",
    "application/xhtml+xml",
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
    "application/dash+xml",
)
LATER = (408, 425, 429, 500, 502, 503, 504)  # statuses that may pass; others are answers
_AGAIN = "secrets are not stored: give the address again, with its user or token, and --resume"
HINTS = {
    401: f"it needs a user and password; {_AGAIN}",
    403: f"the server forbids it; {_AGAIN}",
    404: "not there",
}


class IsPage(Exception):
    """The URL is a page or a stream's playlist, not a media file."""


@dataclass(frozen=True)
class Limits:
    """How patient a download is, and how big it may be."""

    stall_s: float
    attempts: int
    backoff_s: float
    max_bytes: int


def fetch(url: str, folder: Path, limits: Limits) -> Path:
    """Return the path of the downloaded file, whose name is in `folder`.

    Raises IsPage, or ValueError("reason; what next") without the URL. What came stays in
    `folder`, and the next call continues there.
    """
    partial = Partial(folder, url)
    wait_s = limits.backoff_s
    for attempt in range(1, limits.attempts + 1):
        try:
            if not partial.is_complete:
                _attempt(url, partial, limits)
            return partial.path
        except TryAgain as err:
            if attempt == limits.attempts:
                raise ValueError(_gave_up(err, partial, limits.attempts)) from err
            time.sleep(min(LONGEST_WAIT_S, max(wait_s, err.wait_s)))
            wait_s *= 2
    raise ValueError("download_attempts is 0: no download; set it to 1 or more")


def _gave_up(err: TryAgain, partial: Partial, attempts: int) -> str:
    of = f" of {partial.record.length:,}" if partial.record.length else ""
    return (
        f"{err}, {attempts} times; {partial.size:,}{of} bytes are here; "
        "check the address, then continue with --resume"
    )


def _attempt(url: str, partial: Partial, limits: Limits) -> None:
    with closing(get(url, _range(partial), limits.stall_s)) as answer:
        if answer.status == 206:
            _continue(answer, partial)
        elif answer.status == 416 and partial.size:
            _past_the_end(answer, partial)
            return
        elif answer.status == 200:
            _begin(answer, partial)
        else:
            raise _refused(answer)
        _check_size(partial.record.length, limits)
        _receive(answer, partial, limits)


def _range(partial: Partial) -> dict[str, str]:
    if not partial.size or not partial.record.validator:
        return {}
    return {"Range": f"bytes={partial.size}-", "If-Range": partial.record.validator}


def _begin(answer: HTTPResponse, partial: Partial) -> None:
    kind = answer.headers.get_content_type() if answer.headers.get("Content-Type") else ""
    if kind in PAGES:
        raise IsPage(kind)
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise ValueError("the server sends it packed (Content-Encoding); download it by hand")
    partial.restart(
        etag=answer.headers.get("ETag", ""),
        last_modified=answer.headers.get("Last-Modified", ""),
        length=_length(answer),
    )


def _continue(answer: HTTPResponse, partial: Partial) -> None:
    """Check that the rest is the rest of these bytes; else start anew."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    etag = answer.headers.get("ETag", partial.record.etag)
    total = partial.record.length
    if (
        not found
        or int(found[1]) != partial.size
        or etag != partial.record.etag
        or (total is not None and found[2] not in ("*", str(total)))
    ):
        partial.restart("", "", None)
        raise TryAgain("it changed on the server while it was downloaded")


def _past_the_end(answer: HTTPResponse, partial: Partial) -> None:
    """A range beyond the end: either all is here, or it became shorter."""
    if answer.headers.get("Content-Range") == f"bytes */{partial.size}":
        with partial.open() as file:
            partial.sync(file, complete=True)
        return
    partial.restart("", "", None)
    raise TryAgain("it changed on the server while it was downloaded")


def _refused(answer: HTTPResponse) -> Exception:
    reason = f"the server answers {answer.status} {answer.reason}".rstrip()
    if answer.status in LATER:
        after = answer.headers.get("Retry-After", "")
        return TryAgain(reason, wait_s=float(after) if after.isdecimal() else 0.0)
    hint = f" ({HINTS[answer.status]})" if answer.status in HINTS else ""
    return ValueError(f"{reason}{hint}; check the address")


def _check_size(size: int | None, limits: Limits) -> None:
    if size is not None and size > limits.max_bytes:
        raise ValueError(
            f"{size / 1e6:,.1f} MB or more is over the limit of {limits.max_bytes / 1e6:,.1f} MB; "
            "raise --max-download-mb if it is meant"
        )


def _length(answer: HTTPResponse) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _receive(answer: HTTPResponse, partial: Partial, limits: Limits) -> None:
    with partial.open() as file:
        try:
            _copy(answer, file, partial, limits)
            length = partial.record.length
            if length is not None and partial.size != length:
                raise TryAgain(f"the connection ended at {partial.size:,} of {length:,} bytes")
        except TryAgain:
            partial.sync(file)
            raise
        partial.sync(file, complete=True)


def _copy(answer: HTTPResponse, file: BinaryIO, partial: Partial, limits: Limits) -> None:
    """Append the answer's bytes; a failing disk is not the network's fault and goes through."""
    since, came = time.monotonic(), 0
    while chunk := read(answer, CHUNK_BYTES):
        file.write(chunk)
        partial.size += len(chunk)
        came += len(chunk)
        _check_size(partial.size, limits)
        if partial.size - partial.record.synced >= SYNC_BYTES:
            partial.sync(file)
        if time.monotonic() - since > limits.stall_s:
            if came < SLOWEST_BYTES:
                raise TryAgain(f"only {came} bytes came in {limits.stall_s:g} s")
            since, came = time.monotonic(), 0
