"""CTranslate2, faster-whisper's runtime, as an engine: int8 on a CPU, but not the encoder where the
processor has bfloat16 (`models/bfloat16.py`).

Used directly, without the package faster-whisper: windows, spectrograms, tokens and filters are our
own, the same for both engines, and the weights are openai-whisper's file (`models/ct2_writer.py`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models import opening
from pipeline.stages.transcribe_audio.alignment import MEDIAN_FRAMES
from pipeline.stages.transcribe_audio.engine import Alignment, Decoded
from pipeline.stages.transcribe_audio.never import never
from pipeline.stages.transcribe_audio.openai_engine import OpenAiWhisper, encoded

_CONTEXT = 448  # tokens that whisper has places for
_LONGEST = _CONTEXT // 2  # ... of a text, as in its decode()


class CTranslate2Whisper:
    """A ctranslate2.models.Whisper; see `Engine` for what its methods return.

    `whisper` loads openai-whisper of the same weights. It draws the texts that have chance in them:
    CTranslate2's generator is seeded once a thread, and what it gives for a window would depend on
    the windows before. `encoder`: openai-whisper's in bfloat16, instead of CTranslate2's.
    """

    name = "faster-whisper"

    def __init__(
        self,
        model: Any,
        device: str,
        whisper: Callable[[], OpenAiWhisper],
        encoder: Any | None = None,
        prompt: str = "",
    ) -> None:
        self.model = model
        self._prompt = prompt
        self.is_multilingual: bool = model.is_multilingual
        self._device = device
        self._load = whisper
        self._encoder = encoder
        self._whisper: OpenAiWhisper | None = None

    def spectrogram(self, samples: npt.NDArray[np.float32]) -> Any:
        from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim

        return log_mel_spectrogram(pad_or_trim(samples, N_SAMPLES), self.model.n_mels)

    def tokenizer(self, language: str) -> Any:
        from whisper.tokenizer import get_tokenizer

        count = self.model.num_languages if self.is_multilingual else 99
        return get_tokenizer(
            self.is_multilingual, num_languages=count, language=language, task="transcribe"
        )

    def encode(self, mels: Sequence[Any]) -> list[Any]:
        import torch

        if self._encoder is None:
            return list(self._as_torch(self.model.encode(self._view(mels))))
        return list(encoded(self._encoder, torch.stack(list(mels))))

    def languages(self, features: Any) -> dict[str, float]:
        pairs = self.model.detect_language(self._view([features]))[0]
        return {token.strip("<|>"): probability for token, probability in pairs}

    def decode(self, features: Sequence[Any], language: str, beam_size: int) -> list[Decoded]:
        tokenizer = self.tokenizer(language)
        before = opening(tokenizer, self._prompt)
        found = self.model.generate(
            self._view(features),
            [before] * len(features),
            beam_size=beam_size,
            max_length=min(len(before) + _LONGEST, _CONTEXT),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=never(tokenizer),
        )
        return [_decoded(one, tokenizer) for one in found]

    def sample(self, features: Any, language: str, temperature: float, seed: int) -> Decoded:
        if self._whisper is None:
            self._whisper = self._load()
        return self._whisper.sample(features, language, temperature, seed)

    def align(
        self,
        features: Sequence[Any],
        texts: Sequence[Sequence[int]],
        frames: Sequence[int],
        language: str,
    ) -> list[Alignment]:
        found = self.model.align(
            self._view(features),
            list(self.tokenizer(language).sot_sequence),
            [list(text) for text in texts],
            # subtle: it counts as whisper does, and wants the silence behind the sound left out
            [max(2, length) for length in frames],
            median_filter_width=MEDIAN_FRAMES,
        )
        paths = [np.array(one.alignments, np.int64).T for one in found]
        return [
            Alignment(steps[0], steps[1], one.text_token_probs)
            for steps, one in zip(paths, found, strict=True)
        ]

    def _view(self, tensors: Sequence[Any]) -> Any:
        import ctranslate2
        import torch

        stacked = torch.stack(list(tensors)).contiguous()
        if self._device.startswith("cuda"):
            return ctranslate2.StorageView.from_array(stacked.to(self._device))
        return ctranslate2.StorageView.from_array(stacked.float().numpy())

    def _as_torch(self, view: Any) -> Any:
        import torch

        if self._device.startswith("cuda"):
            return torch.as_tensor(view, device=self._device)
        return torch.from_numpy(np.array(view))


def _decoded(found: Any, tokenizer: Any) -> Decoded:
    from whisper.utils import compression_ratio

    tokens = tuple(token for token in found.sequences_ids[0] if token < tokenizer.eot)
    text = tokenizer.decode(tokens).strip()
    logprob = found.scores[0] * len(found.sequences_ids[0]) / (len(tokens) + 1)
    return Decoded(text, tokens, logprob, found.no_speech_prob, compression_ratio(text), 0.0)
