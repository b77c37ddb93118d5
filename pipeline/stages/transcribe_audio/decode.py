"""Windows of sound into text with whisper: in batches, and once more where it went wrong.

In:  mel spectrograms of windows.
Out: a `Heard` for each: tokens, text, confidence, and the encoder's output for the alignment.
Left out: which windows, and where words are. Method: openai-whisper's decode() and the fallback of
its transcribe() (https://github.com/openai/whisper/blob/main/whisper/transcribe.py), in batches,
each window encoded once, without conditioning on the text before (it makes loops).
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

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
    result: Any  # whisper.DecodingResult
    tokens: tuple[int, ...]  # of its text; none where it is silence


def encode(model: Any, mels: Sequence[Any], batch: int) -> list[Any]:
    """Return the encoder's output of each mel spectrogram, float32 (80 or 128, 3000)."""
    import torch

    def run(part: Sequence[Any]) -> list[Any]:
        with torch.no_grad():
            stacked = torch.stack(list(part)).to(model.device)
            return list(model.encoder(stacked.half() if model.device.type == "cuda" else stacked))

    return in_batches(run, mels, batch)


def decode(model: Any, features: Sequence[Any], keys: Sequence[str], rules: Rules) -> list[Heard]:
    """Return what is said in each window. `keys` are unique names of the windows, for the seed."""
    import whisper

    options = _options(model, rules, 0.0)
    # Workaround: whisper 20250625 does not repeat the features for its beams, so that more than one
    # window at a time fails (decoding.py, _main_loop). Costs the batch; may go when it does.
    batch = 1 if rules.beam_size > 1 else rules.batch
    first = in_batches(lambda part: whisper.decode(model, _stack(part), options), features, batch)
    return [
        _second_try(model, feature, key, result, rules)
        for feature, key, result in zip(features, keys, first, strict=True)
    ]


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


def loops(result: Any, rules: Rules) -> bool:
    """Return whether a decode says the same over and over."""
    return bool(result.compression_ratio > rules.compression_ratio) or is_loop(result.text)


def is_wrong(result: Any, rules: Rules) -> bool:
    """Return whether a decode loops or is a guess; silence is neither."""
    if is_silence(result, rules):
        return False
    return loops(result, rules) or bool(result.avg_logprob < rules.logprob)


def is_silence(result: Any, rules: Rules) -> bool:
    """Return whether whisper itself doubts that there is speech, and the text does too."""
    doubts = result.no_speech_prob > rules.no_speech  # never for nan: .en models have none
    return bool(doubts and result.avg_logprob < rules.logprob)


def in_batches(run: Callable[[Sequence[T]], list[R]], items: Sequence[T], batch: int) -> list[R]:
    """Return `run` over all items in batches, which are halved as often as memory runs out."""
    results: list[R] = []
    while len(results) < len(items):
        part = items[len(results) : len(results) + batch]
        try:
            results += run(part)
        except RuntimeError as err:
            if not _is_out_of_memory(err) or len(part) == 1:
                raise
            batch = max(1, len(part) // 2)
            log.warning("out of GPU memory: going on with %d windows at a time", batch)
    return results


def _is_out_of_memory(err: RuntimeError) -> bool:
    import torch

    if not isinstance(err, torch.OutOfMemoryError):
        return False
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return True


def _second_try(model: Any, feature: Any, key: str, result: Any, rules: Rules) -> Heard:
    """Return the first decode that is believed, by rising temperature; else the last one."""
    for temperature in TEMPERATURES:
        if not is_wrong(result, rules):
            break
        log.debug("%s again at %.1f: %.2f %s", key, temperature, result.avg_logprob, result.text)
        result = _sampled(model, feature, f"{rules.seed} {key} {temperature}", temperature, rules)
    tokens = () if is_silence(result, rules) else tuple(result.tokens)
    return Heard(feature, result, tokens)


def _sampled(model: Any, feature: Any, seed: str, temperature: float, rules: Rules) -> Any:
    """Return a decode with chance in it, which depends on `seed` alone."""
    import torch
    import whisper

    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7], "big")
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(number)
        return whisper.decode(model, feature[None], _options(model, rules, temperature))[0]


def _options(model: Any, rules: Rules, temperature: float) -> Any:
    import whisper

    # Without timestamps: with them, whisper sometimes ends at a pause inside the window and expects
    # to be called again from there. 40 clips of LJ Speech: 4.5 against 3.1% of words wrong
    # (tiny.en), 4.8 against 2.6% (base).
    return whisper.DecodingOptions(
        language=rules.language,
        without_timestamps=True,
        temperature=temperature,
        beam_size=rules.beam_size if rules.beam_size > 1 and temperature == 0 else None,
        fp16=model.device.type == "cuda",
    )


def _stack(features: Sequence[Any]) -> Any:
    import torch

    return torch.stack(list(features))
