"""Words into sentences, long sentences into pieces, pieces into clips.

In:  words and the breaks around them. Out: runs of words that begin and end in real pauses.
Left out: whether what was said can be trusted (quality.py).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from pipeline.audio import Seconds

from .edges import Break
from .spoken import MOST_DIGIT_LETTERS, spoken_letters
from .words import Word, ends_clause, ends_sentence

CLAUSE_WORTH = 1.5  # a pause after a comma counts as this much longer when a sentence must be cut
# Costs of packing, in seconds: a lost second outweighs any deviation from the middle length.
LOST_COST = 1000.0
# The trainers take 510 phoneme symbols. Measured on 199 texts in 6 languages: 1.05-1.40 a spoken
# letter on average, 1.65 at most in 95% of them. Reached in some 25 s: only with a long max_clip_s.
MOST_LETTERS = 510 / 1.6


@dataclass(frozen=True)
class Run:
    """Consecutive words, `first` to `last` inclusive."""

    first: int
    last: int


@dataclass(frozen=True)
class Speech:
    """The words of a recording and the breaks around them (one more than words)."""

    words: Sequence[Word]
    breaks: Sequence[Break | None]
    edge_s: Seconds  # silence at both ends of every clip

    def before(self, run: Run) -> Break:
        return _real(self.breaks[run.first])

    def after(self, run: Run) -> Break:
        return _real(self.breaks[run.last + 1])

    def length_s(self, run: Run) -> Seconds:
        """Return how long a clip of these words is, with its silence."""
        before, after = self.before(run), self.after(run)
        silence_s = before.head_pad_s(self.edge_s) + after.tail_pad_s(self.edge_s)
        return after.tail_end_s - before.head_start_s + silence_s

    def fits(self, run: Run, longest_s: Seconds) -> bool:
        """Return whether a clip of these words is short enough, in seconds and in phonemes."""
        return self.length_s(run) <= longest_s and self.letters(run) <= MOST_LETTERS

    def is_proven(self, run: Run) -> bool:
        """Return whether both ends of a clip of these words lie in stillness."""
        return self.before(run).can_begin and self.after(run).can_end

    def letters(self, run: Run) -> float:
        """Return about how many letters are spoken, numbers at their longest."""
        return self._letters_before[run.last + 1] - self._letters_before[run.first]

    @cached_property
    def _letters_before(self) -> list[float]:
        letters = (spoken_letters(word.text, MOST_DIGIT_LETTERS) for word in self.words)
        return [0.0, *accumulate(letters)]

    def longest_pause_s(self, run: Run) -> Seconds:
        return max((gap.pause_s for _, gap in self.inner(run)), default=0.0)

    def is_interrupted(self, run: Run) -> bool:
        """Return whether somebody else speaks between the words."""
        return any(gap.is_turn for _, gap in self.inner(run))

    def inner(self, run: Run) -> Iterator[tuple[int, Break]]:
        """Yield the breaks between the words of a run, and the word that each comes before."""
        for word in range(run.first + 1, run.last + 1):
            if gap := self.breaks[word]:
                yield word, gap


def sentences(speech: Speech, max_pause_s: Seconds, changes: Collection[int] = ()) -> list[Run]:
    """Return the sentences: runs between a full stop with a pause and the next.

    A full stop without a pause ends nothing; a pause longer than `max_pause_s` always does, one in
    which somebody else speaks, and one of `changes`, the gaps at which the speaker changes.
    """
    runs, first = [], 0
    for last, word in enumerate(speech.words):
        gap = speech.breaks[last + 1]
        is_end = last + 1 == len(speech.words)
        is_long = gap is not None and gap.pause_s > max_pause_s
        is_turn = gap is not None and (gap.is_turn or last + 1 in changes)
        if gap and (is_end or ends_sentence(word.text) or is_long or is_turn):
            runs.append(Run(first, last))
            first = last + 1
    return runs


def pieces(speech: Speech, run: Run, longest_s: Seconds, shortest_s: Seconds) -> Iterator[Run]:
    """Yield `run`, or what its longest inner pauses make of it where it is too long.

    What has no pause inside stays too long.
    """
    gaps = [g for g in range(run.first + 1, run.last + 1) if speech.breaks[g]]
    if speech.fits(run, longest_s) or not gaps:
        yield run
        return
    gap = max(gaps, key=lambda g: _worth(speech, run, g, shortest_s))
    for part in _halves(run, gap):
        yield from pieces(speech, part, longest_s, shortest_s)


def parts_between_pauses(
    speech: Speech, run: Run, least_s: Seconds, still_s: Seconds = 0.0
) -> Iterator[Run]:
    """Yield what the inner pauses worth at least `least_s` make of a run where clips may be cut.

    On both sides of such a cut at least `still_s` of stillness are recorded.
    """
    first = run.first
    for word, gap in speech.inner(run):
        margins = [margin.still_s for margin in (gap.tail, gap.head) if margin]
        is_still = len(margins) == 2 and min(margins) >= still_s - 1e-6
        if is_still and _pause_worth_s(speech, word) >= least_s - 1e-6:
            yield Run(first, word - 1)
            first = word
    yield Run(first, run.last)


def _worth(speech: Speech, run: Run, gap: int, shortest_s: Seconds) -> tuple[bool, Seconds]:
    """Return how good a place `gap` is for a cut: both halves usable, then a long pause."""
    pause = _real(speech.breaks[gap])
    usable = all(speech.length_s(part) >= shortest_s for part in _halves(run, gap))
    usable = usable and pause.can_end and pause.can_begin
    return usable, _pause_worth_s(speech, gap)


def _pause_worth_s(speech: Speech, gap: int) -> Seconds:
    clause = ends_clause(speech.words[gap - 1].text)
    return _real(speech.breaks[gap]).pause_s * (CLAUSE_WORTH if clause else 1.0)


def _halves(run: Run, gap: int) -> tuple[Run, Run]:
    return Run(run.first, gap - 1), Run(gap, run.last)


def pack(runs: Sequence[Run], cost: Callable[[Run], float | None], most: int = 60) -> list[Run]:
    """Return neighbours joined so that the sum of `cost` is least; None: they may not be joined.

    Single runs always may stay alone, at LOST_COST or whatever `cost` says.
    """
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(runs) + 1):
        options = []
        for start in range(end - 1, max(-1, end - 1 - most), -1):
            price = cost(Run(runs[start].first, runs[end - 1].last))
            if price is None and start < end - 1:
                break
            options.append((best[start][0] + (LOST_COST if price is None else price), start))
        best.append(min(options))
    packed, end = [], len(runs)
    while end:
        start = best[end][1]
        packed.append(Run(runs[start].first, runs[end - 1].last))
        end = start
    return packed[::-1]


def clip_cost(
    speech: Speech, run: Run, shortest_s: Seconds, longest_s: Seconds, max_pause_s: Seconds
) -> float | None:
    """Return what a clip costs: little near the middle length, much if it will be dropped.

    None where it would be too long, or hold a pause that is too long or somebody else's turn.
    """
    length_s = speech.length_s(run)
    if not speech.fits(run, longest_s) or speech.longest_pause_s(run) > max_pause_s:
        return None
    if speech.is_interrupted(run):
        return None
    if length_s < shortest_s or not speech.is_proven(run):
        return LOST_COST * length_s
    middle_s = (shortest_s + longest_s) / 2
    return abs(length_s - middle_s) / middle_s


def _real(gap: Break | None) -> Break:
    if gap is None:
        raise ValueError("a run of words must begin and end in a pause")
    return gap
