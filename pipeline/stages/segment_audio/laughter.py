"""Whether a short pause beside a laugh is its end, or lies between two of its bursts.

In:  the bursts of a laugh, and the sound on the other side of the pause.
Out: whether that is something else: a word. Bursts of one laugh are one vowel of one mouth; the end
or the beginning of a word is as a rule another sound. Where it is not, the pause is not used.
Measured on both ends of 195 utterances (LJ Speech, LibriSpeech) beside made laughs: two bursts one
after the other are 2-6 dB apart, a word is 7-22 dB from the nearest burst. 97% of the words are
told from a burst, 73% with noise 20 dB under the voice; of 286 bursts none was taken for a word.
No laughs by people were at hand.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pipeline.audio import OUTPUT_HZ, Samples, Seconds

COMPARED_S: Seconds = 0.08  # of each sound, at the same end
UNLIKE_DB = 8.0  # between the spectra of two sounds, whatever their levels
FRAME, STEP = 720, 240  # samples: 30 ms of a vowel hide its pitch
SPECTRUM = 1024  # samples
BANDS, LOWEST_HZ, HIGHEST_HZ = 24, 100.0, 6_000.0
LEAST_POWER = 1e-7  # of a band: digital silence


def is_end(bursts: Sequence[Samples], beyond: Samples) -> bool:
    """Return whether bursts of sound are one laugh and what lies `beyond` is none of it.

    float32 at 24 kHz, COMPARED_S of each, or all of a shorter one.
    """
    spectra = [spectrum_db(burst) for burst in bursts]
    word = spectrum_db(beyond)
    are_alike = all(difference_db(a, b) <= UNLIKE_DB for a, b in pairwise(spectra))
    return are_alike and all(difference_db(word, each) > UNLIKE_DB for each in spectra)


def spectrum_db(samples: Samples) -> Samples:
    """Return the mean level of 24 bands, as wide as the ear's, about their mean."""
    padded = np.pad(samples, (0, max(0, FRAME - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::STEP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME), SPECTRUM)) ** 2
    bands = np.add.reduceat(power[:, : _EDGES[-1]], _EDGES[:-1], axis=1)
    levels = 10 * np.log10(np.maximum(bands, LEAST_POWER)).mean(axis=0)
    return np.asarray(levels - levels.mean(), np.float32)


def difference_db(a: Samples, b: Samples) -> float:
    """Return how far two spectra are apart (root mean square of the bands)."""
    return float(np.sqrt(np.mean((a - b) ** 2)))


def _edges() -> list[int]:
    lowest, highest = (np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    hz = 700 * (10 ** np.linspace(lowest, highest, BANDS + 1) - 1)
    return [round(each) for each in (hz * SPECTRUM / OUTPUT_HZ).tolist()]


_EDGES = _edges()  # bins of the spectrum, on the mel scale
