"""What of a recording is the target's: each turn compared with the agreed voice.

In:  the survey's turns, windows, embeddings and voices; the embedding of the target, or of several.
Out: `Piece`s: sorted, disjoint, each a target's (rule "") or not, with the rule that says why.
A turn's similarity is that of its windows, drawn towards that of its voice as a whole the more the
shorter it is: half a second says little about a voice.
Speech that is in no part of one speaker is overlap, which the segmentation network heard. What it
missed is found here only where the other voice also speaks alone in the recording, and is about as
loud as the target (measured at equal levels: half of the windows; 12 dB apart: one in ten).
Left out: where exactly a change lies in the sound (`mute.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.audio import Seconds

from .exchanges import parted
from .speech import Span
from .voices import Embeddings, unit

TARGET, OTHER, UNCERTAIN, OVERLAP = "", "other_speaker", "uncertain_speaker", "overlap"
PRIOR_S: Seconds = (
    2.0  # the shortest turns are judged by their voice as if that were so much of them
)
ENOUGH_S: Seconds = 3.0  # ... turns of this length by themselves alone (EER 0.1%), between: partly
LEAST_OVERLAP = 2  # windows in a row; one alone is chance
LEAST_AT_CHANGE = 3  # next to another's turn: two windows lie across every change of speakers


@dataclass(frozen=True)
class Piece:
    """A stretch of speech and whose it is."""

    start_s: Seconds
    end_s: Seconds
    similarity: float
    rule: str
    speaker: int = 0  # which of the wanted voices it is likest


@dataclass(frozen=True)
class Limits:
    """Similarities that part target, doubt and others; see `Params` for the sources."""

    target: float
    other: float
    overlap_margin: float


def label(
    survey: Mapping[str, Any], embeddings: Embeddings, targets: Embeddings, limits: Limits
) -> list[Piece]:
    """Return the recording's speech as pieces; neighbours of one rule that touch are one.

    `targets` are the wanted voices, (n, 192); a turn is held against the one it is likest.
    """
    voices = unit(np.array([v["embedding"] for v in survey["voices"]], np.float32))
    windows = survey["windows"]
    middles = np.array([(a + b) / 2 for a, b in windows])
    margins = [_margins(embeddings, embeddings @ t, voices, t, limits) for t in targets]
    labelled: list[tuple[Piece, npt.NDArray[np.int64]]] = []
    for start, end, voice in survey["turns"]:
        inside = np.flatnonzero((middles >= start) & (middles < end))
        alike = [
            _similarity(embeddings[inside], target, float(voices[voice] @ target), end - start)
            for target in targets
        ]
        who = int(np.argmax(alike))
        rule = _rule(alike[who], limits)
        labelled.append((Piece(start, end, round(alike[who], 4), rule, who), inside))
    double = parted(survey["speech"], survey["parts"], ())
    pieces = [Piece(start, end, 0.0, OVERLAP) for start, end in double]
    for index, (piece, inside) in enumerate(labelled):
        edges = _changes(labelled, index)
        mixed = margins[piece.speaker][inside] < 0
        runs = _overlaps(mixed, edges) if piece.rule == TARGET else []
        pieces += _split(piece, [windows[i] for i in inside], runs)
    return _merged(sorted(pieces, key=lambda piece: piece.start_s))


def _similarity(
    embeddings: Embeddings, target: Embeddings, prior: float, length_s: Seconds
) -> float:
    if not len(embeddings):
        return prior
    measured = float(unit(embeddings.sum(axis=0)) @ target)
    prior_s = PRIOR_S * max(0.0, 1 - length_s / ENOUGH_S)
    return (length_s * measured + prior_s * prior) / (length_s + prior_s)


def _rule(similarity: float, limits: Limits) -> str:
    if similarity >= limits.target:
        return TARGET
    return OTHER if similarity < limits.other else UNCERTAIN


def _margins(
    embeddings: Embeddings, own: Any, voices: Embeddings, target: Embeddings, limits: Limits
) -> npt.NDArray[np.float64]:
    """Return for each window by how much the target is ahead of the nearest other voice.

    Negative means overlap. The margin asked for grows with the distance of the two voices.
    """
    margins = np.full(len(embeddings), np.inf)
    for voice in voices:
        alike = float(voice @ target)
        if alike < limits.other:
            ahead = own - embeddings @ voice - limits.overlap_margin * (1 - alike)
            margins = np.minimum(margins, ahead)
    return margins


def _changes(labelled: Sequence[tuple[Piece, Any]], index: int) -> tuple[bool, bool]:
    """Return whether another's turn touches the start, and the end, of turn `index`."""
    here = labelled[index][0]
    before = labelled[index - 1][0] if index else None
    after = labelled[index + 1][0] if index + 1 < len(labelled) else None
    return (
        before is not None and before.end_s == here.start_s and _is_another(before, here),
        after is not None and after.start_s == here.end_s and _is_another(after, here),
    )


def _is_another(piece: Piece, here: Piece) -> bool:
    return piece.rule != TARGET or piece.speaker != here.speaker


def _overlaps(mixed: npt.NDArray[np.bool_], edges: tuple[bool, bool]) -> list[tuple[int, int]]:
    """Return [first, end) runs of windows in which somebody speaks at the same time."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], mixed.astype(np.int8), [0]])))
    found = []
    for first, end in zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True):
        at_change = (first == 0 and edges[0]) or (end == len(mixed) and edges[1])
        if end - first >= (LEAST_AT_CHANGE if at_change else LEAST_OVERLAP):
            found.append((first, end))
    return found


def _split(piece: Piece, windows: Sequence[Span], runs: Sequence[tuple[int, int]]) -> list[Piece]:
    """Return the piece with runs of its windows cut out as overlap, middle to middle."""
    cuts = [piece.start_s]
    for first, end in runs:
        before = piece.start_s if first == 0 else _between(windows[first - 1], windows[first])
        last = end == len(windows)
        cuts += [before, piece.end_s if last else _between(windows[end - 1], windows[end])]
    cuts.append(piece.end_s)
    pieces = [
        replace(piece, start_s=a, end_s=b, rule=OVERLAP if i % 2 else piece.rule)
        for i, (a, b) in enumerate(zip(cuts, cuts[1:], strict=False))
    ]
    return [part for part in pieces if part.end_s > part.start_s]


def _between(here: Span, after: Span) -> Seconds:
    return round((here[0] + here[1] + after[0] + after[1]) / 4, 3)


def _merged(pieces: Sequence[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        is_same = last and last.rule == piece.rule and last.speaker == piece.speaker
        if last and is_same and last.end_s == piece.start_s:
            first_s, second_s = last.end_s - last.start_s, piece.end_s - piece.start_s
            mean = (first_s * last.similarity + second_s * piece.similarity) / (first_s + second_s)
            merged[-1] = replace(last, end_s=piece.end_s, similarity=round(mean, 4))
        else:
            merged.append(piece)
    return merged
