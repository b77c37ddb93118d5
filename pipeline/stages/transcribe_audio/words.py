"""Words with times from a decoded window, and sentences from words.

In:  tokens of a window, and which frames they were aligned to.
Out: words on the recording's time line, grouped into sentences.
Left out: exact edges. Whisper's word ends are 0.30 s early on average (measured with base), so that
whoever cuts must look at the sound.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.stages.transcribe_audio.engine import Alignment
from pipeline.stages.transcribe_audio.windows import Window

FRAME_S = 0.02  # of an alignment: whisper's encoder has 1500 in 30 s
LONGEST_MEDIAN_S = 0.7  # whisper's: what a median word can last at most

SENTENCE_END = ".!?。！？…"
CLOSING = "\"'”’»)]}」』"
ABBREVIATIONS = frozenset(
    [
        *("mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "rev", "hon", "messrs"),
        *("gen", "col", "capt", "lt", "sgt", "no", "vs", "etc", "vol", "fig", "mt", "ft"),
    ]
)


@dataclass(frozen=True)
class Word:
    """A word as whisper writes it, with its leading space and its punctuation."""

    word: str
    start_s: float
    end_s: float
    probability: float

    def as_json(self) -> dict[str, str | float]:
        return {
            "word": self.word,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "probability": round(self.probability, 4),
        }


@dataclass
class _Timed:
    """A word in a window. Whisper's own code for punctuation knows it by these names."""

    word: str
    tokens: list[int]
    start: float
    end: float
    probability: float

    @property
    def duration_s(self) -> float:
        return self.end - self.start


def timed_words(
    tokenizer: Any, tokens: Sequence[int], alignment: Alignment, window: Window
) -> list[Word]:
    """Return the words of a window on the recording's time line: in order, each inside a span.

    As openai-whisper's add_word_timestamps: its words, its punctuation, its limits.
    """
    from whisper.timing import merge_punctuations

    timed = _timed(tokenizer, tokens, alignment)
    durations = [one.duration_s for one in timed if one.duration_s]
    median_s = min(LONGEST_MEDIAN_S, float(np.median(durations))) if durations else 0.0
    if durations:
        _shorten_at_sentence_ends(timed, 2 * median_s)
    merge_punctuations(timed, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、")
    timed = [one for one in timed if one.word]
    for one in timed:
        one.start, one.end = round(one.start, 2), round(one.end, 2)
    _shorten_the_first(timed, median_s)
    return list(on_recording(timed, window))


def _timed(tokenizer: Any, tokens: Sequence[int], alignment: Alignment) -> list[_Timed]:
    """Return the words of the tokens; a word ends where the next one begins."""
    words, parts = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    if len(parts) <= 1:  # the end alone
        return []
    # where the path comes to each token for the first time; to the end of text at last
    starts = alignment.frames[np.diff(alignment.tokens, prepend=-1) > 0] * FRAME_S
    edges = np.cumsum([0, *map(len, parts[:-1])])
    return [
        _Timed(word, part, float(starts[i]), float(starts[j]), _mean(alignment.probabilities[i:j]))
        for word, part, i, j in zip(words[:-1], parts[:-1], edges[:-1], edges[1:], strict=True)
    ]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _shorten_at_sentence_ends(timed: Sequence[_Timed], longest_s: float) -> None:
    for before, one in zip(timed, timed[1:], strict=False):
        if one.duration_s > longest_s:
            if one.word in SENTENCE_END:
                one.end = one.start + longest_s
            elif before.word in SENTENCE_END:
                one.start = one.end - longest_s


def _shorten_the_first(timed: Sequence[_Timed], median_s: float) -> None:
    """Have the first word not begin long before it is spoken."""
    if not timed:
        return
    longest_s, first, second = 2 * median_s, timed[0], timed[1] if len(timed) > 1 else None
    is_late = first.end > 4 * median_s
    is_long = first.duration_s > longest_s
    is_long = is_long or (second is not None and second.end - first.start > 2 * longest_s)
    if not (is_late and is_long):
        return
    if second is not None and second.duration_s > longest_s:
        first.end = second.start = max(second.end / 2, second.end - longest_s)
    first.start = max(0.0, first.end - longest_s)


def on_recording(words: Iterable[_Timed], window: Window) -> Iterable[Word]:
    """Yield words (times in the window) with times on the recording, never backwards."""
    last_s = 0.0
    for word in words:
        start_s, end_s = window.on_recording(word.start, word.end)
        start_s = max(start_s, last_s)
        last_s = max(end_s, start_s)
        yield Word(word.word, start_s, last_s, word.probability)


def sentences(words: Sequence[Word]) -> list[list[Word]]:
    """Return the words in sentences; what has no end is one too (a window can end anywhere)."""
    done: list[list[Word]] = [[]]
    for i, word in enumerate(words):
        if i and _ends_sentence(words[i - 1].word, word.word):
            done.append([])
        done[-1].append(word)
    return [sentence for sentence in done if sentence]


def _ends_sentence(word: str, following: str) -> bool:
    bare = word.strip().rstrip(CLOSING)
    if not bare or bare[-1] not in SENTENCE_END:
        return False
    letters = bare[:-1].lower()
    is_short = bare[-1] == "." and (letters in ABBREVIATIONS or _is_initial(letters))
    return not is_short and not following.strip()[:1].islower()


def _is_initial(letters: str) -> bool:
    """Return whether this is a name's initial, "J" of "J. Smith", or "u.s"; "I" ends sentences."""
    return (len(letters) == 1 and letters.isalpha() and letters != "i") or "." in letters[1:2]
