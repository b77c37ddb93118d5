"""Each run of words, cut out and heard: its scores, its text, and whether it is a clip.

In:  a `Recording` and the runs chosen of it. Out: `Candidate`s that are fit, and rejections.
The cheap rules come first: what they drop is not listened to.
Left out: the rules' limits (quality.py), writing clips (`__init__.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples, Seconds

from . import fitting, quality, sound, wordless
from .accounting import Rejected
from .choosing import (
    INNER_PAUSE_S,
    SHORT_PAUSE_S,
    SHORT_PAUSE_STILL_S,
    Chosen,
    Recording,
    ends_failure,
    reject,
    rejection,
)
from .envelope import Span, covered_s, overlapping
from .foreign import foreign_part
from .listening import Listener, differing, plain_words
from .packing import Run, parts_between_pauses
from .quality import Failure
from .settings import Params
from .spoken import spoken_letters
from .verbatim import as_spoken, told
from .versions import Heard, Version, is_harmed, is_loud, separation_failure
from .words import text_of, tokens

MOST_DB = 99.0  # SNR of speech over digital silence
FADE_S: Seconds = 0.005  # at the joints of recorded quiet and digital silence: no clicks


@dataclass(frozen=True)
class Models:
    """What listens to clips; None: nobody does."""

    mos: sound.Mos | None = None
    listener: Listener | None = None
    second: Listener | None = None  # asked for another opinion


@dataclass(frozen=True)
class Candidate:
    """A run of words with what was measured on it."""

    run: Run
    span: Span
    text: str
    scores: dict[str, float]
    seconds_per_letter: float  # of sound without pauses, of what is spoken
    source: Version | None = None  # what it is cut from; None: what clips usually are
    logprob: float = 0.0  # of the whole text, given the sound


Judged = tuple[Candidate, Failure | None]


def judged(
    rec: Recording, chosen: Chosen, params: Params, models: Models
) -> tuple[Recording, list[Candidate], list[Rejected]]:
    """Return the runs that pass every rule, and the rejections of the others.

    With them the recording as it is cut: ends of clips may have moved.
    """
    rec, measured, rejected = each_judged(rec, chosen, params, models)
    measured = by_others(measured, params)
    if models.second:
        measured = second_opinion(rec, measured, models.second, params)
    rejected += [rejection(c.span, c.text, f) for c, f in measured if f]
    return rec, [candidate for candidate, failure in measured if not failure], rejected


def each_judged(
    rec: Recording, chosen: Chosen, params: Params, models: Models
) -> tuple[Recording, list[Judged], list[Rejected]]:
    """Return the runs by themselves; what is left of one that is no use in part is one too."""
    measured: list[Judged] = []
    rejected: list[Rejected] = []
    runs = list(reversed(chosen.runs))
    while runs:
        run = runs.pop()
        if failure := ends_failure(rec.speech, run, params):
            rejected.append(reject(rec, run, failure))
            continue
        candidate, failure = judge(rec, run, chosen.doubt(run), params, models)
        part = None if failure else wordless_part(rec, candidate, models)
        if part and (recut := without(rec, run, part)):
            rec, again = recut
            runs += again
            continue
        if part:
            candidate, failure = beside(rec, candidate, part), wordless.failure_of(rec, part)
        measured.append((candidate, failure))
        rests = (Run(candidate.run.last + 1, run.last), Run(run.first, candidate.run.first - 1))
        runs += [rest for rest in rests if rest.first <= rest.last]
    return rec, measured, rejected


def wordless_part(rec: Recording, candidate: Candidate, models: Models) -> wordless.Part | None:
    """Return sound beside a pause of a clip that is none of its words; None: there is none."""
    if not models.listener:
        return None
    samples = clip_sound(rec, candidate.run, candidate.source)
    text, logprob = candidate.text, candidate.logprob
    return wordless.unneeded(rec, candidate.run, text, logprob, samples, models.listener)


def without(rec: Recording, run: Run, part: wordless.Part) -> tuple[Recording, list[Run]] | None:
    """Return the recording cut anew and what becomes of `run`: shorter, or two; None: no way."""
    if run.first < part.gap <= run.last:
        return rec, [Run(part.gap, run.last), Run(run.first, part.gap - 1)]
    shorter = wordless.without(rec, part)
    return (shorter, [run]) if shorter else None


def beside(rec: Recording, candidate: Candidate, part: wordless.Part) -> Candidate:
    """Return what lies between a part at an end of a clip and the next pause inside it.

    Where no pause is long it is a short one, as for sentences that are lost at an end.
    """
    pieces = list(parts_between_pauses(rec.speech, candidate.run, INNER_PAUSE_S))
    if len(pieces) == 1:
        shortest = (SHORT_PAUSE_S, SHORT_PAUSE_STILL_S)
        pieces = list(parts_between_pauses(rec.speech, candidate.run, *shortest))
    piece = pieces[-1 if part.is_before else 0]
    return with_text(rec, replace(candidate, run=piece, span=rec.span(piece)), piece)


def judge(
    rec: Recording, run: Run, doubt: Failure | None, params: Params, models: Models
) -> Judged:
    """Return a run measured on its sound, and the first rule it breaks."""
    candidate, failure = measured_by_level(rec, run, params)
    if failure:
        return candidate, failure
    samples = clip_sound(rec, run)
    scores = candidate.scores | sound.shape(samples)
    if models.mos:
        scores |= sound.mos(samples, models.mos)
    candidate = replace(candidate, scores=scores)
    failure = quality.sound_failure(scores, params)
    if not failure and models.listener:
        candidate, failure = heard(rec, candidate, samples, doubt, params, models.listener)
        plain = rec.unprocessed.of(candidate.span) if rec.unprocessed else None
        if not failure and plain and models.mos:
            candidate, failure = unharmed(
                rec, candidate, plain, params, models.listener, models.mos
            )
    rounded = {key: round(value, 3) for key, value in candidate.scores.items()}
    return replace(candidate, scores=rounded), failure


def measured_by_level(rec: Recording, run: Run, params: Params) -> Judged:
    """Return a run with what costs no network to measure."""
    words, span = rec.words(run), rec.span(run)
    original, _ = audio.read(rec.original, *span)
    enhanced = rec.enhanced.read(*rec.voice(run))
    scores = {
        "similarity": similarity(rec.target, span),
        "snr_db": min(MOST_DB, rec.sound.snr_db(*rec.voice(run))),
        "avg_logprob": sum(w.avg_logprob for w in words) / len(words),
        "word_probability": sum(w.probability for w in words) / len(words),
        "peak_db": peak_db(original),
        "level_db": audio.level_db(enhanced),
    }
    candidate = with_text(rec, Candidate(run, span, "", scores, 0.0), run)
    clipped = quality.clipped_run(original, params.max_peak)
    return candidate, quality.clip_failure(words, candidate.scores, clipped, params)


def with_text(rec: Recording, candidate: Candidate, said: Run) -> Candidate:
    """Return the candidate with the text of the words `said`, and what depends on it."""
    return retold(rec, candidate, text_of(rec.words(said)))


def retold(rec: Recording, candidate: Candidate, text: str) -> Candidate:
    """Return the candidate with another text, and what depends on it."""
    start_s, end_s = rec.voice(candidate.run)
    rate = len(text) / max(end_s - start_s, 0.01)
    per_letter_s = rec.sound.loud_s(start_s, end_s) / max(1.0, spoken_letters(text))
    scores = candidate.scores | {"chars_per_s": rate}
    return replace(candidate, text=text, scores=scores, seconds_per_letter=per_letter_s)


def heard(
    rec: Recording,
    candidate: Candidate,
    samples: Samples,
    doubt: Failure | None,
    params: Params,
    listener: Listener,
) -> Judged:
    """Return the candidate with the words that are in its sound, and how well they fit."""
    features = listener.features(samples)
    least = params.min_clip_language
    if found := foreign_part(rec, candidate.run, samples, features, listener, least):
        part, foreign = found
        span = rec.span(part)
        return with_text(rec, replace(candidate, run=part, span=span), part), foreign
    fit = fitting.fitted(rec.speech.words, candidate.run, features, listener, rec.language)
    moved = abs(fit.run.first - candidate.run.first) + abs(fit.run.last - candidate.run.last)
    if moved:
        candidate = with_text(rec, candidate, fit.run)
    before = len(tokens(candidate.text))
    if spoken := as_spoken(candidate.text, fit.total, samples, features, listener, rec.language):
        candidate, fit = retold(rec, candidate, spoken[0]), replace(fit, logprobs=spoken[1])
    scores = {"fit": fit.mean, "token_fit": fit.worst, "moved_words": float(moved)}
    scores |= {"added_words": float(len(tokens(candidate.text)) - before)}
    candidate = replace(candidate, scores=candidate.scores | scores, logprob=fit.total)
    failure = quality.fit_failure(fit.mean, fit.worst, doubt, params)
    if moved and not failure:
        failure = quality.clip_failure(rec.words(fit.run), candidate.scores, 0, params)
    return candidate, failure


def unharmed(
    rec: Recording,
    candidate: Candidate,
    plain: Version,
    params: Params,
    listener: Listener,
    network: sound.Mos,
) -> Judged:
    """Return the candidate, cut from the unprocessed recording where processing did harm."""
    samples = clip_sound(rec, candidate.run, plain)
    (logprobs,) = listener.fits(listener.features(samples), [candidate.text], rec.language)
    measured = sound.mos(samples, network)
    before = Heard(sum(logprobs) / len(logprobs), measured["mos_ovrl"])
    after = Heard(candidate.scores["fit"], candidate.scores["mos_ovrl"])
    loud = is_loud(plain, params)
    harmed = not loud and is_harmed(after, before, params)
    scores = candidate.scores | {"unprocessed": float(harmed)}
    if not harmed:
        failure = separation_failure(plain, after, before, params) if loud else None
        return replace(candidate, scores=scores), failure
    scores |= sound.shape(samples) | measured | {"fit": before.fit, "token_fit": min(logprobs)}
    return replace(candidate, scores=scores, source=plain, logprob=sum(logprobs)), None


def by_others(measured: Sequence[Judged], params: Params) -> list[Judged]:
    """Return the same with those dropped that are unlike the recording's others."""
    fit = [candidate for candidate, failure in measured if not failure]
    limits = quality.rate_limits([candidate.seconds_per_letter for candidate in fit])
    middle = quality.middle([candidate.scores["lufs"] for candidate in fit])
    found = []
    for c, failure in measured:
        rate = quality.rate_failure(c.seconds_per_letter, limits)
        loudness = None
        if not failure and not rate:
            loudness = quality.loudness_failure(c.scores["lufs"], middle, params)
        found.append((c, failure or rate or loudness))
    return found


def second_opinion(
    rec: Recording, measured: Sequence[Judged], second: Listener, params: Params
) -> list[Judged]:
    """Return the same with those dropped whose text another whisper does not agree to."""
    asked = [candidate for candidate, failure in measured if not failure]
    texts: dict[int, str] = {}
    for is_spoken in (False, True):
        some = [c for c in asked if bool(c.scores.get("added_words")) == is_spoken]
        one = told(second, rec.language) if is_spoken and some else second
        answers = one.texts((clip_sound(rec, c.run, c.source) for c in some), rec.language)
        texts |= {id(c): text for c, (text, _) in zip(some, answers, strict=True)}
    found: list[Judged] = []
    for candidate, failure in measured:
        if failure:
            found.append((candidate, failure))
            continue
        wer = difference(candidate.text, texts[id(candidate)], rec.language)
        scores = candidate.scores | {"verify_wer": round(wer, 3)}
        failure = quality.too_high(
            "second_opinion", f"difference of {second.label}", wer, params.max_verify_wer
        )
        found.append((replace(candidate, scores=scores), failure))
    return found


def difference(text: str, other: str, language: str) -> float:
    """Return the share of words in which two texts differ, of the longer one."""
    words, others = plain_words(text, language), plain_words(other, language)
    return differing(words, others) / max(1, len(words), len(others))


def clip_sound(rec: Recording, run: Run, source: Version | None = None) -> Samples:
    """Return the clip at 24 kHz: its recorded quiet, filled up with silence at both ends."""
    part = (source or rec.enhanced).read(*rec.span(run))
    edge_s = rec.speech.edge_s
    before_s = rec.speech.before(run).head_pad_s(edge_s)
    after_s = rec.speech.after(run).tail_pad_s(edge_s)
    silence = (round(before_s * OUTPUT_HZ), round(after_s * OUTPUT_HZ))
    return np.pad(audio.fade(part, OUTPUT_HZ, FADE_S), silence)


def similarity(target: Sequence[tuple[Seconds, Seconds, float, int]], span: Span) -> float:
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
