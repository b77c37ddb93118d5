"""More sounds that are no speech: music of several kinds, a crowd, telephones, desks, breaths.

Out: as in sounds.py. What is near to a voice is meant to be: singing without words, a murmur.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .sounds import CHORDS, RATE_HZ, Chance, Samples, level, times, vowel, white

SCALE = (0, 2, 4, 7, 9, 12, 14, 16)  # semitones of a melody over its key
VOWELS = (
    ((800, 120), (1200, 150), (2600, 250)),  # a
    ((300, 80), (2200, 200), (3000, 300)),  # i
    ((350, 80), (800, 100), (2400, 250)),  # u
    ((500, 100), (900, 120), (2500, 250)),  # o
)
DIALLED_HZ = ((697, 1209), (770, 1336), (852, 1477), (941, 1336), (697, 1477))  # DTMF
Floats = npt.NDArray[np.float64]


def organ(length_s: float, chance: Chance) -> Samples:
    """Return held chords with a slow attack, a chord every 3-5 s."""

    def chord(hold_s: float, i: int) -> Floats:
        t = times(hold_s)
        notes = [130.8 * 2 ** (note / 12) for note in CHORDS[i % len(CHORDS)]]
        waves = [np.sin(2 * np.pi * hz * k * t) / k for hz in notes for k in range(1, 7)]
        return np.asarray(np.sum(waves, axis=0) * np.minimum(1, np.minimum(t, hold_s - t) / 0.3))

    return _row(length_s, chance, (3.0, 5.0), chord)


def melody(length_s: float, chance: Chance) -> Samples:
    """Return a flute alone: a sine with vibrato and some breath, 0.2-0.8 s a note."""

    def note(hold_s: float, _: int) -> Floats:
        t, hz = times(hold_s), 440 * 2 ** (float(chance.choice(SCALE)) / 12)
        sine = np.sin(2 * np.pi * hz * t + 0.8 * np.sin(2 * np.pi * 5.5 * t))
        swell = np.minimum(1, np.minimum(t, hold_s - t) / 0.04)
        return np.asarray((sine + 0.03 * chance.standard_normal(len(t))) * swell)

    return _row(length_s, chance, (0.2, 0.8), note)


def beat(length_s: float, chance: Chance) -> Samples:
    """Return drums and a bass line, 120 beats a minute."""

    def half(hold_s: float, i: int) -> Floats:
        t = times(hold_s)
        kick = np.sin(2 * np.pi * (50 + 100 * np.exp(-t * 40)) * t) * np.exp(-t * 12) * (i % 2 == 0)
        snare = chance.standard_normal(len(t)) * np.exp(-t * 25) * (i % 2 == 1)
        bass = np.sign(np.sin(2 * np.pi * 55 * 2 ** (CHORDS[i // 8 % 4][0] / 12) * t))
        return np.asarray(kick + 0.5 * snare + 0.2 * bass * np.exp(-t * 4))

    return _row(length_s, chance, (0.25, 0.25), half)


def singing(length_s: float, chance: Chance) -> Samples:
    """Return a voice that sings vowels, no words."""

    def note(hold_s: float, _: int) -> Floats:
        hz = 196 * 2 ** (float(chance.choice(SCALE)) / 12)
        return vowel(hold_s, hz, chance, VOWELS[int(chance.integers(len(VOWELS)))])

    return _row(length_s, chance, (0.3, 1.2), note)


def crowd(length_s: float, chance: Chance) -> Samples:
    """Return a murmur: syllables of a dozen voices at once."""
    total = np.zeros(round(length_s * RATE_HZ))
    for pitch_hz in chance.uniform(90, 260, 12).tolist():
        at = 0
        while at < len(total):
            hz = pitch_hz * float(chance.uniform(0.85, 1.2))
            made = vowel(float(chance.uniform(0.08, 0.25)), hz, chance,
                         VOWELS[int(chance.integers(len(VOWELS)))])  # fmt: skip
            part = made[: len(total) - at]
            total[at : at + len(part)] += part
            at += len(part) + int(chance.uniform(0, 0.15) * RATE_HZ)
    return level(total)


def ringing(length_s: float, chance: Chance) -> Samples:
    """Return a telephone's dialling, its ringing (2 s of 6), and the engaged tone at the end."""
    total = 0.003 * chance.standard_normal(round(length_s * RATE_HZ))
    t = times(length_s)
    ring = (np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t)) * (t % 6 < 2)
    busy = (np.sin(2 * np.pi * 480 * t) + np.sin(2 * np.pi * 620 * t)) * (t % 1 < 0.5)
    at_s = min(2.0, length_s)
    total += np.where(t < at_s, _dialled(t, chance), np.where(t < length_s * 0.75, ring, busy))
    return level(total)


def _dialled(t: Floats, chance: Chance) -> Floats:
    keys = chance.integers(0, len(DIALLED_HZ), 16)[(t / 0.2).astype(int) % 16]
    low, high = (np.array([pair[i] for pair in DIALLED_HZ])[keys] for i in (0, 1))
    return np.asarray(
        (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)) * (t % 0.2 < 0.1)
    )


def breaths(length_s: float, chance: Chance) -> Samples:
    """Return heavy breathing: noise in and out, two formants, with pauses."""

    def breath(hold_s: float, i: int) -> Floats:
        part = white(hold_s, chance) * np.sin(np.pi * np.arange(round(hold_s * RATE_HZ))
                                              / round(hold_s * RATE_HZ)) ** 2  # fmt: skip
        width = 12 if i % 2 else 30  # out is duller than in
        smooth = np.convolve(part, np.ones(width) / width, "same")
        return np.asarray(np.pad(smooth, (0, round(float(chance.uniform(0.2, 0.8)) * RATE_HZ))))

    return _row(length_s, chance, (0.5, 1.2), breath)


def typing(length_s: float, chance: Chance) -> Samples:
    """Return a keyboard: clicks of 10 ms with a resonance, in bursts."""

    def key(hold_s: float, _: int) -> Floats:
        t, hz = times(hold_s), float(chance.uniform(1500, 4000))
        click = np.exp(-t * 300) * (np.sin(2 * np.pi * hz * t) + chance.standard_normal(len(t)))
        rest_s = 1.5 if chance.random() < 0.05 else 0.0
        return np.asarray(np.pad(click * chance.uniform(0.3, 1), (0, round(rest_s * RATE_HZ))))

    return _row(length_s, chance, (0.07, 0.3), key)


def waiting(length_s: float, chance: Chance) -> Samples:
    """Return music on hold: chords and a melody through an 8 bit telephone line."""
    mixed = organ(length_s, chance) + melody(length_s, chance)
    spectrum = np.fft.rfft(mixed)
    hz = np.fft.rfftfreq(len(mixed), 1 / RATE_HZ)
    narrow = np.fft.irfft(spectrum * ((hz > 300) & (hz < 3400)), len(mixed))
    peak = float(np.max(np.abs(narrow)))
    return level(np.round(narrow / peak * 32) / 32)


MORE: dict[str, Callable[[float, Chance], Samples]] = {
    "organ": organ, "melody": melody, "beat": beat, "singing": singing, "crowd": crowd,
    "ringing": ringing, "breaths": breaths, "typing": typing, "waiting": waiting,
}  # fmt: skip


def _row(
    length_s: float,
    chance: Chance,
    each_s: tuple[float, float],
    make: Callable[[float, int], Floats],
) -> Samples:
    """Return what `make(length_s, index)` gives, one after the other."""
    parts: list[Floats] = []
    size = round(length_s * RATE_HZ)
    while sum(map(len, parts)) < size:
        parts.append(make(float(chance.uniform(*each_s)), len(parts)))
    return level(np.concatenate(parts)[:size])
