"""A file straight from the people who made the model, by its address.

In:  a `Url` of the catalogue.
Out: the file as it came; checked by `fetch.py`.
A hub that is out of reach costs seconds, once a process.
"""

import http.client
import logging
import queue
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from pipeline.models.catalogue import Url

log = logging.getLogger(__name__)

CONNECT_S = 4.0  # a hub that has not answered by then (names, proxies and all) is out of reach
STALL_S = 30.0  # a download that brings nothing for so long is given up
CHUNK_BYTES = 1 << 20

unreachable: dict[str, str] = {}  # host -> why; asked once a process


def download(source: Url, target: Path) -> None:
    """Write the file to `target`; ConnectionError where it cannot be had, or not to its end."""
    with _opened(source.address) as response, target.open("wb") as file:
        try:
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
        except (TimeoutError, http.client.HTTPException, ConnectionError) as err:
            raise ConnectionError(f"broke off after {file.tell()} bytes: {err}") from err


def _opened(address: str) -> Any:
    """Return the open response; ConnectionError within CONNECT_S when the host does not answer."""
    host = urllib.parse.urlsplit(address).netloc
    if host not in unreachable:
        answer = _answer(address)
        if not isinstance(answer, BaseException):
            return answer
        unreachable[host] = f"cannot be reached ({answer})"
        log.info("%s %s; going on without it", host, unreachable[host])
    raise ConnectionError(unreachable[host])


def _answer(address: str) -> Any:
    # subtle: in a thread, because looking up a name has no timeout: 30 s without a name server.
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(address, timeout=STALL_S))
        except (OSError, http.client.HTTPException) as err:
            answers.put(err)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=CONNECT_S)
    except queue.Empty:
        return TimeoutError(f"no answer in {CONNECT_S:.0f} s")
