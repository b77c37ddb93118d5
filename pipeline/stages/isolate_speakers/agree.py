"""Who is the target: one voice for the whole job.

In:  the surveys of all recordings. Out: target.json with the voice's embedding.
With `--target-speaker` it is the voice of that clip, clear and by telephone. Otherwise the voices
of the recordings are linked by likeness, and the one that speaks longest is the target, provided
that it is clearly ahead: on real conversations the guess is wrong too often to go on with a doubt.
Nor if it is two voices that the surveys took for one (`doubled.py`).
Recordings in which the target does not speak are dropped here.
With `--speakers all` every voice that speaks long enough is wanted; they are numbered by length.
Left out: what of a recording is the target's (the last step). Light: without a clip no network.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.item import Item, Result, Unusable, setting, write_json

from . import groups, labels, reference
from .doubled import Voice, alone, voices_of
from .voices import SIZE, Embeddings, unit

VERSION = 4
READS: tuple[str, ...] = ("isolate_speakers.survey",)
COLLECTIVE = True
STICKY = True  # an agreed target stays when recordings join: what was built stays valid


@dataclass(frozen=True)
class Params:
    """Settings of the choice of the target."""

    target_speaker: str = setting(
        "",
        "clip of the voice to keep (several: a.wav,b.wav); else the one that speaks most",
        is_path=True,
    )
    speakers: Literal["target", "all"] = setting(
        "target", "whose voice: the target's, or everybody's, numbered (speakers.json)"
    )
    # a voice needs minutes to be trained; a minute is what tells it from a mistake of grouping
    min_speaker_s: float = setting(
        60.0, "with all speakers, a voice that speaks less is left out", unit="s"
    )
    # 1.5 is a share of 60% between two voices
    dominant_ratio: float = setting(
        1.5, "without a clip: how many times as long as the second voice the target must speak"
    )
    unclear_target: Literal["stop", "longest"] = setting(
        "stop", "without a clip, nobody clearly ahead: stop and ask, or take the longest anyway"
    )
    # one reader's voice in two recordings 0.85 and more, two by telephone up to 0.55
    linked_similarity: float = setting(0.65, "least similarity of a voice in two recordings")
    # as target_similarity: a voice that is less alike has no turn that is kept
    found_similarity: float = setting(
        0.5, "a recording without a voice this like the target is dropped"
    )
    # dialogues of readers by mu-law, who set no limit: the clear clip's own voice 0.52 and more,
    # others 0.53 in 99%. With a clip by the same line 0.78, and 0.65; by another line 0.38, and 0.5
    found_by_telephone: float = setting(
        0.55, "the same of a recording by telephone, held against a clear clip"
    )
    found_on_line: float = setting(
        0.65, "the same held against a voice by telephone: one line makes strangers alike"
    )


@dataclass(frozen=True)
class Models:
    """The reference clips' voice; None without a clip."""

    reference: reference.Heard | None
    clips: tuple[str, ...] = ()


def check(params: Params) -> None:
    """Raise ValueError for a reference clip that cannot be used: hours before it is needed."""
    if params.speakers == "all" and params.target_speaker:
        raise ValueError("--speakers all keeps every voice: leave --target-speaker out")
    reference.check(reference.clip_paths(params.target_speaker))


def load(params: Params, device: str) -> Models:
    """Return the voice of the reference clip, if one is given; Unusable if it cannot be had."""
    paths = reference.clip_paths(params.target_speaker)
    if not paths:
        return Models(None)
    return Models(reference.heard_in(paths, device), tuple(path.name for path in paths))


def process(items: Sequence[Item], out: Path, params: Params, models: Models) -> Result:
    """Agree on the target of a job; Unusable if there is no telling without a clip."""
    found = sorted(voices_of(items), key=lambda voice: (voice.source, -voice.seconds))
    if params.speakers == "all":
        targets, chosen = _everybody(found, params)
    elif models.reference is not None:
        targets, chosen = models.reference.clear[None], _by_reference(models, models.reference)
    else:
        target, chosen = _dominant(found, params, items)
        targets = target[None]
    drops = _without(found, targets, models.reference, params)
    write_json(out / "target.json", {"version": 1, **chosen, "embedding": _numbers(targets[0])})
    facts = {k: v for k, v in chosen.items() if not isinstance(v, list)}
    counts = {"recordings": len({voice.source for voice in found}), "without": len(drops)}
    return Result("target.json", facts | counts | {"rule": labels.OTHER}, drops)


def _everybody(found: Sequence[Voice], params: Params) -> tuple[Embeddings, dict[str, Any]]:
    """Return the voices that speak long enough in all recordings together, the longest first."""
    if not found:
        return np.zeros((1, SIZE), np.float32), {"chosen_by": "all", "voices": 0}
    labels, seconds = _linked(found, params)
    order = [k for k in np.argsort(-seconds, kind="stable") if seconds[k] >= params.min_speaker_s]
    if not order:
        raise Unusable(
            f"no voice speaks for {params.min_speaker_s:g} s: the longest has "
            f"{seconds.max():.0f} s; give more recordings, or a lower --min-speaker-s"
        )
    targets = np.array([_centroid(found, labels == k) for k in order])
    speakers = [
        {"id": i, "seconds": round(float(seconds[k]), 1), "embedding": _numbers(targets[i])}
        for i, k in enumerate(order)
    ]
    return targets, {"chosen_by": "all", "voices": len(order), "speakers": speakers}


def _linked(found: Sequence[Voice], params: Params) -> tuple[groups.Labels, Any]:
    """Return which voice of the job each voice of a recording is, and the seconds of each."""
    weights = np.array([voice.seconds for voice in found])
    embeddings = np.array([voice.embedding for voice in found])
    labels = groups.group_voices(embeddings, weights, params.linked_similarity)
    return labels, np.bincount(labels, weights)


def _centroid(found: Sequence[Voice], mine: Any) -> Embeddings:
    weights = np.array([voice.seconds for voice in found])[mine, None]
    embeddings = np.array([voice.embedding for voice in found])[mine]
    return unit((embeddings * weights).sum(axis=0))


def _numbers(embedding: Embeddings) -> list[float]:
    return [round(float(x), 4) for x in embedding]


def _by_reference(models: Models, heard: reference.Heard) -> dict[str, Any]:
    line = _numbers(heard.by_telephone)
    return {"chosen_by": "reference", "clips": list(models.clips), "by_telephone": line}


def _dominant(
    found: Sequence[Voice], params: Params, items: Iterable[Item]
) -> tuple[Embeddings, dict[str, Any]]:
    """Return the voice that speaks most in all recordings together, and how clearly it does."""
    if not found:
        return np.zeros(SIZE, np.float32), {"chosen_by": "dominant", "voices": 0, "share": 0.0}
    labels, seconds = _linked(found, params)
    order = np.argsort(-seconds, kind="stable")
    first, second = seconds[order[0]], seconds[order[1]] if len(order) > 1 else 0.0
    if first < params.dominant_ratio * second and params.unclear_target == "stop":
        raise Unusable(_unclear(found, labels, seconds, order, params))
    mine = [found[i] for i in np.flatnonzero(labels == order[0]).tolist()]
    own, other_s = alone(mine, items)
    own_s = sum(voice.seconds for voice in own)
    if own_s < params.dominant_ratio * other_s and params.unclear_target == "stop":
        raise Unusable(_two_voices(own_s, other_s, own[-1], params))
    target = _centroid(own, np.ones(len(own), bool))
    share = round(float(first / max(1e-9, seconds.sum())), 4)
    return target, {
        "chosen_by": "dominant",
        "voices": len(seconds),
        "share": share,
        "second_share": round(float(second / max(1e-9, seconds.sum())), 4),
    }


def _two_voices(own_s: float, other_s: float, where: Voice, params: Params) -> str:
    return (
        f"the voice that speaks most sounds like two alike: {own_s:.0f} s and {other_s:.0f} s "
        f"(for example in {where.source}); the first must speak {params.dominant_ratio:g} times as "
        "long. Give --target-speaker clip.wav with the voice to keep, or --unclear-target longest"
    )


def _unclear(
    found: Sequence[Voice],
    labels: groups.Labels,
    seconds: Any,
    order: Any,
    params: Params,
) -> str:
    heard = []
    for label in order[:3]:
        best = max(
            (found[i] for i in np.flatnonzero(labels == label).tolist()), key=lambda v: v.seconds
        )
        heard.append(f"{seconds[label]:.0f} s (most of it in {best.source})")
    return (
        f"no voice is clearly dominant: {', '.join(heard)} of {seconds.sum():.0f} s of speech; "
        f"the first must speak {params.dominant_ratio:g} times as long as the second. "
        "Give --target-speaker clip.wav with the voice to keep, or --unclear-target longest"
    )


def _without(
    found: Iterable[Voice], targets: Embeddings, clip: reference.Heard | None, params: Params
) -> dict[str, str]:
    """Return the recordings in which no voice is like a target's, and why not."""
    on_line = params.found_by_telephone if clip and clip.is_clear else params.found_on_line
    by_line = clip.by_telephone[None] if clip else targets
    best: dict[str, tuple[float, float]] = {}  # how alike, and how alike it must be
    for voice in found:
        wanted, least = (
            (by_line, on_line) if voice.by_telephone else (targets, params.found_similarity)
        )
        alike = float((wanted @ voice.embedding).max())
        best[voice.source] = max(best.get(voice.source, (0.0, least)), (alike, least))
    return {
        source: f"target speaker not found: best similarity {alike:.2f} is below {least:.2f}"
        for source, (alike, least) in best.items()
        if alike < least
    }


if __name__ == "__main__":
    from pipeline.standalone import main

    main("isolate_speakers.agree")
