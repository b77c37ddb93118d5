"""Sound at the ends of a clip, and beside its pauses, that its text does not need.

A laugh or a cough right beside a word is loud, often voiced, and nobody's word: by its level and by
voice activity it is a part of the word. So is a word that whisper left out beside a pause.
In:  a clip, its text and how likely that is given its sound. Out: the first such part, and the
recording with the clip's end moved into the pause before it.
How: two witnesses that know nothing of each other. By whisper's times no word is there; and the
clip is heard again with the part silenced, and its text is as likely. One alone takes ends of words
for laughter: whisper knows "improvements" by "improve". Measured with base on LJ Speech, clear,
fast and at 10 dB: without a cough or a laugh (20) the text is less likely by at most 0.47 nats;
without a part of a word (93) at times by as little, and then by whisper's times a word was in it.
Left out: what no pause of PAUSE_S divides from a word, breaths (they are far below the voice), and
sound in the middle of words (unsaid.py).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipeline.audio import OUTPUT_HZ, Samples, Seconds

from .choosing import Recording
from .edges import CLOSURE_S, Break
from .envelope import FRAME_S, Envelope, Span, quiet_runs
from .laughter import COMPARED_S, is_end
from .listening import Listener
from .margins import settled
from .packing import Run
from .quality import Failure
from .times import least_s
from .unsaid import loud_below_db

PAUSE_S: Seconds = 0.04  # between two sounds: shorter is a closure, or the 10 ms of an envelope
LEAST_S: Seconds = 0.2  # of sound: the release of a stop is shorter
MOST_S: Seconds = 1.0  # laughter and coughs come in bursts, a pause after each ...
BURST_S: Seconds = 0.08  # ... the others of which are shorter, but longer than a release
NEEDED = 0.4  # nats: a text that needs the part is less likely by more without it
# A word is in a part that lies less than this beyond the word's end, or that a word begins in.
ENDS_BY_S: Seconds = 0.1
BEGINS_BY_S: Seconds = 0.1


@dataclass(frozen=True)
class Part:
    """Sound beside the break `gap`, and the quiet between it and the words."""

    gap: int
    is_before: bool  # before the break, where words end; else after it, where they begin
    voice: Span  # from the break before to the one after
    span: Span
    pause: Span


def unneeded(
    rec: Recording,
    run: Run,
    text: str,
    logprob: float,
    samples: Samples,
    listener: Listener,
) -> Part | None:
    """Return the first part of a clip without which its text is as likely as with it, if any.

    `logprob` is the text's given `samples`, the whole clip.
    """

    def is_needed(part: Part) -> bool:
        silent = _silenced(rec, run, part, samples)
        (logprobs,) = listener.fits(listener.features(silent), [text], rec.language)
        return sum(logprobs) < logprob - NEEDED

    loud_db = loud_below_db(rec.sound, rec.voice(run))
    loud = (part for part in parts(rec, run) if _is_loud(rec.sound, part.span, loud_db))
    for part in loud:
        found = None
        for wider in _widened(rec, part):
            if _has_word(rec, wider):
                continue
            if is_needed(wider):
                break
            found = wider
        if found:
            return found
    return None


def parts(rec: Recording, run: Run) -> Iterator[Part]:
    """Yield the short sounds beside the breaks around and in a run that may hold no word."""
    gaps = [g for g in range(run.first, run.last + 2) if rec.speech.breaks[g] is not None]
    for left, right in zip(gaps, gaps[1:], strict=False):
        voice = rec.voice(Run(left, right - 1))
        for gap, is_before in ((right, True), (left, False)):
            if part := _beside(rec.sound, voice, is_before, gap, LEAST_S, LEAST_S):
                yield part


def without(rec: Recording, part: Part) -> Recording | None:
    """Return the recording with a clip's end moved into the pause beside `part`.

    None if that is not still, or so short that a burst of the same laugh may lie on its other side,
    or that it is the closure before the end of a word ("facts").
    """
    if part.pause[1] - part.pause[0] < CLOSURE_S - 1e-6 and not _is_whole(rec, part):
        return None
    pause = Break(part.pause, part.pause)
    (cut,) = settled([pause], rec.sound, [], rec.speech.edge_s)
    old = rec.speech.breaks[part.gap]
    if cut is None or cut.tail is None or cut.head is None or old is None:
        return None
    if part.is_before:
        new = replace(old, first=part.pause, tail=cut.tail)
    else:
        new = replace(old, last=part.pause, head=cut.head)
    breaks = [new if gap == part.gap else each for gap, each in enumerate(rec.speech.breaks)]
    return replace(rec, speech=replace(rec.speech, breaks=breaks))


def failure_of(rec: Recording, part: Part) -> Failure:
    """Return why a clip with a part that cannot be taken off is of no use."""
    sound_s = rec.sound.loud_s(*part.span)
    place = f"{part.span[0]:.2f}-{part.span[1]:.2f} s"
    reason = f"{sound_s:.2f} s of sound at {place} that is no word, too close to one to be cut off"
    return Failure("wordless_sound", reason, round(sound_s, 2), LEAST_S)


def _beside(
    sound: Envelope, voice: Span, is_before: bool, gap: int, least_s: Seconds, apart_s: Seconds
) -> Part | None:
    """Return the sound at an end of `voice` up to the first pause that has `least_s` behind it.

    `apart_s` is enough where the pause is longer than the closure before a release.
    """
    inside = quiet_runs(sound.quiet[sound.frames(*voice)], PAUSE_S)
    pauses = [(voice[0] + a, voice[0] + b) for a, b in inside]
    for pause in reversed(pauses) if is_before else pauses:
        span = (pause[1], voice[1]) if is_before else (voice[0], pause[0])
        is_long = pause[1] - pause[0] > CLOSURE_S
        if (loud_s := sound.loud_s(*span)) >= (apart_s if is_long else least_s):
            return Part(gap, is_before, voice, span, pause) if loud_s <= MOST_S else None
    return None


def _wider(sound: Envelope, part: Part) -> Part | None:
    """Return the part with the burst beside it: laughter has several."""
    before = part.is_before
    voice = (part.voice[0], part.pause[0]) if before else (part.pause[1], part.voice[1])
    more = _beside(sound, voice, before, part.gap, BURST_S, FRAME_S)
    if more is None:
        return None
    span = (more.span[0], part.span[1]) if before else (part.span[0], more.span[1])
    return replace(part, span=span, pause=more.pause)


def _widened(rec: Recording, part: Part) -> Iterator[Part]:
    """Yield the part, then with each burst more, no farther than the first word after a break."""
    farthest_s = math.inf if part.is_before else rec.speech.words[part.gap].end_s + BEGINS_BY_S
    wider: Part | None = part
    while wider and wider.span[1] < farthest_s:
        yield wider
        wider = _wider(rec.sound, wider)


def _has_word(rec: Recording, part: Part) -> bool:
    """Return whether by whisper's times a word is in the part.

    Whisper stretches a first word over a laugh before it: one that has its sound after a pause too
    long for a word's inside is not in the part.
    """
    if part.is_before:
        return rec.speech.words[part.gap - 1].end_s > part.span[0] - ENDS_BY_S
    word = rec.speech.words[part.gap]
    if word.start_s >= part.span[1] - BEGINS_BY_S:
        return False
    is_apart = part.pause[1] - part.pause[0] >= CLOSURE_S - 1e-6
    return not (is_apart and rec.sound.loud_s(part.pause[1], word.end_s) >= least_s(word))


def _is_loud(sound: Envelope, span: Span, loud_db: float) -> bool:
    return float(np.percentile(sound.levels_db[sound.frames(*span)], 90)) > loud_db


def _is_whole(rec: Recording, part: Part) -> bool:
    """Return whether the part ends in its pause, however short that is.

    What comes before a word, all in one sound, does: it is a cough, and no end of a word. Several
    bursts do if they are alike and the sound beyond the pause is not.
    """
    quiet = quiet_runs(rec.sound.quiet[rec.sound.frames(*part.span)], PAUSE_S)
    if not quiet:
        return not part.is_before
    start_s, end_s = part.span
    edges = [start_s, *(start_s + at_s for run in quiet for at_s in run), end_s]
    bursts = list(zip(edges[::2], edges[1::2], strict=True))
    beyond = (part.voice[0], part.pause[0]) if part.is_before else (part.pause[1], part.voice[1])
    return is_end([_heard(rec, b, part) for b in bursts], _heard(rec, beyond, part))


def _heard(rec: Recording, span: Span, part: Part) -> Samples:
    """Return the end of a sound for a part before a break, else its beginning."""
    start_s, end_s = span
    if part.is_before:
        return rec.enhanced.read(max(start_s, end_s - COMPARED_S), end_s)
    return rec.enhanced.read(start_s, min(end_s, start_s + COMPARED_S))


def _silenced(rec: Recording, run: Run, part: Part, samples: Samples) -> Samples:
    start_s = rec.span(run)[0] - rec.speech.before(run).head_pad_s(rec.speech.edge_s)
    first, last = (max(0, round((at_s - start_s) * OUTPUT_HZ)) for at_s in part.span)
    silent = samples.copy()
    silent[first:last] = 0
    return silent
