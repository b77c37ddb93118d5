"""Keys for people and names for folders.

A key is the path inside the folder that was given ("interviews/a.mp3"), the name of a file that
was given by itself, or the URL without secrets. Only where two inputs claim the same key, all its
claimants get more: the folder's own name, then a digest of the folder's path. So a key depends
neither on the order of the inputs nor on the files beside it. Keys are valid Unicode in NFC (a
file moved from macOS keeps its key); control characters and bytes that are not UTF-8 are written
as escapes: `caf\\xe9.mp3`.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

SLUG_CHARS = 40  # leaves room for digest and clip number in the 255 bytes of a file name
LONGEST = 3  # steps of lengthening a key, see _key
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# subtle: a fixed list instead of str.isprintable, which changes with Python's Unicode tables
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)
# Parameters of signed and private links (AWS, Google, Azure, CloudFront, common APIs).
SECRET = re.compile(
    r"(?i)^(x-(amz|goog)-.*|(access_|auth_?|id_)?token|sig|signature|auth|authorization"
    r"|passw(or)?d|pwd|secret|(api_?)?key|awsaccesskeyid|key-pair-id|policy|expires)$"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A recording that an input named, before it has a key."""

    own: str  # where it is; "" where that is root/base: there may be 100,000
    base: str  # the key it would like to have
    root: str  # the folder that `base` is relative to; "" for a URL
    identity: Hashable  # equal for two ways to the same bytes
    is_link: bool = False

    @property
    def origin(self) -> str:
        """Where it is."""
        return self.own or f"{self.root}/{self.base}"


def keys_of(found: Sequence[Found]) -> list[str]:
    """Return a unique key for each: as short as can be, longer for all that would be equal."""
    length = [0] * len(found)
    while True:
        keys = [_key(one, steps) for one, steps in zip(found, length, strict=True)]
        count = Counter(keys)
        equal = [i for i, key in enumerate(keys) if count[key] > 1 and length[i] < LONGEST]
        if not equal:
            return keys
        for i in equal:
            length[i] += 1


def _key(one: Found, steps: int) -> str:
    if steps == 0:
        return one.base
    if not one.root or steps == LONGEST:
        return f"{one.base} [{digest_of(one.origin)[:16]}]"
    root = Path(one.root).resolve()
    digest = f"-{digest_of(str(root))[:8]}" if steps == LONGEST - 1 else ""
    return f"{text_of(root.name)}{digest}/{one.base}"


def names_of(keys: Sequence[str]) -> dict[str, str]:
    """Return the folder name of each key; the digest grows where two would be equal."""
    in_order = sorted(keys)
    return dict(zip(in_order, names_in_order(in_order), strict=True))


def names_in_order(keys: Iterable[str]) -> Iterator[str]:
    """Yield the folder name of each of some sorted keys."""
    used: set[str] = set()
    for key in keys:
        digest = digest_of(key)
        longer = (f"{_slug(key)}-{digest[:chars]}" for chars in (8, 16, 64))
        name = next(name for name in longer if name not in used)
        used.add(name)
        yield name


def _slug(key: str) -> str:
    """Return the stem of `key` in [a-z0-9-]; accents go, other scripts become "recording"."""
    path = key.partition("?")[0] if is_url(key) else key
    stem = path.rstrip("/").rpartition("/")[2].rpartition(".")[0] or path.rpartition("/")[2]
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_CHARS].strip("-") or "recording"


def is_url(text: str) -> bool:
    """Return whether `text` is an http or https URL."""
    scheme = SCHEME.match(text)
    return scheme is not None and scheme[1].lower() in ("http", "https")


def public_url(url: str) -> str:
    """Return a URL without user, password, fragment and secret parameters.

    >>> public_url("https://me:pw@host/a.mp3?id=1&token=x#t=3")
    'https://host/a.mp3?id=1'
    """
    parts = urlsplit(url)
    pairs = [pair for pair in parts.query.split("&") if not SECRET.match(pair.partition("=")[0])]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme.lower(), host.lower(), parts.path, "&".join(pairs), ""))


def text_of(name: str) -> str:
    """Return `name` as valid, printable Unicode on one line."""
    return UNSAFE.sub(_escaped, unicodedata.normalize("NFC", name))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    byte = code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code  # surrogateescape's range
    return f"\\x{byte:02x}" if byte < 0x100 else f"\\u{byte:04x}"


def shown(name: str | Path) -> str:
    """Return a name for an error message: printable, in quotes, without secrets, not endless."""
    text = re.sub(r"//[^/]*@", "//", str(name))
    return f'"{text_of(text.partition("?")[0] if SCHEME.match(text) else text)[:200]}"'


def digest_of(text: str) -> str:
    """Return the sha256 of any text, surrogates included."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
