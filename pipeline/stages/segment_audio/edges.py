"""Which real pause lies between which two words: the only places where sound may be cut.

In:  words with whisper's times, quiet runs of the waveform, the voice activity's spans.
Out: for every gap between two words its `Break`, or None where nobody paused.
Why: whisper's word times are wrong by 0.06-0.32 s (median), and its word ends are 0.30 s early on
average, so they only say which pause is meant; where to cut is taken from the waveform alone.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.audio import Seconds

from .envelope import Span, covered_s, overlapping
from .words import Word, ends_clause, ends_sentence

WORD_END_LATE_S = 0.15  # how much later than whisper says words end: half of what was measured
CLOSURE_S = 0.15  # shorter quiet may be the closure of a stop: "uncheck(120 ms)ed" in LJ Speech
RELEASE_S = 0.35  # what is longer and no voice is no release after a closure: somebody else, music
LONGEST_ENDING_S = 0.6  # longer voice between two runs is speech that whisper gave no words for
BLIP_S = 0.03  # shorter sound between two long runs is a click, though voice activity covers it
FARTHEST_S = 0.6  # a pause farther from both words' times than this belongs to neither
# People pause where there is punctuation: this much worse a match in time is accepted there.
SENTENCE_BONUS_S = 0.3
CLAUSE_BONUS_S = 0.15
STILL_S: Seconds = 0.1  # of stillness at both ends of a clip: what the trainers need
EARLY_START_WEIGHT = 0.5  # whisper begins words within the pause before them: half a misfit


@dataclass(frozen=True)
class Margin:
    """Where a clip is cut in a break, and how much stillness is recorded between there and it."""

    cut_s: Seconds
    still_s: Seconds


@dataclass(frozen=True)
class Break:
    """The quiet between two words: its first and its last run (a breath may lie between them).

    `tail` and `head` are where the clips before and after it are cut (margins.py).
    """

    first: Span
    last: Span
    tail: Margin | None = None
    head: Margin | None = None

    @property
    def quiet_s(self) -> Seconds:
        """When the sound before it has ended."""
        return self.first[0]

    @property
    def resume_s(self) -> Seconds:
        """When the sound after it begins."""
        return self.last[1]

    @property
    def pause_s(self) -> Seconds:
        return self.resume_s - self.quiet_s

    @property
    def is_proven(self) -> bool:
        """Whether clips may be cut here: in stillness, or at the recording's own end."""
        return self.pause_s <= 0 or self.tail is not None

    @property
    def tail_end_s(self) -> Seconds:
        """Return how far what comes before reaches."""
        return self.tail.cut_s if self.tail else sum(self.first) / 2

    @property
    def head_start_s(self) -> Seconds:
        """Return where what comes after begins."""
        return self.head.cut_s if self.head else sum(self.last) / 2

    def tail_pad_s(self, edge_s: Seconds) -> Seconds:
        """Return how much digital silence follows, so that the clip ends in `edge_s` of quiet."""
        still_s = self.tail.still_s if self.tail else 0.0
        return max(0.0, edge_s - (self.tail_end_s - self.quiet_s), STILL_S - still_s)

    def head_pad_s(self, edge_s: Seconds) -> Seconds:
        """Return how much digital silence comes before."""
        still_s = self.head.still_s if self.head else 0.0
        return max(0.0, edge_s - (self.resume_s - self.head_start_s), STILL_S - still_s)


def breaks_around(
    words: Sequence[Word],
    pauses: Sequence[Span],
    voiced: Sequence[Span],
    duration_s: Seconds,
    others: Sequence[Span] = (),
) -> list[Break | None]:
    """Return the breaks before, between and after the words: one more than there are words.

    `voiced` are the spans of voice activity, `others` those of somebody else. The recording's own
    ends are breaks in any case.
    """
    if not words:
        return []
    found: list[list[Span]] = [[] for _ in range(len(words) + 1)]
    for pause in pauses:
        if (gap := gap_of(pause, words)) is not None:
            found[gap].append(pause)
    breaks = [break_of(runs, voiced, others) for runs in found]
    ends = (Break((0.0, 0.0), (0.0, 0.0)), Break((duration_s,) * 2, (duration_s,) * 2))
    return [breaks[0] or ends[0], *breaks[1:-1], breaks[-1] or ends[1]]


def break_of(
    runs: Sequence[Span], voiced: Sequence[Span], others: Sequence[Span] = ()
) -> Break | None:
    """Return the break that the quiet runs between two words make; None without any.

    The longest run is the pause; where somebody else speaks between them, the longest before that
    and the longest after it. A run beside it extends it where the sound in between is a breath
    (no voice, and the run is no closure) or speech without words: both are in neither clip. Short
    voice is a part of the word it stands by, such as the release after a closure.
    """
    if not runs:
        return None
    turns = [k for k, (a, b) in enumerate(pairwise(runs), 1) if overlapping(others, a[1], b[0])]
    before, after = (runs[: turns[0]], runs[turns[-1] :]) if turns else (runs, runs)
    first = _extended(before, _longest(before), -1, voiced)
    return Break(before[first], after[_extended(after, _longest(after), 1, voiced)])


def _longest(runs: Sequence[Span]) -> int:
    return max(range(len(runs)), key=lambda k: runs[k][1] - runs[k][0])


def _extended(runs: Sequence[Span], index: int, step: int, voiced: Sequence[Span]) -> int:
    while 0 <= index + step < len(runs):
        left, right = sorted((runs[index], runs[index + step]))
        sound = (left[1], right[0])
        sound_s = sound[1] - sound[0]
        is_ending = BLIP_S < sound_s <= LONGEST_ENDING_S and covered_s(voiced, *sound) > sound_s / 2
        is_short = runs[index + step][1] - runs[index + step][0] < CLOSURE_S
        is_closure = is_short and sound_s <= RELEASE_S
        if is_ending or is_closure:
            return index
        index += step
    return index


def gap_of(pause: Span, words: Sequence[Word]) -> int | None:
    """Return the gap that a pause lies in (0: before the first word), None if none is near.

    Of the gaps around it, the one whose words' times fit best.
    """
    near = bisect.bisect_left(words, pause[0], key=lambda word: word.start_s)
    gaps = range(max(0, near - 6), min(len(words), near + 6) + 1)
    cost_s, gap = min((misfit_s(pause, words, gap), gap) for gap in gaps)
    return gap if cost_s < math.inf else None


def misfit_s(pause: Span, words: Sequence[Word], gap: int) -> Seconds:
    """Return how far a pause is from the times of the words around `gap`; inf if too far."""
    end_s = words[gap - 1].end_s + WORD_END_LATE_S if gap else -math.inf
    start_s = words[gap].start_s if gap < len(words) else math.inf
    if pause[0] - start_s > FARTHEST_S or end_s - pause[1] > FARTHEST_S:
        return math.inf
    # subtle: a pause inside a longer gap (a breath divides it) is no misfit, so only what sticks
    # out of the gap counts
    outside_s = max(0.0, end_s - pause[0]) + EARLY_START_WEIGHT * max(0.0, pause[1] - start_s)
    missing_s = max(0.0, pause[0] - start_s) + max(0.0, end_s - pause[1])
    return outside_s + missing_s - (bonus_s(words[gap - 1].text) if gap else SENTENCE_BONUS_S)


def bonus_s(text: str) -> Seconds:
    """Return what the punctuation of the word before a pause is worth."""
    if ends_sentence(text):
        return SENTENCE_BONUS_S
    return CLAUSE_BONUS_S if ends_clause(text) else 0.0
