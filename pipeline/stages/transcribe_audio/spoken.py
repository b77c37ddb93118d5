"""Windows of a recording into words, in smaller windows where whisper loops or leaves out.

In:  windows, the sound file they are of, an engine.
Out: a `Spoken` for each window that was believed at last, in order.
Left out: which windows at first (`windows.py`), the fallback within a window (`decode.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio
from pipeline.stages.transcribe_audio import decode
from pipeline.stages.transcribe_audio.decode import Heard, Rules
from pipeline.stages.transcribe_audio.engine import Alignment, Engine
from pipeline.stages.transcribe_audio.windows import Span, Window
from pipeline.stages.transcribe_audio.words import Word, timed_words

RATE_HZ = 16_000  # whisper's
FRAMES_PER_S = 100  # of a spectrogram
LEFT_OUT_S = 2.0  # of speech with hardly a word in it: whisper may have left out a sentence
LEFT_OUT_BYTES = 4.0  # a second of it has fewer of text


@dataclass(frozen=True)
class Spoken:
    """A window, what whisper made of it, and its words on the recording's time line."""

    window: Window
    heard: Heard
    alignment: Alignment | None  # None where there are no words
    words: Sequence[Word]

    def bytes_in(self, start_s: float, end_s: float) -> int:
        """Return how much text begins between two moments; speech has 8 to 20 bytes a second."""
        words = [one.word for one in self.words if start_s <= one.start_s <= end_s]
        return len("".join(words).encode())


def encoded(path: Path, windows: Sequence[Window], engine: Engine, batch: int) -> list[Any]:
    """Return the encoder's output of each window, (frames, states)."""
    return decode.encode(engine, [_mel(path, window, engine) for window in windows], batch)


def spoken(
    path: Path,
    name: str,
    windows: Sequence[Window],
    known: Sequence[Any],
    engine: Engine,
    rules: Rules,
) -> list[Spoken]:
    """Return what is said in the windows: in smaller ones where whisper loops or leaves out."""
    missing = [window for window, feature in zip(windows, known, strict=True) if feature is None]
    fresh = iter(encoded(path, missing, engine, rules.batch))
    features = [next(fresh) if feature is None else feature for feature in known]
    found: list[Spoken] = []
    for one in _heard(name, windows, features, engine, rules):
        doubtful = _doubtful(one, rules)
        if doubtful and len(one.window.spans) > 1:
            parts = one.window.parted(doubtful)
            found += _heard(name, parts, encoded(path, parts, engine, rules.batch), engine, rules)
        else:
            found.append(one)
    return found


def _doubtful(one: Spoken, rules: Rules) -> Sequence[Span]:
    """Return the spans of a window to hear by themselves: all where whisper loops, else those that
    it left out.

    Where the voice changes a sentence may be skipped: of 160 utterances of 35 readers, joined at
    random, 14 were. They had up to 2.7 bytes of text a second, all others 6 and more, but for one
    that whisper does not understand alone either.
    """
    if decode.loops(one.heard.result, rules):
        return one.window.spans
    return [
        (start_s, end_s)
        for start_s, end_s in one.window.spans
        if end_s - start_s >= LEFT_OUT_S
        and one.bytes_in(start_s, end_s) < LEFT_OUT_BYTES * (end_s - start_s)
    ]


def _heard(
    name: str, windows: Sequence[Window], features: Sequence[Any], engine: Engine, rules: Rules
) -> list[Spoken]:
    """Return the words of each window; decoded in order of length, so that batches are even."""
    order = sorted(range(len(windows)), key=lambda i: windows[i].duration_s)
    keys = [f"{name} {windows[i].excerpts[0].start_s:.3f}" for i in order]
    decoded = decode.decode(engine, [features[i] for i in order], keys, rules)
    heard = [one for _, one in sorted(zip(order, decoded, strict=True), key=lambda pair: pair[0])]
    frames = [max(2, round(window.duration_s * FRAMES_PER_S)) for window in windows]
    aligned = decode.align(engine, heard, frames, rules)
    tokenizer = engine.tokenizer(rules.language)

    def words(window: Window, one: Heard, found: Alignment | None) -> list[Word]:
        return timed_words(tokenizer, one.tokens, found, window) if found else []

    each = zip(windows, heard, aligned, strict=True)
    return [Spoken(*one, words(*one)) for one in each]


def _mel(path: Path, window: Window, engine: Engine) -> Any:
    """Return whisper's spectrogram of a window, float32 (mels, 3000), silence after its end."""
    parts = [audio.read_at(path, RATE_HZ, part.start_s, part.end_s) for part in window.excerpts]
    return engine.spectrogram(np.concatenate(parts))
