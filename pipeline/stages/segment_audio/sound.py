"""What a clip sounds like: DNSMOS P.835, bandwidth, offset, loudness.

In:  a clip's samples at 24 kHz. Out: scores. Left out: what is good enough (quality.py).
DNSMOS (https://arxiv.org/abs/2110.01763) is the network in speechmos' wheel, run here by
onnxruntime itself: the package's own function hears only the first 9 s of a clip below 10 s of
length, and runs a second network whose score nobody asks for. A test holds it to the original.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples

MOS_HZ = 16_000  # the network's rate
MOS_SAMPLES = int(9.01 * MOS_HZ)  # what it was trained on
# speechmos: raw outputs (SIG, BAK, OVRL) to the scale of listeners, highest power first
POLYNOMIALS = {
    "sig": (-0.08397278, 1.22083953, 0.0052439),
    "bak": (-0.13166888, 1.60915514, -0.39604546),
    "ovrl": (-0.06766283, 1.11546468, 0.04602535),
}
SPECTRUM = 1024  # samples, 43 ms at 24 kHz
BAND_BINS = 8  # 188 Hz: hides the harmonics
LOUDEST = 0.1  # share of the frames that tell what the recording can carry: hisses are among them
# A band so far below the loudest one carries nothing. Speech falls by 40-50 dB up to 10 kHz; what
# was never there is below 16-bit dither, 70 dB under speech, or a resampler's stop band
BAND_BELOW_DB = 60.0


@dataclass(frozen=True)
class Mos:
    """DNSMOS' network."""

    session: Any


def load_mos() -> Mos:
    """Return the network on as many CPU threads as torch has; the scores do not depend on them."""
    import onnxruntime  # type: ignore[import-untyped]
    import torch

    spec = find_spec("speechmos")  # finding is not importing: that would load librosa
    if spec is None or not spec.origin:
        raise FileNotFoundError("the package speechmos is not installed")
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads, options.intra_op_num_threads = 1, torch.get_num_threads()
    # idle threads sleep: what they would spin on is another worker's core
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    path = Path(spec.origin).parent / "dnsmos_models" / "sig_bak_ovr.onnx"
    return Mos(onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"]))


def mos(samples: Samples, network: Mos) -> dict[str, float]:
    """Return {"mos_ovrl", "mos_sig", "mos_bak"}, 1..5, of samples at 24 kHz.

    A short clip is repeated up to 9 s, as speechmos does; a longer one is its beginning and its
    end, averaged.
    """
    heard = np.clip(audio.resample(samples, OUTPUT_HZ, MOS_HZ), -1.0, 1.0)
    windows = [_repeated(heard)[:MOS_SAMPLES]]
    if len(heard) > MOS_SAMPLES:
        windows.append(heard[-MOS_SAMPLES:])
    raw = np.array(
        [network.session.run(None, {"input_1": w[None].astype(np.float32)})[0][0] for w in windows]
    )
    return {
        f"mos_{name}": float(np.mean(np.polyval(POLYNOMIALS[name], raw[:, column])))
        for column, name in ((2, "ovrl"), (0, "sig"), (1, "bak"))
    }


def shape(samples: Samples) -> dict[str, float]:
    """Return {"bandwidth_hz", "dc_offset", "lufs"} of samples at 24 kHz, at least 0.4 s."""
    return {
        "bandwidth_hz": bandwidth_hz(samples),
        "dc_offset": abs(float(np.mean(samples, dtype=np.float64))),
        "lufs": lufs(samples),
    }


def bandwidth_hz(samples: Samples) -> float:
    """Return up to where the loudest frames have sound: 4000 or less is a telephone."""
    count = len(samples) // SPECTRUM
    if not count:
        return 0.0
    frames = samples[: count * SPECTRUM].reshape(-1, SPECTRUM)
    power = np.abs(np.fft.rfft(frames * np.hanning(SPECTRUM))[:, 1:]) ** 2
    bands = power.reshape(count, -1, BAND_BINS).mean(axis=2)
    # per band its own loudest frames: vowels fill the low ones, sibilants the high ones
    loudest = np.sort(bands, axis=0)[-max(1, round(LOUDEST * count)) :].mean(axis=0)
    level_db = 10 * np.log10(loudest + 1e-15)
    heard = np.flatnonzero(level_db >= level_db.max() - BAND_BELOW_DB)
    return float((heard[-1] + 1) * BAND_BINS * OUTPUT_HZ / SPECTRUM)


def lufs(samples: Samples) -> float:
    """Return the loudness by ITU-R BS.1770-4; -70 for silence."""
    from pyloudnorm import Meter

    meter = Meter(OUTPUT_HZ)
    if len(samples) < meter.block_size * OUTPUT_HZ:
        return -70.0
    with np.errstate(divide="ignore"):
        return max(-70.0, float(meter.integrated_loudness(samples.astype(np.float64))))


def _repeated(samples: Samples) -> Samples:
    """Return the samples doubled until they are long enough."""
    while 0 < len(samples) < MOS_SAMPLES:
        samples = np.concatenate((samples, samples))
    return samples if len(samples) else np.zeros(MOS_SAMPLES, np.float32)
