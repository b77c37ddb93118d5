"""StyleTTS2's own loader (meldataset.py of its package), with a mel spectrogram that runs here.

torchaudio's builds ask for CUDA's libraries; all that the loader takes from it is MelSpectrogram, a
pure function of the sound. It is computed here by torch and librosa with torchaudio's own defaults
(HTK scale, no norm, power 2, 16 kHz: the loader names no rate). No word of a list passes through.
"""

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import librosa
import torch


class MelSpectrogram(torch.nn.Module):
    def __init__(self, n_mels: int, n_fft: int = 400, win_length: int = 400, hop_length: int = 200):
        super().__init__()
        self.sizes = {"n_fft": n_fft, "win_length": win_length, "hop_length": hop_length}
        filters = librosa.filters.mel(sr=16_000, n_fft=n_fft, n_mels=n_mels, htk=True, norm=None)
        self.filters = torch.from_numpy(filters)

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        window = torch.hann_window(self.sizes["win_length"])
        spectrum = torch.stft(wave, window=window, return_complex=True, **self.sizes)
        return self.filters @ spectrum.abs().square()


def load_module() -> Any:
    """Return styletts2.meldataset."""
    name = "torchaudio"
    if name not in sys.modules:
        fake = types.ModuleType(name)
        fake.transforms = types.SimpleNamespace(MelSpectrogram=MelSpectrogram)  # type: ignore[attr-defined]
        sys.modules[name] = fake
        try:
            return importlib.import_module("styletts2.meldataset")
        finally:
            del sys.modules[name]
    return importlib.import_module("styletts2.meldataset")


def batches(folder: Path, name: str, root: Path, batch_size: int = 2) -> list[Any]:
    """Return the batches of a list, as train_finetune.py opens and loads it."""
    with (folder / name).open(encoding="utf-8", errors="ignore") as file:
        rows = file.readlines()
    loader = load_module().build_dataloader(
        rows,
        str(root),
        OOD_data=str(folder / "OOD_texts.txt"),
        validation=True,  # all rows, in their order
        batch_size=batch_size,
        num_workers=0,
    )
    return list(loader)
