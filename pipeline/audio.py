"""Arrays and files: read, write, resample, level. No policy: thresholds belong to the stages.

Everywhere: samples are float32, (samples,), mono, -1..1; times in seconds from the start.
Files go through in blocks, so that an 8-hour recording needs no more memory than a short one.
"""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Samples = npt.NDArray[np.float32]
Seconds = float

BLOCK_S: Seconds = 60.0  # what is held in memory at a time: 60 s at 48 kHz are 11 MB of float32
FLOOR_DB = -120.0  # the level of digital silence; log10(0) is -inf, and JSON has no word for it
OUTPUT_HZ = 24_000  # Kokoro's and StyleTTS2's rate


@dataclass(frozen=True)
class AudioInfo:
    """Length and rate of a sound file."""

    rate_hz: int
    samples: int

    @property
    def duration_s(self) -> Seconds:
        return self.samples / self.rate_hz


def info(path: Path) -> AudioInfo:
    """Return length and rate of a sound file; raise ValueError naming it if it cannot be read."""
    with _open(path) as file:
        return AudioInfo(rate_hz=file.samplerate, samples=file.frames)


def read(path: Path, start_s: Seconds = 0.0, end_s: Seconds | None = None) -> tuple[Samples, int]:
    """Return (samples, rate_hz) of a part of a file, channels averaged."""
    with _open(path) as file:
        first, last = _sample_range(start_s, end_s, file.samplerate, file.frames)
        file.seek(first)
        return _mono(file.read(last - first, dtype="float32", always_2d=True)), file.samplerate


def read_at(
    path: Path, rate_hz: int, start_s: Seconds = 0.0, end_s: Seconds | None = None
) -> Samples:
    """Return a part of a file as samples at `rate_hz`."""
    samples, from_hz = read(path, start_s, end_s)
    return resample(samples, from_hz, rate_hz)


def blocks(
    path: Path, block_s: Seconds = BLOCK_S, start_s: Seconds = 0.0, end_s: Seconds | None = None
) -> Iterator[Samples]:
    """Yield a file or a part of it as consecutive blocks of at most `block_s`, at its own rate."""
    with _open(path) as file:
        first, last = _sample_range(start_s, end_s, file.samplerate, file.frames)
        file.seek(first)
        frames = max(1, round(block_s * file.samplerate))
        while len(block := file.read(min(frames, last - first), dtype="float32", always_2d=True)):
            yield _mono(block)
            first += len(block)


def blocks_at(path: Path, rate_hz: int, block_s: Seconds = BLOCK_S) -> Iterator[Samples]:
    """Yield a whole file as consecutive blocks at `rate_hz`, without seams (stateful resampler).

    The blocks together have round(duration_s * rate_hz) samples.
    """
    source = info(path)
    count = round(source.samples * rate_hz / source.rate_hz)
    yield from exactly(resampled(blocks(path, block_s), source.rate_hz, rate_hz), count)


def resampled(stream: Iterable[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    """Yield consecutive blocks at `to_hz`, without seams; their length to a sample or two."""
    if from_hz == to_hz:
        yield from stream
        return
    resampler = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    for block in stream:
        yield resampler.resample_chunk(np.ascontiguousarray(block))
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def exactly(stream: Iterable[Samples], count: int, skip: int = 0) -> Iterator[Samples]:
    """Yield `count` samples of a stream of blocks, after `skip`; zeros are what it lacks."""
    for block in stream:
        found = block[skip:][:count]
        skip -= min(skip, len(block))
        count -= len(found)
        if len(found):
            yield found
    if count:
        yield np.zeros(count, np.float32)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Return `samples` at `to_hz` (soxr HQ: 0.01 dB flat to 0.913 of Nyquist)."""
    if from_hz == to_hz:
        return samples
    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), dtype=np.float32)


class Writer:
    """A mono sound file being written: FLAC 24 bit between stages, WAV 16 bit for clips.

    FLAC keeps 16-bit material in a 24-bit file at 16-bit size ('wasted bits'), so that no stage
    has to know how precise its input was.
    """

    def __init__(self, path: Path, rate_hz: int) -> None:
        subtype = "PCM_16" if path.suffix == ".wav" else "PCM_24"
        self._path, self._samples = path, 0
        self._file = soundfile.SoundFile(path, "w", samplerate=rate_hz, channels=1, subtype=subtype)

    def write(self, samples: Samples) -> None:
        """Append samples; what is beyond -1..1 is clipped, never wrapped."""
        try:
            self._file.write(np.clip(samples, -1.0, 1.0))
        except soundfile.LibsndfileError as err:
            raise _write_error(self._path) from err
        self._samples += len(samples)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is None and not self._is_whole():
            raise _write_error(self._path)

    def _is_whole(self) -> bool:
        """Return whether the last sample can be read back.

        libsndfile says nothing when the disk is full as a FLAC is closed: the end is missing.
        """
        if not self._samples:
            return True
        try:
            with soundfile.SoundFile(self._path) as file:
                if file.frames != self._samples:
                    return False
                file.seek(self._samples - 1)
                return len(file.read(1)) == 1
        except (soundfile.LibsndfileError, OSError):
            return False


def _write_error(path: Path) -> OSError:
    # libsndfile hides errno; a megabyte is more than what it failed to write
    is_full = shutil.disk_usage(path.parent).free < 1 << 20
    code = errno.ENOSPC if is_full else errno.EIO
    return OSError(code, os.strerror(code), str(path))


def write(path: Path, samples: Samples, rate_hz: int) -> None:
    """Write a whole sound file: 24-bit FLAC or, by its ending, 16-bit WAV."""
    with Writer(path, rate_hz) as file:
        file.write(samples)


def level_db(samples: Samples) -> float:
    """Return the RMS level in dB re full scale; FLOOR_DB for silence and for no samples.

    >>> level_db(np.ones(10, np.float32))
    0.0
    """
    if not len(samples):
        return FLOOR_DB
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(FLOOR_DB, 10 * float(np.log10(power))) if power > 0 else FLOOR_DB


def mean_db(levels_db: Samples) -> float:
    """Return the level of some frames together; FLOOR_DB of none.

    >>> round(mean_db(np.array([-20, -120], np.float32)), 2)
    -23.01
    """
    if not len(levels_db):
        return FLOOR_DB
    return float(10 * np.log10(np.mean(10 ** (levels_db.astype(np.float64) / 10))))


def frame_levels_db(samples: Samples, rate_hz: int, frame_s: Seconds = 0.01) -> Samples:
    """Return the RMS level of each whole frame in dB re full scale, float32 (frames,)."""
    frame = max(1, round(frame_s * rate_hz))
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    power = np.mean(np.square(whole, dtype=np.float64), axis=1)
    floor = 10 ** (FLOOR_DB / 10)
    return np.asarray(10 * np.log10(np.maximum(power, floor)), dtype=np.float32)


def fade(samples: Samples, rate_hz: int, fade_s: Seconds) -> Samples:
    """Return `samples` with a raised-cosine fade at both ends."""
    length = min(round(fade_s * rate_hz), len(samples) // 2)
    ramp = np.asarray(
        0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / max(1, length)), np.float32
    )
    faded = samples.copy()
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded


def _open(path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError) as err:
        raise ValueError(f"cannot read {path}: {err}") from err


def _sample_range(
    start_s: Seconds, end_s: Seconds | None, rate_hz: int, frames: int
) -> tuple[int, int]:
    first = min(max(0, round(start_s * rate_hz)), frames)
    last = frames if end_s is None else min(max(first, round(end_s * rate_hz)), frames)
    return first, last


def _mono(frames: Samples) -> Samples:
    return frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1, dtype=np.float32)
