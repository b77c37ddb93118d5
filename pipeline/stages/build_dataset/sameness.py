"""How far two clips are the same sound: aligned by their changes of level in bands.

In:  samples. Out: where one clip's sound is in another, and how well it agrees.
Method: the changes whose signs Haitsma and Kalker fingerprint recordings by (ISMIR 2002), kept as
numbers and correlated at every offset: level falls out, and what codecs and telephone lines take
away lies outside the bands.
Measured on 40 clips of LJ Speech against their own copies with up to 1 s cut off: MP3 24k and Opus
12k agree to 0.96-0.99, with noise 15 dB below 0.94-0.98, 5 dB below 0.76-0.86; other sentences of
the same voice to 0.42 at most, the same sound 3% faster to 0.28 (median).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline import audio
from pipeline.audio import Samples, Seconds

Changes = npt.NDArray[np.float32]  # (frames, BANDS), dB

RATE_HZ = 8_000
HOP = 80  # 10 ms: an offset is met to 5 ms, in which a sound of FRAME changes little
FRAME = 512  # 64 ms
BANDS = 20
BAND_HZ = (200.0, 3400.0)  # of a telephone
REACH = 5  # hops: what changes within 50 ms is speech, what takes longer may be gain or noise
DEPTH_DB = 40.0  # under the loudest is what noise reduction and codecs change
SHORTEST_S: Seconds = 1.5  # of common sound; less agrees by chance
SAME = 0.7
CHANGING_DB = 3.0  # RMS over the bands: in speech two frames of three change so much,
LEAST_CHANGING = 0.3  # in a steady tone, which agrees with any other, only its two ends


@dataclass(frozen=True)
class Match:
    """Where another clip's sound is in this one."""

    agreement: float  # correlation, -1..1
    start_s: Seconds
    end_s: Seconds

    @property
    def is_same(self) -> bool:
        return self.agreement >= SAME


def changes(samples: Samples, rate_hz: int) -> Changes:
    """Return how the level in each band changes; nothing where there is no change to tell by."""
    low = np.pad(audio.resample(samples, rate_hz, RATE_HZ), FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(low, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME).astype(np.float32), axis=1)) ** 2
    edges = np.round(np.geomspace(*BAND_HZ, BANDS + 1) * FRAME / RATE_HZ).astype(int)
    energy = np.add.reduceat(power, edges, axis=1)[:, :-1]
    level_db = 10 * np.log10(np.maximum(energy, 1e-9))
    level_db = np.maximum(level_db, level_db.max(initial=-90.0) - DEPTH_DB)
    return np.asarray(level_db[REACH:] - level_db[:-REACH], np.float32)


def match(here: Changes, there: Changes) -> Match:
    """Return the best place of `there` in `here`, over SHORTEST_S at least."""
    least = round(SHORTEST_S * RATE_HZ / HOP)
    if min(len(here), len(there)) < least:
        return Match(0.0, 0.0, 0.0)
    lags = np.arange(least - len(here), len(there) - least + 1)  # frames `there` is behind
    first = np.maximum(0, -lags)
    last = np.minimum(len(here), len(there) - lags)
    norm = np.sqrt(_energy(here, first, last) * _energy(there, first + lags, last + lags))
    agreement = _products(here, there)[lags] / np.maximum(norm, 1.0)
    best = int(np.argmax(agreement))
    if _changing(here[first[best] : last[best]]) < LEAST_CHANGING:
        return Match(0.0, 0.0, 0.0)
    frame_s = HOP / RATE_HZ
    return Match(float(agreement[best]), float(first[best]) * frame_s, float(last[best]) * frame_s)


def _changing(values: Changes) -> float:
    """Return the share of frames that change."""
    return float(np.mean(np.square(values).mean(axis=1) > CHANGING_DB**2))


def _products(here: Changes, there: Changes) -> npt.NDArray[np.float64]:
    """Return the sum of products at each lag; negative lags count from the end."""
    size = 1 << (len(here) + len(there) - 1).bit_length()
    spectra = np.fft.rfft(here, size, axis=0).conj() * np.fft.rfft(there, size, axis=0)
    return np.asarray(np.fft.irfft(spectra.sum(axis=1), size))


def _energy(
    values: Changes, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    total = np.concatenate(([0.0], np.cumsum(np.square(values, dtype=np.float64).sum(axis=1))))
    return np.asarray(total[last] - total[first])
