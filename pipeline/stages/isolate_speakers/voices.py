"""Whose voice it is: the network of Resemblyzer on windows of 1.6 s of speech.

In:  samples at 16 kHz. Out: embeddings, unit vectors of 256 numbers, none negative. The dot product
of two is the similarity of the voices: about 0.9 for one speaker, 0.55 for two (whole sentences).
The method is GE2E (https://arxiv.org/abs/1710.10467), the weights are those in Resemblyzer's wheel.
The network is rebuilt here in a few lines, so that its file is loaded with `weights_only=True` and
webrtcvad need not be there; a test holds it to the numbers of the original. Left out: grouping
(`groups.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline import audio
from pipeline.audio import Samples, Seconds

from .speech import Span, package_file

RATE_HZ = 16_000  # the rate of the network
WINDOW = 25_600  # samples a window, 1.6 s: what the network was trained on
WINDOW_S: Seconds = WINDOW / RATE_HZ
SIZE = 256  # numbers in an embedding
LEVEL_DB = -20.0  # each window is brought to this level: 0.3% EER against centroids, at -30 dB 0.6%
MEL_BANDS, FFT, STEP, FRAMES = 40, 400, 160, 160  # Resemblyzer's hparams.py: 25 ms, 10 ms, 1.6 s
BATCH = 64  # windows given to the network at a time
READ_S: Seconds = 60.0  # how much of a recording is in memory at a time

# Noise is subtracted from the mel powers, twice what the pauses have, down to 5%. Measured on
# LibriSpeech and LJ Speech with pink noise 18 dB below: likeness to the same voice without noise
# 0.80 -> 0.91 (the worst reader 0.68 -> 0.86); clean speech does not change.
SUBTRACTED, KEPT = 2.0, 0.05
NOISE_STEP = 1600  # samples between two looks at the noise, 0.1 s
ENOUGH_NOISE = 10  # looks, 1 s of pauses; with less there is no profile

Embeddings = npt.NDArray[np.float32]  # (n, 256)
MelPowers = npt.NDArray[np.float32]  # (frames, 40) or (40,)


@dataclass(frozen=True)
class VoiceNetwork:
    """The network and the matrix from a spectrum to 40 mel bands."""

    lstm: Any
    linear: Any
    mel: npt.NDArray[np.float32]  # (40, 201)
    device: str


def load_network(device: str) -> VoiceNetwork:
    """Return the network with Resemblyzer's weights, ready on `device`."""
    import torch
    from librosa.filters import mel

    lstm = torch.nn.LSTM(MEL_BANDS, SIZE, num_layers=3, batch_first=True)
    linear = torch.nn.Linear(SIZE, SIZE)
    path = package_file("resemblyzer", "pretrained.pt")
    weights = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    for name, module in (("lstm", lstm), ("linear", linear)):
        part = {k.removeprefix(f"{name}."): v for k, v in weights.items() if k.startswith(name)}
        module.load_state_dict(part)
        module.to(device).eval()
    basis = mel(sr=RATE_HZ, n_fft=FFT, n_mels=MEL_BANDS).astype(np.float32)
    return VoiceNetwork(lstm, linear, basis, device)


def windows(spans: Sequence[Span], hop_s: Seconds) -> list[Span]:
    """Return windows of 1.6 s, each inside one span, about `hop_s` apart, in order.

    A span shorter than 1.6 s is one window of its own length; the last window of a longer one is
    moved back so that it ends with the span.

    >>> windows([(0.0, 2.0), (3.0, 3.5)], 0.4)
    [(0.0, 1.6), (0.4, 2.0), (3.0, 3.5)]
    """
    found: list[Span] = []
    for start, end in spans:
        steps = max(0, int(np.ceil((end - start - WINDOW_S) / hop_s - 1e-6)))
        starts = [round(min(start + i * hop_s, end - WINDOW_S), 3) for i in range(steps + 1)]
        found += [(max(start, s), min(end, round(s + WINDOW_S, 3))) for s in starts]
    return found


def embed_recording(
    path: Path, places: Sequence[Span], pauses: Sequence[Span], network: VoiceNetwork
) -> Embeddings:
    """Return the embedding of each window of a recording, less the noise of its pauses."""
    noise = noise_profile(path, pauses, network)
    found = [np.zeros((0, SIZE), np.float32)]
    for batch in _batches(places):
        first_s = batch[0][0]
        samples = audio.read_at(path, RATE_HZ, first_s, batch[-1][1])
        pieces = [_cut(samples, a - first_s, b - first_s) for a, b in batch]
        found.append(embed(pieces, network, noise))
    return np.concatenate(found)


def noise_profile(path: Path, pauses: Sequence[Span], network: VoiceNetwork) -> MelPowers:
    """Return the median mel power of the pauses, float32 (40,); zeros if they are too short."""
    looks = [np.zeros((0, MEL_BANDS), np.float32)]
    for start, end in pauses:
        for first_s in np.arange(start, end, READ_S).tolist():
            samples = audio.read_at(path, RATE_HZ, first_s, min(end, first_s + READ_S))
            if len(samples) >= FFT:
                looks.append(_mel_powers(samples, network.mel, NOISE_STEP))
    seen = np.concatenate(looks)
    if len(seen) < ENOUGH_NOISE:
        return np.zeros(MEL_BANDS, np.float32)
    return np.asarray(np.median(seen, axis=0), np.float32)


def embed(
    pieces: Sequence[Samples], network: VoiceNetwork, noise: MelPowers | None = None
) -> Embeddings:
    """Return the embedding of each piece of at most 1.6 s, float32 (pieces, 256).

    `noise` is the mel power (40,) of what is under the voice. A digitally silent piece has an
    embedding of zeros: it is like nobody.
    """
    import torch

    found = np.zeros((len(pieces), SIZE), np.float32)
    for first in range(0, len(pieces), BATCH):
        batch = pieces[first : first + BATCH]
        mels = np.stack([_mel_frames(piece, network.mel, noise) for piece in batch])
        with torch.inference_mode(), one_thread():
            _, (hidden, _) = network.lstm(torch.from_numpy(mels).to(network.device))
            raw = torch.relu(network.linear(hidden[-1])).cpu().numpy()
        heard = np.array([[bool(np.any(piece))] for piece in batch])
        found[first : first + BATCH] = unit(raw) * heard
    return found


def unit(vectors: npt.ArrayLike) -> Embeddings:
    """Return vectors (…, n) at length 1; zeros stay zeros."""
    array = np.asarray(vectors)
    length = np.linalg.norm(array, axis=-1, keepdims=True)
    return np.asarray(array / np.where(length > 0, length, 1.0), np.float32)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread for a while, then as before.

    An LSTM is 480 small steps a batch: on a busy machine two threads wait for each other at every
    one (measured 0.7 s a batch on one thread, 2.7-11.9 s on two), and the bytes would depend on
    the number of workers.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batches(places: Sequence[Span]) -> Iterator[list[Span]]:
    """Yield runs of windows that lie within READ_S of sound."""
    batch: list[Span] = []
    for place in places:
        if batch and place[1] - batch[0][0] > READ_S:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _cut(samples: Samples, start_s: Seconds, end_s: Seconds) -> Samples:
    return samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)][:WINDOW]


def _mel_frames(
    piece: Samples, basis: npt.NDArray[np.float32], noise: MelPowers | None
) -> MelPowers:
    """Return (160, 40) mel powers of a piece at LEVEL_DB, filled up with silence to 1.6 s."""
    gain = 10 ** ((LEVEL_DB - audio.level_db(piece)) / 20) if np.any(piece) else 0.0
    padded = np.pad(piece * np.float32(gain), (FFT // 2, WINDOW - len(piece) + FFT // 2))
    powers = _mel_powers(padded, basis, STEP)[:FRAMES]
    if noise is None:
        return powers
    less = powers - np.float32(SUBTRACTED * gain**2) * noise
    return np.asarray(np.maximum(less, KEPT * powers), np.float32)


def _mel_powers(samples: Samples, basis: npt.NDArray[np.float32], step: int) -> MelPowers:
    frames = np.lib.stride_tricks.sliding_window_view(samples, FFT)[::step]
    hann = np.hanning(FFT + 1)[:-1].astype(np.float32)  # periodic, as librosa's
    power = np.abs(np.fft.rfft(frames * hann)) ** 2
    return np.asarray(power @ basis.T, np.float32)
