"""The dataset as Hugging Face's `audiofolder` finds it: train and validation, all columns.

In: clips. Out: huggingface/{train,validation}/ with a metadata.jsonl and the clips, as hard links.
Why a folder of its own (datasets 5.2, data_files.py and folder_based_builder.py): `load_dataset(
"audiofolder", data_dir=OUT)` looks for folders named after splits, then for files; it would take
kokoro/train_list.txt for the whole train split. It reads every metadata.csv with a header, and
LJSpeech's has none. And it refuses a file_name with "..".
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.stages.build_dataset.lists import Clip, link, metadata, write_json_lines

FOLDER = "huggingface"
_PLAIN = {float, int, str, bool}
_TEST = re.compile(r"(?:^|[-._ 0-9])(?:test|testing|eval|evaluation)(?:[-._ 0-9]|$)")
"""What datasets takes for the name of a test split, also of a recording's folder in work/."""


def write_audiofolder(
    out: Path, clips: Sequence[Clip], val_ids: set[str], names: Iterable[str]
) -> None:
    """Write the splits; `names` are the recordings' names, which have folders in work/."""
    val = [clip for clip in clips if clip.made.id in val_ids]
    splits = {"train": [clip for clip in clips if clip.made.id not in val_ids], "validation": val}
    if any(_TEST.search(name) for name in names):
        splits["test"] = val  # subtle: an empty split, found in work/, would be an error
    kinds = _score_kinds(clips)
    for split, chosen in splits.items():
        folder = out / FOLDER / split
        folder.mkdir(parents=True)
        rows = ({**metadata(c), "file_name": _name(c), "scores": _of(c, kinds)} for c in chosen)
        write_json_lines(folder / "metadata.jsonl", rows)
        for clip in chosen:
            link(clip.made.wav, folder / _name(clip))


def _name(clip: Clip) -> str:
    return f"{clip.made.id}.wav"


def _score_kinds(clips: Sequence[Clip]) -> dict[str, type]:
    """Return the scores that every clip has, with one type each: the splits' schemas must agree."""
    kinds: dict[str, set[type]] = {}
    for clip in clips:
        for name, value in clip.made.scores.items():
            kinds.setdefault(name, set()).add(type(value))
    shared = set(kinds).intersection(*(clip.made.scores for clip in clips))
    single = {name: kinds[name] - {int} if float in kinds[name] else kinds[name] for name in shared}
    return {name: next(iter(kind)) for name, kind in sorted(single.items()) if len(kind) == 1}


def _of(clip: Clip, kinds: dict[str, type]) -> dict[str, object]:
    return {name: kind(clip.made.scores[name]) for name, kind in kinds.items() if kind in _PLAIN}
