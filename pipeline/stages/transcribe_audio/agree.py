"""Which language the job is in: heard once, over all recordings together.

In:  isolate_speakers' audio and spans of all recordings. Out: language.json.
Why: a second or two of speech does not tell its language. Of 28 Spanish prompts of 1 to 8 s by
itself each, base was sure (0.8) of Spanish in 15, and took 9 for English, Portuguese or French.
How: a few windows full of speech, spread over the job and joined from as many recordings as fill
them, are asked; the most probable language over all of them is the job's.
Left out: whether a recording is in another one (`recording.py`), or a sentence (segment_audio).
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio
from pipeline.audio import Samples, Seconds
from pipeline.item import Item, Result, write_json
from pipeline.stages import transcribe_audio as stage
from pipeline.stages.transcribe_audio.engine import Engine
from pipeline.stages.transcribe_audio.settings import Asked
from pipeline.stages.transcribe_audio.spoken import RATE_HZ
from pipeline.stages.transcribe_audio.windows import Span

VERSION = 1
READS: tuple[str, ...] = ("isolate_speakers",)
COLLECTIVE = True
STICKY = True  # recordings that join are in the language that the folder agreed on
HEARS = True  # recordings whose sound was cleaned away are made anew before
ON_GPU = True

WINDOW_S: Seconds = 28.0  # of speech: whisper hears 30 s
MOST_WINDOWS = 12  # 5.6 minutes of speech: some 6 s of one core with base, whatever the job's size
SHOWN = 5  # languages that are written down

Params = Asked


def memory_gb(params: Params) -> float:
    """Return what a worker takes at most, GB."""
    return stage.memory_gb(_as_stage(params))


def load(params: Params, device: str) -> Engine | None:
    """Return the whisper that listens; None where there is no question."""
    if params.language != "auto" or params.whisper_model.endswith(".en"):
        return None
    return stage.load(_as_stage(params), device).engine


def _as_stage(params: Params) -> stage.Params:
    return stage.Params(params.whisper_model, params.asr_engine, params.language)


def process(items: Sequence[Item], out: Path, params: Params, models: Engine | None) -> Result:
    """Write language.json: the job's language and how probable it is; "" where nobody speaks."""
    if params.language != "auto":
        heard, windows = {params.language: 1.0}, 0
    elif models is None or not models.is_multilingual:
        heard, windows = {"en": 1.0}, 0
    else:
        heard, windows = _heard(items, models)
    likely = sorted(heard, key=lambda code: (-heard[code], code))[:SHOWN]
    language = likely[0] if likely else ""
    found: dict[str, str | float | int] = {
        "language": language,
        "probability": round(heard.get(language, 0.0), 4),
        "windows": windows,
    }
    shown = {code: round(heard[code], 4) for code in likely}
    write_json(out / "language.json", {"version": 1, **found, "heard": shown})
    return Result("language.json", {**found})


def _heard(items: Sequence[Item], engine: Engine) -> tuple[dict[str, float], int]:
    """Return each language's mean probability, and over how many windows."""
    each: list[Mapping[str, float]] = []
    for samples in _windows(items):
        (features,) = engine.encode([engine.spectrogram(samples)])
        each.append(engine.languages(features))
    codes = each[0] if each else {}
    return {code: sum(one[code] for one in each) / len(each) for code in codes}, len(each)


def _windows(items: Sequence[Item]) -> Iterator[Samples]:
    """Yield speech at 16 kHz, at most WINDOW_S each, from places spread evenly over all of it."""
    spoken = [(number, _speech_s(item)) for number, item in enumerate(items)]
    spoken = [(number, seconds) for number, seconds in spoken if seconds]
    ends_s = list(accumulate(seconds for _, seconds in spoken))
    total_s = ends_s[-1] if ends_s else 0.0
    count = min(MOST_WINDOWS, int(np.ceil(total_s / WINDOW_S)))
    for k in range(count):
        first = bisect_right(ends_s, at_s := k * total_s / count)
        skip_s = at_s - (ends_s[first - 1] if first else 0.0)
        parts = _speech((items[number] for number, _ in spoken[first:]), skip_s)
        if parts:
            yield np.concatenate(parts)


def _speech(items: Iterator[Item], skip_s: Seconds) -> list[Samples]:
    """Return the first WINDOW_S of speech of recordings, after `skip_s` of it; none is missing."""
    parts: list[Samples] = []
    left_s = WINDOW_S
    for item in items:
        path = item.path("isolate_speakers", "audio.flac")
        for start_s, end_s in _spans(item) if path.is_file() else ():
            start_s, skip_s = start_s + skip_s, max(0.0, skip_s - (end_s - start_s))
            end_s = min(end_s, start_s + left_s)
            if end_s - start_s > 1 / RATE_HZ:
                parts.append(audio.read_at(path, RATE_HZ, start_s, end_s))
                left_s -= end_s - start_s
            if left_s <= 0:
                return parts
    return parts


def _speech_s(item: Item) -> Seconds:
    if item.dropped or "isolate_speakers" not in item.folders:
        return 0.0
    known: Any = item.facts.get("isolate_speakers", {}).get("target_s")
    return float(known) if known is not None else sum(b - a for a, b in _spans(item))


def _spans(item: Item) -> list[Span]:
    spans = item.load_json("isolate_speakers", "spans.json")["target"]
    return [(start_s, end_s) for start_s, end_s, *_ in spans]


if __name__ == "__main__":
    from pipeline.standalone import main

    main("transcribe_audio.agree")
