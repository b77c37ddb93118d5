"""Which real pause lies between which two words: the only places where sound may be cut.

In:  words with whisper's times, quiet runs of the waveform, the voice activity's spans, the turns
of other voices.
Out: for every gap between two words its `Break`, or None where nobody paused or spoke between.
Why: whisper's word times are wrong by 0.06-0.32 s (median), and its word ends are 0.30 s early on
average, so they only say which pause is meant; where to cut is taken from the waveform alone.
"""

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.audio import Seconds

from .envelope import VAD_EDGE_S, Span, covered_s
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
BESIDE_S: Seconds = VAD_EDGE_S + 0.02  # quiet as near to a turn is beside it


@dataclass(frozen=True)
class Margin:
    """Where a clip is cut in a break, and how much stillness is recorded between there and it."""

    cut_s: Seconds
    still_s: Seconds


@dataclass(frozen=True)
class Break:
    """The quiet between two words: its first and its last run (a breath may lie between them).

    `tail` and `head` are where the clips before and after it are cut (margins.py). Where somebody
    else speaks in it, it is a turn, and a run may have no length: it is then where he begins or
    ends. A break without any length is the recording's own end.
    """

    first: Span
    last: Span
    tail: Margin | None = None
    head: Margin | None = None
    is_turn: bool = field(default=False, compare=False)
    is_cut: bool = field(default=False, compare=False)  # the recording's own end, amid its sound

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
    def can_end(self) -> bool:
        """Whether a clip may end here: in stillness, or with the recording."""
        return self.tail is not None or (self.pause_s <= 0 and not self.is_cut)

    @property
    def can_begin(self) -> bool:
        """Whether a clip may begin here."""
        return self.head is not None or (self.pause_s <= 0 and not self.is_cut)

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
    is_cut: tuple[bool, bool] = (False, False),
) -> list[Break | None]:
    """Return the breaks before, between and after the words: one more than there are words.

    `voiced` are the spans of voice activity, `others` those of somebody else. The recording's own
    ends are breaks in any case; `is_cut`: it goes on before its start, and after its end.
    """
    if not words:
        return []
    found: list[list[Span]] = [[] for _ in range(len(words) + 1)]
    turns: list[list[Span]] = [[] for _ in range(len(words) + 1)]
    for quiet, spoken in silences(pauses, others):
        span = (min(quiet + spoken)[0], max(b for _, b in quiet + spoken))
        gap = gap_of(span, words)
        if gap is None and spoken:  # its words are wrong, but somebody speaks there
            gap = bisect.bisect_left(words, sum(span), key=lambda word: word.start_s + word.end_s)
        if gap is not None:
            found[gap] += quiet
            turns[gap] += spoken
    word_ends_s = [-math.inf, *(word.end_s for word in words)]
    gaps = zip(word_ends_s, [*(word.start_s for word in words), math.inf], strict=True)
    breaks = [break_of(*each, voiced) for each in zip(found, turns, gaps, strict=True)]
    places = zip((0.0, duration_s), is_cut, strict=True)
    ends = [Break((at_s,) * 2, (at_s,) * 2, is_cut=cut) for at_s, cut in places]
    return [breaks[0] or ends[0], *breaks[1:-1], breaks[-1] or ends[1]]


def silences(
    pauses: Sequence[Span], others: Sequence[Span]
) -> Iterator[tuple[list[Span], list[Span]]]:
    """Yield what is no sound of the target's: quiet runs, and the turns that they lie beside.

    >>> list(silences([(0.0, 1.0), (3.05, 4.0), (5.0, 6.0)], [(2.0, 3.0)]))
    [([(0.0, 1.0)], []), ([(3.05, 4.0)], [(2.0, 3.0)]), ([(5.0, 6.0)], [])]
    """
    quiet: list[Span] = []
    spoken: list[Span] = []
    end_s, was_turn = -math.inf, False
    for span, is_turn in sorted([(p, False) for p in pauses] + [(o, True) for o in others]):
        is_beside = span[0] - end_s <= BESIDE_S and (is_turn or was_turn)
        if not is_beside and (quiet or spoken):
            yield quiet, spoken
            quiet, spoken = [], []
        (spoken if is_turn else quiet).append(span)
        end_s, was_turn = span[1], is_turn
    if quiet or spoken:
        yield quiet, spoken


def break_of(
    runs: Sequence[Span], turns: Sequence[Span], gap: Span, voiced: Sequence[Span]
) -> Break | None:
    """Return the break that the quiet runs between two words make; None without any.

    `gap`: from the end of the word before to the start of the one after, by whisper's times.
    The longest run is the pause; where somebody else speaks between them, the longest before that
    and the longest after it. A run beside it extends it where the sound in between is a breath
    (no voice, and the run is no closure: far from voice there is none) or speech without words:
    both are in neither clip. Short voice is a part of the word it stands by, such as the release
    after a closure; short quiet after speech without words, by whisper's times inside a word, is
    that word's closure.
    """
    if not runs and not turns:
        return None
    before = after = runs
    if turns:
        first_s, last_s = turns[0][0], turns[-1][1]
        before = [run for run in runs if run[1] <= first_s] or [(first_s, first_s)]
        after = [run for run in runs if run[0] >= last_s] or [(last_s, last_s)]
    first = before[_extended(before, _longest(before), -1, gap, voiced)]
    last = after[_extended(after, _longest(after), 1, gap, voiced)]
    return Break(first, last, is_turn=bool(turns))


def _longest(runs: Sequence[Span]) -> int:
    return max(range(len(runs)), key=lambda k: runs[k][1] - runs[k][0])


def _extended(
    runs: Sequence[Span], index: int, step: int, gap: Span, voiced: Sequence[Span]
) -> int:
    farthest = index
    while 0 <= index + step < len(runs):
        run = runs[index + step]
        left, right = sorted((runs[index], run))
        sound = (left[1], right[0])
        sound_s = sound[1] - sound[0]
        is_voice = covered_s(voiced, *sound) > sound_s / 2
        is_ending = BLIP_S < sound_s <= LONGEST_ENDING_S and is_voice
        is_short = run[1] - run[0] < CLOSURE_S
        near = (sound[0] - RELEASE_S, sound[1] + RELEASE_S)
        is_closure = is_short and sound_s <= RELEASE_S and covered_s(voiced, *near) > 0
        if is_ending or is_closure:
            break
        index += step
        is_in_word = run[1] < gap[0] or run[0] > gap[1]
        if not (is_short and is_voice and is_in_word):
            farthest = index
    return farthest


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
