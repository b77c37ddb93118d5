"""The files of the dataset folder that trainers and people read, in the clips' order.

In: `Clip`s. Out: wavs/, metadata.csv, metadata.jsonl, kokoro/, styletts2/, rejected.jsonl.
Line by line, so that 100,000 clips need no more memory than their texts.
"""

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import write_json
from pipeline.stages.build_dataset.phonemes import Phonemizer
from pipeline.stages.build_dataset.recordings import Candidate, Rejected
from pipeline.validate import MAX_SYMBOLS, OOD_MIN_SYMBOLS, unknown_symbols

SPEAKER = 0  # of texts that nobody says; the trainers want an integer
OWN_TEXTS = 200  # clips, at most, whose texts stand in where ood/ has none; ood/en.txt has 28 lines
_OOD_FOLDER = Path(__file__).parent / "ood"


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip that goes into the dataset, with its text as both trainers want it."""

    made: Candidate
    normalized: str
    kokoro: str
    styletts2: str

    @property
    def wav(self) -> str:
        return f"wavs/{self.made.id}.wav"


def write_wavs(out: Path, clips: Iterable[Clip]) -> None:
    """Put the clips into wavs/: as hard links where the file system can, else as copies."""
    (out / "wavs").mkdir()
    for clip in clips:
        link(clip.made.wav, out / clip.wav)


def link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy; ValueError if it is there already."""
    try:
        os.link(source, target)
    except FileExistsError as err:
        raise ValueError(f"two clips have the name {target.name}: ids must be unique") from err
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def write_metadata(out: Path, clips: Sequence[Clip]) -> None:
    """Write metadata.csv (LJSpeech, not quoted) and metadata.jsonl (audiofolder)."""
    rows = (f"{clip.made.id}|{clip.made.text}|{clip.normalized}" for clip in clips)
    _write_lines(out / "metadata.csv", rows)
    write_json_lines(out / "metadata.jsonl", map(metadata, clips))


def metadata(clip: Clip) -> dict[str, object]:
    """Return the row of metadata.jsonl."""
    return {
        "file_name": clip.wav,
        "text": clip.made.text,
        "normalized_text": clip.normalized,
        "phonemes": clip.kokoro,
        "speaker": clip.made.speaker,
        "duration": clip.made.duration_s,
        "scores": clip.made.scores,
        "source": clip.made.source,
        "start": clip.made.start_s,
        "end": clip.made.end_s,
    }


def write_lists(out: Path, clips: Sequence[Clip], val_ids: set[str]) -> None:
    """Write train_list.txt and val_list.txt for Kokoro and for StyleTTS2."""
    for trainer in ("kokoro", "styletts2"):
        (out / trainer).mkdir()
        for name, is_val in (("train_list.txt", False), ("val_list.txt", True)):
            chosen = (clip for clip in clips if (clip.made.id in val_ids) == is_val)
            rows = (f"{clip.wav}|{getattr(clip, trainer)}|{clip.made.speaker}" for clip in chosen)
            _write_lines(out / trainer / name, rows)


def write_speakers(out: Path, clips: Sequence[Clip]) -> None:
    """Write speakers.json: of each number in the lists, its clips, seconds and recordings."""
    found: dict[int, list[Clip]] = {}
    for clip in clips:
        found.setdefault(clip.made.speaker, []).append(clip)
    rows = [
        {
            "id": number,
            "clips": len(mine),
            "seconds": round(sum(clip.made.duration_s for clip in mine), 3),
            "recordings": sorted({clip.made.source for clip in mine}),
        }
        for number, mine in sorted(found.items())
    ]
    write_json(out / "speakers.json", {"version": 1, "speakers": rows})


def write_rejected(out: Path, rejected: Iterable[Rejected]) -> None:
    """Write rejected.jsonl: each stretch that was not used, and why."""
    write_json_lines(out / "rejected.jsonl", (one.row() for one in rejected))


def write_ood(out: Path, clips: Sequence[Clip], phonemizer: Phonemizer) -> bool:
    """Write OOD_texts.txt; return whether its texts are others than the dataset's.

    There are lists for some languages (ood/*.txt); for the rest the dataset's own texts must do.
    """
    path = _OOD_FOLDER / f"{phonemizer.language}.txt"
    own = not path.is_file()
    if own:
        said = _long_texts([clip.styletts2 for clip in clips[:OWN_TEXTS]])
    else:
        said = phonemizer.styletts2(path.read_text(encoding="utf-8").splitlines())
    usable = [text for text in said if 0 < len(text) <= MAX_SYMBOLS]
    usable = [text for text in usable if not unknown_symbols(text, "styletts2")]
    _write_lines(out / "styletts2" / "OOD_texts.txt", (f"{text}|{SPEAKER}" for text in usable))
    return not own


def _long_texts(texts: Sequence[str]) -> list[str]:
    """Return texts that reach OOD_MIN_SYMBOLS: short ones said after each other, at least two."""
    least = 2 * OOD_MIN_SYMBOLS
    said: list[str] = []
    for text in texts:
        if said and len(said[-1]) < least:
            said[-1] = f"{said[-1]} {text}"
        else:
            said.append(text)
    return said if len(said) > 1 else [*said, *said]


def write_json_lines(path: Path, rows: Iterable[dict[str, object]]) -> None:
    """Write one JSON object a line."""
    _write_lines(path, (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
