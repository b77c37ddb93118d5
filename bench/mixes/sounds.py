"""Sounds that are no speech, made from numbers: noise, music, laughter, applause.

Out: float32 (samples,) at 24 kHz, RMS 1 (0 dB): a mix gives them their level.
Left out: realism beyond what separators, voice activity and recognisers react to.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

RATE_HZ = 24_000
Samples = npt.NDArray[np.float32]
Chance = np.random.Generator
FORMANTS_OF_A = ((800, 120), (1200, 150), (2600, 250))  # Hz: place, width
CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))  # C, a, F, G over middle C


def pink(length_s: float, chance: Chance) -> Samples:
    """Return noise of equal power an octave, as rooms and traffic have."""
    return _shaped(length_s, chance, lambda hz: 1 / np.sqrt(np.maximum(hz, 30.0)))


def white(length_s: float, chance: Chance) -> Samples:
    return _shaped(length_s, chance, np.ones_like)


def hum(length_s: float, chance: Chance) -> Samples:
    """Return mains hum with its harmonics over a little noise."""
    t = times(length_s)
    tones = sum(np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 8))
    return level(tones + 0.1 * pink(length_s, chance))


def music(length_s: float, chance: Chance) -> Samples:
    """Return plucked chords with a bass and a drum, one chord every 1.2-2 s."""
    total = np.zeros(round(length_s * RATE_HZ) + 3 * RATE_HZ)
    beat_s = float(chance.uniform(0.3, 0.5))
    for i in range(round(length_s / beat_s) + 1):
        at = round(i * beat_s * RATE_HZ)
        chord = CHORDS[i // 4 % len(CHORDS)]
        notes = [*(chord if i % 2 == 0 else chord[:1]), *([chord[0] - 24] if i % 4 == 0 else [])]
        for note in notes:
            tone = _plucked(261.6 * 2 ** (note / 12), chance)
            total[at : at + len(tone)] += tone
        drum = chance.standard_normal(RATE_HZ // 12) * np.exp(-np.arange(RATE_HZ // 12) / 300)
        total[at : at + len(drum)] += 0.4 * drum
    return level(total[: round(length_s * RATE_HZ)])


def laughter(length_s: float, chance: Chance) -> Samples:
    """Return "ha ha ha": bursts of a voiced vowel after a breath, falling in pitch."""
    total = 0.02 * chance.standard_normal(round(length_s * RATE_HZ))
    at_s = 0.2
    while at_s < length_s - 2.0:
        for k in range(int(chance.integers(4, 9))):
            burst = vowel(0.11, float(chance.uniform(220, 320)) * 0.97**k, chance)
            first = round((at_s + 0.2 * k) * RATE_HZ)
            total[first : first + len(burst)] += burst[: len(total) - first]
        at_s += float(chance.uniform(1.8, 3.2))
    return level(total)


def applause(length_s: float, chance: Chance) -> Samples:
    """Return many hands clapping."""
    total = np.zeros(round(length_s * RATE_HZ) + RATE_HZ)
    clap = np.exp(-np.arange(RATE_HZ // 20) / 150)
    for at in chance.integers(0, round(length_s * RATE_HZ), round(length_s * 60)).tolist():
        total[at : at + len(clap)] += clap * chance.standard_normal(len(clap))
    return level(total[: round(length_s * RATE_HZ)])


KINDS: dict[str, Callable[[float, Chance], Samples]] = {
    "pink": pink, "white": white, "hum": hum, "music": music, "laughter": laughter,
    "applause": applause,
}  # fmt: skip


def _plucked(pitch_hz: float, chance: Chance) -> npt.NDArray[np.float64]:
    t = times(1.5)
    parts = [
        np.sin(2 * np.pi * pitch_hz * k * t + chance.uniform(0, 6)) * np.exp(-t * (1 + k)) / k
        for k in range(1, 9)
    ]
    return np.asarray(np.sum(parts, axis=0))


def vowel(
    length_s: float,
    pitch_hz: float,
    chance: Chance,
    formants: Sequence[tuple[float, float]] = FORMANTS_OF_A,
) -> npt.NDArray[np.float64]:
    """Return a vowel that swells and fades, with a little breath."""
    t = times(length_s)
    total = np.zeros(len(t))
    for k in range(1, int(4000 / pitch_hz)):
        hz = pitch_hz * k
        gain = sum(1 / (1 + ((hz - f) / width) ** 2) for f, width in formants) / k**0.5
        total += gain * np.sin(2 * np.pi * hz * t)
    breath = 0.1 * chance.standard_normal(len(t))
    return np.asarray((total + breath) * np.sin(np.pi * np.arange(len(t)) / len(t)))


def _shaped(length_s: float, chance: Chance, gain: Callable[[Samples], Samples]) -> Samples:
    size = round(length_s * RATE_HZ)
    spectrum = np.fft.rfft(chance.standard_normal(size))
    return level(np.fft.irfft(spectrum * gain(np.fft.rfftfreq(size, 1 / RATE_HZ)), size))


def level(samples: npt.NDArray[np.float64]) -> Samples:
    return np.asarray(samples / (np.sqrt(np.mean(np.square(samples))) + 1e-12), np.float32)


def times(length_s: float) -> npt.NDArray[np.float64]:
    return np.arange(round(length_s * RATE_HZ)) / RATE_HZ
