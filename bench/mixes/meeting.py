"""A meeting in a room: quick turns, speech over ends of turns, "mm-hm" into somebody's sentence.

In:  utterances of who is wanted and of others. Out: a `Mix` in which each voice has a place of its
own in one room; and an excerpt of any mix, which begins and ends in the middle of talk.
How: every voice is folded with noise that dies away by 60 dB in the room's time (J.-D. Polack's
model of a diffuse room), so far below the direct sound as its place asks for; over all of it pink
noise. What is speech, and where a pause is, is asked of the sound in the room.
Left out: early reflections, and who is heard differently by which microphone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline import audio

from . import mixing
from .corpus import Utterance
from .mixing import LEAD_S, SPEECH_DB, Mix, Said
from .sounds import RATE_HZ, Chance, Samples, level, vowel

GAPS_S = (-0.6, 0.6)  # from a turn's end to the next one's start; below 0: over each other
TURN_S = (1.0, 3.5)  # how much somebody else says
PAUSE_S, PAUSE_BELOW_DB = 0.12, 35.0  # where an utterance may end early
MURMUR = ((250, 60), (1100, 150), (2200, 200))  # Hz: formants of a hummed m
MURMUR_BELOW_DB = (4.0, 12.0)
MURMURS = 0.4  # of the wanted one's turns have an "mm-hm" in them
FADE_S = 0.01


@dataclass(frozen=True)
class Room:
    """How long sound stays, how far it is below the direct one, and the noise over it."""

    decay_s: float  # by 60 dB
    direct_db: tuple[float, float]  # direct over reverberant sound, by place
    noise_db: float  # below speech


NEAR = Room(0.35, (6.0, 12.0), 22.0)
FAR = Room(0.6, (0.0, 6.0), 16.0)


def meeting(
    name: str, mine: Sequence[Utterance], others: Sequence[Utterance], room: Room, chance: Chance
) -> Mix:
    """Return the wanted one's utterances, after each something of somebody else's."""
    folded = {}
    said: list[Said] = []
    at_s = LEAD_S
    for each, is_mine in _turns(mine, others, chance):
        if each.speaker not in folded:
            folded[each.speaker] = _answer(room, chance)
        dry = mixing.spoken(each)
        dry = dry if is_mine else _beginning(dry, float(chance.uniform(*TURN_S)))
        known = each if is_mine else Utterance(each.path, each.speaker)
        said.append(_placed(known, dry, folded[each.speaker], at_s))
        spoken_s = len(dry) / RATE_HZ
        if is_mine and chance.random() < MURMURS:
            who = folded.setdefault("mm-hm", _answer(room, chance))
            inside_s = at_s + float(chance.uniform(0.2, 0.8)) * spoken_s
            heard = Utterance(each.path, "mm-hm")
            said.append(_placed(heard, _murmur(chance), who, inside_s))
        at_s += max(0.3, spoken_s + float(chance.uniform(*GAPS_S)))
    mix = mixing.placed(name, sorted(said, key=lambda one: one.start_s), chance)
    return mixing.with_bed(mix, name, "pink", room.noise_db, chance)


def excerpt(mix: Mix, name: str, start_s: float, end_s: float) -> Mix:
    """Return a part of a mix, cut in the middle of whatever is said there."""
    part = slice(round(start_s * RATE_HZ), round(end_s * RATE_HZ))
    said = tuple(
        _part(one, start_s, end_s)
        for one in mix.said
        if one.end_s > start_s and one.start_s < end_s
    )
    return replace(mix, name=name, said=said, clean=mix.clean[part], sound=mix.sound[part])


def amid(said: Said, chance: Chance) -> float:
    """Return a moment at which an utterance is loud, in its middle half."""
    samples = said.samples if said.samples is not None else np.zeros(0, np.float32)
    levels = audio.frame_levels_db(samples, RATE_HZ, 0.01)
    half = np.arange(len(levels) // 4, 3 * len(levels) // 4)
    loud = half[levels[half] > SPEECH_DB]
    return said.start_s + 0.01 * float(chance.choice(loud))


def _turns(
    mine: Sequence[Utterance], others: Sequence[Utterance], chance: Chance
) -> Iterator[tuple[Utterance, bool]]:
    order = chance.permutation(len(others)).tolist()
    for i, each in enumerate(mine):
        yield each, True
        yield others[order[i % len(order)]], False


def _placed(utterance: Utterance, dry: Samples, answer: Samples, at_s: float) -> Said:
    """Return an utterance at its place in the room, with what the room adds after its end."""
    from scipy.signal import fftconvolve

    wet = fftconvolve(dry, answer).astype(np.float32)
    return Said(at_s, at_s + len(wet) / RATE_HZ, utterance, samples=wet, dry=dry)


def _answer(room: Room, chance: Chance) -> Samples:
    """Return what the room makes of a click at a place: the click, then noise that dies away."""
    t = np.arange(round(room.decay_s * RATE_HZ)) / RATE_HZ
    tail = chance.standard_normal(len(t)) * 10 ** (-3 * t / room.decay_s)
    tail *= 10 ** (-float(chance.uniform(*room.direct_db)) / 20) / np.linalg.norm(tail)
    return np.concatenate(([1.0], tail)).astype(np.float32)


def _beginning(samples: Samples, least_s: float) -> Samples:
    """Return an utterance up to its first pause after `least_s`."""
    levels = audio.frame_levels_db(samples, RATE_HZ, 0.01)
    quiet = levels < np.percentile(levels, 95) - PAUSE_BELOW_DB
    frames = round(PAUSE_S / 0.01)
    for first in range(round(least_s / 0.01), len(quiet) - frames):
        if quiet[first : first + frames].all():
            return audio.fade(samples[: round((first + frames) * 0.01 * RATE_HZ)], RATE_HZ, FADE_S)
    return samples


def _murmur(chance: Chance) -> Samples:
    """Return an "mm-hm": two hums, the second one higher."""
    pitch_hz = float(chance.uniform(110, 230))
    hums = [vowel(0.16, pitch_hz, chance, MURMUR), np.zeros(round(0.04 * RATE_HZ)),
            vowel(0.22, 1.2 * pitch_hz, chance, MURMUR)]  # fmt: skip
    below_db = SPEECH_DB - float(chance.uniform(*MURMUR_BELOW_DB))
    return level(np.concatenate(hums)) * np.float32(10 ** (below_db / 20))


def _part(said: Said, start_s: float, end_s: float) -> Said:
    """Return what is left of an utterance in an excerpt; its words keep their own times."""
    first_s, last_s = max(said.start_s, start_s), min(said.end_s, end_s)
    samples = said.samples
    if samples is not None:
        begin = round((first_s - said.start_s) * RATE_HZ)
        samples = samples[begin : begin + round((last_s - first_s) * RATE_HZ)]
    skipped_s = said.skipped_s + first_s - said.start_s
    left = replace(said, samples=samples, skipped_s=skipped_s)
    return replace(left, start_s=first_s - start_s, end_s=last_s - start_s)
