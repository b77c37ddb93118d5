"""From a recording's words and sound to the runs of words that become clips, and the rest.

In:  a `Recording`. Out: runs of words, doubts about some of them, and rejections.
Left out: whether the runs are good enough once they are heard (judging.py).
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.audio import Seconds

from . import unsaid
from .accounting import Rejected
from .edges import CLOSURE_S, Break
from .envelope import Envelope, Span, overlapping
from .margins import LEAST_STILL_S
from .packing import (
    Run,
    Speech,
    clip_cost,
    pack,
    parts_between_pauses,
    pieces,
    sentences,
)
from .quality import Failure, language_failure, words_failure
from .settings import Params
from .unsaid import Said
from .versions import Unprocessed, Version
from .words import Word, text_of

TOUCHES_S = 0.02  # spans that only meet do not overlap
# A sentence that is lost at one of its ends may be cut at a pause as long as this: twice the
# closure of a stop
INNER_PAUSE_S: Seconds = 0.25
# ... or, where there is none, at one longer than a closure, if it is still on both sides of the cut
SHORT_PAUSE_S: Seconds = CLOSURE_S
SHORT_PAUSE_STILL_S: Seconds = 0.02


@dataclass(frozen=True)
class Recording:
    """What is known about one recording before it is cut."""

    duration_s: Seconds
    target: Sequence[tuple[Seconds, Seconds, float, int]]  # start, end, likeness, whose voice
    others: Sequence[tuple[Seconds, Seconds, float, str]]
    language: str
    language_probability: float
    speech: Speech
    sound: Envelope
    original: Path  # as decoded, before anything changed its level: clipping shows only there
    enhanced: Version  # what clips are made of ...
    unprocessed: Unprocessed | None = None  # ... unless processing did harm: then of this

    def words(self, run: Run) -> Sequence[Word]:
        return self.speech.words[run.first : run.last + 1]

    def span(self, run: Run) -> Span:
        """Return the part of the recording that goes into a clip: speech and some of its quiet."""
        start_s, end_s = self.speech.before(run).head_start_s, self.speech.after(run).tail_end_s
        return round(start_s, 3), round(end_s, 3)

    def speakers(self, run: Run) -> list[int]:
        """Return whose voices are in a run: of one alone is a clip made."""
        start_s, end_s = self.voice(run)
        near = overlapping(self.target, start_s + TOUCHES_S, end_s - TOUCHES_S)
        return sorted({speaker for _, _, _, speaker in near})

    def changes(self) -> set[int]:
        """Return the gaps between two words at which the speaker changes."""
        owners = [self._owner(word) for word in self.speech.words]
        pairs = zip(owners, owners[1:], strict=False)
        return {gap for gap, (a, b) in enumerate(pairs, 1) if a != b}

    def _owner(self, word: Word) -> int:
        middle_s = (word.start_s + word.end_s) / 2
        near = overlapping(self.target, middle_s - 0.01, middle_s + 0.01)
        return int(near[0][3]) if near else -1

    def said(self, run: Run) -> Said:
        gaps = self.speech.breaks[run.first + 1 : run.last + 2]
        return Said(self.words(run), [gap is not None for gap in gaps], self.voice(run))

    def voice(self, run: Run) -> Span:
        """Return when the sound of a run begins and ends."""
        return self.speech.before(run).resume_s, self.speech.after(run).quiet_s


@dataclass(frozen=True)
class Chosen:
    """Runs of words that can be clips, and what is doubtful about sentences in them."""

    runs: list[Run]
    rejected: list[Rejected]
    doubts: list[tuple[Run, Failure]]

    def doubt(self, run: Run) -> Failure | None:
        """Return the doubt about a part of `run`, if there is one."""
        return next((f for r, f in self.doubts if run.first <= r.first <= run.last), None)


def candidate_runs(rec: Recording, params: Params, can_listen: bool) -> Chosen:
    """Return whole sentences packed into clips of the right length, and what could not be.

    Who can listen to a clip may keep a doubtful sentence until then.
    """
    longest_s, shortest_s = params.max_clip_s, params.min_clip_s
    sounding = unsaid.sounding_gaps(rec.sound, rec.speech.breaks)
    whole = sentences(rec.speech, params.max_pause_s, rec.changes() | sounding)
    parts = [p for s in whole for p in pieces(rec.speech, s, longest_s, shortest_s)]
    per_letter_s = unsaid.seconds_per_letter(rec.sound, [rec.said(part) for part in parts])
    most_s = params.max_unsaid_s if can_listen else params.max_untranscribed_s
    failures = [(part, part_failure(rec, part, per_letter_s, most_s, params)) for part in parts]
    least_s = params.max_untranscribed_s
    doubts = [
        (p, untranscribed_failure(rec, p, per_letter_s, least_s)) for p, f in failures if not f
    ]
    rejected = [reject(rec, part, failure) for part, failure in failures if failure]

    def cost(run: Run) -> float | None:
        if len(rec.speakers(run)) > 1 or any(run.first < gap <= run.last for gap in sounding):
            return None
        return clip_cost(rec.speech, run, shortest_s, longest_s, params.max_pause_s)

    packed: list[Run] = []
    for trusted, group in itertools.groupby(failures, key=lambda pair: pair[1] is None):
        if trusted:
            packed += packed_whole(rec.speech, [part for part, _ in group], cost)
    ends = [(run, ends_failure(rec.speech, run, params)) for run in packed]
    rejected += [reject(rec, run, failure) for run, failure in ends if failure]
    kept = [run for run, failure in ends if not failure]
    return Chosen(kept, rejected, [(part, doubt) for part, doubt in doubts if doubt])


def packed_whole(
    speech: Speech, parts: Sequence[Run], cost: Callable[[Run], float | None]
) -> list[Run]:
    """Return whole sentences packed; of those that have no pause at an end, what lies between two.

    A sentence that somebody else talks into, or that the recording breaks off, is lost from there
    to its nearest pause, not as a whole; where no pause is long, to its nearest short one.
    """
    units = list(parts)
    packed = pack(units, cost)
    for least_s, still_s in ((INNER_PAUSE_S, 0.0), (SHORT_PAUSE_S, SHORT_PAUSE_STILL_S)):
        lost = [run for run in packed if not speech.is_proven(run)]
        if not lost:
            break
        units = [
            piece
            for unit in units
            for piece in (
                parts_between_pauses(speech, unit, least_s, still_s)
                if any(run.first <= unit.first <= run.last for run in lost)
                else [unit]
            )
        ]
        packed = pack(units, cost)
    return packed


def part_failure(
    rec: Recording, run: Run, per_letter_s: Seconds, most_s: Seconds, params: Params
) -> Failure | None:
    """Return why a sentence cannot be used, whatever stands beside it."""
    return (
        language_failure(rec.language, rec.language_probability, params)
        or others_failure(rec, run)
        or words_failure(rec.words(run), params)
        or untranscribed_failure(rec, run, per_letter_s, most_s)
    )


def others_failure(rec: Recording, run: Run) -> Failure | None:
    """Return the failure of a sentence in which somebody else speaks."""
    start_s, end_s = rec.voice(run)
    if len(who := rec.speakers(run)) > 1:
        reason = f"voices {', '.join(map(str, who))} in one sentence, without a pause between"
        return Failure("several_speakers", reason, len(who), 1)
    for from_s, to_s, _, rule in overlapping(rec.others, start_s, end_s):
        inside_s = min(end_s, to_s) - max(start_s, from_s)
        if inside_s > TOUCHES_S:
            reason = f"{rule} at {from_s:.2f}-{to_s:.2f} s within the sentence"
            return Failure(rule, reason, round(inside_s, 3), TOUCHES_S)
    return None


def untranscribed_failure(
    rec: Recording, run: Run, per_letter_s: Seconds, most_s: Seconds
) -> Failure | None:
    """Return the failure of a sentence with sound that its words do not account for."""
    said = rec.said(run)
    spare_s, words = unsaid.in_stretched_words_s(rec.sound, said, per_letter_s)
    between_s = unsaid.between_words_s(rec.sound, said, per_letter_s)
    left_s, where = max((between_s, "without words"), (spare_s, f"more than {words!r} can hold"))
    if left_s <= most_s:
        return None
    reason = f"{left_s:.2f} s of sound {where} is above {most_s:g} s"
    return Failure("untranscribed", reason, round(left_s, 3), most_s)


def ends_failure(speech: Speech, run: Run, params: Params) -> Failure | None:
    """Return the failure of a clip that is too short, or has no good pauses to be cut at."""
    length_s = speech.length_s(run)
    value = round(length_s, 3)
    if length_s < params.min_clip_s:
        reason = f"{length_s:.2f} s is below {params.min_clip_s:g} s, nothing beside it to join"
        return Failure("too_short", reason, value, params.min_clip_s)
    if length_s > params.max_clip_s:
        reason = f"{length_s:.2f} s is above {params.max_clip_s:g} s, without a pause to cut at"
        return Failure("too_long", reason, value, params.max_clip_s)
    before, after = speech.before(run), speech.after(run)
    if before.can_begin and after.can_end:
        return None
    still_ms = round(1000 * LEAST_STILL_S)
    reason = edge_reason(before, "before", still_ms) if not before.can_begin else ""
    reason = reason or edge_reason(after, "after", still_ms)
    return Failure("edge_sound", reason, 0, still_ms)


def edge_reason(gap: Break, where: str, still_ms: int) -> str:
    """Return why a clip cannot be cut in a break."""
    if gap.is_cut:
        return "the recording " + ("begins" if where == "before" else "ends") + " within sound"
    between = "to somebody else" if gap.is_turn else "it"
    return f"the pause {where} {between} is never as still as the room for {still_ms} ms"


def reject(rec: Recording, run: Run, failure: Failure) -> Rejected:
    """Return the rejection of a run's part of the recording."""
    return rejection(rec.span(run), text_of(rec.words(run)), failure)


def rejection(span: Span, text: str, failure: Failure) -> Rejected:
    """Return the rejection of a span."""
    f = failure
    return Rejected(span[0], span[1], f.rule, f.reason, f.value, f.threshold, text)
