"""Sound inside a sentence that its words do not account for: whisper left something out.

In:  a sentence's words, where its sound is, and the recording's own rate of speech.
Out: seconds of sound without words. Two measures, since whisper either leaves a hole in the times
of the words around, or stretches one of them over what it left out (both were seen with base).
Left out: what was said there. A single short word is too little to be told from slow speech.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.audio import Seconds

from .edges import Break
from .envelope import FRAME_S, Envelope, Span
from .spoken import MOST_DIGIT_LETTERS, spoken_letters
from .words import Word, text_of

WORD_START_SLACK_S = 0.35  # whisper's word times are wrong by up to this (median error 0.06-0.32)
WORD_END_SLACK_S = 0.5  # and its word ends are 0.30 s early on average
LONGEST_WORD_S = 1.5  # a longer word was stretched by whisper over something it left out
# subtle: two words, not one: the limit that whisper sets between them is itself wrong
NEIGHBOURS = 2
# Words are drawn out before a pause. With this, no two words of 107 good sentences of LJ Speech had
# more than 0.49 s above what they hold (the default limit is 0.6 s).
PAUSE_LENGTHENS_S = 0.2
LEAST_LETTERS_FOR_RATE = 10  # the rate of a shorter sentence is chance
USUAL_RATE_S = 0.07  # per letter, where all are shorter: LJ Speech has 0.067-0.071
# A breath is 20 dB and more under the voice, laughter and coughs are less (by the loudest twentieth
# of the frames, which is 5 dB over the voice's mean).
LOUD_UNDER_VOICE_DB = 16.0
LEAST_LOUD_S = 0.15  # less of it in a break is a click
AROUND_S = 5.0  # of recording on either side of a break tell the voice's level


@dataclass(frozen=True)
class Said:
    """A sentence: its words, which of them a pause follows, and when its sound begins and ends."""

    words: Sequence[Word]
    before_pause: Sequence[bool]
    voice: Span


def seconds_per_letter(sound: Envelope, sentences: Sequence[Said]) -> Seconds:
    """Return the recording's rate: the median sentence's sound per spoken letter."""
    letters = [spoken_letters(text_of(said.words)) for said in sentences]
    rates = [
        sound.loud_s(*said.voice) / count
        for said, count in zip(sentences, letters, strict=True)
        if count >= LEAST_LETTERS_FOR_RATE
    ]
    return float(np.median(rates)) if rates else USUAL_RATE_S


def loud_below_db(sound: Envelope, voice: Span) -> float:
    """Return the level above which sound beside a voice is no breath."""
    levels_db = sound.levels_db[sound.frames(*voice)]
    return float(np.percentile(levels_db, 95)) - LOUD_UNDER_VOICE_DB if len(levels_db) else 0.0


def sounding_gaps(sound: Envelope, breaks: Sequence[Break | None]) -> set[int]:
    """Return the gaps in whose pause there is laughter, or speech without words: no breath.

    It is in neither clip where the pause divides two clips, so it must not be within one.
    """
    found = set()
    for gap, pause in enumerate(breaks):
        if pause is None or pause.first == pause.last:
            continue
        within = sound.levels_db[sound.frames(pause.quiet_s, pause.resume_s)]
        around = (pause.quiet_s - AROUND_S, pause.resume_s + AROUND_S)
        loud = np.count_nonzero(within > loud_below_db(sound, around))
        if loud * FRAME_S >= LEAST_LOUD_S:
            found.add(gap)
    return found


def between_words_s(sound: Envelope, said: Said, per_letter_s: Seconds) -> Seconds:
    """Return how much sound is near no word, by whisper's times."""
    part = sound.frames(*said.voice)
    silent_or_said = sound.quiet[part].copy()
    for first_s, last_s in _heard(said, per_letter_s):
        near = sound.frames(first_s, last_s)
        silent_or_said[max(0, near.start - part.start) : max(0, near.stop - part.start)] = True
    return float(np.count_nonzero(~silent_or_said)) * FRAME_S


def in_stretched_words_s(sound: Envelope, said: Said, per_letter_s: Seconds) -> tuple[Seconds, str]:
    """Return (most seconds that two neighbours have and cannot hold at this rate, their text)."""
    loud_s = [sound.loud_s(*span) for span in _own_spans(said)]
    spare_s = [a - b for a, b in zip(loud_s, _hold_s(said, per_letter_s), strict=True)]
    firsts = range(max(1, len(spare_s) - NEIGHBOURS + 1))
    sums_s = [sum(spare_s[i : i + NEIGHBOURS]) for i in firsts]
    first = int(np.argmax(sums_s))
    return sums_s[first], text_of(said.words[first : first + NEIGHBOURS])


def _hold_s(said: Said, per_letter_s: Seconds) -> list[Seconds]:
    """Return how long each word may sound."""
    return [
        per_letter_s * spoken_letters(word.text, MOST_DIGIT_LETTERS)
        + (PAUSE_LENGTHENS_S if is_before_pause else 0.0)
        for word, is_before_pause in zip(said.words, said.before_pause, strict=True)
    ]


def _own_spans(said: Said) -> list[Span]:
    """Return from where to where each word has the sound: up to the next word's start."""
    start_s, end_s = said.voice
    inner = [min(max(word.start_s, start_s), end_s) for word in said.words[1:]]
    return list(zip([start_s, *inner], [*inner, end_s], strict=True))


def _heard(said: Said, per_letter_s: Seconds) -> list[Span]:
    """Return where the words may have sounded: of a stretched word only its two ends."""
    spans = []
    for word, holds_s in zip(said.words, _hold_s(said, per_letter_s), strict=True):
        start_s, end_s = word.start_s - WORD_START_SLACK_S, word.end_s + WORD_END_SLACK_S
        longest_s = max(LONGEST_WORD_S, holds_s)  # a long number is one word
        if word.end_s - word.start_s <= longest_s:
            spans.append((start_s, end_s))
        else:
            half_s = longest_s / 2
            spans += [(start_s, word.start_s + half_s), (word.end_s - half_s, end_s)]
    return spans
