"""One event, one line: JSON that is YAML too, guarded by a checksum.

In:  plain values (str, int, float, bool, None, lists, dicts).
Out: `- {"event": "file", …, "crc": "1f3a09bc"}` and a newline; and back.
Left out: where the lines stand and what they mean.
"""

import json
import math
import re
import zlib
from typing import Any

from pipeline.packed import Packed

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
    body = line.removeprefix(b"- ")
    found = _CRC.search(body)
    whole = body[: found.start()] + b"}" if found else body
    event = json.loads(whole.decode())
    if not isinstance(event, dict):
        raise ValueError(f"not an event: {line[:80]!r}")
    return event, found is not None and int(found[1], 16) == zlib.crc32(whole)


def load_text(encoded: bytes) -> str:
    """Return the text of a JSON string, quotes and all."""
    return str(json.loads(encoded)) if b"\\" in encoded else encoded[1:-1].decode()


def padding(size: int, length: int) -> bytes:
    """Return the newlines to put before a line of `length` bytes that is appended at `size`,
    so that it does not cross a page boundary (a longer one starts on one)."""
    room = PAGE - size % PAGE
    return b"" if length <= room else b"\n" * room
