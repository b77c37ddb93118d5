"""What lies under the speech: a quiet room, noise, or music.

In:  a recording and its spans of speech. Out: a `Bed`: how loud, and how tonal, its pauses are;
and the parts of it that have music where others have none: a jingle, a song, a programme's opening.
Tonality is what tells music from noise and room tone: how far the spectrum of 0.13 s is from flat
within bands of 32 bins, so that a slope (traffic, wind) does not count. Measured: white and pink
noise and clean rooms 2.3-2.9 dB, hum and distant talk up to 5 dB, music 6-13 dB.
"""

from collections.abc import Callable, Iterator, Sequence
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
LEAST_FRAMES = 6  # of pauses, 0.77 s: with fewer, the echo of a word can be as tonal as music
ENOUGH_S: Seconds = 1.0  # of pauses; with less, the quietest frames of all are looked at
QUIETEST = 0.05  # share of the frames that stand for the pauses which there are not
DIP_PENALTY_DB = 10.0  # dips in speech are never as quiet as pauses: taken as so much quieter

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Bed:
    """Level and character of what sounds between the words."""

    speech_db: float  # level of the speech, dB re full scale
    below_speech_db: float  # level of the bed relative to the speech: -50 is a studio
    tonality_db: float  # 2.5 is noise, above 6 music


@dataclass(frozen=True)
class Frames:
    """A recording in whole frames of FRAME_S."""

    levels: Samples  # dB re full scale
    tonality: Samples  # dB
    duration_s: Seconds

    def inside(self, spans: Sequence[Span]) -> Indices:
        """Return which frames lie wholly inside a span; the spans are in order."""
        whole = [np.arange(*_frames_in(span)) for span in spans]
        found = np.concatenate([np.zeros(0, np.intp), *whole])
        return found[found < len(self.levels)]


def frames_of(path: Path) -> Frames:
    """Return level and tonality of each whole frame of a recording."""
    levels, tonality = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    rest = np.zeros(0, np.float32)
    for block in audio.blocks_at(path, RATE_HZ):
        rest = np.concatenate([rest, block])
        whole = rest[: len(rest) // FRAME * FRAME]
        rest = rest[len(whole) :]
        levels.append(audio.frame_levels_db(whole, RATE_HZ, FRAME_S))
        tonality.append(_tonality_db(whole.reshape(-1, FRAME)))
    duration_s = audio.info(path).duration_s
    return Frames(np.concatenate(levels), np.concatenate(tonality), duration_s)


def measure(frames: Frames, spans: Sequence[Span]) -> Bed:
    """Return the bed of a recording; one without speech has none."""
    levels = frames.levels
    in_speech = frames.inside(spans)
    if not len(in_speech):
        return Bed(FLOOR_DB, FLOOR_DB, 0.0)
    quiet, penalty_db = frames.inside(_near(frames, spans)), 0.0
    if len(quiet) * FRAME_S < ENOUGH_S:
        quiet = frames.inside(pauses_between(spans, frames.duration_s, MARGIN_S))
    if len(quiet) * FRAME_S < ENOUGH_S:
        quiet = np.flatnonzero(levels <= np.quantile(levels, QUIETEST))
        penalty_db = DIP_PENALTY_DB
    return _bed(frames, quiet, audio.mean_db(levels[in_speech]), penalty_db)


def music(
    frames: Frames, spans: Sequence[Span], is_music: Callable[[Bed], bool]
) -> list[tuple[Span, Bed]]:
    """Return the parts of a recording in which music is near speech, in order, with their beds.

    Each begins and ends in the middle of the nearest pause, or what is near speech of it, that has
    no music.
    """
    in_speech = frames.inside(spans)
    if not len(in_speech):
        return []
    near = _near(frames, spans)
    middles = [0.0, *((a + b) / 2 for a, b in near), frames.duration_s]
    speech_db = audio.mean_db(frames.levels[in_speech])
    found: list[tuple[Span, Bed]] = []
    for first, last in _enough(near):
        bed = _bed(frames, frames.inside(near[first:last]), speech_db)
        if not is_music(bed):
            continue
        start_s, end_s = middles[first], middles[last + 1]
        if found and start_s <= found[-1][0][1]:
            (start_s, _), before = found.pop()
            bed = max(before, bed, key=lambda bed: bed.below_speech_db)
        found.append(((round(start_s, 3), round(end_s, 3)), bed))
    return found


def _near(frames: Frames, spans: Sequence[Span]) -> list[Span]:
    """Return what of the pauses is near speech."""
    near = []
    for start_s, end_s in pauses_between(spans, frames.duration_s, MARGIN_S):
        if start_s == 0:
            near.append((max(0.0, end_s - NEAR_S), end_s))
        elif end_s == frames.duration_s:
            near.append((start_s, min(end_s, start_s + NEAR_S)))
        else:
            near += _ends((start_s, end_s))
    return near


def _enough(near: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Yield [first, last) of pauses that have LEAST_FRAMES: a long one alone, short ones together.

    >>> list(_enough([(0, 0.5), (2, 2.5), (4, 4.5), (8, 9), (9.5, 10), (10.5, 11.3)]))
    [(0, 2), (3, 4), (4, 6)]
    """
    first = count = 0
    for index, part in enumerate(near):
        here = len(range(*_frames_in(part)))
        if here >= LEAST_FRAMES:
            first, count = index, 0
        count += here
        if count >= LEAST_FRAMES:
            yield first, index + 1
            first, count = index + 1, 0


def _bed(frames: Frames, quiet: Indices, speech_db: float, penalty_db: float = 0.0) -> Bed:
    """Return what is heard in the `quiet` frames."""
    # the median: a word that the voice activity missed is no bed
    bed_db = float(np.median(frames.levels[quiet])) - penalty_db
    heard = quiet[frames.levels[quiet] > FLOOR_DB]
    tonal = float(np.mean(frames.tonality[heard])) if len(heard) else 0.0
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


def _tonality_db(frames: Samples) -> Samples:
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME))) ** 2 + 1e-14
    last_bin = FIRST_BIN + BANDS * BAND_BINS
    bands = power[:, FIRST_BIN:last_bin].reshape(-1, BANDS, BAND_BINS)
    flatness = np.exp(np.log(bands).mean(axis=2)) / bands.mean(axis=2)
    return np.asarray(-10 * np.log10(flatness).mean(axis=1), np.float32)


def _frames_in(span: Span) -> tuple[int, int]:
    """Return [first, last) of the frames that lie wholly inside a span."""
    return int(np.ceil(span[0] / FRAME_S)), max(0, int(span[1] / FRAME_S))
