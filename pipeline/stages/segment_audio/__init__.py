"""Clips of whole sentences, 2-12 s, cut in real pauses only; the rest with its reason.

In:  enhance_audio's sound (24 kHz), transcribe_audio's words, isolate_speakers' spans; of
     download_audio's sound only whether it clips.
Out: clips/<id>.wav (24 kHz, 16 bit) and clips.json, which accounts for every second.
How: whisper's words say which pause is meant (edges.py), the enhanced sound's envelope where it is
(envelope.py): it is what will be heard, and its rumble and part of its noise are gone.
Each clip is then heard as it will be used: DNSMOS, and whisper with the clip's text (judging.py).
Left out: phonemes (build_dataset).
"""

import itertools
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples
from pipeline.item import Item, Result, Unusable, write_json
from pipeline.models import (
    MissingWeights,
    resolve_whisper,
    whisper_digest,
    whisper_gb,
    whisper_label,
)

from .accounting import Rejected, account, ms, partition
from .choosing import Recording, candidate_runs
from .edges import breaks_around
from .envelope import FRAME_S, envelope, quiet_runs
from .judging import Candidate, Models, clip_sound, judged
from .listening import Listener
from .margins import LEAST_STILL_S, settled
from .packing import Speech
from .settings import Params
from .sound import load_mos
from .times import repaired
from .versions import Version, unprocessed
from .words import words_of

VERSION = 17
READS: tuple[str, ...] = (
    "download_audio",
    "isolate_speakers",
    "enhance_audio",
    "transcribe_audio",
)
ON_GPU = True

log = logging.getLogger(__name__)

LEAST_UNHEARD_S = 0.15  # less sound than this beside the words is a breath or a click, no speech

__all__ = ["READS", "VERSION", "Models", "Params", "load", "process", "weights"]


def weights(params: Params) -> dict[str, str]:
    """Return name -> sha256 of the weights that listen, fetched first if they are not there."""
    return {whisper_label(name): whisper_digest(name) for name in _whispers(params)}


def memory_gb(params: Params) -> float:
    """Return what a worker takes at most, GB."""
    return sum(whisper_gb(name) for name in _whispers(params)) or 1.0


def _whispers(params: Params) -> list[str]:
    names = [params.whisper_model] if params.text_check == "on" else []
    return [*names, *([params.verify_with] if params.verify_with else [])]


def load(params: Params, device: str) -> Models:
    """Return what listens; Unusable: settings that no trainer could use, weights not to be had."""
    try:
        check(params)
        names = (params.whisper_model if params.text_check == "on" else "", params.verify_with)
        found = [resolve_whisper(name, device) if name else "" for name in names]
    except (ValueError, OSError, MissingWeights) as err:
        raise Unusable(str(err)) from err
    if found[0].endswith(".en") and params.min_clip_language:
        log.warning("%s knows English only: sentences in other languages are not told", found[0])
    prompt = params.initial_prompt
    listeners = [Listener(name, device, prompt) if name else None for name in found]
    return Models(load_mos(), *listeners)


def process(item: Item, out: Path, params: Params, models: Models) -> Result:
    """Return the sums of `out`/clips.json; a recording without any clip is a result too."""
    check(params)
    rec = recording(item, params)
    chosen = candidate_runs(rec, params, can_listen=models.listener is not None)
    rec, clips, unfit = judged(rec, chosen, params, models)
    rejected = [*chosen.rejected, *unfit]
    everything = [*rejected, *strangers(rec), *unheard(rec, clips, rejected)]
    spans = [clip.span for clip in clips]
    cut, non_speech_s = account(rec.duration_s, spans, everything)
    (out / "clips").mkdir()
    entries = [save(rec, clip, f"{item.name}-{i:04d}", out) for i, clip in enumerate(clips)]
    document = {
        "duration_s": rec.duration_s,
        "language": rec.language,
        "clips": entries,
        "rejected": [asdict(r) for r in cut],
        "non_speech_s": non_speech_s,
    }
    write_json(out / "clips.json", document)
    return Result("clips.json", sums(document) | {"unprocessed_clips": unprocessed_clips(entries)})


def recording(item: Item, params: Params) -> Recording:
    """Return all that is known about a recording before it is cut."""
    spans = item.load_json("isolate_speakers", "spans.json")
    transcript = item.load_json("transcribe_audio", "transcript.json")
    enhanced = item.path("enhance_audio", "audio.flac")
    duration_s = round(float(spans["duration_s"]), 3)
    target = [
        (float(a), float(b), float(likeness), int(who[0]) if who else 0)
        for a, b, likeness, *who in spans["target"]
    ]
    others = [(float(a), float(b), float(s), str(rule)) for a, b, s, rule in spans["others"]]
    voiced, muted = [(a, b) for a, b, *_ in target], [(a, b) for a, b, _, _ in others]
    sound = envelope(levels_db(enhanced), voiced, muted)
    words = repaired(words_of(transcript), sound)
    # subtle: what is no longer than a clip was cut by somebody for this; its ends are its own, but
    # for a file that is broken off
    is_long = duration_s > params.max_clip_s
    is_cut = (is_long, is_long or bool(item.facts.get("download_audio", {}).get("truncated")))
    beyond = ((-math.inf, 0.0), (len(sound.quiet) * FRAME_S, math.inf))
    unheard = sorted([*itertools.compress(beyond, is_cut), *muted])
    pauses = quiet_runs(sound.quiet, params.min_pause_s, unheard, LEAST_STILL_S)
    breaks = breaks_around(words, pauses, voiced, duration_s, muted, is_cut)
    breaks = settled(breaks, sound, muted, params.edge_silence_s)
    return Recording(
        duration_s=duration_s,
        target=target,
        others=others,
        language=str(transcript["language"]),
        language_probability=float(transcript["language_probability"]),
        speech=Speech(words, breaks, params.edge_silence_s),
        sound=sound,
        original=item.path("download_audio", "audio.flac"),
        enhanced=Version(enhanced),
        unprocessed=unprocessed(item, spans["separated"]),
    )


def levels_db(path: Path) -> Samples:
    """Return the level of every 10 ms of a file at 24 kHz: 12 MB for 8 hours."""
    # subtle: blocks are whole seconds, so no frame is lost between two of them
    levels = [audio.frame_levels_db(block, OUTPUT_HZ, FRAME_S) for block in audio.blocks(path)]
    return np.concatenate(levels) if levels else np.zeros(0, np.float32)


def strangers(rec: Recording) -> list[Rejected]:
    """Return the rejections of what others than the target speaker said."""
    return [
        Rejected(start_s, end_s, rule, _stranger(rule, likeness), likeness)
        for start_s, end_s, likeness, rule in rec.others
    ]


def _stranger(rule: str, likeness: float) -> str:
    return "two at once" if rule == "overlap" else f"similarity {likeness:.2f} to the target"


def unheard(
    rec: Recording, clips: Sequence[Candidate], rejected: Sequence[Rejected]
) -> list[Rejected]:
    """Return the rejections of the target's speech for which there are no words."""
    taken = [c.span for c in clips] + [(r.start_s, r.end_s) for r in rejected]
    taken += [(a, b) for a, b, _, _ in rec.others]
    found = []
    for start, end, owner in partition(
        rec.duration_s, [*taken, *((a, b) for a, b, *_ in rec.target)]
    ):
        sound_s = rec.sound.loud_s(start / 1000, end / 1000) if owner >= len(taken) else 0.0
        if sound_s >= LEAST_UNHEARD_S:
            reason = f"{sound_s:.2f} s of speech for which the recogniser gave no words"
            value = round(sound_s, 2)
            found.append(
                Rejected(start / 1000, end / 1000, "no_text", reason, value, LEAST_UNHEARD_S)
            )
    return found


def save(rec: Recording, clip: Candidate, name: str, out: Path) -> dict[str, Any]:
    """Write a clip's sound; return its entry in clips.json."""
    samples = clip_sound(rec, clip.run, clip.source)
    audio.write(out / "clips" / f"{name}.wav", samples, OUTPUT_HZ)
    scores = dict(clip.scores)
    return {
        "id": name,
        "file": f"clips/{name}.wav",
        "start_s": clip.span[0],
        "end_s": clip.span[1],
        "duration_s": round(len(samples) / OUTPUT_HZ, 3),
        "text": clip.text,
        "similarity": scores["similarity"],
        "speaker": next(iter(rec.speakers(clip.run)), 0),
        "scores": scores,
    }


def sums(document: dict[str, Any]) -> dict[str, int | float]:
    """Return the facts: used, rejected and nobody's seconds add up to the duration."""
    clips, rejected = document["clips"], document["rejected"]
    return {
        "clips": len(clips),
        "used_s": sum(ms(c["end_s"]) - ms(c["start_s"]) for c in clips) / 1000,
        "rejected_s": sum(ms(r["end_s"]) - ms(r["start_s"]) for r in rejected) / 1000,
        "non_speech_s": document["non_speech_s"],
        "duration_s": document["duration_s"],
    }


def unprocessed_clips(entries: Sequence[dict[str, Any]]) -> int:
    """Return how many clips were kept as they were because processing did harm."""
    return sum(entry["scores"].get("unprocessed", 0.0) > 0 for entry in entries)


def check(params: Params) -> None:
    """Raise ValueError for settings that make clips which the trainers refuse."""
    if params.edge_silence_s < 0.1:
        raise ValueError(f"--edge-silence-s {params.edge_silence_s}: trainers need at least 0.1 s")
    if not 1.0 <= params.min_clip_s < params.max_clip_s:
        raise ValueError(
            f"--min-clip-s {params.min_clip_s}: at least 1 s, and below --max-clip-s "
            f"({params.max_clip_s} s)"
        )
