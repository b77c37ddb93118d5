"""excluded.txt: the clips that a person took out of a dataset, kept beside it.

In:  ids of clips, given in a file; the list that is kept. Out: the list, whole or not at all.
Why a file of its own: a person's decisions must outlive work/ and the state, can be read and edited
by hand, and may be too many for a line of the state. It holds the size of each clip: an id is a
recording's name and a number, and after another segmentation it may name another clip.
Left out: building the dataset without them (`runner.py`); the command (`commands/exclude.py`).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.checkpoint import Record
from pipeline.disk import Disk

EXCLUDED_FILE = "excluded.txt"
_HEAD = """\
# Clips that were taken out of the dataset by hand: id, and size of its wav in bytes.
# `dataset-pipeline exclude` writes this; after a change by hand run with --resume.
"""
_SUFFIX = ".wav"
SHOWN = 10  # unknown ids in a message

Excluded = Mapping[str, int | None]
"""Clip id -> size of its wav in bytes; None: whichever clip has that id."""


def read_excluded(out: Path) -> dict[str, int | None]:
    """Return the clips that were taken out of the dataset in `out`; ValueError for a bad line."""
    path = out / EXCLUDED_FILE
    if not path.exists():
        return {}
    return dict(_lines(path))


def write_excluded(out: Path, excluded: Excluded, disk: Disk) -> None:
    """Keep the list, or remove it where it is empty; durably, in one step."""
    if excluded:
        rows = sorted(f"{clip} {size or ''}".rstrip() for clip, size in excluded.items())
        text = _HEAD + "".join(f"{row}\n" for row in rows)
        disk.replace_file(out / EXCLUDED_FILE, [text.encode()])
    else:
        disk.remove(out / EXCLUDED_FILE)
        disk.sync_folder(out)


def read_ids(path: Path) -> list[str]:
    """Return the ids in a file of one a line, each once; blank lines and what follows # is passed
    over, and wavs/ID.wav stands for ID. ValueError if it cannot be read or names none."""
    ids = list(dict.fromkeys(clip for clip, _ in _lines(path)))
    if not ids:
        raise ValueError(f"{path} names no clip: put one id a line, as in metadata.csv")
    return ids


def _lines(path: Path) -> Iterator[tuple[str, int | None]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
        raise ValueError(
            f"cannot read {path}: {reason}; give a text file of one id a line"
        ) from err
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if len(words) > 2 or (len(words) == 2 and not words[1].isdecimal()):
            raise ValueError(f"{path}, line {number}: {line.strip()!r}: put one id a line, no more")
        if words:
            yield (
                words[0].rpartition("/")[2].removesuffix(_SUFFIX),
                int(words[1]) if len(words) == 2 else None,
            )


def digest_of(excluded: Excluded) -> str:
    """Return what identifies a list; "" for an empty one."""
    rows = "\n".join(sorted(f"{clip} {size}" for clip, size in excluded.items()))
    return hashlib.sha256(rows.encode()).hexdigest() if rows else ""


def clips_of(record: Record) -> dict[str, int]:
    """Return the clips in an artefact, with the sizes of their files in bytes."""
    names = ((Path(name), size) for name, size in record.sizes())
    return {name.stem: size for name, size in names if name.suffix == _SUFFIX}


def changed(
    kept: Excluded, ids: Sequence[str], clips: Excluded, undo: bool
) -> dict[str, int | None]:
    """Return the list after `ids` were put on it or, to `undo`, taken off it (none: all).

    `clips`: all that there are. ValueError names the ids that are not among them, or not on it.
    """
    known = kept if undo else clips
    if unknown := [clip for clip in ids if clip not in known]:
        named = ", ".join(unknown[:SHOWN])
        named += f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        if undo:
            raise ValueError(f"not in {EXCLUDED_FILE}: {named}; nothing was changed")
        raise ValueError(f"not clips of this dataset: {named}; nothing was changed")
    if undo:
        back = set(ids or kept)
        return {clip: size for clip, size in kept.items() if clip not in back}
    return {**kept, **{clip: clips[clip] for clip in ids}}
