"""One event, one line: JSON that is YAML too, guarded by a checksum.

In:  plain values (str, int, float, bool, None, lists, dicts).
Out: `- {"event": "file", …, "crc": "1f3a09bc"}` and a newline; and back.
Left out: where the lines stand and what they mean.
"""

import contextlib
import json
import math
import re
import zlib
from collections.abc import Iterator
from typing import Any

from pipeline.packed import Packed

LONG = 1 << 16  # bytes of a line
_FILES = '"files": ['
PAGE = 4096  # bytes; kill -9 tears a write at page boundaries only (measured: 10 of 300 appends)
_CRC = re.compile(rb', "crc": "([0-9a-f]{8})"\}$')
# What YAML 1.1 does not print (its production [1] c-printable) or takes for a line break, and BOM.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def plain(value: Any) -> Any:
    """Return `value` with floats that JSON and YAML 1.1 read alike: 4 decimals, no exponents.

    >>> plain({"a": 0.00001, "b": 1e20, "c": float("nan")})
    {'a': 0.0, 'b': 100000000000000000000, 'c': None}
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if abs(value) >= 1e15 else round(value, 4)
    if isinstance(value, str):  # lone surrogates are bytes of a name that is not UTF-8
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def dump(value: Any) -> str:
    """Return `value` as JSON on one line that PyYAML reads back the same."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def encode(event: dict[str, Any]) -> bytes:
    """Return the line of an event: a YAML list entry with its crc32 as the last key."""
    body = _body(event)
    crc = zlib.crc32(body)
    body[-1:] = b', "crc": "%08x"}\n' % crc
    body[:0] = b"- "
    return bytes(body)


def _body(event: dict[str, Any]) -> bytearray:
    """Return the JSON of an event; piece by piece where it says much: of 200,000 files at once all
    copies together would be 0.1 GB."""
    if not any(isinstance(value, Packed) for value in event.values()):
        return bytearray(dump(event).encode())
    body = bytearray(b"{")
    for key, value in event.items():
        body += f"{', ' if len(body) > 1 else ''}{dump(key)}: ".encode()
        if isinstance(value, Packed):
            parts = (f"{', ' if number else ''}{dump(one)}" for number, one in enumerate(value))
            body += b"["
            for part in parts:
                body += part.encode()
            body += b"]"
        else:
            body += dump(value).encode()
    body += b"}"
    return body


def decode(line: bytes) -> tuple[dict[str, Any], bool]:
    """Return (event, whether its checksum is right) of a line without its newline.

    Raises ValueError if it is no event at all. A readable line with a wrong or no checksum was
    edited by hand, or is damaged in a way that its values must show.
    """
    found = _CRC.search(line)
    begin = 2 if line.startswith(b"- ") else 0
    whole = memoryview(line)[begin : found.start() if found else None]  # no copy: it may be 10 MB
    text, end = str(whole, "utf-8"), b"}" if found else b""
    event = _load(f"{text}{end.decode()}")
    if not isinstance(event, dict):
        raise ValueError(f"not an event: {line[:80]!r}")
    return event, found is not None and int(found[1], 16) == zlib.crc32(end, zlib.crc32(whole))


def _load(text: str) -> Any:
    """Return what JSON says; the files of a large dataset packed, as they would be 40 MB."""
    at = text.find(_FILES) if len(text) > LONG else -1
    if at < 0:
        return json.loads(text)
    # in a text, a quotation mark has \ before it; so it is a key, and if there were two, not ours
    reading = _Pairs(text, at + len(_FILES) - 1)
    with contextlib.suppress(ValueError, IndexError):
        files = Packed(reading)
        event = json.loads(f"{text[:at]}{_FILES}]{text[reading.at + 1 :]}")
        if isinstance(event, dict) and event.get("files") == []:
            return {**event, "files": files}
    return json.loads(text)


class _Pairs:
    """The entries of a list in a JSON text, one after the other; `at` is where its end is then."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self.at = at

    def __iter__(self) -> Iterator[Any]:
        decoder = json.JSONDecoder()
        while self._text[self.at] != "]":
            value, end = decoder.raw_decode(self._text, _behind_blanks(self._text, self.at + 1))
            self.at = _behind_blanks(self._text, end)
            yield value


def _behind_blanks(text: str, at: int) -> int:
    while text[at] == " ":
        at += 1
    return at


def load_text(encoded: bytes) -> str:
    """Return the text of a JSON string, quotes and all."""
    return str(json.loads(encoded)) if b"\\" in encoded else encoded[1:-1].decode()


def padding(size: int, length: int) -> bytes:
    """Return the newlines to put before a line of `length` bytes that is appended at `size`,
    so that it does not cross a page boundary (a longer one starts on one)."""
    room = PAGE - size % PAGE
    return b"" if length <= room else b"\n" * room
