"""Telephones: whether a recording is by one, and how a clear clip would sound through one.

In:  samples at 16 kHz; a recording and where there is speech in it. Out: a yes or no; samples.
Why: CAM++ hears the line in a voice. A clear clip is 0.33-0.6 like its own speaker by mu-law, less
than strangers on one line are. Clear, in 4 kHz and in a line's band, the three together, it is 0.56
and more like him by mu-law, 0.52 by AMR in 95%, 0.61 in 4 kHz, strangers 0.49 in 99% on all of them
(46 speakers who set no limit, 6 s against 6 s).
Left out: codecs; they change a voice less than the band does.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import audio
from pipeline.audio import Samples, Seconds

from .speech import Span

RATE_HZ = 16_000  # of everything here: the voices' network has it
LINE_HZ = 8_000  # the rate of a telephone line
BAND_HZ = (300.0, 3400.0)  # what a line lets through (ITU-T G.712)
ORDER = 4  # of the filter: 24 dB an octave, as old lines fall off; LINE_HZ cuts off the rest
# 16 kHz sound made of 8 kHz leaks up to 4.5 kHz by a plain resampler; wide-band speech has its
# sibilants here
ABOVE_HZ = 5000.0
# ... against the band, in the loudest frames of each. 57 speakers: mu-law below -116 dB, AMR -98,
# Opus at 9 kbit/s -52, 8 kHz prompts in a quiet room -50; wide-band -35 and more, mostly -20
NARROW_DB = -42.0
FRAME = 512  # samples, 32 ms
LOUDEST = 20  # one frame in so many: sibilants are rare
PIECES, PIECE_S = 20, 1.6  # of a recording that are listened to, from all over it


def is_by_telephone(path: Path, spans: Sequence[Span]) -> bool:
    """Return whether a recording's speech ends where a telephone's does."""
    step = max(1, len(spans) // PIECES)
    pieces = [_start_of(path, *span) for span in spans[::step][:PIECES]]
    return bool(pieces) and is_narrow(np.concatenate(pieces))


def is_narrow(samples: Samples) -> bool:
    """Return whether there is next to nothing above ABOVE_HZ."""
    count = len(samples) // FRAME
    if not count or not np.any(samples):
        return False
    frames = samples[: count * FRAME].reshape(count, FRAME) * np.hanning(FRAME).astype(np.float32)
    power = np.abs(np.fft.rfft(frames)) ** 2
    hz = np.fft.rfftfreq(FRAME, 1 / RATE_HZ)
    above = _loudest(power[:, hz >= ABOVE_HZ])
    inside = _loudest(power[:, (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])])
    return above < inside * 10 ** (NARROW_DB / 10)


def through_lines(samples: Samples) -> tuple[Samples, Samples]:
    """Return the samples as digital lines (to 4 kHz) and as old ones (BAND_HZ) let them through."""
    from scipy.signal import butter, sosfilt

    line = audio.resample(samples, RATE_HZ, LINE_HZ)
    band = butter(ORDER, BAND_HZ, "bandpass", fs=LINE_HZ, output="sos")
    old = np.asarray(sosfilt(band, line), np.float32)
    first, second = (audio.resample(each, LINE_HZ, RATE_HZ) for each in (line, old))
    return _fitted(first, len(samples)), _fitted(second, len(samples))


def _start_of(path: Path, start_s: Seconds, end_s: Seconds) -> Samples:
    return audio.read_at(path, RATE_HZ, start_s, min(end_s, start_s + PIECE_S))


def _fitted(samples: Samples, count: int) -> Samples:
    return np.pad(samples, (0, max(0, count - len(samples))))[:count]


def _loudest(power: Samples) -> float:
    """Return the mean power of the loudest frames."""
    means = np.sort(power.mean(axis=1))
    return float(means[-max(1, len(means) // LOUDEST) :].mean())
