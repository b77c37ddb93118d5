"""Pictures of sound for the report, small enough to lie beside it.

In:  samples of a clip. Out: spectrograms.js, which the page loads when the first one is asked for.
Why not by the browser: a page that was opened from a file may play the wavs beside it, but neither
fetch nor decode them (tests/test_report_browser.py holds that); a script beside it is loaded.
Format: clip id -> base64 of its frames in order of time; a frame is 64 bands of 187.5 Hz, the
lowest first, two to a byte (the first in the low half), each 0..15 in steps of 5 dB, 15 the clip's
loudest. A second takes 1.7 KB.
"""

import base64
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

RATE_HZ = 24_000
FFT = 1024  # samples; 43 ms: harmonics of a low voice are told apart
HOP = 600  # samples; 25 ms
BANDS = 64
STEP_DB = 5.0
LEVELS = 16
MOST_CLIPS = 2000  # 20 MB and some seconds at 6 s a clip; the most doubtful ones get theirs
_FLOOR = 1e-10  # of power; digital silence


def encoded(samples: Samples) -> str:
    """Return the spectrogram of a clip at 24 kHz, (samples,), -1..1, as text."""
    return base64.b64encode(packed(levels(samples)).tobytes()).decode()


def levels(samples: Samples) -> npt.NDArray[np.uint8]:
    """Return (frames, 64) levels 0..15; the frame k is around sample 600 k."""
    padded = np.pad(samples, FFT // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    spectrum = np.fft.rfft(windows * np.hanning(FFT).astype(np.float32))[:, : FFT // 2]
    power = (np.abs(spectrum) ** 2).reshape(len(windows), BANDS, -1).mean(axis=2)
    db = 10 * np.log10(np.maximum(power / max(float(power.max()), _FLOOR), _FLOOR))
    found: npt.NDArray[np.uint8] = np.clip(
        np.round(db / STEP_DB) + LEVELS - 1, 0, LEVELS - 1
    ).astype(np.uint8)
    return found


def packed(found: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return two levels a byte."""
    return (found[:, 0::2] | (found[:, 1::2] << 4)).astype(np.uint8)


def write_spectrograms(path: Path, clips: Iterable[tuple[str, Samples]]) -> None:
    """Write the file that the page loads; `clips`: id, samples at 24 kHz."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("takeSpectrograms({\n")
        file.writelines(f"{json.dumps(clip)}: {json.dumps(encoded(s))},\n" for clip, s in clips)
        file.write("});\n")
