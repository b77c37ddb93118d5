"""What whisper knows by itself: when each true word is spoken, and texts of whole files.

The times of the true words come from whisper's own alignment of the true text to the clean
utterance. Its starts are some 0.1 s wrong; a clip is cut in pauses, so the middle of a word says
on which side of a cut it is. Beside a pause it may be a word off, so the words are shared out anew
there: the way under which the clean sound before the cut and that after it are likeliest.
Peer: openai-whisper's transcribe(), greedy, nothing else changed.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio, models
from pipeline.audio import OUTPUT_HZ
from pipeline.stages.segment_audio.listening import Listener

from .corpus import Utterance
from .mixing import Mix, Said
from .sounds import Samples

WHISPER_HZ = 16_000
INSTANT_S = 0.01
BEFORE, AFTER = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、;"  # marks of a word: whisper's, and ;


@dataclass(frozen=True)
class TrueWord:
    """A word of the true text, with its time in the mix."""

    text: str
    start_s: float
    end_s: float
    speaker: str

    @property
    def middle_s(self) -> float:
        return (self.start_s + self.end_s) / 2

    def until(self, at_s: float) -> "TrueWord":
        """Return the word, over before a moment."""
        start_s = min(self.start_s, at_s - INSTANT_S)
        return replace(self, start_s=start_s, end_s=min(self.end_s, at_s))

    def since(self, at_s: float) -> "TrueWord":
        """Return the word, begun no earlier than at a moment."""
        return replace(self, start_s=max(self.start_s, at_s), end_s=max(self.end_s, at_s))


class Whisper:
    """One whisper, and what was asked of it before."""

    def __init__(self, name: str, device: str = "cpu", language: str = "en") -> None:
        self.model = models.load_whisper(models.resolve_whisper(name, device), device)
        self.language = language
        self._listener = Listener(name, device, _model=[self.model])
        self._aligned: dict[Path, list[tuple[str, float, float]]] = {}

    def words(self, mix: Mix, cuts: Iterable[float] = ()) -> list[TrueWord]:
        """Return the true words of a mix in the order of time; of a word cut in two, half.

        Beside a cut a word's middle is on the side on which it is heard.
        """
        found: list[TrueWord] = []
        for said in mix.said:
            if said.utterance.text:
                words = [
                    word for word in self._of(said) if said.start_s <= word.middle_s < said.end_s
                ]
                for at_s in sorted(set(cuts)):
                    words = self._shared_out(said, words, at_s)
                found += words
        return sorted(found, key=lambda word: word.start_s)

    def _shared_out(self, said: Said, words: list[TrueWord], at_s: float) -> list[TrueWord]:
        """Return the words of an utterance, the two beside a cut on the side that fits them."""
        begin_s = said.skipped_s * said.tempo
        lasts_s = (said.end_s - said.start_s) * said.tempo
        samples = audio.read_at(said.utterance.path, OUTPUT_HZ, begin_s, begin_s + lasts_s)
        cut = round((at_s - said.start_s) * said.tempo * OUTPUT_HZ)
        if not 0 < cut < len(samples):
            return words
        heard = [self._listener.features(part) for part in (samples[:cut], samples[cut:])]

        def likely(count: int) -> float:
            texts = ["".join(w.text for w in side) for side in (words[:count], words[count:])]
            return sum(
                sum(self._listener.fits(features, [text], self.language)[0])
                for features, text in zip(heard, texts, strict=True)
                if text
            )

        before = sum(word.middle_s < at_s for word in words)
        counts = [n for n in (before, before - 1, before + 1) if 0 <= n <= len(words)]
        count = max(counts, key=likely)
        return [word.until(at_s) for word in words[:count]] + [
            word.since(at_s) for word in words[count:]
        ]

    def _of(self, said: Said) -> list[TrueWord]:
        begin_s = said.start_s - said.skipped_s
        return [
            TrueWord(
                text,
                begin_s + start_s / said.tempo,
                min(said.end_s, begin_s + end_s / said.tempo),
                said.utterance.speaker,
            )
            for text, start_s, end_s in self._align(said.utterance)
        ]

    def _align(self, utterance: Utterance) -> list[tuple[str, float, float]]:
        if utterance.path not in self._aligned:
            self._aligned[utterance.path] = self._find(utterance)
        return self._aligned[utterance.path]

    def _find(self, utterance: Utterance) -> list[tuple[str, float, float]]:
        from whisper.audio import log_mel_spectrogram, pad_or_trim
        from whisper.timing import find_alignment, merge_punctuations

        samples = audio.read_at(utterance.path, WHISPER_HZ)
        mel = log_mel_spectrogram(pad_or_trim(samples), self.model.dims.n_mels)
        tokenizer = self._tokenizer()
        tokens = tokenizer.encode(" " + utterance.text)
        timings = find_alignment(
            self.model, tokenizer, tokens, mel.to(self.model.device), len(samples) // 160
        )
        merge_punctuations(timings, BEFORE, AFTER)
        return [(w.word, float(w.start), float(w.end)) for w in timings if w.word.strip()]

    def transcribe(self, path: Path) -> str:
        """Return the text of a whole file, by openai-whisper alone."""
        result = self.model.transcribe(
            audio.read_at(path, WHISPER_HZ),
            language=self.language,
            fp16=self.model.device.type == "cuda",
            condition_on_previous_text=False,
        )
        return str(result["text"])

    def hear(self, clips: Iterable[Samples], batch: int = 8) -> list[str]:
        """Return the text of each clip of samples at WHISPER_HZ, greedy, one decode each."""
        import torch
        import whisper

        options = whisper.DecodingOptions(
            language=self.language,
            without_timestamps=True,
            fp16=self.model.device.type == "cuda",
        )
        texts: list[str] = []
        waiting = iter(clips)
        while mels := [self._mel(clip) for clip in itertools.islice(waiting, batch)]:
            results = whisper.decode(self.model, torch.stack(mels), options)
            texts += [result.text for result in results]
        return texts

    def _mel(self, clip: Samples) -> Any:
        from whisper.audio import log_mel_spectrogram, pad_or_trim

        samples = pad_or_trim(clip.astype(np.float32))
        return log_mel_spectrogram(samples, self.model.dims.n_mels).to(self.model.device)

    def _tokenizer(self) -> Any:
        from whisper.tokenizer import get_tokenizer

        return get_tokenizer(
            self.model.is_multilingual,
            num_languages=self.model.num_languages,
            language=self.language,
            task="transcribe",
        )
