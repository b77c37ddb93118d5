"""Vocals out of a mixture, in a stream: any length in the memory of one segment.

In:  a recording, the parts of it that have music, and a `Separator` (a network that takes segments
of a fixed length at 44.1 kHz).
Out: a file with the vocals there and the recording elsewhere: same rate, same number of samples,
same time line.
Segments overlap and are cross-faded with triangular weights, as demucs does it: a sample is the
weighted mean of the segments that cover it, so there are no blocks and no seams.
Left out: where to separate (`bed.py`, `survey.py`), and the networks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import audio
from pipeline.audio import Samples, Seconds

from .speech import Span

CONTEXT_S: Seconds = 1.0  # of sound before and after a part, for the network to know it by
FADE_S: Seconds = 0.05  # from the recording to its vocals, in a pause: nobody hears where


@dataclass(frozen=True)
class Separator:
    """A network that knows voices from everything else."""

    name: str  # "htdemucs" or "spleeter"
    rate_hz: int
    segment: int  # samples it takes at a time
    overlap: int  # samples that neighbouring segments share
    vocals: Callable[[Samples], Samples]  # (segment,) mono -> the same of the voices


def separate_file(source: Path, target: Path, parts: Sequence[Span], separator: Separator) -> None:
    """Write `source` to `target`, sample for sample on the same time line, vocals in its `parts`.

    The parts are in order, and none touches another.
    """
    shape = audio.info(source)
    moments = _moments(source)
    with audio.Writer(target, shape.rate_hz) as file:
        done_s = 0.0
        for start_s, end_s in parts:
            for block in audio.blocks(source, start_s=done_s, end_s=start_s):
                file.write(block)
            for block in _faded(source, (start_s, end_s), moments, separator):
                file.write(block)
            done_s = end_s
        for block in audio.blocks(source, start_s=done_s):
            file.write(block)


def _faded(
    source: Path, part: Span, moments: tuple[np.float32, np.float32], separator: Separator
) -> Iterator[Samples]:
    """Yield the vocals of a part, faded from and to the recording where that goes on."""
    shape = audio.info(source)
    fade = max(1, round(FADE_S * shape.rate_hz))
    first, last = (min(shape.samples, round(edge_s * shape.rate_hz)) for edge_s in part)
    place = first
    for vocals in _vocals(source, part, moments, separator):
        at = np.arange(place, place + len(vocals))
        share = np.ones(len(vocals), np.float32)
        if first > 0:
            share = np.minimum(share, (at - first + 0.5) / fade)
        if last < shape.samples:
            share = np.minimum(share, (last - at - 0.5) / fade)
        if share.min() < 1:
            span = (place / shape.rate_hz, (place + len(vocals)) / shape.rate_hz)
            vocals = share * vocals + (1 - share) * audio.read(source, *span)[0]
        yield vocals.astype(np.float32)
        place += len(vocals)


def _vocals(
    source: Path, part: Span, moments: tuple[np.float32, np.float32], separator: Separator
) -> Iterator[Samples]:
    """Yield the vocals of a part, as many samples as it has."""
    shape = audio.info(source)
    begin_s, end_s = max(0.0, part[0] - CONTEXT_S), min(shape.duration_s, part[1] + CONTEXT_S)
    skip = round(part[0] * shape.rate_hz) - round(begin_s * shape.rate_hz)
    count = min(shape.samples, round(part[1] * shape.rate_hz)) - round(part[0] * shape.rate_hz)
    mixture = audio.blocks(source, start_s=begin_s, end_s=end_s)
    at_its_rate = audio.resampled(mixture, shape.rate_hz, separator.rate_hz)
    vocals = _normalised(at_its_rate, moments, separator)
    # resampling twice may lose the last sample
    yield from audio.exactly(audio.resampled(vocals, separator.rate_hz, shape.rate_hz), count, skip)


def overlap_add(blocks: Iterable[Samples], separator: Separator) -> Iterator[Samples]:
    """Yield the vocals of a stream of blocks, as many samples as went in."""
    size, shared = separator.segment, separator.overlap
    stride = size - shared
    weight = np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)).astype(np.float32)
    weight /= weight.max()
    tail, tail_weight = np.zeros(shared, np.float32), np.zeros(shared, np.float32)
    for segment, wanted in _segments(blocks, size, stride):
        found = separator.vocals(segment) * weight
        found[:shared] += tail
        total = weight.copy()
        total[:shared] += tail_weight
        tail, tail_weight = found[stride:], total[stride:]
        yield (found / total)[:wanted]


def _segments(blocks: Iterable[Samples], size: int, stride: int) -> Iterator[tuple[Samples, int]]:
    """Yield (segment, how many of its first samples are final), the last filled with silence."""
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > size:  # subtle: not >=, the last segment must know that it is the last
            yield held[:size], stride
            held = held[stride:]
    if len(held):
        yield np.pad(held, (0, size - len(held))), len(held)


def _normalised(
    mixture: Iterable[Samples], moments: tuple[np.float32, np.float32], separator: Separator
) -> Iterator[Samples]:
    """Yield vocals of the mixture at mean 0 and deviation 1, as demucs' own front end gives it."""
    mean, deviation = moments
    scaled = ((block - mean) / deviation for block in mixture)
    for block in overlap_add(scaled, separator):
        yield block * deviation


def _moments(path: Path) -> tuple[np.float32, np.float32]:
    """Return mean and standard deviation of a whole recording."""
    count, total, squares = 0, 0.0, 0.0
    for block in audio.blocks(path):
        count += len(block)
        total += float(block.sum(dtype=np.float64))
        squares += float(np.square(block, dtype=np.float64).sum())
    mean = total / max(1, count)
    variance = max(0.0, squares / max(1, count) - mean * mean)
    return np.float32(mean), np.float32(np.sqrt(variance) + 1e-8)  # 1e-8: as in demucs.api
