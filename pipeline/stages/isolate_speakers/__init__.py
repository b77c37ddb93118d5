"""Keep the target speaker's voice and silence every other one, on an unchanged time line.

In:  the recording (its vocals where it was separated), its survey, and the agreed target.
Out: audio.flac (same rate and length as downloaded; pauses kept) and spans.json: {"duration_s",
"target": [[start_s, end_s, similarity, speaker]], "others": [[start_s, end_s, similarity, rule]],
"separated": [[start_s, end_s, level of the music, dB above the speech]]}.
Steps before this one: `survey.py` (each recording alone), `agree.py` (all together). In this one:
`resolve.py` (who else is there), `labels.py` (whose turn it is), `mute.py` (the sound).
Left out: keeping the mixture where the vocals read worse: segment_audio knows the transcript.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.item import Item, Reject, Result, Unusable, setting, write_json

from . import labels, mute, resolve
from .labels import TARGET, Piece
from .voices import SIZE, Embeddings, unit

VERSION = 8
SURVEY, AGREE = "isolate_speakers.survey", "isolate_speakers.agree"
READS: tuple[str, ...] = ("download_audio", SURVEY, AGREE)


@dataclass(frozen=True)
class Params:
    """Settings of what counts as the target's speech."""

    # LibriSpeech voices in a dialogue without the speaker of the clip: 0.2 like it, by telephone up
    # to 0.55 in 95%; his own 0.85. Where he is there, 0.45-0.6 keep the same
    target_similarity: float = setting(0.55, "a turn at least this like the target is kept")
    other_similarity: float = setting(
        0.48, "a turn less like the target is another's; between the two it is uncertain: silenced"
    )
    # of the distance of the two voices; own windows are ahead by 0.43 or more in 99%, by telephone
    overlap_margin: float = setting(
        0.25, "windows in which the target is less ahead of another voice are overlap"
    )


@dataclass(frozen=True)
class Models:
    """Nothing: the networks ran in the survey."""


def load(params: Params, device: str) -> Models:  # noqa: ARG001  the contract of every stage
    """Return nothing worth naming; this step is arithmetic."""
    return Models()


def process(item: Item, out: Path, params: Params, models: Models) -> Result:  # noqa: ARG001
    """Write the recording with others silenced; Reject if the target does not speak in it."""
    survey = item.load_json(SURVEY, "survey.json")
    if not survey["speech"]:
        raise Reject("no speech found", "non_speech")
    if not survey["parts"]:
        raise Reject("two speak at once, wherever there is speech", labels.OVERLAP)
    line = bool(survey.get("by_telephone"))
    targets = _targets(item.load_json(AGREE, "target.json"), line)
    embeddings = unit(np.load(item.path(SURVEY, "embeddings.npy")).astype(np.float32))
    found = owned(survey, embeddings, targets, params)
    if not any(piece.rule == TARGET for piece in found):
        best = max(piece.similarity for piece in found)
        raise Reject(
            f"target speaker not found: best similarity {best:.2f} is below "
            f"{params.target_similarity:.2f}",
            labels.OTHER,
        )
    sound = _sound(item)
    known = {edge_s for part in survey["parts"] for edge_s in part}
    pieces = mute.refine(sound, found, known)
    mute.write_muted(sound, out / "audio.flac", pieces)
    spans = _spans(survey["duration_s"], pieces)
    spans["separated"] = survey["music"] if _is_separated(item) else []
    write_json(out / "spans.json", spans)
    return Result("audio.flac", _facts(item, pieces))


def owned(
    survey: dict[str, Any], embeddings: Embeddings, targets: Embeddings, params: Params
) -> list[Piece]:
    """Return the recording's speech as pieces, each a target's or not, with the reason."""
    limits = labels.Limits(params.target_similarity, params.other_similarity, params.overlap_margin)
    survey = resolve.resolved(survey, embeddings, targets, params.other_similarity)
    voices = unit(np.array([voice["embedding"] for voice in survey["voices"]], np.float32))
    here = resolve.as_here(voices, targets, params.target_similarity)
    found = labels.label(survey, embeddings, here, limits)
    return resolve.doubted(found, survey, embeddings, here)


def _targets(agreed: dict[str, Any], by_telephone: bool) -> Embeddings:
    """Return the wanted voices, (n, 192): one, or with --speakers all each one's."""
    found = [speaker["embedding"] for speaker in agreed.get("speakers", [agreed])]
    if by_telephone and "by_telephone" in agreed:
        found = [agreed["by_telephone"]]
    if len(found[0]) != SIZE:
        raise Unusable(
            f"the voice that this folder agreed on is of another network: {len(found[0])} numbers, "
            f"needs {SIZE}; begin in a new output folder"
        )
    return unit(np.array(found, np.float32))


def _sound(item: Item) -> Path:
    """Return what to go on with: the vocals where there are some, else the recording."""
    if _is_separated(item):
        return item.path(SURVEY, "vocals.flac")
    return item.path("download_audio", "audio.flac")


def _is_separated(item: Item) -> bool:
    return bool(item.facts.get(SURVEY, {}).get("separated"))


def _spans(duration_s: float, pieces: list[Piece]) -> dict[str, object]:
    return {
        "duration_s": duration_s,
        "target": [
            [p.start_s, p.end_s, p.similarity, p.speaker] for p in pieces if p.rule == TARGET
        ],
        "others": [[p.start_s, p.end_s, p.similarity, p.rule] for p in pieces if p.rule != TARGET],
    }


def _facts(item: Item, pieces: list[Piece]) -> dict[str, str | int | float | bool | None]:
    mine = [p for p in pieces if p.rule == TARGET]
    target_s = _seconds(mine)
    mean = sum((p.end_s - p.start_s) * p.similarity for p in mine) / target_s
    before = item.facts.get(SURVEY, {})
    return {
        "target_s": target_s,
        "other_s": _seconds([p for p in pieces if p.rule != TARGET]),
        "overlap_s": _seconds([p for p in pieces if p.rule == labels.OVERLAP]),
        "similarity": round(mean, 4),
        "separated": _is_separated(item),
        "separator": before.get("separator", ""),
    }


def _seconds(pieces: list[Piece]) -> float:
    return round(float(sum(p.end_s - p.start_s for p in pieces)), 3)
