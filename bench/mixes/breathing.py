"""What people do between words: breaths, coughs, laughter, at known places beside the voice.

In:  a mix. Out: the mix with sounds in its pauses, and where each is heard (`Mix.sounds`).
A breath is taken right before one speaks, or let out right after; its noise is shaped by the open
mouth (two broad resonances), 0.2-0.5 s long, 20-35 dB under the voice. A cough is a burst of noise
with a voiced tail, laughter a row of voiced bursts: both nearly as loud as the voice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import mixing
from .mixing import ROOM_DB, SPEECH_DB, Mix
from .scoring import FRAME_S, heard_levels_db, loud_frames
from .sounds import RATE_HZ, Chance, Samples, level, times, vowel

Floats = npt.NDArray[np.float64]
BREATH_S, BREATH_DB = (0.2, 0.5), (-35.0, -20.0)  # re the voice
COUGH_S, COUGH_DB = (0.2, 0.4), (-12.0, -3.0)
LAUGHS_S, LAUGHS_DB = (0.5, 0.9), (-12.0, -3.0)
BESIDE_S = (0.02, 0.2)  # from the voice to a sound
AUDIBLE_OVER_ROOM_DB = 3.0
MOUTH = ((1_500.0, 900.0), (5_000.0, 2_500.0))  # Hz: place and width of a breath's resonances


@dataclass(frozen=True)
class _Kind:
    make: Callable[[float, Chance], Samples]
    length_s: tuple[float, float]
    under_voice_db: tuple[float, float]


def with_sounds(mix: Mix, name: str, kind: str, chance: Chance) -> Mix:
    """Return the mix with a sound after or before the voice in each pause; breaths: often both."""
    sound, found, made = mix.sound.copy(), [], KINDS[kind]
    for start_s, end_s in pauses(mix):
        for after in (True, False) if kind == "breath" else (bool(chance.integers(2)),):
            length_s = float(chance.uniform(*made.length_s))
            beside_s = float(chance.uniform(*BESIDE_S))
            room_s = (end_s - start_s) / (2 if kind == "breath" else 1)
            if length_s + beside_s > room_s or (kind == "breath" and chance.random() < 0.3):
                continue
            at_s = start_s + beside_s if after else end_s - beside_s - length_s
            level_db = SPEECH_DB + float(chance.uniform(*made.under_voice_db))
            part = made.make(length_s, chance) * np.float32(mix.gain * 10 ** (level_db / 20))
            first = round(at_s * RATE_HZ)
            sound[first : first + len(part)] += part
            found += [(first / RATE_HZ + a, first / RATE_HZ + b) for a, b in audible(part)]
    return mixing.with_sound(mix, name, sound, tuple(found))


def pauses(mix: Mix) -> Iterator[tuple[float, float]]:
    """Yield from the end of each utterance's voice to the beginning of the next one's."""
    loud = loud_frames(mix)
    for before, after in zip(mix.said, mix.said[1:], strict=False):
        middle = round((before.end_s + after.start_s) / 2 / FRAME_S)
        ends, begins = np.flatnonzero(loud[:middle]), np.flatnonzero(loud[middle:])
        if len(ends) and len(begins):
            yield (int(ends[-1]) + 1) * FRAME_S, (middle + int(begins[0])) * FRAME_S


def audible(part: Samples) -> Iterator[tuple[float, float]]:
    """Yield from where to where a sound is heard over the room: its first to its last frame."""
    heard = np.flatnonzero(heard_levels_db(part) > ROOM_DB + AUDIBLE_OVER_ROOM_DB)
    if len(heard):
        yield int(heard[0]) * FRAME_S, (int(heard[-1]) + 1) * FRAME_S


def breath(length_s: float, chance: Chance) -> Samples:
    """Return air through an open mouth: it swells for 60% of the time and fades."""
    size = round(length_s * RATE_HZ)
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    gain = np.sum([1 / (1 + ((hz - f) / width) ** 2) for f, width in MOUTH], axis=0)
    noise = np.fft.irfft(np.fft.rfft(chance.standard_normal(size)) * gain, size)
    at = np.arange(size) / size
    swell = np.where(at < 0.6, np.sin(at / 0.6 * np.pi / 2), np.cos((at - 0.6) / 0.4 * np.pi / 2))
    return level(noise * swell)


def cough(length_s: float, chance: Chance) -> Samples:
    """Return a burst of noise that fades, with a hoarse voice in its second half."""
    t = times(length_s)
    burst = chance.standard_normal(len(t)) * np.exp(-t * 14) * np.minimum(1, t / 0.01)
    tail = vowel(length_s, float(chance.uniform(120, 200)), chance) * (t > length_s / 2)
    return level(burst + 0.1 * tail)


def laughs(length_s: float, chance: Chance) -> Samples:
    """Return "ha ha": voiced bursts of 0.11 s, 5 a second, falling in pitch."""
    total, pitch_hz = np.zeros(round(length_s * RATE_HZ)), float(chance.uniform(220, 320))
    for k in range(int(length_s / 0.2)):
        burst = vowel(0.11, pitch_hz * 0.97**k, chance)
        first = round(0.2 * k * RATE_HZ)
        total[first : first + len(burst)] += burst
    return level(total)


KINDS = {
    "breath": _Kind(breath, BREATH_S, BREATH_DB),
    "cough": _Kind(cough, COUGH_S, COUGH_DB),
    "laughs": _Kind(laughs, LAUGHS_S, LAUGHS_DB),
}
