"""One recording through whisper: windows read in groups, language, text, words, segments.

In:  a sound file and its speech spans.
Out: the transcript as plain data, the same whatever the batch size (but for rounding inside torch).
Left out: files written, facts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio
from pipeline.stages.transcribe_audio.decode import Rules
from pipeline.stages.transcribe_audio.engine import Alignment, Decoded, Engine
from pipeline.stages.transcribe_audio.settings import Params
from pipeline.stages.transcribe_audio.spoken import Spoken, encoded, spoken
from pipeline.stages.transcribe_audio.windows import Span, Window, pack
from pipeline.stages.transcribe_audio.words import Word, sentences

GROUP_WINDOWS = 32  # held at a time: 60 MB of samples, and encoded 100 MB (base) to 250 MB (large)
LANGUAGE_WINDOWS = 4  # heard to find out the language, spread over the recording
OWN_LANGUAGE_S = 10.0  # of speech: less is no proof of another language than the job's
OWN_LANGUAGE = 0.8  # Emilia's: more probable is sure
TINY = 1e-10  # the least probability; the logarithm of 0 is -inf
FRAME_S = 0.05  # a cut inside speech falls into the quietest 50 ms


@dataclass(frozen=True)
class Models:
    """The loaded whisper, and what to call it."""

    engine: Engine
    name: str


def transcribe(
    path: Path,
    name: str,
    spans: Sequence[Span],
    params: Params,
    models: Models,
    job: tuple[str, float] = ("", 0.0),
) -> dict[str, Any]:
    """Return the transcript of the speech in `spans`; `name` seeds what chance has a part in.

    `job`: the language of the job, and how probable it is.
    """
    engine = models.engine
    windows = _windows(path, spans, params)
    known = _sample(path, windows, engine, params.transcribe_batch)
    language, probability = _heard_language(engine, list(known.values()), params.language)
    if params.language == "auto" and job[0]:
        speech_s = sum(end_s - start_s for start_s, end_s in spans)
        language, probability = beside_job(language, probability, speech_s, job)
    rules = _rules(language, params)
    segments: list[dict[str, Any]] = []
    for at in range(0, len(windows), GROUP_WINDOWS):
        group = windows[at : at + GROUP_WINDOWS]
        features = [known.pop(i, None) for i in range(at, at + len(group))]
        segments += _segments(spoken(path, name, group, features, engine, rules))
    return {
        "language": language,
        "language_probability": round(probability, 4),
        "model": models.name,
        "segments": segments,
    }


def _windows(path: Path, spans: Sequence[Span], params: Params) -> list[Window]:
    def quietest(start_s: float, end_s: float) -> float:
        samples, rate_hz = audio.read(path, start_s, end_s)
        levels = audio.frame_levels_db(samples, rate_hz, FRAME_S)
        return start_s + (int(np.argmin(levels)) + 0.5) * FRAME_S

    duration_s = audio.info(path).duration_s
    return pack(spans, duration_s, params.window_s, params.window_pause_s, quietest)


def _rules(language: str, params: Params) -> Rules:
    return Rules(
        language=language,
        beam_size=params.beam_size,
        compression_ratio=params.fallback_compression_ratio,
        logprob=params.fallback_logprob,
        no_speech=params.silence_no_speech,
        seed=params.seed,
        batch=params.transcribe_batch,
    )


def _sample(path: Path, windows: Sequence[Window], engine: Engine, batch: int) -> dict[int, Any]:
    """Return window index -> encoder's output of a few windows, spread over the recording."""
    count = min(LANGUAGE_WINDOWS, len(windows))
    chosen = [i * len(windows) // count for i in range(count)]
    features = encoded(path, [windows[i] for i in chosen], engine, batch)
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


def _segments(found: Sequence[Spoken]) -> list[dict[str, Any]]:
    """Return the sentences of windows, each with the confidence of its whole window."""
    segments = []
    for one in found:
        if one.alignment is not None:
            confidence = _confidence(one.heard.result, one.alignment)
            segments += [_segment(sentence, confidence) for sentence in sentences(one.words)]
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
