"""openai-whisper as an engine: torch, on the CPU or CUDA."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models import is_half, onednn
from pipeline.stages.transcribe_audio.alignment import alignments, cost_matrix
from pipeline.stages.transcribe_audio.engine import Alignment, Decoded
from pipeline.stages.transcribe_audio.never import never
from pipeline.stages.transcribe_audio.steps import laid_out


class OpenAiWhisper:
    """A whisper.model.Whisper; see `Engine` for what its methods return."""

    name = "openai-whisper"

    def __init__(self, model: Any, prompt: str = "") -> None:
        self.model = model
        self._prompt = prompt
        self.is_multilingual: bool = model.is_multilingual

    def spectrogram(self, samples: npt.NDArray[np.float32]) -> Any:
        from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim

        return log_mel_spectrogram(pad_or_trim(samples, N_SAMPLES), self.model.dims.n_mels)

    def tokenizer(self, language: str) -> Any:
        from whisper.tokenizer import get_tokenizer

        count = self.model.num_languages
        return get_tokenizer(
            self.is_multilingual, num_languages=count, language=language, task="transcribe"
        )

    def encode(self, mels: Sequence[Any]) -> list[Any]:
        import torch

        stacked = torch.stack(list(mels)).to(self.model.device)
        return list(encoded(self.model.encoder, stacked))

    def languages(self, features: Any) -> dict[str, float]:
        found: dict[str, float] = self.model.detect_language(features)[1]
        return found

    def decode(self, features: Sequence[Any], language: str, beam_size: int) -> list[Decoded]:
        beams = {"beam_size": beam_size} if beam_size > 1 else {}
        return self._decoded(features, language, 0.0, **beams)

    def sample(self, features: Any, language: str, temperature: float, seed: int) -> Decoded:
        import torch

        devices = [self.model.device] if self.model.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            return self._decoded([features], language, temperature)[0]

    def align(
        self,
        features: Sequence[Any],
        texts: Sequence[Sequence[int]],
        frames: Sequence[int],
        language: str,
    ) -> list[Alignment]:
        tokenizer = self.tokenizer(language)
        before = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        rows = [[*before, *text, tokenizer.eot] for text in texts]
        attention, logits = self._attention(features, rows, tokenizer.eot)
        first = len(before) - 1
        costs, probabilities = [], []
        for row, length, one, logit in zip(rows, frames, attention, logits, strict=True):
            # subtle: no further than the row: means are taken over its tokens
            costs.append(cost_matrix(one[:, : len(row)], length // 2, first))
            probabilities.append(_probabilities(logit, row, first, tokenizer.eot))
        return alignments(costs, probabilities)

    def _decoded(
        self, features: Sequence[Any], language: str, temperature: float, **more: Any
    ) -> list[Decoded]:
        import torch
        from whisper import DecodingOptions

        from pipeline.stages.transcribe_audio import beams

        # Without timestamps: with them, whisper sometimes ends at a pause inside the window and
        # expects to be called again from there. 40 clips of LJ Speech: 4.5 against 3.1% of words
        # wrong (tiny.en), 4.8 against 2.6% (base).
        options = DecodingOptions(
            language=language,
            without_timestamps=True,
            temperature=temperature,
            suppress_tokens=never(self.tokenizer(language)),
            fp16=is_half(self.model),
            prompt=self._prompt or None,
            **more,
        )
        stacked = torch.stack([each.to(self.model.device) for each in features])
        # subtle: CTranslate2's are float16 also where torch computes in float32
        stacked = stacked.half() if is_half(self.model) else stacked.float()
        with onednn(), laid_out(self.model):
            return [_decoded(one) for one in beams.decode(self.model, stacked, options)]

    def _attention(
        self, features: Sequence[Any], rows: Sequence[Sequence[int]], pad: int
    ) -> tuple[list[Any], Any]:
        """Return ((heads, tokens, 1500) of each window, logits) of all windows in one pass.

        Shorter rows are filled up behind their end, which what is before it does not see.
        """
        import torch
        from whisper.model import disable_sdpa

        width = max(map(len, rows))
        padded = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows])
        heads = self.model.alignment_heads.indices().T.tolist()
        kept: dict[int, Any] = {}
        blocks = self.model.decoder.blocks
        hooks = [
            blocks[layer].cross_attn.register_forward_hook(
                lambda _, __, out, layer=layer: kept.__setitem__(layer, out[1])
            )
            for layer in {layer for layer, _ in heads}
        ]
        try:
            with torch.no_grad(), disable_sdpa(), onednn():
                stacked = torch.stack(list(features)).to(self.model.device)
                logits = self.model.decoder(padded.to(self.model.device), stacked)
        finally:
            for hook in hooks:
                hook.remove()
        of_heads = torch.stack([kept[layer][:, head] for layer, head in heads], dim=1)
        return list(of_heads), logits


def encoded(encoder: Any, mels: Any) -> Any:
    """Return the features of spectrograms, (windows, 1500, states), computed in the type of the
    encoder's weights: float16 of float16, else float32."""
    import torch

    kind = encoder.conv1.weight.dtype
    with torch.no_grad(), onednn():
        features = encoder(mels.to(kind))
    return features.float() if kind == torch.bfloat16 else features


def _decoded(result: Any) -> Decoded:
    return Decoded(
        result.text,
        tuple(result.tokens),
        result.avg_logprob,
        result.no_speech_prob,
        result.compression_ratio,
        result.temperature,
    )


def _probabilities(logits: Any, row: Sequence[int], first: int, end: int) -> list[float]:
    """Return how probable each text token is after those before it, among text tokens."""
    import torch

    text = torch.tensor(row[first + 1 : -1], device=logits.device)
    each = logits[first : len(row) - 2, :end].float().softmax(dim=-1)
    found: list[float] = each.gather(1, text[:, None])[:, 0].tolist()
    return found
