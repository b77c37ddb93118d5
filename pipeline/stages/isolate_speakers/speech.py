"""Where somebody speaks: silero-vad, streamed, so that length costs no memory and seams don't show.

In:  blocks of samples at 16 kHz. Out: the probability of speech per 32 ms, and spans of speech.
The network of the silero-vad wheel is run by onnxruntime itself: importing the package would set
torch to one thread for the whole process, and its loops are slower. Left out: who speaks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.audio import Samples, Seconds
from pipeline.item import Unusable
from pipeline.models import MissingWeights, path_of

RATE_HZ = 16_000  # the rate of the network
FRAME = 512  # samples per decision, 32 ms: fixed by the network
FRAME_S: Seconds = FRAME / RATE_HZ
CONTEXT = 64  # samples of the frame before that each decision sees
STATE_SIZE = 128  # of the LSTM's two states
FRAMES_A_RUN = 512  # frames given to the network at a time, 16 s
OFF_BELOW_ON = 0.15  # speech ends below (threshold - this): silero-vad's own hysteresis

Span = tuple[Seconds, Seconds]


@dataclass(frozen=True)
class SpeechRules:
    """What counts as speech; times in seconds, see `survey.Params` for the sources."""

    threshold: float = 0.5
    min_speech_s: Seconds = 0.25
    min_pause_s: Seconds = 0.3
    pad_s: Seconds = 0.1


def load_network() -> Any:
    """Return silero-vad's network as an onnxruntime session on one CPU thread."""
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    path = package_file("silero_vad", "data/silero_vad_16k_sequence.onnx")
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )


def package_file(package: str, name: str) -> Path:
    """Return the path of a file inside an installed package, without importing the package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed; install the pinned requirements")
    return Path(spec.submodule_search_locations[0]) / name


def needed_file(model: str) -> Path:
    """Return the weights of a model without which no voice is told; Unusable, with what to do."""
    try:
        return path_of(model)
    except MissingWeights as err:
        raise Unusable(str(err)) from err


def speech_probabilities(network: Any, blocks: Iterable[Samples]) -> Samples:
    """Return the probability of speech of each 32 ms frame, float32 (frames,), 0..1."""
    state = [np.zeros((1, 1, STATE_SIZE), np.float32)] * 2
    context = np.zeros(CONTEXT, np.float32)
    found = []
    for frames in _frames(blocks):
        contexts = np.vstack([context[None], frames[:-1, -CONTEXT:]])
        inputs = {"input": np.hstack([contexts, frames]), "h": state[0], "c": state[1]}
        probabilities, *state = network.run(["speech_probs", "hn", "cn"], inputs)
        context = frames[-1, -CONTEXT:]
        found.append(np.asarray(probabilities, np.float32).reshape(-1))
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def speech_spans(probabilities: Samples, duration_s: Seconds, rules: SpeechRules) -> list[Span]:
    """Return the spans of speech: sorted, disjoint, padded, inside 0..duration_s.

    >>> speech_spans(np.array([0, 1] + [1] * 30, np.float32), 1.024, SpeechRules(pad_s=0.0))
    [(0.032, 1.024)]
    """
    raw = [
        (a * FRAME_S, b * FRAME_S)
        for a, b in runs(probabilities, rules.threshold, rules.threshold - OFF_BELOW_ON)
    ]
    spoken = [(a, b) for a, b in _joined(raw, rules.min_pause_s) if b - a >= rules.min_speech_s]
    padded = [(max(0.0, a - rules.pad_s), min(duration_s, b + rules.pad_s)) for a, b in spoken]
    return [(round(a, 3), round(b, 3)) for a, b in _joined(padded, 0.0) if b > a]


def pauses_between(
    spans: Sequence[Span], duration_s: Seconds, margin_s: Seconds = 0.0
) -> list[Span]:
    """Return what lies between the spans, without `margin_s` next to speech (echoes, breaths)."""
    starts = [0.0] + [b + margin_s for _, b in spans]
    ends = [a - margin_s for a, _ in spans] + [duration_s]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if b > a]


def total_s(spans: Iterable[Sequence[Any]]) -> Seconds:
    """Return the summed length of spans; what follows their start and end is ignored."""
    return float(sum(span[1] - span[0] for span in spans))


def _frames(blocks: Iterable[Samples]) -> Iterable[Samples]:
    """Yield (frames, FRAME) arrays; the last frame is filled up with silence."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= FRAME * FRAMES_A_RUN:
            yield rest[: FRAME * FRAMES_A_RUN].reshape(-1, FRAME)
            rest = rest[FRAME * FRAMES_A_RUN :]
    if len(rest):
        yield np.pad(rest, (0, -len(rest) % FRAME)).reshape(-1, FRAME)


def runs(probabilities: Samples, on: float, off: float) -> list[tuple[int, int]]:
    """Return [first, end) frames that begin at a probability of `on` and end below `off`."""
    found: list[tuple[int, int]] = []
    start = -1
    for index, probability in enumerate(probabilities.tolist()):
        if start < 0 and probability >= on:
            start = index
        elif start >= 0 and probability < off:
            found.append((start, index))
            start = -1
    return found + ([(start, len(probabilities))] if start >= 0 else [])


def _joined(spans: Sequence[Span], gap_s: Seconds) -> list[Span]:
    """Return the spans with those joined that lie closer together than `gap_s`, or touch."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and (start - joined[-1][1] < gap_s or start <= joined[-1][1]):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
