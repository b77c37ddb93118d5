"""What would a trainer choke on? The trainers' own rules, applied to any dataset folder.

In: a folder: ours, an LJSpeech one (metadata.csv, wavs/), a StyleTTS2 one (train_list.txt,
val_list.txt, OOD_texts.txt), a Hugging Face audiofolder (metadata.jsonl), or several in one.
Out: problems, each with file, line and what to do.
Left out: whether text and speech agree, and how good it sounds (see the report).
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.validate import lists, metadata
from pipeline.validate.alphabets import (
    MAX_SYMBOLS,
    Alphabet,
    nearest_in_kokoro,
    symbols,
    unknown_symbols,
)
from pipeline.validate.clips import Clips
from pipeline.validate.lists import OOD_MIN_SYMBOLS, most_symbols
from pipeline.validate.problem import Problem, describe, errors
from pipeline.validate.reference import check_reference

__all__ = [
    "BATCH_SIZE",
    "MAX_SYMBOLS",
    "OOD_MIN_SYMBOLS",
    "Alphabet",
    "Problem",
    "describe",
    "errors",
    "most_symbols",
    "nearest_in_kokoro",
    "symbols",
    "unknown_symbols",
    "validate",
]

BATCH_SIZE = 8  # StyleTTS2's Configs/config_ft.yml
TRAIN, VAL, OOD = "train_list.txt", "val_list.txt", "OOD_texts.txt"
READERS = {"metadata.csv": metadata.read_csv, "metadata.jsonl": metadata.read_jsonl}
STATE = "pipeline_state.yaml"  # of our own runs; the lists are written last


def validate(folder: Path, batch_size: int = BATCH_SIZE) -> list[Problem]:
    """Return everything that a trainer would choke on in `folder`; empty = it can start.

    >>> print(describe(validate(Path("my-voice"))))  # doctest: +SKIP
    valid: a trainer can take this folder
    """
    if not folder.is_dir():
        return [Problem("error", "no_folder", str(folder), 0, "is not a folder: check the path")]
    list_folders = _list_folders(folder)
    readers = [name for name in READERS if (folder / name).is_file()]
    if not list_folders and not readers:
        return [_without_lists(folder)]
    clips = Clips(folder)
    problems: list[Problem] = []
    for place in list_folders:
        problems += _check_list_folder(folder, place, batch_size, clips)
        problems += check_reference(folder, f"{place}/" if place else "")
    for name in readers:
        problems += _check_metadata(folder, name, clips)
    return [*problems, *clips.problems, *clips.unused()]


def _without_lists(folder: Path) -> Problem:
    if (folder / STATE).is_file():
        text = "is not complete yet: go on with --resume (make resume); 'status' says how far it is"
        return Problem("error", "unfinished", str(folder), 0, text)
    text = f"has no {TRAIN}, metadata.csv or metadata.jsonl: this is not a dataset folder"
    return Problem("error", "nothing_found", str(folder), 0, text + _near(folder))


def _near(folder: Path) -> str:
    """Return what may have been meant: lists in a folder further in, or under another name."""
    names = [f"{depth}/{name}" for depth in ("*", "*/*") for name in (TRAIN, VAL, *READERS)]
    inside = (path for name in names for path in sorted(folder.glob(name)))
    deeper = next((path for path in inside if path.is_file()), None)
    if deeper:
        return f"; there is {deeper.relative_to(folder)}: validate {deeper.parent}"
    lists_ = [path.name for path in sorted(folder.iterdir()) if path.suffix in (".txt", ".csv")]
    return f"; there are {', '.join(lists_[:5])}: rename what is meant" if lists_ else ""


def _list_folders(folder: Path) -> list[str]:
    """Return where lists are: "" for the folder itself, and the names of folders in it."""
    inside = sorted(path.name for path in folder.iterdir() if path.is_dir())
    names = (TRAIN, VAL)
    return [place for place in ["", *inside] if any((folder / place / n).is_file() for n in names)]


def _check_list_folder(
    folder: Path, place: str, batch_size: int, clips: Clips
) -> Iterator[Problem]:
    prefix = f"{place}/" if place else ""
    rows: dict[str, list[lists.Row]] = {TRAIN: [], VAL: []}
    for name in rows:
        path, full_name = folder / place / name, prefix + name
        if not path.is_file():
            text = "is missing: the trainer opens both lists"
            yield Problem("error", "missing_list", full_name, 0, text)
            continue
        rows[name], problems = lists.read_rows(path, full_name)
        yield from problems
    alphabet = lists.guess_alphabet(place, [*rows[TRAIN], *rows[VAL]])
    for name, found in rows.items():
        yield from lists.check_rows(found, prefix + name, alphabet)
        yield from lists.check_written(found, prefix + name)
        yield from clips.check(((row.line, row.wav) for row in found), prefix + name)
        yield from lists.check_lengths(found, prefix + name, clips.duration_s)
    yield from lists.check_split(rows[TRAIN], rows[VAL], prefix + VAL)
    yield from lists.check_speakers(rows[TRAIN], prefix + TRAIN)
    yield from _check_batches(rows[TRAIN], prefix + TRAIN, batch_size)
    yield from _check_ood(folder, prefix + OOD, alphabet)


def _check_batches(train: list[lists.Row], name: str, batch_size: int) -> Iterator[Problem]:
    if 0 < len(train) < batch_size:
        text = (
            f"{len(train)} rows are fewer than the batch size of {batch_size}: the trainer"
            " drops the last, partial batch and makes no step; lower batch_size or add clips"
        )
        yield Problem("warning", "fewer_rows_than_batch", name, 0, text)


def _check_ood(folder: Path, name: str, alphabet: Alphabet) -> Iterator[Problem]:
    if (folder / name).is_file():
        yield from lists.check_ood(folder / name, name)
    elif alphabet == "styletts2":
        text = "is missing: point OOD_data in the trainer's config to another one"
        yield Problem("warning", "missing_ood", name, 0, text)


def _check_metadata(folder: Path, name: str, clips: Clips) -> Iterator[Problem]:
    named, problems = READERS[name](folder / name, name)
    yield from problems
    if not named and not problems:
        yield Problem("error", "empty_list", name, 0, "has no rows: nothing to train on")
    yield from clips.check(named, name)
