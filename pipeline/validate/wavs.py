"""The rules for one clip's sound file, from StyleTTS2's meldataset.py and train_finetune.py."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from pipeline.validate.problem import Problem

RATE_HZ = 24_000  # meldataset.py resamples anything else, every epoch, by a slower way
# train_finetune.py skips a whole batch when its shortest has under 80 frames of 12.5 ms
MIN_S = 1.0
TAIL_S = 0.1  # silence after the last word; Kokoro's voices are cut off without it (design)
FRAME_S = 0.01
SILENT_DB = -60.0  # re full scale: quieter than any room
QUIET_DB = 15.0  # below the speech: VoxKitchen's limit for SNR, so that room tone passes
SPEECH_PERCENTILE = 95  # of the frame levels: the clip's loud vowels

Samples = npt.NDArray[np.float32]


def duration_s(path: Path) -> float | None:
    """Return the length of a sound file, None if it cannot be read."""
    try:
        return float(soundfile.info(path).duration)
    except (soundfile.LibsndfileError, OSError):
        return None


def check_wav(path: Path, name: str) -> Iterator[Problem]:
    """Yield what is wrong with one sound file; `name` is what to call it."""
    try:
        with soundfile.SoundFile(path) as file:
            yield from _check_format(file, name)
            yield from _check_sound(file, name)
    except (soundfile.LibsndfileError, OSError) as err:
        yield Problem(
            "error", "unreadable_wav", name, 0, f"cannot be read ({err}); remove its lines"
        )


def _check_format(file: soundfile.SoundFile, name: str) -> Iterator[Problem]:
    if file.samplerate != RATE_HZ:
        text = f"{file.samplerate} Hz instead of {RATE_HZ} Hz: resample it"
        yield Problem("error", "wrong_rate", name, 0, text)
    if file.channels != 1:
        text = f"{file.channels} channels instead of 1: the trainer takes one; mix it down"
        yield Problem("error", "not_mono", name, 0, text)
    if (file.format, file.subtype) not in {("WAV", "PCM_16"), ("WAVEX", "PCM_16")}:
        text = f"{file.format} {file.subtype} instead of WAV PCM_16: convert it"
        yield Problem("warning", "not_pcm16", name, 0, text)
    duration_s = file.frames / file.samplerate
    if duration_s < MIN_S:
        text = f"{duration_s:.2f} s is under {MIN_S:.0f} s: its whole batch is skipped; remove it"
        yield Problem("error", "too_short", name, 0, text)


def _check_sound(file: soundfile.SoundFile, name: str) -> Iterator[Problem]:
    samples = _mono(file)
    levels = _frame_levels_db(samples, file.samplerate)
    if not np.isfinite(samples).all():
        text = "has samples that are no numbers: the loss becomes nan; convert it again"
        yield Problem("error", "not_finite", name, 0, text)
    elif len(levels) and float(np.max(levels)) <= SILENT_DB:
        text = f"is silent (under {SILENT_DB:.0f} dB) but has a text: remove its lines"
        yield Problem("error", "silent_wav", name, 0, text)
    elif len(levels):
        yield from _check_tail(levels, name)


def _check_tail(levels: Samples, name: str) -> Iterator[Problem]:
    tail_db = float(np.max(levels[-round(TAIL_S / FRAME_S) :]))
    limit_db = float(np.percentile(levels, SPEECH_PERCENTILE)) - QUIET_DB
    if tail_db > max(limit_db, SILENT_DB):
        text = (
            f"the last {TAIL_S * 1000:.0f} ms reach {tail_db:.0f} dB, silence here is under"
            f" {limit_db:.0f} dB: a word may be cut; add {TAIL_S * 1000:.0f} ms of silence"
        )
        yield Problem("warning", "no_silence_at_end", name, 0, text)


def _mono(file: soundfile.SoundFile) -> Samples:
    frames = file.read(dtype="float32", always_2d=True)
    return np.asarray(frames.mean(axis=1), dtype=np.float32)


def _frame_levels_db(samples: Samples, rate_hz: int) -> Samples:
    """Return the RMS levels of whole frames, aligned to the end, dB re full scale."""
    frame = max(1, round(FRAME_S * rate_hz))
    whole = samples[len(samples) % frame :].reshape(-1, frame)
    power = np.mean(np.square(whole, dtype=np.float64), axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), dtype=np.float32)
