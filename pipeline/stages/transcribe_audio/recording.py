"""One recording through whisper: windows read in groups, language, text, words, segments.

In:  a sound file and its speech spans.
Out: the transcript as plain data, the same whatever the batch size (but for rounding inside torch).
Left out: files written, facts.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline import audio
from pipeline.stages.transcribe_audio import decode
from pipeline.stages.transcribe_audio.decode import Heard, Rules
from pipeline.stages.transcribe_audio.engine import Alignment, Decoded, Engine
from pipeline.stages.transcribe_audio.windows import Span, Window, pack
from pipeline.stages.transcribe_audio.words import Word, sentences, timed_words

RATE_HZ = 16_000  # whisper's
GROUP_WINDOWS = 32  # held at a time: 60 MB of samples, and encoded 100 MB (base) to 250 MB (large)
LANGUAGE_WINDOWS = 4  # heard to find out the language, spread over the recording
OWN_LANGUAGE_S = 10.0  # of speech: less is no proof of another language than the job's
OWN_LANGUAGE = 0.8  # Emilia's: more probable is sure
FRAMES_PER_S = 100  # of a spectrogram
TINY = 1e-10  # the least probability; the logarithm of 0 is -inf
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
    def engine(self) -> Engine: ...
    @property
    def name(self) -> str: ...


def transcribe(
    path: Path,
    name: str,
    spans: Sequence[Span],
    settings: Settings,
    models: Loaded,
    job: tuple[str, float] = ("", 0.0),
) -> dict[str, Any]:
    """Return the transcript of the speech in `spans`; `name` seeds what chance has a part in.

    `job`: the language of the job, and how probable it is.
    """
    engine = models.engine
    windows = _windows(path, spans, settings)
    encoded = _sample(path, windows, engine, settings.transcribe_batch)
    language, probability = _heard_language(engine, list(encoded.values()), settings.language)
    if settings.language == "auto" and job[0]:
        speech_s = sum(end_s - start_s for start_s, end_s in spans)
        language, probability = beside_job(language, probability, speech_s, job)
    rules = _rules(language, settings)
    segments: list[dict[str, Any]] = []
    for at in range(0, len(windows), GROUP_WINDOWS):
        group = windows[at : at + GROUP_WINDOWS]
        known = [encoded.pop(i, None) for i in range(at, at + len(group))]
        segments += _segments(_heard(path, name, group, known, engine, rules), engine, rules)
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


def _mel(path: Path, window: Window, engine: Engine) -> Any:
    """Return whisper's spectrogram of a window, float32 (mels, 3000), silence after its end."""
    parts = [audio.read_at(path, RATE_HZ, part.start_s, part.end_s) for part in window.excerpts]
    return engine.spectrogram(np.concatenate(parts))


def _encoded(path: Path, windows: Sequence[Window], engine: Engine, batch: int) -> list[Any]:
    return decode.encode(engine, [_mel(path, window, engine) for window in windows], batch)


def _sample(path: Path, windows: Sequence[Window], engine: Engine, batch: int) -> dict[int, Any]:
    """Return window index -> encoder's output of a few windows, spread over the recording."""
    count = min(LANGUAGE_WINDOWS, len(windows))
    chosen = [i * len(windows) // count for i in range(count)]
    features = _encoded(path, [windows[i] for i in chosen], engine, batch)
    return dict(zip(chosen, features, strict=True))


def _heard_language(engine: Engine, features: Sequence[Any], language: str) -> tuple[str, float]:
    """Return (language, probability): as set, else the most probable over all given windows."""
    if language != "auto":
        return language, 1.0
    if not engine.is_multilingual or not features:
        return "en", 1.0 if features else 0.0
    each = [engine.languages(feature) for feature in features]
    means = {code: sum(one[code] for one in each) / len(each) for code in each[0]}
    best = max(means, key=lambda code: means[code])
    return best, means[best]


def beside_job(
    heard: str, probability: float, speech_s: float, job: tuple[str, float]
) -> tuple[str, float]:
    """Return a recording's language beside its job's: its own only where it is long and sure.

    Short ones sound like anything: whether they are foreign is for segment_audio to tell, by which
    language's text is likelier.

    >>> beside_job("pt", 0.9, 1.6, ("es", 0.97)), beside_job("en", 0.95, 60.0, ("es", 0.97))
    (('es', 0.97), ('en', 0.95))
    """
    language, of_job = job
    if heard == language:
        return language, max(probability, of_job)
    if speech_s >= OWN_LANGUAGE_S and probability >= OWN_LANGUAGE:
        return heard, probability
    return language, of_job


def _heard(
    path: Path,
    name: str,
    windows: Sequence[Window],
    known: Sequence[Any],
    engine: Engine,
    rules: Rules,
) -> list[tuple[Window, Heard]]:
    """Return each window and what whisper made of it; in smaller windows where it loops."""
    missing = [window for window, feature in zip(windows, known, strict=True) if feature is None]
    fresh = iter(_encoded(path, missing, engine, rules.batch))
    features = [next(fresh) if feature is None else feature for feature in known]
    found: list[tuple[Window, Heard]] = []
    heard = _decoded(name, windows, features, engine, rules)
    for window, one in zip(windows, heard, strict=True):
        if len(window.spans) > 1 and decode.loops(one.result, rules):
            parts = window.alone()
            alone = _encoded(path, parts, engine, rules.batch)
            found += zip(parts, _decoded(name, parts, alone, engine, rules), strict=True)
        else:
            found.append((window, one))
    return found


def _decoded(
    name: str, windows: Sequence[Window], features: Sequence[Any], engine: Engine, rules: Rules
) -> list[Heard]:
    """Return what is said in each window; decoded in order of length, so that batches are even."""
    order = sorted(range(len(windows)), key=lambda i: windows[i].duration_s)
    keys = [f"{name} {windows[i].excerpts[0].start_s:.3f}" for i in order]
    heard = decode.decode(engine, [features[i] for i in order], keys, rules)
    return [one for _, one in sorted(zip(order, heard, strict=True), key=lambda pair: pair[0])]


def _segments(
    group: Sequence[tuple[Window, Heard]], engine: Engine, rules: Rules
) -> list[dict[str, Any]]:
    """Return the sentences of windows, each with the confidence of its whole window."""
    tokenizer = engine.tokenizer(rules.language)
    frames = [max(2, round(window.duration_s * FRAMES_PER_S)) for window, _ in group]
    aligned = decode.align(engine, [heard for _, heard in group], frames, rules)
    segments = []
    for (window, heard), alignment in zip(group, aligned, strict=True):
        if alignment is not None:
            words = timed_words(tokenizer, heard.tokens, alignment, window)
            confidence = _confidence(heard.result, alignment)
            segments += [_segment(sentence, confidence) for sentence in sentences(words)]
    return segments


def _confidence(result: Decoded, alignment: Alignment) -> dict[str, float]:
    """Return what is kept of a window's decode.

    subtle: the probability is the alignment's. That of decode() differs in the seventh digit by how
    many threads torch has, and so could the dataset by the number of workers.
    """
    has_no_speech = result.no_speech_prob == result.no_speech_prob  # nan: the model has no token
    logprobs = np.log(np.maximum(alignment.probabilities, TINY))
    return {
        "avg_logprob": round(float(np.mean(logprobs)), 4),
        "no_speech_prob": round(result.no_speech_prob, 4) if has_no_speech else 0.0,
        "compression_ratio": round(result.compression_ratio, 4),
        "temperature": result.temperature,
    }


def _segment(words: Sequence[Word], confidence: Mapping[str, float]) -> dict[str, Any]:
    return {
        "start_s": round(words[0].start_s, 3),
        "end_s": round(words[-1].end_s, 3),
        "text": "".join(word.word for word in words).strip(),
        **confidence,
        "words": [word.as_json() for word in words],
    }
