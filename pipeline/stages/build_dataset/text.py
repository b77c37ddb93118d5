"""Text for the lists: one line, spoken out, in the punctuation that the trainers know.

In: what whisper wrote. Out: `one_line` (as written, fit for a `|` file) and `normalise` (as
spoken, by `spoken/`). What a language's rules leave is left to espeak-ng, which speaks it.
"""

import re
import unicodedata

from pipeline.stages.build_dataset.spoken import FULL, powers, spoken

MARKS = ';:,.!?—…"“”'  # known to both trainers (see alphabets)
_WORD_MARKS = "' -"
_ESPEAK_SPEAKS = "%€$£¥&@#+=°/0123456789"
_PASSES = 8  # normalise again until nothing changes: 2 nearly always

_SAME = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛`´ʼ′＇", "'"),
        **dict.fromkeys("„‟«″", "“"),
        "»": "”",
        **dict.fromkeys("‐‑⁃", "-"),
        **dict.fromkeys("‒–―⸺", "—"),
        **dict.fromkeys("([{)]}|*•·¦", ","),
        **dict.fromkeys("¡¿_^\t", " "),
        "⁄": "/",
        "−": "-",
        "。": ".",
        "、": ",",
        "।": ".",
        "،": ",",
        "؟": "?",
        "؛": ";",
    }
)


def one_line(text: str) -> str:
    """Return `text` as written but for what a list cannot hold: `|`, line ends, control signs."""
    flat = unicodedata.normalize("NFC", text).replace("|", ",")
    printable = (" " if _is_control(char) else char for char in flat)
    return " ".join("".join(printable).split())


def normalise(text: str, language: str, british: bool = False) -> str:
    """Return `text` as it is spoken, in words and MARKS; "" when there is nothing to speak.

    >>> normalise("It cost $3.50 in 1984 (really)!", "en")
    'It cost three dollars and fifty cents in nineteen eighty-four, really!'
    """
    for _ in range(_PASSES):
        before, text = text, _normalise_once(text, language, british)
        if text == before:
            break
    return text if any(unicodedata.category(char)[0] in "LN" for char in text) else ""


def _normalise_once(text: str, language: str, british: bool) -> str:
    text = spoken(_unicode(text, powers(language)), language, british)
    text = text.replace("º", "o").replace("ª", "a")  # not said by any rule
    left_to_espeak = "" if language in FULL else _ESPEAK_SPEAKS
    return _punctuation(_only_known(text, _WORD_MARKS + MARKS + left_to_espeak))


def _unicode(text: str, powers: tuple[str, str]) -> str:
    """Return NFKC text with ASCII digits, the trainers' quotes and dashes, single spaces.

    "º" and "ª" stay: NFKC makes the letters o and a of them, and "1.º" is no "1.o".
    """
    text = re.sub(r"(?<=\d)\s*(?=[¼-¾⅐-⅞])", " ", text).replace("…", "...")
    text = re.sub("(?<!m)²", f" {powers[0]} ", re.sub("(?<!m)³", f" {powers[1]} ", text))
    parts = re.split("([ºª])", text.translate(_SAME))
    text = "".join(p if p in "ºª" else unicodedata.normalize("NFKC", p) for p in parts)
    text = text.translate(_SAME)
    text = "".join(_ascii_digit(char) for char in text if unicodedata.category(char) != "Cf")
    text = re.sub(r"\.{3,}", "…", re.sub(r"--+", "—", text))
    text = re.sub(r"(?<=\s)-(?=\s)", "—", text)
    return " ".join(text.split())


def _ascii_digit(char: str) -> str:
    value = unicodedata.decimal(char, None)
    return char if value is None else str(value)


def _only_known(text: str, marks: str) -> str:
    """Return `text` without signs that nobody speaks (emoji, notes, stray symbols)."""
    return "".join(char if char in marks or _is_letter(char) else " " for char in text)


def _is_letter(char: str) -> bool:
    category = unicodedata.category(char)
    is_selector = "\ufe00" <= char <= "\ufe0f" or category == "Me"
    return category[0] in "LM" and not is_selector


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _punctuation(text: str) -> str:
    """Return `text` with at most one mark in a place, close to its word, and none in front."""
    text = " ".join(text.split())
    text = re.sub(r"\s+(?=[,.;:!?…])", "", text)
    text = re.sub(r"([,.;:!?…—])(?:\s*\1)+", r"\1", text)
    text = re.sub(r",+\s*(?=[.,;:!?…—])", "", text)
    text = re.sub(r"(?<=[.;:!?…—]),+", "", text)
    text = re.sub(r"(?<=[,;:!?…])(?=[^\W_])", " ", text)
    return re.sub(r"^[\s,.;:!?—…-]+(?=.)", "", text).rstrip(" ,-")
