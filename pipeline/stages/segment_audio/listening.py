"""A clip heard by whisper once more, by itself: how well a text fits its sound, or what it hears.

In:  samples at 24 kHz, texts. Out: the log probability of each token of a text, or a text.
Scoring a given text needs one pass and no search. The encoder gets no more than the clip and 2 s of
silence instead of whisper's 30 s (whisper.cpp calls that audio_ctx): a third of the time, and texts
compare the same.
Left out: what follows from it (fitting.py, versions.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soxr

from pipeline.audio import OUTPUT_HZ, Samples
from pipeline.models import load_whisper, whisper_label

WHISPER_HZ = 16_000
HOP = 160  # samples a mel frame
SILENCE_FRAMES = 200  # 2 s of silence after the clip: without any, the end of the text is unsure
MOST_FRAMES = 3000  # whisper's 30 s
BATCH = 8  # clips decoded at a time


@dataclass
class Listener:
    """A whisper that is loaded when it is first asked."""

    name: str
    device: str = "cpu"
    _model: list[Any] = field(default_factory=list)

    @property
    def label(self) -> str:
        return whisper_label(self.name)

    def features(self, samples: Samples) -> Any:
        """Return what the encoder makes of a clip, (1, frames, states)."""
        import torch

        mel = _mel(samples, self._loaded())
        frames = min(MOST_FRAMES, (len(samples) * WHISPER_HZ // OUTPUT_HZ // HOP) + SILENCE_FRAMES)
        with torch.inference_mode():
            return _encoded(self._loaded().encoder, mel[None, :, : frames // 2 * 2])

    def fits(self, features: Any, texts: Sequence[str], language: str) -> list[list[float]]:
        """Return the log probability of each token of each text, the last one for its end."""
        import torch

        model, tokenizer = self._loaded(), self._tokenizer(language)
        before = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        rows = [[*tokenizer.encode(" " + text.strip()), tokenizer.eot] for text in texts]
        most = model.dims.n_text_ctx - len(before)
        rows = [row[: most + 1] for row in rows]
        length = max(map(len, rows))
        padded = [[*before, *row, *[tokenizer.eot] * (length - len(row))] for row in rows]
        tokens = torch.tensor(padded, device=model.device)
        with torch.inference_mode():
            many = features.expand(len(rows), -1, -1)
            logits = model.decoder(tokens[:, :-1], many).float()
        chances = torch.log_softmax(logits[:, len(before) - 1 :], dim=-1)
        own = chances.gather(2, tokens[:, len(before) :, None])[..., 0].cpu().numpy()
        return [[float(x) for x in own[i, : len(row)]] for i, row in enumerate(rows)]

    def texts(self, clips: Sequence[Samples], language: str) -> list[tuple[str, float]]:
        """Return (what is heard, its mean log probability) of each clip, greedily."""
        import torch
        import whisper

        model = self._loaded()
        half = model.device.type == "cuda"
        options = whisper.DecodingOptions(
            language=language if model.is_multilingual else "en", without_timestamps=True, fp16=half
        )
        heard: list[tuple[str, float]] = []
        for first in range(0, len(clips), BATCH):
            mels = torch.stack([_mel(clip, model) for clip in clips[first : first + BATCH]])
            results = whisper.decode(model, mels, options)
            heard += [(result.text, float(result.avg_logprob)) for result in results]
        return heard

    def _loaded(self) -> Any:
        if not self._model:
            self._model.append(load_whisper(self.name, self.device))
        return self._model[0]

    def _tokenizer(self, language: str) -> Any:
        from whisper.tokenizer import get_tokenizer

        model = self._loaded()
        return get_tokenizer(
            model.is_multilingual,
            num_languages=model.num_languages,
            language=language,
            task="transcribe",
        )


def differing(reference: Sequence[str], other: Sequence[str]) -> int:
    """Return how many words must be put in, left out or replaced to get from one to the other.

    >>> differing("a b c".split(), "a x c d".split())
    2
    """
    row = np.arange(len(other) + 1)
    for i, word in enumerate(reference, 1):
        replaced = row[:-1] + np.array([word != each for each in other], int)
        best = np.minimum(replaced, row[1:] + 1)
        previous = i
        new = [i]
        for value in best.tolist():
            previous = min(previous + 1, value)
            new.append(previous)
        row = np.array(new)
    return int(row[-1])


def plain_words(text: str, language: str) -> list[str]:
    """Return the words of a text as whisper's authors compare them: "2nd" is "second"."""
    from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

    normal = EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
    return str(normal(text)).split()


def _mel(samples: Samples, model: Any) -> Any:
    from whisper.audio import log_mel_spectrogram, pad_or_trim

    heard = soxr.resample(samples, OUTPUT_HZ, WHISPER_HZ, quality="HQ").astype(np.float32)
    mel = log_mel_spectrogram(pad_or_trim(heard), model.dims.n_mels).to(model.device)
    return mel.half() if model.device.type == "cuda" else mel


def _encoded(encoder: Any, mel: Any) -> Any:
    """Return whisper's encoder on fewer than 3000 frames: its forward() insists on all."""
    from torch.nn.functional import gelu

    hidden = gelu(encoder.conv2(gelu(encoder.conv1(mel)))).permute(0, 2, 1)
    hidden = (hidden + encoder.positional_embedding[: hidden.shape[1]]).to(hidden.dtype)
    for block in encoder.blocks:
        hidden = block(hidden)
    return encoder.ln_post(hidden)
