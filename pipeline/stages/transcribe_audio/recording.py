"""One recording through whisper: windows read in groups, language, text, words, segments.

In:  a sound file and its speech spans.
Out: the transcript as plain data, the same whatever the batch size (but for rounding inside torch).
Left out: files written, facts.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline import audio
from pipeline.stages.transcribe_audio import decode
from pipeline.stages.transcribe_audio.decode import Heard, Rules
from pipeline.stages.transcribe_audio.windows import Span, Window, pack
from pipeline.stages.transcribe_audio.words import Word, sentences, timed_words

RATE_HZ = 16_000  # whisper's
GROUP_WINDOWS = 32  # held at a time: 60 MB of samples, and encoded 100 MB (base) to 250 MB (large)
LANGUAGE_WINDOWS = 4  # heard to find out the language, spread over the recording
FRAME_S = 0.05  # a cut inside speech falls into the quietest 50 ms


class Settings(Protocol):
    """What is used of the stage's Params; see there."""

    @property
    def language(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def beam_size(self) -> int: ...
    @property
    def transcribe_batch(self) -> int: ...
    @property
    def window_s(self) -> float: ...
    @property
    def window_pause_s(self) -> float: ...
    @property
    def fallback_compression_ratio(self) -> float: ...
    @property
    def fallback_logprob(self) -> float: ...
    @property
    def silence_no_speech(self) -> float: ...


class Loaded(Protocol):
    """The stage's Models; see there."""

    @property
    def whisper(self) -> Any: ...
    @property
    def name(self) -> str: ...


def transcribe(
    path: Path, name: str, spans: Sequence[Span], settings: Settings, models: Loaded
) -> dict[str, Any]:
    """Return the transcript of the speech in `spans`; `name` seeds what chance has a part in."""
    model = models.whisper
    windows = _windows(path, spans, settings)
    encoded = _sample(path, windows, model, settings.transcribe_batch)
    language, probability = _language(model, list(encoded.values()), settings.language)
    rules = _rules(language, settings)
    segments: list[dict[str, Any]] = []
    for at in range(0, len(windows), GROUP_WINDOWS):
        group = windows[at : at + GROUP_WINDOWS]
        known = [encoded.pop(i, None) for i in range(at, at + len(group))]
        for window, heard in _heard(path, name, group, known, model, rules):
            segments += _segments(window, heard, model, language)
    return {
        "language": language,
        "language_probability": round(probability, 4),
        "model": models.name,
        "segments": segments,
    }


def _windows(path: Path, spans: Sequence[Span], settings: Settings) -> list[Window]:
    def quietest(start_s: float, end_s: float) -> float:
        samples, rate_hz = audio.read(path, start_s, end_s)
        levels = audio.frame_levels_db(samples, rate_hz, FRAME_S)
        return start_s + (int(np.argmin(levels)) + 0.5) * FRAME_S

    duration_s = audio.info(path).duration_s
    return pack(spans, duration_s, settings.window_s, settings.window_pause_s, quietest)


def _rules(language: str, settings: Settings) -> Rules:
    return Rules(
        language=language,
        beam_size=settings.beam_size,
        compression_ratio=settings.fallback_compression_ratio,
        logprob=settings.fallback_logprob,
        no_speech=settings.silence_no_speech,
        seed=settings.seed,
        batch=settings.transcribe_batch,
    )


def _mel(path: Path, window: Window, model: Any) -> Any:
    """Return whisper's spectrogram of a window, float32 (mels, 3000), silence after its end."""
    from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim

    samples = np.concatenate(
        [audio.read_at(path, RATE_HZ, part.start_s, part.end_s) for part in window.excerpts]
    )
    return log_mel_spectrogram(pad_or_trim(samples, N_SAMPLES), model.dims.n_mels)


def _encoded(path: Path, windows: Sequence[Window], model: Any, batch: int) -> list[Any]:
    return decode.encode(model, [_mel(path, window, model) for window in windows], batch)


def _sample(path: Path, windows: Sequence[Window], model: Any, batch: int) -> dict[int, Any]:
    """Return window index -> encoder's output of a few windows, spread over the recording."""
    count = min(LANGUAGE_WINDOWS, len(windows))
    chosen = [i * len(windows) // count for i in range(count)]
    features = _encoded(path, [windows[i] for i in chosen], model, batch)
    return dict(zip(chosen, features, strict=True))


def _language(model: Any, features: Sequence[Any], language: str) -> tuple[str, float]:
    """Return (language, probability): as set, else the most probable over all given windows."""
    if language != "auto":
        return language, 1.0
    if not model.is_multilingual or not features:
        return "en", 1.0 if features else 0.0
    each = [model.detect_language(feature)[1] for feature in features]
    means = {code: sum(one[code] for one in each) / len(each) for code in each[0]}
    best = max(means, key=lambda code: means[code])
    return best, means[best]


def _heard(
    path: Path, name: str, windows: Sequence[Window], known: Sequence[Any], model: Any, rules: Rules
) -> Iterator[tuple[Window, Heard]]:
    """Yield each window and what whisper made of it; in smaller windows where it loops."""
    missing = [window for window, feature in zip(windows, known, strict=True) if feature is None]
    fresh = iter(_encoded(path, missing, model, rules.batch))
    features = [next(fresh) if feature is None else feature for feature in known]
    for window, heard in zip(windows, _decoded(name, windows, features, model, rules), strict=True):
        if len(window.spans) > 1 and decode.loops(heard.result, rules):
            parts = window.alone()
            alone = _encoded(path, parts, model, rules.batch)
            yield from zip(parts, _decoded(name, parts, alone, model, rules), strict=True)
        else:
            yield window, heard


def _decoded(
    name: str, windows: Sequence[Window], features: Sequence[Any], model: Any, rules: Rules
) -> list[Heard]:
    """Return what is said in each window; decoded in order of length, so that batches are even."""
    order = sorted(range(len(windows)), key=lambda i: windows[i].duration_s)
    keys = [f"{name} {windows[i].excerpts[0].start_s:.3f}" for i in order]
    heard = decode.decode(model, [features[i] for i in order], keys, rules)
    return [one for _, one in sorted(zip(order, heard, strict=True), key=lambda pair: pair[0])]


def _segments(window: Window, heard: Heard, model: Any, language: str) -> list[dict[str, Any]]:
    """Return the window's sentences, each with the confidence of the whole window."""
    from whisper.tokenizer import get_tokenizer

    tokenizer = get_tokenizer(
        model.is_multilingual, num_languages=model.num_languages, language=language
    )
    words = timed_words(model, tokenizer, heard.tokens, heard.features, window)
    return [_segment(sentence, heard.result) for sentence in sentences(words)]


def _segment(words: Sequence[Word], result: Any) -> dict[str, Any]:
    has_no_speech = result.no_speech_prob == result.no_speech_prob  # nan: the model has no token
    return {
        "start_s": round(words[0].start_s, 3),
        "end_s": round(words[-1].end_s, 3),
        "text": "".join(word.word for word in words).strip(),
        "avg_logprob": round(result.avg_logprob, 4),
        "no_speech_prob": round(result.no_speech_prob, 4) if has_no_speech else 0.0,
        "compression_ratio": round(result.compression_ratio, 4),
        "temperature": result.temperature,
        "words": [word.as_json() for word in words],
    }
