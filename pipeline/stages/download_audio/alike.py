"""Which recordings may sound the same: those that are as long and begin alike.

In:  lengths in rising order; the bits that each begins with (fingerprint.py).
Out: of each recording those behind it that it has to be compared with as a whole.
How: the beginnings are held against each other, seven shifts each: of short recordings all words,
     of longer ones 16, spread over the length, which tell strangers as well and cost 0.1 us a pair.
     10,000 pieces of one length, as from a chopped podcast, are 50,000,000 pairs.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.audio import Seconds
from pipeline.stages.download_audio import fingerprint

SAME_LENGTH_S: Seconds = 0.3  # encoders add up to 0.1 s at each end: 1105 samples for MP3
SAME_SOUND = 0.32
"""Share of bits that may differ. Measured on 55 recordings of readers and meetings: copies (MP3
32k, Opus 16k, AAC, Vorbis, 8 kHz mu-law, -20 dB) at most 0.24, different ones at least 0.40."""
# The shorter, the more alike strangers are by chance: pieces of LJ Speech and LibriSpeech differ by
# 0.5 and, in 1.5 to 5 s, a standard deviation of 0.175 / sqrt(frames); the least of 421,000 pairs
# of 1.5 s is 0.20, of 217,000 of 2 s 0.27. Copies of 70 such pieces: 0.12 in 95%, at most 0.20.
CHANCE, SPREAD, SURE = 0.5, 0.175, 7.0  # by so many deviations a copy is no chance
BLOCK = 4096  # short recordings held against as many others at once: 2 MB of fingerprints
LONG_S: Seconds = 9.0  # 17 words without the outer ones
# 16 words are 64 frames; their share is that of the whole to a deviation of SPREAD / 8. Four of
# them are granted, so that a copy passes; at 0.5, no stranger does.
DOUBT = 4 * SPREAD / 8
AT_ONCE = 8192  # longer recordings: 1 MB of their words
GROUP = 1.25  # those up to so many times as long as the first of a group have the same words taken

StartOf = Callable[[int], fingerprint.Bits]


def candidates(lengths_s: Sequence[Seconds], start_of: StartOf) -> Iterator[tuple[int, list[int]]]:
    """Yield (recording, those behind it to compare it with), by place among the lengths."""
    ends = [bisect_right(lengths_s, length_s + SAME_LENGTH_S) for length_s in lengths_s]
    short = bisect_right(lengths_s, LONG_S)
    yield from _among_short(range(short), ends, start_of)
    first = short
    while first < len(lengths_s):
        group = range(first, bisect_right(lengths_s, lengths_s[first] * GROUP))
        places = fingerprint.places(lengths_s[first])
        yield from _among_long(group, ends, start_of, places)
        first = group.stop


def most(frames: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the share of bits that may differ in copies of so many frames.

    >>> most(np.array([7, 15, 25, 60])).round(2).tolist()
    [0.04, 0.18, 0.26, 0.32]
    """
    by_chance = SURE * SPREAD / np.sqrt(np.maximum(1, frames))
    return np.asarray(np.minimum(SAME_SOUND, CHANCE - by_chance))


def _among_short(
    these: range, ends: Sequence[int], start_of: StartOf
) -> Iterator[tuple[int, list[int]]]:
    """BLOCK by BLOCK: of 100,000 short clips each has thousands that are as long."""
    for first in range(these.start, these.stop, BLOCK):
        block = range(first, min(these.stop, first + BLOCK))
        near: dict[int, list[int]] = {index: [] for index in block}
        own = [start_of(index) for index in block]
        for begin in range(first, ends[block[-1]], BLOCK):
            others = range(begin, min(ends[block[-1]], begin + BLOCK))
            stack = fingerprint.stacked([start_of(index) for index in others])
            for index, bits in zip(block, own, strict=True):
                rows = slice(max(index + 1, begin) - begin, min(ends[index], others.stop) - begin)
                if rows.start < rows.stop:
                    unlike = fingerprint.differences(bits, stack, rows)
                    alike = unlike <= most(np.minimum(len(bits), stack.frames[rows]))
                    near[index] += (np.flatnonzero(alike) + begin + rows.start).tolist()
        yield from near.items()


def _among_long(
    these: range, ends: Sequence[int], start_of: StartOf, places: npt.NDArray[np.int64]
) -> Iterator[tuple[int, list[int]]]:
    """By the words at some places: those of all are in memory, 128 bytes each."""
    words = np.zeros((len(places), ends[these[-1]] - these.start), np.uint64)
    for number in range(words.shape[1]):
        words[:, number] = fingerprint.words_at(start_of(these.start + number), places)
    for index in these:
        bits, near = start_of(index), list[int]()
        for begin in range(index + 1, ends[index], AT_ONCE):
            behind = slice(begin - these.start, min(ends[index], begin + AT_ONCE) - these.start)
            unlike = fingerprint.differences_at(bits, places, words[:, behind])
            near += (np.flatnonzero(unlike <= SAME_SOUND + DOUBT) + begin).tolist()
        yield index, near
