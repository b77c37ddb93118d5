"""The words of a transcript, and the text of a run of them.

In:  transcript.json of transcribe_audio. Out: a flat list of `Word`, in time order.
Left out: where the words really begin and end (edges.py).
"""

import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.audio import Seconds

# ASCII, ellipsis, then full stops of Chinese and Japanese, Hindi, Arabic and Urdu, Armenian
SENTENCE_ENDS = tuple(".!?…。！？｡।؟۔։")
CLAUSE_ENDS = tuple(",;:—–-，、；：،؛")
CLOSERS = "\"'”’»)]}」』）"
# Not the end of a sentence, although there is a full stop. Only matters where a pause follows.
ABBREVIATIONS = frozenset(
    {
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "rev",
        "hon",
        "gen",
        "col",
        "capt",
        "lt",
        "sgt",
        "vs",
        "etc",
        "e.g",
        "i.e",
        "no",
        "vol",
        "fig",
        "jr",
        "sr",
    }
)
# Those that end one all the same where a capital follows: "He said no. Then", but "Vol. 3"
MAY_END = frozenset({"etc", "fig", "jr", "no", "vol"})
# In these languages "3." is third: no end of a sentence, as long as a word follows
ORDINAL_STOP = frozenset(
    [
        "bs",
        "cs",
        "da",
        "de",
        "et",
        "eu",
        "fi",
        "fo",
        "hr",
        "hu",
        "is",
        "lb",
        "lv",
        "nb",
        "nn",
        "no",
        "pl",
        "sk",
        "sl",
        "sr",
        "tr",
    ]
)
_HELD = "\u2060"  # put after a stop that is no end; a format character, which text_of leaves out
_JOINERS = "\u200c\u200d"  # invisible, but Persian and Hindi spelling needs them


@dataclass(frozen=True)
class Word:
    """A word as whisper heard it, with the figures of its segment."""

    text: str  # with its leading space, as whisper gives it
    start_s: Seconds
    end_s: Seconds
    probability: float
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


def words_of(transcript: Mapping[str, Any]) -> list[Word]:
    """Return a transcript's words in their order, starts never falling; blank ones left out."""
    words = [
        Word(
            text=str(word["word"]),
            start_s=float(word["start_s"]),
            end_s=max(float(word["start_s"]), float(word["end_s"])),
            probability=float(word["probability"]),
            avg_logprob=float(segment["avg_logprob"]),
            no_speech_prob=float(segment["no_speech_prob"]),
            compression_ratio=float(segment["compression_ratio"]),
        )
        for segment in transcript["segments"]
        for word in segment.get("words", [])
        if str(word["word"]).strip()
    ]
    has_ordinals = transcript.get("language") in ORDINAL_STOP
    held = (_held(word, after, has_ordinals) for word, after in itertools.pairwise(words))
    words = [*held, *words[-1:]]
    # subtle: never sorted: the order is the text; a start before its predecessor's is a wrong time
    starts = itertools.accumulate((word.start_s for word in words), max)
    return [
        replace(word, start_s=start_s, end_s=max(start_s, word.end_s))
        for word, start_s in zip(words, starts, strict=True)
    ]


def _held(word: Word, after: Word, has_ordinals: bool) -> Word:
    """Return a word, marked if its stop could be an end, but for its language or what follows."""
    is_ordinal = has_ordinals and re.fullmatch(r"\s*\d{1,3}\.", word.text)
    is_short = word.text.endswith(".") and _stem(word.text) in MAY_END
    is_held = is_ordinal or (is_short and not after.text.lstrip(" \"'“‘(")[:1].isupper())
    return replace(word, text=word.text + _HELD) if is_held else word


def _stem(text: str) -> str:
    return text.strip().rstrip(CLOSERS).rstrip(".").lower()


def text_of(words: Sequence[Word]) -> str:
    """Return the words as one clean line: no control characters, no field separator.

    >>> text_of([Word(said, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0) for said in (" Yes,", " no|more.\\n")])
    'Yes, no more.'
    """
    joined = unicodedata.normalize("NFC", "".join(word.text for word in words))
    return " ".join("".join(_printable(c) for c in joined).split())


def ends_sentence(text: str) -> bool:
    """Return whether a word closes a sentence: ` end."`, but not ` Mr.` or ` J.`."""
    bare = text.strip().rstrip(CLOSERS)
    if not bare.endswith(SENTENCE_ENDS):
        return False
    stem = _stem(text)
    is_initial = len(stem) == 1 and stem.isalpha() and stem.isascii() and stem != "i"
    return not (bare.endswith(".") and (stem in ABBREVIATIONS - MAY_END or is_initial))


def ends_clause(text: str) -> bool:
    """Return whether a word closes a clause: a comma, a dash, or a whole sentence."""
    return ends_sentence(text) or text.strip().rstrip(CLOSERS).endswith(CLAUSE_ENDS)


def tokens(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def _printable(char: str) -> str:
    category = unicodedata.category(char)
    if char == "|" or category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category in ("Cf", "Cs", "Co", "Cn") and char not in _JOINERS else char
