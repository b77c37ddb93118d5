"""What is said in a recording: words with times and confidence.

In:  isolate_speakers' audio (before enhancement: noise reduction makes words worse) and its spans.
Out: transcript.json: sentences with their words, on the recording's time line.
Left out: exact edges and what is good enough for a clip: that is segment_audio's.

Speech spans are packed into windows (`windows.py`), decoded in batches with whisper's own fallback
(`decode.py`), and aligned in batches (`alignment.py`, `words.py`), by one of two engines that run
the same weights (`openai_engine.py`, `ct2_engine.py`). A window that whisper loops in at every
temperature is decoded again span by span, and speech that it left out of a window by itself
(`spoken.py`); what still loops stays, its compression ratio says so.
"""

import importlib.util
from pathlib import Path
from typing import Any

from pipeline import audio
from pipeline.item import Facts, Item, Result, Unusable, write_json
from pipeline.models import (
    WHISPER_NAMES,
    MissingWeights,
    check_prompt,
    has_bfloat16,
    in_bfloat16,
    load_ctranslate2,
    load_whisper,
    resolve_engine,
    resolve_whisper,
    whisper_digest,
    whisper_gb,
    whisper_label,
)
from pipeline.stages.transcribe_audio.ct2_engine import CTranslate2Whisper
from pipeline.stages.transcribe_audio.engine import Engine
from pipeline.stages.transcribe_audio.languages import LANGUAGES
from pipeline.stages.transcribe_audio.openai_engine import OpenAiWhisper
from pipeline.stages.transcribe_audio.recording import Models, transcribe
from pipeline.stages.transcribe_audio.settings import Params
from pipeline.stages.transcribe_audio.windows import MODEL_S, Span

Transcript = dict[str, Any]

VERSION = 6
AGREE = "transcribe_audio.agree"
READS: tuple[str, ...] = ("isolate_speakers", AGREE)
ON_GPU = True

__all__ = ["READS", "VERSION", "Models", "Params", "check", "load", "process", "weights"]

INSTALL_CTRANSLATE2 = (
    "pip install 'kokoro-dataset-pipeline[faster-whisper]', or --asr-engine openai-whisper"
)


def weights(params: Params) -> dict[str, str]:
    """Return name -> sha256 of the weights, fetched first if they are not there."""
    name = params.whisper_model
    return {whisper_label(name): whisper_digest(name)}


def memory_gb(params: Params) -> float:
    """Return what a worker takes at most, GB."""
    return whisper_gb(params.whisper_model)


def load(params: Params, device: str) -> Models:
    """Return the model; Unusable when its weights cannot be had or do not know the language."""
    try:
        check(params)
        name = resolve_whisper(params.whisper_model, device)
        engine = _engine(resolve_engine(params.asr_engine), name, device, params.initial_prompt)
    except (ValueError, OSError, MissingWeights) as err:
        raise Unusable(str(err)) from err
    except ImportError as err:
        raise Unusable(f"--asr-engine faster-whisper: {err}; {INSTALL_CTRANSLATE2}") from err
    except RuntimeError as err:  # subtle: a full GPU, too; executors look at what it came from
        said = str(err).partition("\n")[0]
        raise Unusable(f"whisper cannot compute on {device}: {said}; use --device cpu") from err
    if not engine.is_multilingual and params.language not in ("auto", "en"):
        raise Unusable(f"{name} knows English only, not {params.language}; use base or larger")
    return Models(engine, whisper_label(name))


def _engine(engine: str, name: str, device: str, prompt: str) -> Engine:
    import torch

    is_bfloat16 = device == "cpu" and has_bfloat16()

    def whisper() -> OpenAiWhisper:
        model = load_whisper(name, device)
        if is_bfloat16:
            in_bfloat16(model.encoder)
        return OpenAiWhisper(model, prompt)

    if engine == OpenAiWhisper.name:
        return whisper()
    model = load_ctranslate2(name, device, torch.get_num_threads())
    encoder = whisper().model.encoder if is_bfloat16 else None
    return CTranslate2Whisper(model, device, whisper, encoder, prompt)


def check(params: Params) -> None:
    """Raise ValueError for what cannot be transcribed with, before the hours until it is needed."""
    language, model = params.language, params.whisper_model
    if language not in ("auto", *LANGUAGES):
        if code := _code_of(language):
            raise ValueError(f"--language {language}: give its code, {code}")
        known = ", ".join(sorted(LANGUAGES))
        raise ValueError(f"--language {language}: whisper knows {known}")
    if model in WHISPER_NAMES and model.endswith(".en") and language not in ("auto", "en"):
        raise ValueError(f"--whisper-model {model} knows English only, not {language}; use base")
    check_prompt(params.initial_prompt)
    longest, shortest = MODEL_S, 5 + params.window_pause_s
    if not shortest <= params.window_s <= longest:
        raise ValueError(
            f"--window-s {params.window_s}: from {shortest:g} s (5 s and --window-pause-s) to "
            f"{longest:g} s"
        )
    if params.asr_engine == "faster-whisper" and importlib.util.find_spec("ctranslate2") is None:
        raise ValueError(f"--asr-engine faster-whisper: it is not installed; {INSTALL_CTRANSLATE2}")


def _code_of(name: str) -> str:
    """Return the code of a language by its English name; "" of what whisper does not know."""
    from whisper.tokenizer import TO_LANGUAGE_CODE

    return str(TO_LANGUAGE_CODE.get(name.lower(), ""))


def process(item: Item, out: Path, params: Params, models: Models) -> Result:
    """Write transcript.json of one recording; no speech makes no segments, and is no failure."""
    path = item.path("isolate_speakers", "audio.flac")
    spans = _spans(item, audio.info(path).duration_s)
    transcript = transcribe(path, item.name, spans, params, models, _job(item))
    write_json(out / "transcript.json", transcript)
    return Result("transcript.json", _facts(transcript, spans))


def _spans(item: Item, duration_s: float) -> list[Span]:
    """Return the target's spans; ends that rounding put behind the recording's are put back."""
    spans = item.load_json("isolate_speakers", "spans.json")["target"]
    return [(start, min(end, duration_s)) for start, end, *_ in spans if start < duration_s]


def _job(item: Item) -> tuple[str, float]:
    """Return the job's language and how probable it is; "" if it is not known: a file by itself."""
    facts = item.facts.get(AGREE, {})
    return str(facts.get("language") or ""), float(facts.get("probability") or 0.0)


def _facts(transcript: Transcript, spans: list[Span]) -> Facts:
    segments = transcript["segments"]
    weights = [len(segment["words"]) for segment in segments]
    logprobs = [segment["avg_logprob"] * n for segment, n in zip(segments, weights, strict=True)]
    return {
        "language": transcript["language"],
        "language_probability": transcript["language_probability"],
        "words": sum(weights),
        "segments": len(segments),
        "speech_s": round(sum(end - start for start, end in spans), 3),
        "avg_logprob": round(sum(logprobs) / sum(weights), 4) if segments else 0.0,
        "model": transcript["model"],
    }
