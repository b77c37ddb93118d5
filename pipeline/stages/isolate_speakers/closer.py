"""Changes of speaker that the segmentation network missed, heard in half as long windows.

In:  parts of speech, their windows and embeddings, the voices that the windows were grouped into.
Out: times at which one known voice follows another.
Why: in quick talk a turn is hardly longer than a window of 1.6 s. A window of two voices is like
neither, and all that was said in it is nobody's. In an AMI meeting two turns of a second, each half
a second from the next, were 0.44 like the first one's voice; in windows of 0.8 s the first one is
0.61 like its own and 0.20 like the other, the next one -0.03 and 0.69.
Left out: voices that nobody knows yet; whose a turn is (`labels.py`).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.audio import Seconds

from . import voices
from .speech import Span
from .voices import Embeddings, VoiceNetwork, unit

KNOWN_S: Seconds = 3.0  # a voice that speaks less may be two
LENGTH_S: Seconds = 0.8  # of a close window: in half of it a voice is hardly known again
STEP_S: Seconds = 0.2
STEPS = round(LENGTH_S / STEP_S)  # from a window to the one after its end
# of the other voice on either side of a change. In a far room 0.8 s of a LibriSpeech reader are
# 0.16 and more ahead of four others in 90%, 0.32 in the middle: a wrong change needs two such
AHEAD = 0.3


def changes(
    path: Path,
    windows: Sequence[Span],
    embeddings: Embeddings,
    known: Sequence[dict[str, Any]],
    network: VoiceNetwork,
) -> list[Seconds]:
    """Return the times of changes in the stretches of windows that are clearly no known voice's."""
    likely = [voice["embedding"] for voice in known if voice["seconds"] >= KNOWN_S]
    if len(likely) < 2:
        return []
    voice = unit(np.array(likely, np.float32))
    alike = np.sort(embeddings @ voice.T, axis=1)
    doubted = alike[:, -1] - alike[:, -2] < AHEAD
    found: list[Seconds] = []
    for start_s, end_s in _stretches(windows, doubted):
        starts_s = np.arange(start_s, end_s - LENGTH_S + 1e-6, STEP_S)
        close = [(float(at_s), float(at_s) + LENGTH_S) for at_s in starts_s]
        found += [
            round(close[i][1], 3)
            for i in steps(voices.embed_recording(path, close, network) @ voice.T)
        ]
    return found


def steps(alike: npt.NDArray[np.float32]) -> list[int]:
    """Return the windows that are one voice's while the next after their end is another's.

    `alike` (windows, voices) says how much each window is like each voice; of changes nearer than
    a window to each other the clearest one stays.
    """
    before, after = alike[:-STEPS], alike[STEPS:]
    gained = after - before
    rows = np.arange(len(before))
    first, second = gained.argmin(axis=1), gained.argmax(axis=1)
    ahead = np.minimum(
        before[rows, first] - before[rows, second], after[rows, second] - after[rows, first]
    )
    found: list[int] = []
    for i in np.argsort(-ahead, kind="stable").tolist():
        if ahead[i] >= AHEAD and all(abs(i - other) >= STEPS for other in found):
            found.append(i)
    return sorted(found)


def _stretches(windows: Sequence[Span], doubted: npt.NDArray[np.bool_]) -> Iterator[Span]:
    """Yield the stretches of doubted windows and of those that overlap them, in order.

    A window beside a doubted one may have the other half of a short turn in it.
    """
    stretch: Span | None = None
    for i, (start_s, end_s) in enumerate(windows):
        beside = range(max(0, i - 1), min(len(windows), i + 2))
        if not any(doubted[k] and _overlap(windows[k], (start_s, end_s)) for k in beside):
            continue
        if stretch and _overlap(stretch, (start_s, end_s)):
            stretch = (stretch[0], end_s)
            continue
        if stretch:
            yield stretch
        stretch = (start_s, end_s)
    if stretch:
        yield stretch


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
