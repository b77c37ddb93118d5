"""What lies under the speech: a quiet room, noise, or music.

In:  a recording and its spans of speech. Out: a `Bed`: how loud, and how tonal, its pauses are.
Tonality is what tells music from noise and room tone: how far the spectrum of 0.13 s is from flat
within bands of 32 bins, so that a slope (traffic, wind) does not count. Measured: white and pink
noise and clean rooms 2.3-2.9 dB, hum and distant talk up to 5 dB, music 6-13 dB.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline import audio
from pipeline.audio import FLOOR_DB, Samples, Seconds

from .speech import Span, pauses_between

RATE_HZ = 16_000
FRAME = 2048  # samples, 0.128 s: 7.8 Hz a bin parts the harmonics of a chord
FRAME_S: Seconds = FRAME / RATE_HZ
FIRST_BIN, BANDS, BAND_BINS = 10, 15, 32  # 80 Hz to 3.8 kHz, where music has its tones
MARGIN_S: Seconds = 0.1  # next to speech: its echo is no bed
NEAR_S: Seconds = 1.0  # of speech: a jingle before it or a song after it does not lie under it
ENOUGH_S: Seconds = 1.0  # of pauses; with less, the quietest frames of all are looked at
QUIETEST = 0.05  # share of the frames that stand for the pauses which there are not
DIP_PENALTY_DB = 10.0  # dips in speech are never as quiet as pauses: taken as so much quieter


@dataclass(frozen=True)
class Bed:
    """Level and character of what sounds between the words."""

    speech_db: float  # level of the speech, dB re full scale
    below_speech_db: float  # level of the bed relative to the speech: -50 is a studio
    tonality_db: float  # 2.5 is noise, above 6 music


def measure(path: Path, spans: Sequence[Span]) -> Bed:
    """Return the bed of a recording; one without speech has none."""
    levels, tonality = _frames(path)
    in_speech = _inside(spans, len(levels))
    if not in_speech.any():
        return Bed(FLOOR_DB, FLOOR_DB, 0.0)
    speech_db = _mean_db(levels[in_speech])
    pauses = pauses_between(spans, audio.info(path).duration_s, MARGIN_S)
    near = [part for pause in pauses for part in _ends(pause)]
    quiet, penalty_db = _inside(near, len(levels)), 0.0
    if np.count_nonzero(quiet) * FRAME_S < ENOUGH_S:
        quiet = _inside(pauses, len(levels))
    if np.count_nonzero(quiet) * FRAME_S < ENOUGH_S:
        quiet, penalty_db = levels <= np.quantile(levels, QUIETEST), DIP_PENALTY_DB
    # the median: a word that the voice activity missed is no bed
    bed_db = float(np.median(levels[quiet])) - penalty_db
    heard = quiet & (levels > FLOOR_DB)
    tonal = float(np.mean(tonality[heard])) if heard.any() else 0.0
    return Bed(round(speech_db, 2), round(bed_db - speech_db, 2), round(tonal, 2))


def _ends(pause: Span) -> list[Span]:
    """Return what of a pause is near speech.

    >>> _ends((3.0, 4.5)), _ends((3.0, 9.0))
    ([(3.0, 4.5)], [(3.0, 4.0), (8.0, 9.0)])
    """
    start_s, end_s = pause
    if end_s - start_s <= 2 * NEAR_S:
        return [pause]
    return [(start_s, start_s + NEAR_S), (end_s - NEAR_S, end_s)]


def _frames(path: Path) -> tuple[Samples, Samples]:
    """Return level (dB re full scale) and tonality (dB) of each whole frame."""
    levels, tonality = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    rest = np.zeros(0, np.float32)
    for block in audio.blocks_at(path, RATE_HZ):
        rest = np.concatenate([rest, block])
        whole = rest[: len(rest) // FRAME * FRAME]
        rest = rest[len(whole) :]
        levels.append(audio.frame_levels_db(whole, RATE_HZ, FRAME_S))
        tonality.append(_tonality_db(whole.reshape(-1, FRAME)))
    return np.concatenate(levels), np.concatenate(tonality)


def _tonality_db(frames: Samples) -> Samples:
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME))) ** 2 + 1e-14
    last_bin = FIRST_BIN + BANDS * BAND_BINS
    bands = power[:, FIRST_BIN:last_bin].reshape(-1, BANDS, BAND_BINS)
    flatness = np.exp(np.log(bands).mean(axis=2)) / bands.mean(axis=2)
    return np.asarray(-10 * np.log10(flatness).mean(axis=1), np.float32)


def _inside(spans: Sequence[Span], frames: int) -> npt.NDArray[np.bool_]:
    """Return which frames lie wholly inside a span."""
    inside = np.zeros(frames, bool)
    for start, end in spans:
        inside[int(np.ceil(start / FRAME_S)) : max(0, int(end / FRAME_S))] = True
    return inside


def _mean_db(levels: Samples) -> float:
    return float(10 * np.log10(np.mean(10 ** (levels.astype(np.float64) / 10))))
