"""Walking folders: recordings below a folder, globs, which file is which.

Real folders come before those behind symlinks, each folder is entered once (loops end), hidden
entries and output folders of this pipeline are passed over.
"""

import os
from collections.abc import Hashable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

AUDIO = """aac ac3 aif aifc aiff amr ape au bwf caf dff dsf dts eac3 flac gsm m4a m4b mka mp1 mp2
mp3 mpc mpga oga ogg opus ra rf64 shn snd sph spx tak tta voc w64 wav weba wma wv"""
VIDEO = """3g2 3gp asf avi divx dv f4v flv m2t m2ts m2v m4v mkv mov mp4 mpe mpeg mpg mts mxf nut
ogm ogv rm rmvb ts vob webm wmv"""
MEDIA = frozenset("." + word for word in (AUDIO + " " + VIDEO).split())
OUTPUT_MARKS = ("pipeline_state.yaml", "pipeline_config.yaml", ".pipeline_running")


def is_media(name: str) -> bool:
    """Return whether `name` ends like audio or video."""
    return os.path.splitext(name)[1].lower() in MEDIA  # noqa: PTH122  a Path per name is 10x slower


def is_magic(part: str) -> bool:
    """Return whether a part of a path has wildcards."""
    return any(sign in part for sign in "*?[")


def output_marks(folder: str) -> list[str]:
    """Return the files by which `folder` is known as an output folder of this pipeline."""
    return [name for name in OUTPUT_MARKS if exists(Path(folder, name))]


def is_folder(path: Path) -> bool:
    """Return whether `path` is a folder; one that may not be looked at is not."""
    try:
        return path.is_dir()
    except OSError:
        return False


def exists(path: Path) -> bool:
    """Return whether there is something at `path`, be it a symlink to nowhere."""
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def absolute(path: Path) -> Path:
    """Return `path` from the root, without `..`; symlinks stay where there is none."""
    return path.resolve() if ".." in path.parts else path.absolute()


def identity(path: Path) -> Hashable:
    """Return what is equal for two ways to the same file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return str(path)
    # one number: as a tuple of two it takes 80 bytes more, and there may be 100,000
    return status.st_dev << 64 | status.st_ino if status.st_ino else str(path.resolve())


def below(root: Path) -> Iterator[Path]:
    """Yield the recordings below `root`, and folders that may not be listed: those fail later."""
    for folder, entries in _walk(root):
        if entries is None:
            yield folder
        for entry in entries or ():
            if is_media(entry.name) and not _is_folder(entry):
                yield folder / entry.name


def glob(base: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Yield the paths below `base` that the pattern's `parts` match; `**` is any depth."""
    # Not Path.glob: with two symlinks to a parent in one folder, `**` takes 2**40 steps there.
    if not parts:
        yield base
    elif parts[0] == "**":
        for folder, _entries in _walk(base):
            yield from glob(folder, parts[1:] or ("*",))
    elif is_magic(parts[0]):
        hidden = parts[0].startswith(".")
        for entry in _listing(base) or ():
            if fnmatchcase(entry.name, parts[0]) and (hidden or entry.name[0] != "."):
                yield from glob(base / entry.name, parts[1:])
    elif exists(base / parts[0]):
        yield from glob(base / parts[0], parts[1:])


def _walk(root: Path) -> Iterator[tuple[Path, list[os.DirEntry[str]] | None]]:
    """Yield `root` and each folder below with its entries; None where it may not be listed."""
    seen: set[Hashable] = set()
    ahead, links = [root], list[Path]()
    while ahead or links:
        folder = ahead.pop() if ahead else links.pop(0)
        if (same := identity(folder)) in seen or output_marks(str(folder)):
            continue
        seen.add(same)
        entries = _listing(folder)
        yield folder, entries
        inside = [entry for entry in entries or () if _is_folder(entry)]
        links += [folder / entry.name for entry in inside if entry.is_symlink()]
        ahead += [folder / entry.name for entry in reversed(inside) if not entry.is_symlink()]


def _listing(folder: Path) -> list[os.DirEntry[str]] | None:
    """Return the visible entries sorted by name; None if they may not be listed."""
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if entry.name[0] != "."]
    except OSError:
        return None
    return sorted(visible, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
