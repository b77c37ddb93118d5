"""High-pass and spectral gate over a recording of any length, in pieces that overlap.

In:  a sound file. Out: its samples at 24 kHz on the same time line, piece by piece.
Left out: loudness (loudness.py) and whether the recording needs any of it (pauses.py).
Method: zero-phase Butterworth high-pass; noisereduce's stationary spectral gate (Sainburg).
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.audio import OUTPUT_HZ, Samples, blocks_at

N_FFT = 1024  # 43 ms at 24 kHz, noisereduce's default
HOP = N_FFT // 4
# subtle: whole hops, so that every piece sees the same STFT frames as one pass over all would
# bench/blocks.py: 0.35 s of CPU a minute with 10, 30 or 60 s, 0.43 with 5, 0.56 with 120 and 0.9 at
# once; 30, 143, 293 MB and 8, 589, 912. They differ from all at once by -157 dB at most.
PIECE = 2816 * HOP  # 30 s
CONTEXT = 96 * HOP  # 1 s on both sides: the filters' ringing has died away within 0.2 s
MOST_KEPT = 30 * 60 * OUTPUT_HZ  # 173 MB, and twice that where noise is reduced
HIGH_PASS_ORDER = 4  # twice, forward and backward: 60 Hz costs an 80 Hz voice 0.8 dB
N_STD_THRESHOLD = 1.5  # noisereduce's default: what exceeds mean + 1.5 sigma of the noise stays
# noisereduce smooths its mask over 500 Hz with zeros beyond both ends of the spectrum, which takes
# a voice's fundamental away (clean speech fell to 0.40 of its RMS); 100 Hz does not reach it.
MASK_SMOOTH_HZ = 100
MASK_SMOOTH_MS = 50  # noisereduce's default


@dataclass(frozen=True)
class Cleaning:
    """What is done to the samples: the same for the whole recording."""

    high_pass_hz: float = 0.0  # 0: none
    prop_decrease: float = 0.0  # 0..1, share by which noise is turned down; 0: none
    noise: Samples | None = None  # float32 (samples,), 24 kHz, already high-passed


class Replayed:
    """What `make` yields, as often as it is gone through: made once, if it is short enough to keep.

    What is longer is made anew each time, from the file: 8 hours would be 2.8 GB.
    """

    def __init__(self, make: Callable[[], Iterator[Samples]]) -> None:
        self._make = make
        self._kept: list[Samples] | None = None

    def __iter__(self) -> Iterator[Samples]:
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Samples] = []
        length = 0
        for piece in self._make():
            length += len(piece)
            if length <= MOST_KEPT:
                kept.append(piece)
            else:
                kept.clear()
            yield piece
        self._kept = kept if length <= MOST_KEPT else None


def cleaned(path: Path, cleaning: Cleaning) -> Iterator[Samples]:
    """Yield the whole file, cleaned, at 24 kHz: round(duration_s * 24000) samples in all."""
    stream = blocks_at(path, OUTPUT_HZ)
    for window, first, last in overlapped(stream, PIECE, CONTEXT):
        yield clean(window, cleaning)[first:last]


def clean(samples: Samples, cleaning: Cleaning) -> Samples:
    """Return samples of the same length, high-passed, then gated."""
    passed = high_pass(samples, cleaning.high_pass_hz)
    if cleaning.noise is None or cleaning.prop_decrease <= 0:
        return passed
    return gate(passed, cleaning.noise, cleaning.prop_decrease)


def high_pass(samples: Samples, cutoff_hz: float) -> Samples:
    """Return `samples` without what is below `cutoff_hz` (-6 dB there), nothing moved in time."""
    if cutoff_hz <= 0 or len(samples) < 2:
        return samples
    from scipy.signal import butter, sosfiltfilt

    sos = butter(HIGH_PASS_ORDER, cutoff_hz, "highpass", fs=OUTPUT_HZ, output="sos")
    padding = min(OUTPUT_HZ // 10, len(samples) - 1)
    return np.asarray(sosfiltfilt(sos, samples, padlen=padding), dtype=np.float32)


def gate(samples: Samples, noise: Samples, prop_decrease: float) -> Samples:
    """Return `samples` with the bins that do not stand out of `noise` turned down.

    Nothing falls below 1 - prop_decrease of what it was.
    """
    from noisereduce import reduce_noise

    # subtle: 1-D in, so that noisereduce cannot take samples for channels; chunk_size None: it
    # would cut chunks of its own and go through a memory map in the system's temp folder
    reduced = reduce_noise(
        y=samples,
        sr=OUTPUT_HZ,
        stationary=True,
        y_noise=noise,
        prop_decrease=prop_decrease,
        n_std_thresh_stationary=N_STD_THRESHOLD,
        freq_mask_smooth_hz=MASK_SMOOTH_HZ,
        time_mask_smooth_ms=MASK_SMOOTH_MS,
        n_fft=N_FFT,
        chunk_size=None,
        padding=N_FFT,
        clip_noise_stationary=False,
    )
    return np.nan_to_num(np.asarray(reduced, dtype=np.float32))


def overlapped(
    blocks: Iterable[Samples], size: int, context: int
) -> Iterator[tuple[Samples, int, int]]:
    """Yield (window, first, last): `window[first:last]` are consecutive pieces of `size` samples.

    The window has up to `context` samples more on both sides; the last piece may be shorter.
    """
    held, lead = np.zeros(0, np.float32), 0  # `lead` samples of `held` were already given out
    for block in blocks:
        held = np.concatenate((held, block))
        while len(held) >= lead + size + context:
            yield held[: lead + size + context], lead, lead + size
            held, lead = _advance(held, lead + size, context)
    for _ in range(math.ceil((len(held) - lead) / size)):
        last = min(lead + size, len(held))
        yield held[: last + context], lead, last
        held, lead = _advance(held, last, context)


def _advance(held: Samples, done: int, context: int) -> tuple[Samples, int]:
    lead = min(done, context)
    return held[done - lead :], lead
