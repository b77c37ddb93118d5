"""Whose voice it is: the network CAM++ on windows of 1.6 s of speech.

In:  samples at 16 kHz. Out: embeddings, unit vectors of 192 numbers. The dot product of two is the
similarity of the voices. Windows of LibriSpeech, median: one speaker 0.54, two 0.04; by telephone
0.61 and 0.31, so whose a turn is, is judged among those who are heard together.
The features are Kaldi's log-mel bands less their mean over the window, as the network was trained
on. Left out: the network itself (`campplus.py`), grouping (`groups.py`).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline import audio
from pipeline.audio import Samples, Seconds

from . import campplus
from .speech import Span, needed_file

RATE_HZ = 16_000  # the rate of the network
# EER of LibriSpeech windows with a voice from three other utterances: clean 0.14%, with 2.4 s 0.0;
# telephone 2.86 and 0.10%. Yet of what is kept of meetings 99.6% is the target's, with 2.4 s 92%,
# since turns are short; by telephone both are above 99.5%, for a turn has many windows
WINDOW = 25_600  # samples a window, 1.6 s
WINDOW_S: Seconds = WINDOW / RATE_HZ
SIZE = 192  # numbers in an embedding
LEVEL_DB = -23.0  # each window is brought to this level, re full scale: FLOOR is then far below it
MEL_BANDS, FRAME, STEP, FFT = 80, 400, 160, 512  # Kaldi's fbank: 25 ms, 10 ms, in 3D-Speaker's size
LOWEST_HZ, HIGHEST_HZ = 20.0, 8000.0  # of the mel bands: Kaldi's default
PREEMPHASIS, POVEY = 0.97, 0.85  # Kaldi's defaults; its window is a hann to this power
FLOOR = np.float32(np.finfo(np.float32).eps)  # of a mel power: Kaldi's
BATCH = 16  # windows given to the network at a time: more are no faster
READ_S: Seconds = 60.0  # how much of a recording is in memory at a time

Embeddings = npt.NDArray[np.float32]  # (n, 192)
Features = npt.NDArray[np.float32]  # (frames, 80)


@dataclass(frozen=True)
class VoiceNetwork:
    """The network's weights, and the matrix from a spectrum to 80 mel bands."""

    weights: campplus.Weights
    mel: npt.NDArray[np.float32]  # (257, 80)
    device: str


def load_network(device: str) -> VoiceNetwork:
    """Return the network, ready on `device`; Unusable if its weights cannot be had."""
    return VoiceNetwork(campplus.load(needed_file("campplus"), device), _mel_bands(), device)


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


def embed_recording(path: Path, places: Sequence[Span], network: VoiceNetwork) -> Embeddings:
    """Return the embedding of each window of a recording, float32 (places, 192)."""
    found = [np.zeros((0, SIZE), np.float32)]
    for batch in _batches(places):
        first_s = batch[0][0]
        samples = audio.read_at(path, RATE_HZ, first_s, batch[-1][1])
        pieces = [_cut(samples, a - first_s, b - first_s) for a, b in batch]
        found.append(embed(pieces, network))
    return np.concatenate(found)


def embed(pieces: Sequence[Samples], network: VoiceNetwork) -> Embeddings:
    """Return the embedding of each piece of at most 1.6 s, float32 (pieces, 192).

    A shorter piece is repeated up to that length. A digitally silent one has an embedding of zeros:
    it is like nobody. On a CPU as many batches at a time as torch has threads, each on one of them.
    """
    import torch

    def embedded(first: int) -> Embeddings:
        return _embedded(pieces[first : first + BATCH], network)

    firsts = range(0, len(pieces), BATCH)
    at_once = min(len(firsts), torch.get_num_threads()) if network.device == "cpu" else 1
    found = [np.zeros((0, SIZE), np.float32)]
    with one_thread():
        if at_once > 1:
            # subtle: a new thread of Python may start as many of OpenMP's as there are cores
            pool = ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(1,))
            with pool:
                found += pool.map(embedded, firsts)
        else:
            found += map(embedded, firsts)
    return np.concatenate(found)


def _embedded(batch: Sequence[Samples], network: VoiceNetwork) -> Embeddings:
    import torch

    features = np.stack([_features(piece, network.mel) for piece in batch])
    with torch.inference_mode():
        given = torch.from_numpy(features).to(network.device)
        raw = campplus.embed(given, network.weights).cpu().numpy()
    heard = np.array([[bool(np.any(piece))] for piece in batch])
    return np.asarray(unit(raw) * heard, np.float32)


def unit(vectors: npt.ArrayLike) -> Embeddings:
    """Return vectors (…, n) at length 1; zeros stay zeros."""
    array = np.asarray(vectors)
    length = np.linalg.norm(array, axis=-1, keepdims=True)
    return np.asarray(array / np.where(length > 0, length, 1.0), np.float32)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread for a while, then as before.

    The network is 300 small steps a batch, at which two threads would wait for each other on a busy
    machine; and the bytes would depend on the number of workers.
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


def _features(piece: Samples, mel: npt.NDArray[np.float32]) -> Features:
    """Return (158, 80) log-mel powers of a piece, each band less its mean over the piece."""
    if not np.any(piece):
        return np.zeros((1 + (WINDOW - FRAME) // STEP, MEL_BANDS), np.float32)
    gain = np.float32(10 ** ((LEVEL_DB - audio.level_db(piece)) / 20))
    filled = np.resize(piece * gain, WINDOW)
    frames = np.lib.stride_tricks.sliding_window_view(filled, FRAME)[::STEP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    hann = np.hanning(FRAME).astype(np.float32) ** np.float32(POVEY)
    power = np.abs(np.fft.rfft((frames - np.float32(PREEMPHASIS) * before) * hann, FFT)) ** 2
    logs = np.log(np.maximum(power.astype(np.float32) @ mel, FLOOR))
    return np.asarray(logs - logs.mean(axis=0), np.float32)


def _mel_bands() -> npt.NDArray[np.float32]:
    """Return Kaldi's triangles between equal steps on the mel scale, (257, 80)."""
    low, high = (1127 * np.log1p(hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = np.linspace(low, high, MEL_BANDS + 2)
    mels = 1127 * np.log1p(np.arange(FFT // 2 + 1) * RATE_HZ / FFT / 700)[:, None]
    rising = (mels - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mels) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), np.float32)
