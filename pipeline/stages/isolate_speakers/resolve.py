"""Voices that the survey took for one, told apart now that the target's voice is known.

In:  a survey, its embeddings, the wanted voices. Out: the survey with finer turns and voices; the
wanted voices as they sound in this recording; turns that are no more the target's than another's.
Why: one limit for all recordings is wrong in each. A telephone makes voices alike (5% of others'
windows are 0.42 like the target, of a clean recording 0.21), and some voices are alike anyway. So
the target is held against those who really speak there. Left out: rules (`labels.py`).
The numbers are from three LibriSpeech readers with 17 others each, clean, by telephone, with noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.audio import Seconds

from . import turns
from .groups import Labels, centroid, in_order
from .labels import TARGET, UNCERTAIN, Piece
from .voices import Embeddings, unit

# Two voices are less alike than this, by telephone too (0.34-0.55); halves of one are more.
TWO_VOICES = 0.65
LEAST_WINDOWS = 5  # of a half that may be a voice: fewer are chance
LEAST_S: Seconds = 1.0  # a voice that speaks less is taken for the likest, as in the survey
KNOWN_S: Seconds = 3.0  # a voice that speaks less may be a few short turns of others
# like the known voice, and ahead of the others. LibriSpeech in a far room, 0.6-1.0 s, like a clip:
# strangers 0.29 at most in 99%, one's own 0.39-0.51 in the middle
LIKE, LIKE_AHEAD = 0.45, 0.3
NEARER = 0.05  # the target's half is by so much more like it than another's
MOST_SPLITS = 3  # voices that are taken out of a target's
STEPS = 20  # of two-means; it settles within ten
HERE = 0.5  # how much of a wanted voice is how it sounds in this recording
AHEAD = 0.1  # of the nearest other voice: by telephone own turns are ahead by 0.17 in 99.9%

Flags = npt.NDArray[np.bool_]


def resolved(
    survey: Mapping[str, Any], embeddings: Embeddings, targets: Embeddings, least: float
) -> dict[str, Any]:
    """Return the survey (of some speech) with voices `least` like a target split where two."""
    labels = labels_of(survey)
    likest = _centroids(embeddings, labels) @ targets.T  # (voices, targets)
    for who, target in enumerate(targets):
        mine = np.flatnonzero((likest[:, who] >= least) & (likest.argmax(axis=1) == who))
        own = np.flatnonzero(np.isin(labels, mine))
        labels[own] = _taken_apart(embeddings[own], target) + labels.max() + 1
    windows = survey["windows"]
    seconds = turns.seconds_of(survey["parts"], windows)
    labels = turns.smoothed(in_order(labels), embeddings, seconds, LEAST_S)
    labels = known_again(labels, embeddings, seconds)
    found = turns.find_turns(survey["parts"], windows, labels.tolist())
    return {**survey, "turns": found, "voices": turns.describe_voices(found, embeddings, labels)}


def known_again(labels: Labels, embeddings: Embeddings, seconds: Sequence[Seconds]) -> Labels:
    """Return labels in which windows of voices of little speech are given to a known voice.

    Only those that are clearly like it: a second of speech may be so unlike the rest of its voice
    that it makes one of its own; so does a window across a change, which is like two known ones.
    """
    spoken_s = np.bincount(labels, seconds)
    known = np.flatnonzero(spoken_s >= KNOWN_S)
    if not len(known):
        return labels
    alike = embeddings @ np.array([centroid(embeddings[labels == k]) for k in known]).T
    best = np.sort(np.pad(alike, ((0, 0), (1, 0))), axis=1)  # subtle: somebody else is 0 alike
    is_clear = (best[:, -1] >= LIKE) & (best[:, -1] - best[:, -2] >= LIKE_AHEAD)
    moved = is_clear & ~np.isin(labels, known)
    return in_order(np.where(moved, known[alike.argmax(axis=1)], labels))


def as_here(voices: Embeddings, targets: Embeddings, least: float) -> Embeddings:
    """Return the targets drawn to the likest of the recording's `voices`, if it is `least` alike.

    A microphone, a room and a mood are in a voice: with them, more of its turns are known again.
    """
    alike = targets @ voices.T
    here = voices[alike.argmax(axis=1)]
    found = alike.max(axis=1)[:, None] >= least
    return unit(np.where(found, (1 - HERE) * targets + HERE * here, targets))


def doubted(
    pieces: Sequence[Piece],
    survey: Mapping[str, Any],
    embeddings: Embeddings,
    targets: Embeddings,
) -> list[Piece]:
    """Return the pieces; a target's that is not clearly ahead of another voice is uncertain."""
    voices = unit(np.array([v["embedding"] for v in survey["voices"]], np.float32))
    middles = np.array([(a + b) / 2 for a, b in survey["windows"]])
    rules = []
    for piece in pieces:
        inside = embeddings[(middles >= piece.start_s) & (middles < piece.end_s)]
        is_sure = piece.rule != TARGET or not len(inside)
        if not is_sure:
            is_sure = _ahead(centroid(inside), voices, targets[piece.speaker]) >= AHEAD
        rules.append(piece.rule if is_sure else UNCERTAIN)
    return [replace(piece, rule=rule) for piece, rule in zip(pieces, rules, strict=True)]


def is_two(embeddings: Embeddings) -> Flags | None:
    """Return one half of the windows of one voice where it is two voices; None where it is one."""
    if len(embeddings) < 2 * LEAST_WINDOWS:
        return None
    half = _two_means(embeddings, embeddings.sum(axis=0))
    return half if _apart(embeddings, half) else None


def _apart(embeddings: Embeddings, half: Flags) -> bool:
    """Return whether both halves are long enough, and unlike enough, to be two voices."""
    if min(np.count_nonzero(half), np.count_nonzero(~half)) < LEAST_WINDOWS:
        return False
    return float(centroid(embeddings[half]) @ centroid(embeddings[~half])) < TWO_VOICES


def _ahead(embedding: Embeddings, voices: Embeddings, target: Embeddings) -> float:
    """Return by how much a turn is more like the target's voice than like any other."""
    own = voices[int(np.argmax(voices @ target))]
    others = voices[voices @ own < TWO_VOICES]
    return float(embedding @ own - np.max(others @ embedding, initial=-1.0))


def _taken_apart(embeddings: Embeddings, target: Embeddings) -> Labels:
    """Return 0 for the windows of the voice likest to the target, 1.. for each taken out of it."""
    labels = np.zeros(len(embeddings), np.int64)
    for number in range(1, MOST_SPLITS + 1):
        own = np.flatnonzero(labels == 0)
        if len(own) < 2 * LEAST_WINDOWS:
            break
        away = _two_means(embeddings[own], target)
        here, there = (float(centroid(embeddings[own[p]]) @ target) for p in (~away, away))
        if not _apart(embeddings[own], away) or abs(here - there) < NEARER:
            break
        labels[own[away if here >= there else ~away]] = number
    return labels


def _two_means(embeddings: Embeddings, target: Embeddings) -> Flags:
    """Return one half of the windows: the tighter of two starts, by likeness and by main axis."""
    centred = embeddings - embeddings.mean(axis=0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    found = [
        _settled(embeddings, _halved(values)) for values in (embeddings @ target, centred @ axis)
    ]
    return max(found, key=lambda half: _tightness(embeddings, half))


def _settled(embeddings: Embeddings, half: Flags) -> Flags:
    for _ in range(STEPS):
        away = embeddings @ centroid(embeddings[half]) > embeddings @ centroid(embeddings[~half])
        if away.all() or not away.any() or (away == half).all():
            break
        half = away
    return half


def _tightness(embeddings: Embeddings, half: Flags) -> float:
    return float(sum(np.linalg.norm(embeddings[part].sum(axis=0)) for part in (half, ~half)))


def _halved(values: npt.NDArray[np.float32]) -> Flags:
    """Return which values lie below the cut that leaves least variance on both sides (Otsu)."""
    ordered = np.sort(values.astype(np.float64))
    count = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)
    between = (sums[-1] * count / len(ordered) - sums[:-1]) ** 2 / (count * (len(ordered) - count))
    first = int(np.argmax(between))
    return np.asarray(values < (ordered[first] + ordered[first + 1]) / 2)


def labels_of(survey: Mapping[str, Any]) -> Labels:
    """Return the voice of each window: that of the turn its middle lies in."""
    starts = np.array([start for start, _, _ in survey["turns"]])
    owners = np.array([voice for _, _, voice in survey["turns"]], np.int64)
    middles = np.array([(a + b) / 2 for a, b in survey["windows"]])
    return owners[np.clip(np.searchsorted(starts, middles, side="right") - 1, 0, None)]


def _centroids(embeddings: Embeddings, labels: Labels) -> Embeddings:
    count = int(labels.max(initial=-1)) + 1
    return unit(np.array([embeddings[labels == k].sum(axis=0) for k in range(count)]))
