"""Word times that cannot be, put right by the neighbours and by where there is sound.

In:  words with whisper's times, the envelope. Out: the same words, some with other times.
Why: a number or a sign is one word of few tokens and many syllables ("$1,865"): whisper sometimes
gives it no length, and its sound to the neighbours, or stretches it over a pause. A pause beside it
is then put between the wrong words.
How: a word with less than LEAST_SHARE of the sound that it needs shares that of its neighbours by
their spoken letters; one that is far too long begins and ends where there is sound.
Left out: times that are wrong and possible: pauses are found with some tolerance (edges.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from pipeline.audio import Seconds

from .envelope import FRAME_S, Envelope
from .spoken import spoken_letters
from .words import Word

USUAL_RATE_S = 0.07  # of sound per spoken letter: LJ Speech has 0.067-0.071
LEAST_SHARE = 0.25  # of the usual time: nobody speaks four times as fast
LEAST_LETTERS = 6.0  # shorter words are right often enough with no time of their own
MOST_SHARE = 2.5  # of the usual time: longer was stretched over a pause
LONGEST_WORD_S: Seconds = 1.5  # ... and longer than this


def repaired(words: Sequence[Word], sound: Envelope) -> list[Word]:
    """Return the words with possible times, in order, none overlapping."""
    trimmed = [_trimmed(word, sound) for word in words]
    found = list(trimmed)
    for i, word in enumerate(trimmed):
        if _is_too_short(word, sound):
            first, last = max(0, i - 1), min(len(found), i + 2)
            found[first:last] = _shared(found[first:last], sound)
    return found


def least_s(word: Word) -> Seconds:
    """Return how much sound a word has at least."""
    return LEAST_SHARE * _needs_s(word)


def _needs_s(word: Word) -> Seconds:
    return USUAL_RATE_S * spoken_letters(word.text)


def _is_too_short(word: Word, sound: Envelope) -> bool:
    is_long = spoken_letters(word.text) >= LEAST_LETTERS
    return is_long and sound.loud_s(word.start_s, word.end_s) < least_s(word)


def _trimmed(word: Word, sound: Envelope) -> Word:
    """Return an overlong word without the quiet at its ends."""
    if word.end_s - word.start_s <= max(LONGEST_WORD_S, MOST_SHARE * _needs_s(word)):
        return word
    part = sound.frames(word.start_s, word.end_s)
    loud = np.flatnonzero(~sound.quiet[part])
    if not len(loud):
        return word
    start_s = (part.start + int(loud[0])) * FRAME_S
    return replace(word, start_s=start_s, end_s=(part.start + int(loud[-1]) + 1) * FRAME_S)


def _shared(words: Sequence[Word], sound: Envelope) -> list[Word]:
    """Return neighbours with the sound they have together, each by its letters."""
    part = sound.frames(words[0].start_s, words[-1].end_s)
    loud = np.flatnonzero(~sound.quiet[part])
    if len(loud) < len(words):
        return list(words)
    shares = np.cumsum([0.0, *(max(1.0, spoken_letters(word.text)) for word in words)])
    bounds = np.round(shares / shares[-1] * len(loud)).astype(int).tolist()
    first_s = part.start * FRAME_S
    return [
        replace(
            word,
            start_s=first_s + int(loud[min(a, len(loud) - 1)]) * FRAME_S,
            end_s=first_s + (int(loud[min(max(a, b - 1), len(loud) - 1)]) + 1) * FRAME_S,
        )
        for word, (a, b) in zip(words, pairwise(bounds), strict=True)
    ]
