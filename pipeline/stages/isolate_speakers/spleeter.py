"""Spleeter's separator of voices and accompaniment: what is used where htdemucs cannot be had.

In:  the folder of its two checkpoints (MIT, from Deezer's 2-stem model). Out: a `Separator`.
The network is Spleeter's U-Net (https://joss.theoj.org/papers/10.21105/joss.02154), one a stem, on
magnitudes of 512 frames up to 11 kHz; above that its mean mask of the top bands is used, as
Spleeter's own `mask_extension: average`. The package that carries the weights is not imported: it
loads them as a pickle, and whole files at a time.
"""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio import Samples

from .separate import Separator

RATE_HZ = 44_100
FFT, HOP = 4096, 1024
BINS, FRAMES = 1024, 512  # what the network sees of a spectrogram
SEGMENT = (FRAMES - 1) * HOP  # 11.9 s: a centred transform has one frame more
# A quarter, 3 s, as demucs has it: the ends of a segment, where the network hears nothing beyond,
# count less. bench/separation.py, 40 s, against 1 s: LJ Speech with music 10 dB below 16.6 -> 16.9
# dB SDR, LibriSpeech with music at its level 9.7 -> 9.8; a sixth more time (0.035 -> 0.041 s a s)
OVERLAP = SEGMENT // 4
EDGE_BINS = 128  # of the mask's top, averaged for what is above
WEIGHTS = ("testcheckpoint0.ckpt", "testcheckpoint1.ckpt")  # voices, accompaniment
CHANNELS = (2, 16, 32, 64, 128, 256, 512)


def load(folder: Path, device: str) -> Separator:
    """Return the separator with the checkpoints of `folder`, ready on `device`."""
    nets = [_network(folder / name, device) for name in WEIGHTS]
    return Separator("spleeter", RATE_HZ, SEGMENT, OVERLAP, lambda mono: _vocals(mono, nets))


def _vocals(mono: Samples, nets: list[Any]) -> Samples:
    import torch

    device = next(nets[0].parameters()).device
    window = torch.hann_window(FFT, device=device)
    sound = torch.from_numpy(np.ascontiguousarray(mono, np.float32)).to(device)
    with torch.inference_mode():
        spectrum = torch.stft(sound, FFT, HOP, window=window, center=True, return_complex=True)
        magnitude = spectrum[:BINS].abs().T.expand(1, 2, -1, -1)  # one voice as two channels
        voice, rest = (net(magnitude).mean(dim=(0, 1)) ** 2 for net in nets)
        mask = ((voice + 0.5e-10) / (voice + rest + 1e-10)).T
        top = mask[-EDGE_BINS:].mean(dim=0, keepdim=True)
        full = torch.cat([mask, top.expand(spectrum.shape[0] - BINS, -1)])
        found = torch.istft(spectrum * full, FFT, HOP, window=window, length=len(mono))
    return np.asarray(found.cpu().numpy(), np.float32)


def _network(path: Path, device: str) -> Any:
    import torch
    from numpy import _core as numpy_core

    array = numpy_core.multiarray._reconstruct  # under its old name in these files
    allowed: list[Any] = [array, (array, "numpy.core.multiarray._reconstruct")]
    allowed += [np.ndarray, np.dtype, type(np.dtype("float32")), type(np.dtype("int64"))]
    with torch.serialization.safe_globals(allowed):
        arrays = torch.load(path, map_location="cpu", weights_only=True)
    net = _unet()
    state = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}
    counters = {k: v for k, v in net.state_dict().items() if k.endswith("num_batches_tracked")}
    net.load_state_dict(counters | state)
    return net.to(device).eval()


def _unet() -> Any:
    """Return the network; the attributes' names are those of the checkpoints."""
    import torch
    from torch import nn

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            pairs = list(zip(CHANNELS, CHANNELS[1:], strict=False))
            for level, (few, many) in enumerate(pairs, 1):
                self.add_module(f"down{level}_conv", _down(few, many))
                after = nn.Sequential(nn.BatchNorm2d(many, eps=1e-3), nn.LeakyReLU(0.2))
                self.add_module(f"down{level}_act", after)
            for level, (few, many) in enumerate(reversed(pairs), 1):
                width = many if level == 1 else many * 2
                self.add_module(f"up{level}", _up(width, 1 if level == 6 else few))
            last = nn.Conv2d(1, 2, kernel_size=4, dilation=2, padding=3)
            self.up7 = nn.Sequential(last, nn.Sigmoid())

        def forward(self, x: Any) -> Any:
            skips, here = [], x
            for level in range(1, 7):
                skips.append(self.get_submodule(f"down{level}_conv")(here))
                here = self.get_submodule(f"down{level}_act")(skips[-1])
            here = self.get_submodule("up1")(skips.pop())
            for level in range(2, 7):
                here = self.get_submodule(f"up{level}")(torch.cat([skips.pop(), here], dim=1))
            return self.get_submodule("up7")(here) * x

    return UNet()


def _down(few: int, many: int) -> Any:
    from torch import nn

    # subtle: TensorFlow's 'same' padding is uneven for stride 2: one before, two after
    return nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(few, many, 5, stride=2))


def _up(width: int, few: int) -> Any:
    from torch import nn

    return nn.Sequential(
        nn.ConvTranspose2d(width, few, 5, stride=2),
        nn.ZeroPad2d((-1, -2, -1, -2)),  # the same padding, taken off again
        nn.ReLU(),
        nn.BatchNorm2d(few, eps=1e-3),
    )
