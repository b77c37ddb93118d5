"""A clip heard by whisper once more, by itself: how well a text fits its sound, or what it hears.

In:  samples at 24 kHz, texts. Out: the log probability of each token of a text, or a text.
Scoring a given text needs one pass and no search. The encoder gets no more than the clip and 2 s of
silence instead of whisper's 30 s (whisper.cpp calls that audio_ctx): a third of the time, and texts
compare the same. What the decoder looks up in the sound is made once a clip, whatever is asked.
Left out: what follows from it (fitting.py, versions.py).
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples
from pipeline.models import is_half, load_whisper, onednn, opening, whisper_label

WHISPER_HZ = 16_000
HOP = 160  # samples a mel frame
SILENCE_FRAMES = 200  # 2 s of silence after the clip: without any, the end of the text is unsure
MOST_FRAMES = 3000  # whisper's 30 s
BATCH = 8  # clips decoded at a time

Features = list[tuple[Any, Any]]  # keys and values of each layer, (1, frames, states)


@dataclass
class Listener:
    """A whisper that is loaded when it is first asked."""

    name: str
    device: str = "cpu"
    prompt: str = ""  # taken as said before
    _model: list[Any] = field(default_factory=list)

    @property
    def label(self) -> str:
        return whisper_label(self.name)

    def features(self, samples: Samples) -> Features:
        """Return what the decoder attends to in a clip."""
        import torch

        model = self._loaded()
        mel = _mel(samples, model)
        frames = min(MOST_FRAMES, (len(samples) * WHISPER_HZ // OUTPUT_HZ // HOP) + SILENCE_FRAMES)
        with torch.inference_mode(), onednn():
            hidden = _encoded(model.encoder, mel[None, :, : frames // 2 * 2])
            looked_at = [block.cross_attn for block in model.decoder.blocks]
            return [(each.key(hidden), each.value(hidden)) for each in looked_at]

    @property
    def is_multilingual(self) -> bool:
        return bool(self._loaded().is_multilingual)

    def languages(self, features: Features, frames: slice | None = None) -> dict[str, float]:
        """Return code -> probability, of a part of the clip (frames of 20 ms), or of all of it.

        An English model knows no other: {"en": 1.0}.
        """
        import torch

        model = self._loaded()
        if not model.is_multilingual:
            return {"en": 1.0}
        tokenizer = self._tokenizer("en")
        start = torch.tensor([[tokenizer.sot]], device=model.device)
        part = features
        if frames:
            part = [(_part(keys, frames), _part(values, frames)) for keys, values in features]
        with torch.inference_mode(), onednn():
            logits = _decoded(model.decoder, start, part).float()[0, 0]
        chances = logits[list(tokenizer.all_language_tokens)].softmax(dim=-1).tolist()
        return dict(zip(tokenizer.all_language_codes, chances, strict=True))

    def fits(self, features: Features, texts: Sequence[str], language: str) -> list[list[float]]:
        """Return the log probability of each token of each text, the last one for its end."""
        rows, tokens, logits = self._read(features, texts, language)
        own = logits.gather(2, tokens[..., None])[..., 0] - logits.logsumexp(-1)
        return [row[: len(kept)] for row, kept in zip(own.tolist(), rows, strict=True)]

    def doubt(self, features: Features, text: str, language: str) -> float:
        """Return by how many nats another token than the text's is likelier, where it is most so.

        The same one written large or small is no other.
        """
        tokenizer = self._tokenizer(language)
        (row,), tokens, logits = self._read(features, [text], language)
        ahead = logits[0].max(-1).values - logits[0].gather(1, tokens[0, :, None])[:, 0]
        likeliest = logits[0].argmax(-1).tolist()
        pairs = zip(ahead.tolist(), likeliest, row, strict=True)
        return max(
            (
                nats
                for nats, other, own in pairs
                if tokenizer.decode([other]).lower() != tokenizer.decode([own]).lower()
            ),
            default=0.0,
        )

    def _read(
        self, features: Features, texts: Sequence[str], language: str
    ) -> tuple[list[list[int]], Any, Any]:
        """Return the tokens of texts, the same as a tensor (texts, tokens), filled up with the end,
        and the logits (texts, tokens, vocabulary) at their places."""
        import torch

        model, tokenizer = self._loaded(), self._tokenizer(language)
        before = opening(tokenizer, self.prompt)
        rows = [[*tokenizer.encode(" " + text.strip()), tokenizer.eot] for text in texts]
        most = model.dims.n_text_ctx - len(before)
        rows = [row[: most + 1] for row in rows]
        length = max(map(len, rows))
        padded = [[*before, *row, *[tokenizer.eot] * (length - len(row))] for row in rows]
        tokens = torch.tensor(padded, device=model.device)
        with torch.inference_mode(), onednn():
            logits = _decoded(model.decoder, tokens[:, :-1], features)[:, len(before) - 1 :].float()
        return rows, tokens[:, len(before) :], logits

    def texts(self, clips: Iterable[Samples], language: str) -> list[tuple[str, float]]:
        """Return (what is heard, its mean log probability) of each clip, greedily.

        No more than BATCH clips are drawn, and held in memory, at a time.
        """
        import torch
        import whisper

        model = self._loaded()
        options = whisper.DecodingOptions(
            language=language if model.is_multilingual else "en",
            without_timestamps=True,
            fp16=is_half(model),
            prompt=self.prompt or None,
        )
        heard: list[tuple[str, float]] = []
        waiting = iter(clips)
        while mels := [_mel(clip, model) for clip in itertools.islice(waiting, BATCH)]:
            results = whisper.decode(model, torch.stack(mels), options)
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

    heard = audio.resample(samples, OUTPUT_HZ, WHISPER_HZ)
    mel = log_mel_spectrogram(pad_or_trim(heard), model.dims.n_mels).to(model.device)
    return mel.half() if is_half(model) else mel


def _encoded(encoder: Any, mel: Any) -> Any:
    """Return whisper's encoder on fewer than 3000 frames: its forward() insists on all."""
    from torch.nn.functional import gelu

    hidden = gelu(encoder.conv2(gelu(encoder.conv1(mel)))).permute(0, 2, 1)
    hidden = (hidden + encoder.positional_embedding[: hidden.shape[1]]).to(hidden.dtype)
    for block in encoder.blocks:
        hidden = block(hidden)
    return encoder.ln_post(hidden)


def _part(encoded: Any, frames: slice) -> Any:
    """Return some frames of a clip, and the silence behind it: the decoder looks there, too, and
    without it takes every second English sentence for another language."""
    import torch

    silence = max(frames.stop, encoded.shape[1] - SILENCE_FRAMES // 2)
    return torch.cat([encoded[:, frames], encoded[:, silence:]], dim=1)


def _decoded(decoder: Any, tokens: Any, features: Features) -> Any:
    """Return whisper's decoder on rows of tokens (rows, tokens) as logits: its forward() would make
    keys and values anew, and for each row."""
    hidden = decoder.token_embedding(tokens) + decoder.positional_embedding[: tokens.shape[1]]
    hidden = hidden.to(features[0][0].dtype)
    for block, (keys, values) in zip(decoder.blocks, features, strict=True):
        many = (len(tokens), -1, -1)
        known = {
            block.cross_attn.key: keys.expand(many),
            block.cross_attn.value: values.expand(many),
        }
        hidden = block(hidden, hidden, mask=decoder.mask, kv_cache=known)
    return decoder.ln(hidden) @ decoder.token_embedding.weight.to(hidden.dtype).T
