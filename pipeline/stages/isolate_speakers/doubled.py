"""Two voices that a survey took for one, before anybody knows which is wanted.

In:  the surveys' voices, their windows' embeddings. Out: the voice without the other one in it.
Why: telephones make voices alike; a target in the middle of two would keep both.
Left out: who is the target (`agree.py`), turns (`resolve.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.audio import Seconds
from pipeline.item import Item

from . import groups, resolve
from .voices import Embeddings, unit

SURVEY = "isolate_speakers.survey"
LOOKED = 50  # of a voice's recordings are looked at: they decide what it sounds like


@dataclass(frozen=True)
class Voice:
    """One voice of one recording."""

    source: str
    seconds: Seconds
    embedding: Embeddings  # (192,)
    number: int = 0  # in its recording
    by_telephone: bool = False


def voices_of(items: Iterable[Item]) -> Iterable[Voice]:
    """Yield the voices of all recordings in which the surveys heard somebody."""
    for item in items:
        if item.dropped or SURVEY not in item.folders:
            continue
        survey = item.load_json(SURVEY, "survey.json")
        line = bool(survey.get("by_telephone"))
        for number, voice in enumerate(survey["voices"]):
            embedding = unit(np.asarray(voice["embedding"], np.float32))
            yield Voice(item.source, float(voice["seconds"]), embedding, number, line)


def alone(mine: Sequence[Voice], items: Iterable[Item]) -> tuple[list[Voice], Seconds]:
    """Return a voice of the job without who was taken for it, and the seconds of the latter.

    Where a recording's voice is two, the half that is likest to the longest half of all stays. The
    LOOKED longest are looked at: they decide who is in the middle.
    """
    longest = sorted(mine, key=lambda voice: -voice.seconds)
    wanted = {voice.source for voice in longest[:LOOKED]}
    by_source = {item.source: item for item in items if item.source in wanted}
    halves = [_halves(voice, by_source[voice.source]) for voice in longest[:LOOKED]]
    parts = [half for pair in halves for half in pair]
    if not parts:
        return list(mine), 0.0
    anchor = max(parts, key=lambda half: half.seconds).embedding
    own, other_s = longest[LOOKED:], 0.0
    for voice, pair in zip(longest, halves, strict=False):
        kept, *others = sorted(pair or (voice,), key=lambda half: -float(half.embedding @ anchor))
        own.append(kept)
        other_s += sum(half.seconds for half in others)
    return own, other_s


def _halves(voice: Voice, item: Item) -> tuple[Voice, ...]:
    """Return the two voices that a recording's voice is; none where it is one."""
    survey = item.load_json(SURVEY, "survey.json")
    embeddings = unit(np.load(item.path(SURVEY, "embeddings.npy")).astype(np.float32))
    windows = embeddings[resolve.labels_of(survey) == voice.number]
    half = resolve.is_two(windows)
    if half is None:
        return ()
    share = float(np.mean(half))
    sizes = ((half, share), (~half, 1 - share))
    return tuple(
        replace(voice, seconds=voice.seconds * part, embedding=groups.centroid(windows[inside]))
        for inside, part in sizes
    )
