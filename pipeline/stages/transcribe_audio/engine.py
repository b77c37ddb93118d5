"""What transcription asks of an engine; there are two, with the same weights, outputs and filters.

In:  spectrograms of windows; all methods take one batch, and raise when memory runs out.
Out: text, confidence, and which token is spoken when, as plain data.
Left out: batches, fallback (`decode.py`), words (`words.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Decoded:
    """A text, and how much whisper believes it. Names as in whisper's DecodingResult."""

    text: str
    tokens: tuple[int, ...]
    avg_logprob: float
    no_speech_prob: float  # nan where the model has no token for it
    compression_ratio: float
    temperature: float


@dataclass(frozen=True)
class Alignment:
    """The cheapest path through (tokens, 20 ms frames), and how probable each token is."""

    tokens: npt.NDArray[np.int64]  # (steps,), never falling: index in the text; its end comes last
    frames: npt.NDArray[np.int64]  # (steps,), never falling
    probabilities: Sequence[float]  # one for each token of the text


class Engine(Protocol):
    """A loaded whisper. `features` are one window's encoder output, torch, (1500, states)."""

    name: str
    is_multilingual: bool

    def spectrogram(self, samples: npt.NDArray[np.float32]) -> Any:
        """Return the mel spectrogram, (mels, 3000), of at most 30 s at 16 kHz."""

    def tokenizer(self, language: str) -> Any:
        """Return whisper's tokenizer."""

    def encode(self, mels: Sequence[Any]) -> list[Any]:
        """Return the features of each spectrogram."""

    def languages(self, features: Any) -> dict[str, float]:
        """Return code -> probability."""

    def decode(self, features: Sequence[Any], language: str, beam_size: int) -> list[Decoded]:
        """Return the most probable text of each window."""

    def sample(self, features: Any, language: str, temperature: float, seed: int) -> Decoded:
        """Return a text drawn by chance, which depends on `seed` alone."""

    def align(
        self,
        features: Sequence[Any],
        texts: Sequence[Sequence[int]],
        frames: Sequence[int],
        language: str,
    ) -> list[Alignment]:
        """Return where each text's tokens are; none is empty. `frames`: length in 10 ms."""
