"""One HTTP request: http and https only, redirects followed by hand, nothing trusted.

The standard library is enough: `urllib` brings proxies and TLS, and without its redirect, FTP and
file handlers no answer of a server can lead to anything but http and https.
"""

import base64
import ssl
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib.error import URLError
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit
from urllib.request import (
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
AGENT = "Mozilla/5.0 (compatible; kokoro-dataset-pipeline)"  # some servers refuse Python's own
# What may stand in a path and in a query as it is (RFC 3986); the rest is percent-encoded.
PATH_SAFE, QUERY_SAFE = "/%:@!$&'()*+,;=~", "/%:@!$&'()*+,;=~?"


class TryAgain(Exception):
    """It may work later: the connection, or a busy server."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s  # as the server asks


def get(url: str, headers: Mapping[str, str], timeout_s: float) -> HTTPResponse:
    """Return the answer to GET after redirects, whatever its status.

    Raises TryAgain if the server cannot be reached, ValueError if it must not be.
    """
    start = url
    for _ in range(MAX_REDIRECTS + 1):
        answer = _get_once(url, dict(headers), start, timeout_s)
        target = answer.headers.get("Location")
        if answer.status not in REDIRECTS or not target:
            return answer
        answer.close()
        url = _redirected(url, target)
    raise ValueError(f"more than {MAX_REDIRECTS} redirects; use the address of the file itself")


def _get_once(url: str, headers: dict[str, str], start: str, timeout_s: float) -> HTTPResponse:
    parts = _split(url)
    headers |= {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    known = _split(start)  # user and password belong to the server that they were given for
    if known.username is not None and _server(known) == _server(parts):
        headers["Authorization"] = _basic(known)
    try:
        return cast(
            HTTPResponse, _opener().open(Request(_wire(parts), headers=headers), timeout=timeout_s)
        )
    except (OSError, HTTPException) as err:
        raise _network_error(err) from err
    except UnicodeError as err:
        raise ValueError(f"not an address: {parts.hostname}; check it") from err


def read(answer: HTTPResponse, size: int) -> bytes:
    """Return the next bytes as they come, at most `size`; b"" at the end."""
    try:
        return answer.read1(size)  # subtle: read() waits for all of `size`, byte by byte
    except (OSError, HTTPException) as err:
        raise _network_error(err) from err


def _opener() -> OpenerDirector:
    opener = OpenerDirector()
    for handler in (ProxyHandler(), UnknownHandler(), HTTPHandler(), HTTPSHandler()):
        opener.add_handler(handler)
    return opener


def _network_error(err: Exception) -> Exception:
    reason = err.reason if isinstance(err, URLError) else err
    if isinstance(reason, ssl.SSLCertVerificationError):
        return ValueError(
            f"its certificate is not valid ({reason.verify_message}); check the address"
        )
    if isinstance(reason, TimeoutError):
        return TryAgain("the server stopped answering")
    return TryAgain(f"the connection failed ({reason or type(err).__name__})")


def _redirected(url: str, target: str) -> str:
    joined = urljoin(url, target)
    parts = _split(joined)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"the server redirects to {parts.scheme or 'nowhere'}: only http and https are read; "
            "use the address of the file itself"
        )
    return joined


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError as err:
        raise ValueError(f"not an address ({err}); check it") from err
    return parts


def _server(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port


def _basic(parts: SplitResult) -> str:
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _wire(parts: SplitResult) -> str:
    """Return the URL as it is sent: ASCII, without user, password and fragment."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    host += f":{parts.port}" if parts.port else ""
    path, query = quote(parts.path, safe=PATH_SAFE), quote(parts.query, safe=QUERY_SAFE)
    return urlunsplit((parts.scheme, host, path or "/", query, ""))
