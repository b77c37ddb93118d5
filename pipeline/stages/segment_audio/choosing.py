"""From a recording's words and sound to the runs of words that become clips, and the rest.

In:  a `Recording`. Out: candidates (runs) and rejections; then, measured on the sound, scores.
Left out: writing clips, and the sum of all seconds (`__init__.py`, accounting.py).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import audio
from pipeline.audio import Samples, Seconds

from . import unsaid
from .accounting import Rejected
from .envelope import Envelope, Span, covered_s, overlapping
from .packing import Run, Speech, clip_cost, pack, pieces, sentences
from .quality import Failure, clip_failure, clipped_run, language_failure, words_failure
from .settings import Params
from .spoken import spoken_letters
from .unsaid import Said
from .words import Word, text_of

TOUCHES_S = 0.02  # spans that only meet do not overlap
MOST_DB = 99.0  # SNR of speech over digital silence


@dataclass(frozen=True)
class Recording:
    """What is known about one recording before it is cut."""

    duration_s: Seconds
    target: Sequence[tuple[Seconds, Seconds, float]]
    others: Sequence[tuple[Seconds, Seconds, float, str]]
    language: str
    language_probability: float
    speech: Speech
    sound: Envelope
    original: Path  # as decoded, before anything changed its level: clipping shows only there
    enhanced: Path  # what clips are made of

    def words(self, run: Run) -> Sequence[Word]:
        return self.speech.words[run.first : run.last + 1]

    def span(self, run: Run) -> Span:
        """Return the part of the recording that goes into a clip: speech and some of its quiet."""
        edge_s = self.speech.edge_s
        start_s = self.speech.before(run).head_start_s(edge_s)
        return round(start_s, 3), round(self.speech.after(run).tail_end_s(edge_s), 3)

    def said(self, run: Run) -> Said:
        gaps = self.speech.breaks[run.first + 1 : run.last + 2]
        return Said(self.words(run), [gap is not None for gap in gaps], self.voice(run))

    def voice(self, run: Run) -> Span:
        """Return when the sound of a run begins and ends."""
        return self.speech.before(run).resume_s, self.speech.after(run).quiet_s


@dataclass(frozen=True)
class Candidate:
    """A run of words with what was measured on it."""

    run: Run
    span: Span
    text: str
    scores: dict[str, float]
    seconds_per_letter: float  # of sound without pauses, of what is spoken


def candidate_runs(rec: Recording, params: Params) -> tuple[list[Run], list[Rejected]]:
    """Return whole sentences packed into clips of the right length, and what could not be."""
    longest_s, shortest_s = params.max_clip_s, params.min_clip_s
    whole = sentences(rec.speech, params.max_pause_s)
    parts = [p for s in whole for p in pieces(rec.speech, s, longest_s, shortest_s)]
    per_letter_s = unsaid.seconds_per_letter(rec.sound, [rec.said(part) for part in parts])
    failures = [(part, part_failure(rec, part, per_letter_s, params)) for part in parts]
    rejected = [reject(rec, part, failure) for part, failure in failures if failure]

    def cost(run: Run) -> float | None:
        return clip_cost(rec.speech, run, shortest_s, longest_s, params.max_pause_s)

    packed: list[Run] = []
    for trusted, group in itertools.groupby(failures, key=lambda pair: pair[1] is None):
        if trusted:
            packed += pack([part for part, _ in group], cost)
    lengths = [(run, length_failure(rec.speech.length_s(run), params)) for run in packed]
    rejected += [reject(rec, run, failure) for run, failure in lengths if failure]
    return [run for run, failure in lengths if not failure], rejected


def part_failure(rec: Recording, run: Run, per_letter_s: Seconds, params: Params) -> Failure | None:
    """Return why a sentence cannot be used, whatever stands beside it."""
    return (
        language_failure(rec.language, rec.language_probability, params)
        or others_failure(rec, run)
        or words_failure(rec.words(run), params)
        or untranscribed_failure(rec, run, per_letter_s, params)
    )


def others_failure(rec: Recording, run: Run) -> Failure | None:
    """Return the failure of a sentence in which somebody else speaks."""
    start_s, end_s = rec.voice(run)
    for from_s, to_s, _, rule in overlapping(rec.others, start_s, end_s):
        inside_s = min(end_s, to_s) - max(start_s, from_s)
        if inside_s > TOUCHES_S:
            reason = f"{rule} at {from_s:.2f}-{to_s:.2f} s within the sentence"
            return Failure(rule, reason, round(inside_s, 3), TOUCHES_S)
    return None


def untranscribed_failure(
    rec: Recording, run: Run, per_letter_s: Seconds, params: Params
) -> Failure | None:
    """Return the failure of a sentence with sound that its words do not account for."""
    said, most_s = rec.said(run), params.max_untranscribed_s
    spare_s, words = unsaid.in_stretched_words_s(rec.sound, said, per_letter_s)
    between_s = unsaid.between_words_s(rec.sound, said, per_letter_s)
    left_s, where = max((between_s, "without words"), (spare_s, f"more than {words!r} can hold"))
    if left_s <= most_s:
        return None
    reason = f"{left_s:.2f} s of sound {where} is above {most_s:g} s"
    return Failure("untranscribed", reason, round(left_s, 3), most_s)


def length_failure(length_s: Seconds, params: Params) -> Failure | None:
    """Return the failure of a clip that is too short or has no pause to be cut at."""
    value = round(length_s, 3)
    if length_s < params.min_clip_s:
        reason = f"{length_s:.2f} s is below {params.min_clip_s:g} s, nothing beside it to join"
        return Failure("too_short", reason, value, params.min_clip_s)
    if length_s > params.max_clip_s:
        reason = f"{length_s:.2f} s is above {params.max_clip_s:g} s, without a pause to cut at"
        return Failure("too_long", reason, value, params.max_clip_s)
    return None


def reject(rec: Recording, run: Run, failure: Failure) -> Rejected:
    """Return the rejection of a run's part of the recording."""
    return rejection(rec.span(run), text_of(rec.words(run)), failure)


def rejection(span: Span, text: str, failure: Failure) -> Rejected:
    """Return the rejection of a span."""
    f = failure
    return Rejected(span[0], span[1], f.rule, f.reason, f.value, f.threshold, text)


def judge(rec: Recording, run: Run, params: Params) -> tuple[Candidate, Failure | None]:
    """Return a run measured on its sound, and the first rule it breaks."""
    words, span = rec.words(run), rec.span(run)
    voice_s = rec.voice(run)[1] - rec.voice(run)[0]
    text = text_of(words)
    original, _ = audio.read(rec.original, *span)
    enhanced, _ = audio.read(rec.enhanced, *rec.voice(run))
    scores = {
        "similarity": similarity(rec.target, span),
        "snr_db": min(MOST_DB, rec.sound.snr_db(*rec.voice(run))),
        "avg_logprob": sum(w.avg_logprob for w in words) / len(words),
        "word_probability": sum(w.probability for w in words) / len(words),
        "chars_per_s": len(text) / max(voice_s, 0.01),
        "peak_db": peak_db(original),
        "level_db": audio.level_db(enhanced),
    }
    failure = clip_failure(words, scores, clipped_run(original, params.max_peak), params)
    rounded = {key: round(value, 3) for key, value in scores.items()}
    per_letter_s = rec.sound.loud_s(*rec.voice(run)) / max(1.0, spoken_letters(text))
    return Candidate(run, span, text, rounded, per_letter_s), failure


def similarity(target: Sequence[tuple[Seconds, Seconds, float]], span: Span) -> float:
    """Return the likeness to the target speaker, averaged over a span by time; 0 outside."""
    near = overlapping(target, *span)
    shares = [covered_s([part], *span) for part in near]
    total_s = sum(shares)
    weighted = sum(share * part[2] for share, part in zip(shares, near, strict=True))
    return weighted / total_s if total_s else 0.0


def peak_db(samples: Samples) -> float:
    """Return the highest sample in dB re full scale."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    return max(audio.FLOOR_DB, 20 * float(np.log10(peak))) if peak else audio.FLOOR_DB
