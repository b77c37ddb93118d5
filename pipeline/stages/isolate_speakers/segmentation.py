"""Who speaks when within ten seconds, and when two at once: pyannote's segmentation network.

In:  blocks of samples at 16 kHz. Out: for each window of 10 s, every 17 ms, the probability of each
set of at most two out of three speakers (https://arxiv.org/abs/2310.13025). Weights:
segmentation-3.0 (MIT, CNRS). The network is rebuilt here in a few lines, so that its file is loaded
with `weights_only=True` and nothing else need be installed; a test holds it to the numbers of the
original.
Left out: what follows from it (`exchanges.py`), and whose voice it is (`voices.py`): who is the
first in one window may be the second in the next.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.audio import Samples, Seconds

from .voices import one_thread

RATE_HZ = 16_000  # the rate of the network
WINDOW = 160_000  # samples it sees at a time, 10 s: what it was trained on
STEP, FIELD = 270, 991  # samples from frame to frame, and that a frame sees: its convolutions
STEP_S: Seconds = STEP / RATE_HZ
FRAMES = 589  # a window
HOP = 148  # frames from one window to the next, 2.5 s: each moment is seen four times
CLASSES = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))  # the speakers of each class
BATCH = 4  # windows given to the network at a time

# The first layer, 40 even and 40 odd band-pass filters: SincNet (https://arxiv.org/abs/1808.00158)
# as extended by https://arxiv.org/abs/1910.10400, eq. 5-7; the numbers are those of its training
TAPS, LEAST_HZ = 251, 50.0

Classes = npt.NDArray[np.float32]  # (frames, 7), a row adds up to 1


def load_network(path: Path, device: str) -> Any:
    """Return the network with the weights of a file: samples (n, 1, WINDOW) to logits."""
    import torch

    weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    network = _layers()
    network.load_state_dict(_named(weights))
    return network.to(device).eval()


def windows(network: Any, device: str, blocks: Iterable[Samples]) -> Iterator[tuple[int, Classes]]:
    """Yield the first frame of each window, HOP apart, and its classes' probabilities.

    The last one ends with the sound, to a frame; what is shorter is filled up with silence.
    """
    import torch

    for batch in _batches(blocks):
        sound = np.stack([samples for _, samples in batch])[:, None]
        with torch.inference_mode(), one_thread():
            found = torch.softmax(network(torch.from_numpy(sound).to(device)), -1).cpu().numpy()
        yield from zip([first for first, _ in batch], found, strict=True)


def frame_s(index: float) -> Seconds:
    """Return the time of the middle of a frame."""
    return (index * STEP + FIELD / 2) / RATE_HZ


def _batches(blocks: Iterable[Samples]) -> Iterator[list[tuple[int, Samples]]]:
    batch: list[tuple[int, Samples]] = []
    for place in _cut(blocks):
        batch.append(place)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _cut(blocks: Iterable[Samples]) -> Iterator[tuple[int, Samples]]:
    """Yield windows with their first frames."""
    rest, first = np.zeros(0, np.float32), 0
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= WINDOW + HOP * STEP:
            yield first, rest[:WINDOW]
            rest, first = rest[HOP * STEP :], first + HOP
    if len(rest):
        yield first, _filled(rest[:WINDOW])
    if len(rest) > WINDOW:
        skipped = -(-(len(rest) - WINDOW) // STEP)
        yield first + skipped, _filled(rest[skipped * STEP :])


def _filled(samples: Samples) -> Samples:
    return np.pad(samples, (0, WINDOW - len(samples)))


def _layers() -> Any:
    """Return the network without its weights."""
    import torch
    from torch import nn

    class Absolute(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.abs(x)

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(60, 128, num_layers=4, bidirectional=True, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.lstm(x.transpose(1, 2))[0]

    def norm(size: int) -> Any:
        return nn.InstanceNorm1d(size, affine=True)

    def block(conv: Any, size: int) -> list[Any]:
        return [conv, nn.MaxPool1d(3), norm(size), nn.LeakyReLU()]

    first = nn.Conv1d(1, 80, TAPS, stride=10, bias=False)
    return nn.Sequential(
        norm(1),
        *block(nn.Sequential(first, Absolute()), 80),
        *block(nn.Conv1d(80, 60, 5), 60),
        *block(nn.Conv1d(60, 60, 5), 60),
        Recurrent(),
        nn.Sequential(nn.Linear(256, 128), nn.LeakyReLU(), nn.Linear(128, 128), nn.LeakyReLU()),
        nn.Linear(128, len(CLASSES)),
    )


# our layers' names -> theirs
_NAMES = {
    "0": "sincnet.wav_norm1d",
    "3": "sincnet.norm1d.0",
    "5": "sincnet.conv1d.1",
    "7": "sincnet.norm1d.1",
    "9": "sincnet.conv1d.2",
    "11": "sincnet.norm1d.2",
    "13.lstm": "lstm",
    "14.0": "linear.0",
    "14.2": "linear.1",
    "15": "classifier",
}


def _named(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights under the names of our layers, the first layer's filters among them."""
    prefix = "sincnet.conv1d.0.filterbank."
    found = {"1.0.weight": _filters(weights[f"{prefix}low_hz_"], weights[f"{prefix}band_hz_"])}
    for ours, theirs in _NAMES.items():
        part = {k: v for k, v in weights.items() if k.startswith(f"{theirs}.")}
        found |= {f"{ours}.{k.removeprefix(f'{theirs}.')}": v for k, v in part.items()}
    return found


def _filters(low_hz: Any, band_hz: Any) -> Any:
    """Return the filters (80, 1, TAPS) of 40 lower edges and widths (40, 1)."""
    import torch

    low = LEAST_HZ + low_hz.abs()
    high = torch.clamp(low + LEAST_HZ + band_hz.abs(), LEAST_HZ, RATE_HZ / 2)
    half = TAPS // 2
    at = 2 * np.pi * torch.arange(-half, 0.0)[None] / RATE_HZ
    shape = torch.from_numpy(np.hamming(TAPS)[:half]).float() / (at / 2)
    even = (torch.sin(high * at) - torch.sin(low * at)) * shape
    odd = (torch.cos(low * at) - torch.cos(high * at)) * shape
    width = 2 * (high - low)
    rows = (
        torch.cat([even, width, even.flip(1)], 1),
        torch.cat([odd, torch.zeros_like(width), -odd.flip(1)], 1),
    )
    return (torch.cat(rows) / torch.cat([width, width]))[:, None]
