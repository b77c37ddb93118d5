"""Loudness and true peak of a recording of any length, measured over some of its spans.

In:  samples at 24 kHz, block by block. Out: LUFS and dBTP.
Method: ITU-R BS.1770-4: K-weighting, 400 ms blocks with 75% overlap, gates at -70 LUFS and 10 LU
below the mean; true peak at 4 times the rate. The filters are pyloudnorm's; its meter wants the
whole recording at once, so the sums are done here.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.audio import FLOOR_DB, OUTPUT_HZ, Samples, Seconds, resample

Span = tuple[Seconds, Seconds]

HOP = OUTPUT_HZ // 10  # 100 ms
HOPS_IN_BLOCK = 4  # 400 ms
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OFFSET_LUFS = -0.691  # BS.1770: a 997 Hz sine at 0 dBFS reads -3.01 LUFS
OVERSAMPLING = 4  # BS.1770-4 annex 2
MOST_OVERSHOOT = 2.0  # a true peak above twice the sample peak does not occur in sound


class LoudnessMeter:
    """Collects the K-weighted power of each 100 ms: 1.2 MB for 8 hours."""

    def __init__(self) -> None:
        from pyloudnorm import Meter

        stages = Meter(OUTPUT_HZ)._filters.values()
        self._filters = [(f.passband_gain * np.asarray(f.b), np.asarray(f.a)) for f in stages]
        self._states = [np.zeros(max(len(b), len(a)) - 1) for b, a in self._filters]
        self._rest = np.zeros(0)
        self._powers: list[float] = []

    def feed(self, samples: Samples) -> None:
        """Take in the next samples of the recording."""
        weighted = np.concatenate((self._rest, self._weighted(samples)))
        whole = len(weighted) // HOP * HOP
        self._rest = weighted[whole:]
        self._powers += np.mean(np.square(weighted[:whole].reshape(-1, HOP)), axis=1).tolist()

    def lufs(self, spans: Sequence[Span]) -> float:
        """Return the gated loudness over blocks that lie wholly in `spans`; FLOOR_DB for none."""
        if len(self._powers) < HOPS_IN_BLOCK:
            return FLOOR_DB
        inside = mask(spans, len(self._powers), OUTPUT_HZ / HOP)
        powers = np.convolve(self._powers, np.full(HOPS_IN_BLOCK, 1 / HOPS_IN_BLOCK), "valid")
        whole = np.convolve(inside, np.ones(HOPS_IN_BLOCK), "valid") == HOPS_IN_BLOCK
        return gated_lufs(powers[whole])

    def _weighted(self, samples: Samples) -> npt.NDArray[np.float64]:
        from scipy.signal import lfilter

        weighted = samples.astype(np.float64)
        for i, (b, a) in enumerate(self._filters):
            weighted, self._states[i] = lfilter(b, a, weighted, zi=self._states[i])
        return weighted


def gated_lufs(powers: npt.NDArray[np.float64]) -> float:
    """Return the loudness of 400 ms blocks of K-weighted `powers`, after both gates."""
    loud = powers[powers > _power(ABSOLUTE_GATE_LUFS)]
    if not len(loud):
        return FLOOR_DB
    loud = loud[loud > np.mean(loud) * 10 ** (RELATIVE_GATE_LU / 10)]
    return OFFSET_LUFS + 10 * math.log10(float(np.mean(loud)))


def true_peak(samples: Samples, known: float = 0.0) -> float:
    """Return the larger of `known` and the peak of `samples` between the samples too, linear."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak * MOST_OVERSHOOT <= known:
        return known
    dense = resample(samples, OUTPUT_HZ, OVERSAMPLING * OUTPUT_HZ)
    return max(known, peak, float(np.max(np.abs(dense), initial=0.0)))


def mask(
    spans: Sequence[Span], length: int, rate_hz: float, first: int = 0
) -> npt.NDArray[np.bool_]:
    """Return which of `length` positions at `rate_hz`, from number `first` on, lie in `spans`."""
    inside = np.zeros(length, dtype=bool)
    for start_s, end_s in spans:
        low, high = math.ceil(start_s * rate_hz) - first, math.floor(end_s * rate_hz) - first
        inside[max(0, low) : max(0, high)] = True
    return inside


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET_LUFS) / 10))
