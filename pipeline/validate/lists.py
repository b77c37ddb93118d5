"""The rules for train_list.txt, val_list.txt and OOD_texts.txt.

In: a folder with such lists. Out: problems. From StyleTTS2's meldataset.py: a line is
`strip()`ped and `split('|')`; the speaker is found again by comparing the field with str(int);
symbols outside of the alphabet are dropped; OOD lines are drawn with randint(0, lines - 1),
which never draws the last one, until one has 50 characters: without such a line it never ends.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.validate.alphabets import MAX_SYMBOLS, Alphabet, unknown_symbols
from pipeline.validate.problem import Problem
from pipeline.validate.textfile import read_lines, separator_hint

OOD_MIN_SYMBOLS = 50  # `min_length` in StyleTTS2's Configs/config_ft.yml
FRAME_S = 0.0125  # a mel frame: hop_length 300 at 24 kHz, meldataset.py
PADDING_S = 10_000 / 24_000  # of silence, put around every clip, meldataset.py
_WRITTEN = re.compile(r"[A-Za-z0-9\s.,;:!?'\"()&$%-]*")
LEAST_LETTERS = 10  # a line that has fewer may be phonemes without a stress
_SPEAKER = re.compile(r"0|[1-9][0-9]*")
_TITLES = {"kokoro": "Kokoro", "styletts2": "StyleTTS2"}


@dataclass(frozen=True)
class Row:
    """A line of a list that has its three fields."""

    line: int
    wav: str
    text: str
    speaker: str


def read_rows(path: Path, name: str) -> tuple[list[Row], list[Problem]]:
    """Return the whole rows of a list, and what is wrong with the others."""
    lines, problems = read_lines(path, name)
    rows = []
    for number, line in enumerate(lines, start=1):
        fields = line.strip().split("|")
        if len(fields) == 3:
            rows.append(Row(number, *fields))
        else:
            problems.append(Problem("error", "fields", name, number, _fields_message(line, fields)))
    if not rows:
        problems.append(Problem("error", "empty_list", name, 0, "has no rows: nothing to train on"))
    return rows, problems


def _fields_message(line: str, fields: list[str]) -> str:
    if not line.strip():
        return "is empty: remove the line"
    hint = separator_hint(line) or ": no | inside a field"
    return f"has {len(fields)} fields, must have 3 (wav|phonemes|speaker){hint}"


def check_rows(rows: list[Row], name: str, alphabet: Alphabet) -> Iterator[Problem]:
    """Yield what is wrong with rows by themselves: speaker, text, symbols, duplicates."""
    seen: dict[str, int] = {}
    for row in rows:
        for rule, text in _row_faults(row, alphabet):
            yield Problem("error", rule, name, row.line, text)
        if row.wav in seen:
            text = f"{row.wav} stands in line {seen[row.wav]} already: remove one of the two"
            yield Problem("error", "duplicate_row", name, row.line, text)
        seen.setdefault(row.wav, row.line)


def _row_faults(row: Row, alphabet: Alphabet) -> Iterator[tuple[str, str]]:
    if not _SPEAKER.fullmatch(row.speaker):
        yield "speaker", f"speaker {row.speaker!r} is not an integer like 0: replace it"
    if row.wav.startswith('"') or row.speaker.endswith('"'):
        yield "quoted", "is quoted, and the trainer keeps the quotes: write without quoting"
    if not row.text.strip():
        yield "empty_text", "has no phonemes: remove the line"
    yield from symbol_faults(row.text, alphabet)


def symbol_faults(text: str, alphabet: Alphabet) -> Iterator[tuple[str, str]]:
    """Yield (rule, message) for a text that the model cannot take as it stands."""
    if len(text) > MAX_SYMBOLS:
        yield "too_many_phonemes", f"{len(text)} symbols are over {MAX_SYMBOLS}: split the clip"
    if unknown := unknown_symbols(text, alphabet):
        listed = " ".join(f"{symbol!r}" for symbol in unknown)
        where = f"{_TITLES[alphabet]}'s alphabet"
        yield "unknown_symbols", f"{listed} not in {where}, silently dropped: phonemize again"


def most_symbols(duration_s: float) -> int:
    """Return how many symbols a clip can hold: the aligner gives each a frame, of every two one.

    From train_finetune.py: mask_from_lens(s2s_attn, input_lengths, mel_input_length // 2**n_down)
    with n_down = 1 (Utils/ASR/config.yml), and a pad at both ends of the text.

    >>> most_symbols(2.0)
    95
    """
    return int((duration_s + PADDING_S) / FRAME_S + 1) // 2 - 2


def check_lengths(
    rows: list[Row], name: str, duration_s: Callable[[str], float | None]
) -> Iterator[Problem]:
    """Yield the rows whose clip is too short for their text."""
    for row in rows:
        length_s = duration_s(row.wav)
        if length_s is not None and len(row.text) > (most := most_symbols(length_s)):
            text = (
                f"{len(row.text)} symbols in {length_s:.2f} s, {most} can be aligned: text and"
                " sound do not belong together; remove the line"
            )
            yield Problem("error", "too_many_phonemes_for_length", name, row.line, text)


def check_written(rows: list[Row], name: str) -> Iterator[Problem]:
    """Yield one problem if the texts are written words instead of phonemes."""
    written = [row for row in rows if _is_written(row.text)]
    if 2 * len(written) > len(rows):
        text = (
            f"{len(written)} of {len(rows)} lines, this one first, are written words: the trainer"
            " takes each letter for a sound; phonemize them (espeak-ng, or misaki for Kokoro)"
        )
        yield Problem("error", "not_phonemes", name, written[0].line, text)


def _is_written(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return letters >= LEAST_LETTERS and _WRITTEN.fullmatch(text) is not None


def check_speakers(rows: list[Row], name: str) -> Iterator[Problem]:
    """Yield a warning where there are several speakers, which a config has to say."""
    speakers = sorted({row.speaker for row in rows})
    if len(speakers) > 1:
        text = (
            f"{len(speakers)} speakers: set multispeaker: true in the trainer's config, or it"
            " learns their mean"
        )
        yield Problem("warning", "several_speakers", name, 0, text)


def check_split(train: list[Row], val: list[Row], val_name: str) -> Iterator[Problem]:
    """Yield the clips that stand in both lists."""
    trained = {row.wav: row.line for row in train}
    for row in val:
        if row.wav in trained:
            text = f"{row.wav} is trained on too (line {trained[row.wav]}): remove one of the two"
            yield Problem("error", "in_train_and_val", val_name, row.line, text)


def guess_alphabet(folder: str, rows: list[Row]) -> Alphabet:
    """Return the alphabet by the folder's name, else the one that knows more of the symbols."""
    if folder.lower() in ("kokoro", "styletts2"):
        return "kokoro" if folder.lower() == "kokoro" else "styletts2"
    used = "".join(sorted(set("".join(row.text for row in rows))))
    strangers = {name: len(unknown_symbols(used, name)) for name in _names()}
    return "kokoro" if strangers["kokoro"] < strangers["styletts2"] else "styletts2"


def _names() -> tuple[Alphabet, Alphabet]:
    return "kokoro", "styletts2"


def check_ood(path: Path, name: str) -> Iterator[Problem]:
    """Yield what is wrong with the texts for the adversarial training."""
    lines, problems = read_lines(path, name)
    yield from problems
    if len(lines) < 2:
        text = f"has {len(lines)} lines, needs 2 or more: add texts"
        yield Problem("error", "ood_lines", name, 0, text)
        return
    field = 1 if ".wav" in lines[0].split("|")[0] else 0
    texts = []
    for number, line in enumerate(lines, start=1):
        fields = line.split("|")
        if len(fields) <= field:
            text = "has no second field, as the first line has: write wav|text|speaker"
            yield Problem("error", "ood_fields", name, number, text)
            continue
        texts.append(fields[field])
        for rule, text in symbol_faults(fields[field], "styletts2"):
            yield Problem("error", f"ood_{rule}", name, number, text)
    if not any(len(text) >= OOD_MIN_SYMBOLS for text in texts[:-1]):
        text = (
            f"no line but the last, which is never drawn, has {OOD_MIN_SYMBOLS} symbols:"
            " the trainer would search for ever; add longer texts"
        )
        yield Problem("error", "ood_too_short", name, 0, text)
