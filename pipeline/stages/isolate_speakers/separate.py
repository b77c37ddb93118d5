"""Vocals out of a mixture, in a stream: any length in the memory of one segment.

In:  a recording and a `Separator` (a network that takes segments of a fixed length at 44.1 kHz).
Out: a file with the vocals: same rate, same number of samples, same time line.
Segments overlap and are cross-faded with triangular weights, as demucs does it: a sample is the
weighted mean of the segments that cover it, so there are no blocks and no seams.
Left out: whether to separate at all (`survey.py`), the networks (`demucs_model.py`, `spleeter.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from pipeline import audio
from pipeline.audio import Samples


@dataclass(frozen=True)
class Separator:
    """A network that knows voices from everything else."""

    name: str  # "htdemucs" or "spleeter"
    rate_hz: int
    segment: int  # samples it takes at a time
    overlap: int  # samples that neighbouring segments share
    vocals: Callable[[Samples], Samples]  # (segment,) mono -> the same of the voices


def separate_file(source: Path, target: Path, separator: Separator) -> None:
    """Write the vocals of `source` to `target`, sample for sample on the same time line."""
    shape = audio.info(source)
    mixture = audio.blocks_at(source, separator.rate_hz)
    scaled = _normalised(source, mixture, separator)
    vocals = _resampled(scaled, separator.rate_hz, shape.rate_hz)
    left = shape.samples
    with audio.Writer(target, shape.rate_hz) as file:
        for block in vocals:
            file.write(block[:left])
            left -= min(left, len(block))
        file.write(np.zeros(left, np.float32))  # resampling twice may lose the last sample


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
    source: Path, mixture: Iterable[Samples], separator: Separator
) -> Iterator[Samples]:
    """Yield vocals of the mixture at mean 0 and deviation 1, as demucs' own front end gives it."""
    mean, deviation = _moments(source)
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


def _resampled(blocks: Iterable[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    if from_hz == to_hz:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
