"""Windows of sound into text with whisper: in batches, and once more where it went wrong.

In:  spectrograms of windows, and an engine.
Out: a `Heard` for each: tokens, text, confidence, and the encoder's output for the alignment.
Left out: which windows, and where words are. Method: openai-whisper's decode() and the fallback of
its transcribe() (https://github.com/openai/whisper/blob/main/whisper/transcribe.py), in batches,
each window encoded once, without conditioning on the text before (it makes loops).
"""

import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pipeline.stages.transcribe_audio.engine import Alignment, Decoded, Engine

log = logging.getLogger(__name__)

TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)  # whisper's, after 0
LOOP_WORDS = 8  # the longest phrase that is looked for in a loop; compression finds longer ones
LOOP_TIMES = 4  # "no, no, no" is speech; the same four times in a row and more is a loop
LOOP_LENGTH = 6  # ... of at least so many words: "very, very, very, very" passes

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Rules:
    """When a decode is believed. Names and defaults as in whisper's transcribe()."""

    language: str
    beam_size: int
    compression_ratio: float
    logprob: float
    no_speech: float
    seed: int
    batch: int


@dataclass(frozen=True)
class Heard:
    """What whisper made of a window."""

    features: Any  # the encoder's output, (frames, states)
    result: Decoded
    tokens: tuple[int, ...]  # of its text; none where it is silence


def encode(engine: Engine, mels: Sequence[Any], batch: int) -> list[Any]:
    """Return the encoder's output of each mel spectrogram, float32 (80 or 128, 3000)."""
    return in_batches(engine.encode, mels, batch)


def decode(
    engine: Engine, features: Sequence[Any], keys: Sequence[str], rules: Rules
) -> list[Heard]:
    """Return what is said in each window. `keys` are unique names of the windows, for the seed."""

    def run(part: Sequence[Any]) -> list[Decoded]:
        return engine.decode(part, rules.language, rules.beam_size)

    first = in_batches(run, features, rules.batch)
    return [
        _second_try(engine, feature, key, result, rules)
        for feature, key, result in zip(features, keys, first, strict=True)
    ]


def align(
    engine: Engine, heard: Sequence[Heard], frames: Sequence[int], rules: Rules
) -> list[Alignment | None]:
    """Return where each window's tokens are, None where it has none. `frames`: length in 10 ms.

    In order of length, so that the rows of a batch are even.
    """

    def run(part: Sequence[int]) -> list[Alignment]:
        features = [heard[i].features for i in part]
        texts = [heard[i].tokens for i in part]
        return engine.align(features, texts, [frames[i] for i in part], rules.language)

    spoken = [i for i, one in enumerate(heard) if one.tokens]
    order = sorted(spoken, key=lambda i: len(heard[i].tokens))
    found: list[Alignment | None] = [None] * len(heard)
    for i, one in zip(order, in_batches(run, order, rules.batch), strict=True):
        found[i] = one
    return found


def is_loop(text: str) -> bool:
    """Return whether a phrase comes over and over: whisper's typical hallucination.

    >>> is_loop("I am going to be a part of it. " + "And so on " * 5), is_loop("no no no, very")
    (True, False)
    """
    words = text.lower().split()
    for size in range(1, LOOP_WORDS + 1):
        run = size  # words in a row that equal the one `size` before them, and the first phrase
        for i in range(size, len(words)):
            run = run + 1 if words[i] == words[i - size] else size
            if run >= max(size * LOOP_TIMES, LOOP_LENGTH):
                return True
    return False


def loops(result: Decoded, rules: Rules) -> bool:
    """Return whether a decode says the same over and over."""
    return bool(result.compression_ratio > rules.compression_ratio) or is_loop(result.text)


def is_wrong(result: Decoded, rules: Rules) -> bool:
    """Return whether a decode loops or is a guess; silence is neither."""
    if is_silence(result, rules):
        return False
    return loops(result, rules) or bool(result.avg_logprob < rules.logprob)


def is_silence(result: Decoded, rules: Rules) -> bool:
    """Return whether whisper itself doubts that there is speech, and the text does too."""
    doubts = result.no_speech_prob > rules.no_speech  # never for nan: .en models have none
    return bool(doubts and result.avg_logprob < rules.logprob)


def in_batches(run: Callable[[Sequence[T]], list[R]], items: Sequence[T], batch: int) -> list[R]:
    """Return `run` over all items in batches, which are halved as often as memory runs out.

    With one item it raises: the file is then done on the CPU (`executors/task.py`).
    """
    results: list[R] = []
    while len(results) < len(items):
        part = items[len(results) : len(results) + batch]
        try:
            results += run(part)
        except RuntimeError as err:
            if not is_out_of_memory(err) or len(part) == 1:
                raise
            batch = max(1, len(part) // 2)
            log.warning("out of memory: going on with %d windows at a time", batch)
    return results


def is_out_of_memory(err: BaseException) -> bool:
    """Return whether an engine ran out of memory; torch's is given back to the device then.

    By the words: torch and CTranslate2 say "out of memory", cuBLAS and cuDNN "…_ALLOC_FAILED".
    """
    import torch

    if not re.search("out of memory|_ALLOC_FAILED", str(err)):
        return False
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return True


def _second_try(engine: Engine, feature: Any, key: str, result: Decoded, rules: Rules) -> Heard:
    """Return the first decode that is believed, by rising temperature; else the last one."""
    for temperature in TEMPERATURES:
        if not is_wrong(result, rules):
            break
        log.debug("%s again at %.1f: %.2f %s", key, temperature, result.avg_logprob, result.text)
        result = _sampled(engine, feature, f"{rules.seed} {key} {temperature}", temperature, rules)
    # subtle: without what is above the end of text, which is no text
    end = engine.tokenizer(rules.language).eot
    tokens = () if is_silence(result, rules) else tuple(t for t in result.tokens if t < end)
    return Heard(feature, result, tokens)


def _sampled(engine: Engine, feature: Any, seed: str, temperature: float, rules: Rules) -> Decoded:
    """Return a decode with chance in it, which depends on `seed` alone."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7], "big")
    return engine.sample(feature, rules.language, temperature, number)
