"""The same sound twice is kept once, whatever was cut, re-encoded or put into another recording.

In:  the clips of all recordings. Out: those to keep, and the others with what they repeat.
How: clips that share words in a row are compared by their sound (sameness.py); of two copies the
one that sounds better stays, of a part and the whole the whole. The same sentence said again is
another sound, and stays.
Left out: copies whose texts have no words in common; recordings that are copies as a whole are
found before anything is done with them (download_audio).
"""

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline import audio
from pipeline.audio import Seconds
from pipeline.stages.build_dataset.lists import Clip
from pipeline.stages.build_dataset.phonemes import Fault
from pipeline.stages.build_dataset.sameness import Changes, changes, match

GRAM = 4  # words in a row
LEAST_SHARED = 0.25  # of a clip's grams: less is a phrase that everybody uses
MOST_COMPARED = 20  # clips that one is compared with, those that share most first
MOST_REPEATED = 0.5  # of a clip; what repeats less has more that is new
MOST_ALIKE = 200  # kept clips with the same words in a row, whose sounds differ: it is a set phrase
HELD = 256  # clips whose sound is remembered: 80 kB each

Span = tuple[Seconds, Seconds]
Hear = Callable[[Path], Changes]


def without_copies(clips: Sequence[Clip]) -> tuple[list[Clip], list[tuple[Clip, Fault]]]:
    """Return the clips in their order without those that repeat others, and these with why."""
    grams = _repeated([_grams(clip.normalized) for clip in clips])
    kept_with: dict[int, list[int]] = defaultdict(list)  # gram -> kept clips that have it
    faults: dict[int, Fault] = {}
    hear = lru_cache(HELD)(_changes)
    for index in sorted(grams, key=lambda i: _rank(clips[i])):
        fault = _fault(clips, index, _alike(grams[index], kept_with), hear)
        if fault:
            faults[index] = fault
            continue
        for gram in set(grams[index]):
            if len(kept_with[gram]) < MOST_ALIKE:
                kept_with[gram].append(index)
    # a short clip that was kept first may be a part of a longer one that has more
    for index in sorted(grams.keys() - faults.keys(), key=lambda i: (_length_s(clips[i]), i)):
        others = [i for i in _alike(grams[index], kept_with) if i != index and i not in faults]
        if fault := _fault(clips, index, others, hear):
            faults[index] = fault
    kept = [clip for index, clip in enumerate(clips) if index not in faults]
    return kept, [(clips[index], faults[index]) for index in sorted(faults)]


def _grams(text: str) -> list[int]:
    """Return a number for each GRAM words in a row; of shorter texts one."""
    letters = "".join(char if char.isalnum() else " " for char in text.lower().replace("'", ""))
    words = letters.split()
    rows = [words[i : i + GRAM] for i in range(max(1, len(words) - GRAM + 1))]
    return [zlib.crc32(" ".join(row).encode()) for row in rows]


def _repeated(grams: Sequence[list[int]]) -> dict[int, list[int]]:
    """Return clip -> its grams, of those clips that share any with others."""
    flat = np.array([gram for one in grams for gram in set(one)], np.uint32)
    found, counts = np.unique(flat, return_counts=True)
    shared = set(found[counts > 1].tolist())
    return {i: one for i, one in enumerate(grams) if any(gram in shared for gram in one)}


def _rank(clip: Clip) -> tuple[float, str, Seconds]:
    """Return what sorts the copy to keep first: what sounds better, then by recording."""
    return -float(clip.made.scores.get("mos_ovrl", 0.0)), clip.made.source, clip.made.start_s


def _length_s(clip: Clip) -> Seconds:
    return clip.made.duration_s


def _alike(grams: Sequence[int], kept_with: dict[int, list[int]]) -> list[int]:
    """Return the kept clips that share many of these grams."""
    shared = Counter(index for gram in grams for index in kept_with.get(gram, ()))
    enough = [i for i, count in shared.items() if count >= LEAST_SHARED * len(grams)]
    return sorted(enough, key=lambda i: (-shared[i], i))[:MOST_COMPARED]


def _fault(clips: Sequence[Clip], index: int, others: Iterable[int], hear: Hear) -> Fault | None:
    """Return why a clip need not be kept: most of its sound is in others."""
    made, spans, where = clips[index].made, list[Span](), ""
    for other in others:
        found = match(hear(made.wav), hear(clips[other].made.wav))
        if found.is_same:
            original = clips[other].made
            where = where or f"{original.source} at {original.start_s:.2f} s ({original.id})"
            spans.append((found.start_s, found.end_s))
    share = sum(b - a for a, b in _merged(spans)) / made.duration_s
    if share <= MOST_REPEATED:
        return None
    reason = f"{share:.0%} of it is the same sound as in {where}"
    return Fault("duplicate", reason, round(share, 3), MOST_REPEATED)


def _merged(spans: Sequence[Span]) -> Iterator[Span]:
    """Yield the spans in order, each second once."""
    cursor_s = 0.0
    for start_s, end_s in sorted(spans):
        if end_s > cursor_s:
            yield max(start_s, cursor_s), end_s
            cursor_s = end_s


def _changes(wav: Path) -> Changes:
    return changes(*audio.read(wav))
