"""What the user named, as a list of recordings: each with a stable key and a safe folder name.

In:  files, folders, globs, list files (.txt .list .m3u, one input a line), http(s) URLs.
Out: `Source`s in the order of their keys, whatever that of the inputs; `Stamp`s of their bytes.
Left out: whether it can be decoded (download_audio finds out, and records the reason).
Beside it: keys.py (how keys and names are made), folders.py (walking, globs), roster.py (many of
them in little memory).
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.sources.folders import (
    absolute,
    below,
    exists,
    glob,
    identity,
    is_folder,
    is_magic,
    is_media,
    output_marks,
)
from pipeline.sources.keys import (
    SCHEME,
    Found,
    digest_of,
    is_url,
    keys_of,
    names_in_order,
    public_url,
    shown,
    text_of,
)
from pipeline.sources.roster import Roster, Source, Stamp, Stamps

__all__ = [
    "Roster",
    "Source",
    "Stamp",
    "Stamps",
    "discover",
    "fingerprint_of",
    "is_url",
    "public_url",
]

LISTS = frozenset({".txt", ".list", ".m3u"})


def discover(inputs: Sequence[str]) -> Roster:
    """Return the recordings that `inputs` name, sorted by key, each once.

    Raises ValueError for an input that does not exist, holds no recording, or is not supported.
    """
    if not inputs:
        raise ValueError("no input: name a file, a folder, a list or a URL of recordings")
    found = _once(one for text in inputs for one in _expand(text, Path.cwd(), ()))
    keys = keys_of(found)
    order = sorted(range(len(found)), key=keys.__getitem__)
    named = zip(order, names_in_order(keys[number] for number in order), strict=True)
    return Roster(Source(keys[number], name, found[number].origin) for number, name in named)


def fingerprint_of(source: Source, known: Mapping[str, Any] | None = None) -> Stamp:
    """Return the stamp of a source's bytes; a URL's is that of its text without secrets.

    `known` is an earlier stamp (bytes, mtime_ns, sha256): where size and time still match, its
    digest is taken without reading the file. Never raises for a file that cannot be read.
    """
    if is_url(source.origin):
        return Stamp(0, 0, digest_of(public_url(source.origin)))
    try:
        return _stamp(source.origin, known or {})
    except (OSError, ValueError):
        return Stamp(0, 0, "")


def _stamp(path: str, known: Mapping[str, Any]) -> Stamp:
    # subtle: without O_NONBLOCK a FIFO named talk.mp3 blocks here for ever
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            return Stamp(0, 0, "")
        size, time = status.st_size, status.st_mtime_ns
        if known.get("sha256") and (known.get("bytes"), known.get("mtime_ns")) == (size, time):
            return Stamp(size, time, str(known["sha256"]))
        with os.fdopen(opened, "rb", closefd=False) as file:
            return Stamp(size, time, hashlib.file_digest(file, "sha256").hexdigest())
    finally:
        os.close(opened)


def _once(found: Iterable[Found]) -> list[Found]:
    """Return each recording once: the real path before a symlink, the longest key before others."""
    best: dict[object, Found] = {}
    for one in found:
        other = best.setdefault(one.identity, one)
        best[one.identity] = min(one, other, key=_rank)
    return list(best.values())


def _rank(one: Found) -> tuple[bool, int, str, str]:
    return one.is_link, -one.base.count("/"), one.base, one.origin


def _expand(text: str, folder: Path, lists: tuple[Path, ...]) -> Iterator[Found]:
    """Yield what one input stands for; relative paths start at `folder`."""
    if SCHEME.match(text):
        yield _url(text)
        return
    path = absolute(folder / text)
    if not text.strip() or not exists(path):
        yield from _matches(text, folder)
    elif is_folder(path):
        yield from _folder(path)
    elif path.suffix.lower() in LISTS:
        yield from _list(path, lists)
    else:
        yield _file(path, path.parent)


def _url(text: str) -> Found:
    if not is_url(text):
        hint = "give the path itself" if text.lower().startswith("file:") else "fetch it first"
        scheme = text.partition(":")[0]
        raise ValueError(f"cannot use {scheme}:// input: only http and https are read; {hint}")
    try:
        host, _port = urlsplit(text).hostname, urlsplit(text).port
    except ValueError as err:
        raise ValueError(f"cannot use {shown(text)}: {err}; check the address") from err
    if not host:
        raise ValueError(f"cannot use {shown(text)}: no host in it; check the address")
    url = text.partition("#")[0]
    return Found(url, text_of(public_url(url)), root="", identity=url)


def _file(path: Path, root: Path) -> Found:
    base, origin = text_of(path.relative_to(root).as_posix()), str(path)
    own = "" if origin == f"{root}/{base}" else origin
    return Found(own, base, str(root), identity(path), path.is_symlink())


def _folder(root: Path) -> Iterator[Found]:
    if marks := output_marks(str(root)):
        raise ValueError(
            f"{shown(root)} is an output folder of this pipeline ({marks[0]} is in it); "
            "name the folder of your recordings"
        )
    found = (_file(path, root) for path in below(root))
    first = next(found, None)
    if first is None:
        raise ValueError(
            f"no recordings in {shown(root)}: no file in it ends like audio or video "
            "(.mp3, .wav, .mp4, ...); name files with other endings one by one"
        )
    yield first
    yield from found


def _list(path: Path, lists: tuple[Path, ...]) -> Iterator[Found]:
    if path.resolve() in lists:
        raise ValueError(f"{shown(path)} includes itself; take that line out")
    lines = _lines(path)
    if not lines:
        raise ValueError(f"nothing in {shown(path)}: write one input a line")
    for number, line in lines:
        try:
            yield from _expand(line, path.parent, (*lists, path.resolve()))
        except ValueError as err:
            raise ValueError(f"{shown(path)}, line {number}: {err}") from err


def _lines(path: Path) -> list[tuple[int, str]]:
    if not path.is_file():
        raise ValueError(f"cannot read the list {shown(path)}: not a regular file")
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as err:
        raise ValueError(f"cannot read the list {shown(path)}: {err.strerror}") from err
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _matches(pattern: str, folder: Path) -> Iterator[Found]:
    """Yield what a glob stands for; keys are relative to its part before the first wildcard."""
    parts = Path(pattern).parts
    fixed = next((i for i, part in enumerate(parts) if is_magic(part)), len(parts))
    if "\0" in pattern or fixed == len(parts):
        raise ValueError(f"cannot find {shown(pattern)}: no such file or folder; check the path")
    root = absolute(folder.joinpath(*parts[:fixed]))
    ending = Path(pattern).suffix
    wanted: Callable[[str], bool] = (
        bool if ending and not is_magic(ending) else is_media
    )  # "*.dat" names its files
    found = [
        _file(path, root)
        for match in glob(root, parts[fixed:])
        for path in (below(match) if is_folder(match) else [match] if wanted(match.name) else [])
    ]
    if not found:
        raise ValueError(f"no recordings match {shown(pattern)}; check the pattern")
    yield from found
