"""Clips of whole sentences, 2-12 s, cut in real pauses only; the rest with its reason.

In:  enhance_audio's sound (24 kHz), transcribe_audio's words, isolate_speakers' spans; of
     download_audio's sound only whether it clips.
Out: clips/<id>.wav (24 kHz, 16 bit) and clips.json, which accounts for every second.
How: whisper's words say which pause is meant (edges.py), the enhanced sound's envelope where it is
(envelope.py): it is what will be heard, and its rumble and part of its noise are gone.
Left out: DNSMOS and other learned scores; phonemes (build_dataset).
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples, Seconds
from pipeline.item import Item, Result, Unusable, write_json

from .accounting import Rejected, account, ms, partition
from .choosing import Candidate, Recording, candidate_runs, judge, rejection
from .edges import breaks_around
from .envelope import FRAME_S, envelope, quiet_runs
from .packing import Run, Speech
from .quality import rate_failure, rate_limits
from .settings import Params
from .words import words_of

VERSION = 1
READS: tuple[str, ...] = (
    "download_audio",
    "isolate_speakers",
    "enhance_audio",
    "transcribe_audio",
)
Models = None

FADE_S: Seconds = 0.005  # at the joints of recorded quiet and digital silence: no clicks
LEAST_UNHEARD_S = 0.15  # less sound than this beside the words is a breath or a click, no speech

__all__ = ["READS", "VERSION", "Models", "Params", "load", "process"]


def load(params: Params, device: str) -> None:  # noqa: ARG001
    """Return nothing: this stage has no model. Unusable: settings that no trainer could use."""
    try:
        check(params)
    except ValueError as err:
        raise Unusable(str(err)) from err


def process(item: Item, out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    """Return the sums of `out`/clips.json; a recording without any clip is a result too."""
    check(params)
    rec = recording(item, params)
    runs, rejected = candidate_runs(rec, params)
    clips, unfit = judged(rec, runs, params)
    everything = [*rejected, *unfit, *strangers(rec), *unheard(rec, clips, [*rejected, *unfit])]
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
    return Result("clips.json", sums(document))


def recording(item: Item, params: Params) -> Recording:
    """Return all that is known about a recording before it is cut."""
    spans = item.load_json("isolate_speakers", "spans.json")
    transcript = item.load_json("transcribe_audio", "transcript.json")
    enhanced = item.path("enhance_audio", "audio.flac")
    duration_s = round(float(spans["duration_s"]), 3)
    target = [(float(a), float(b), float(likeness)) for a, b, likeness in spans["target"]]
    others = [(float(a), float(b), float(s), str(rule)) for a, b, s, rule in spans["others"]]
    voiced, muted = [(a, b) for a, b, _ in target], [(a, b) for a, b, _, _ in others]
    sound = envelope(levels_db(enhanced), voiced, muted)
    words = words_of(transcript)
    pauses = quiet_runs(sound.quiet, params.min_pause_s)
    breaks = breaks_around(words, pauses, voiced, duration_s)
    return Recording(
        duration_s=duration_s,
        target=target,
        others=others,
        language=str(transcript["language"]),
        language_probability=float(transcript["language_probability"]),
        speech=Speech(words, breaks, params.edge_silence_s),
        sound=sound,
        original=item.path("download_audio", "audio.flac"),
        enhanced=enhanced,
    )


def levels_db(path: Path) -> Samples:
    """Return the level of every 10 ms of a file at 24 kHz: 12 MB for 8 hours."""
    # subtle: blocks are whole seconds, so no frame is lost between two of them
    levels = [audio.frame_levels_db(block, OUTPUT_HZ, FRAME_S) for block in audio.blocks(path)]
    return np.concatenate(levels) if levels else np.zeros(0, np.float32)


def judged(
    rec: Recording, runs: Sequence[Run], params: Params
) -> tuple[list[Candidate], list[Rejected]]:
    """Return the runs that pass every rule, and the rejections of the others."""
    measured = [judge(rec, run, params) for run in runs]
    fit = [candidate for candidate, failure in measured if not failure]
    rejected = [rejection(c.span, c.text, f) for c, f in measured if f]
    limits = rate_limits([candidate.seconds_per_letter for candidate in fit])
    rates = [(c, rate_failure(c.seconds_per_letter, limits)) for c in fit]
    rejected += [rejection(c.span, c.text, f) for c, f in rates if f]
    return [candidate for candidate, failure in rates if not failure], rejected


def strangers(rec: Recording) -> list[Rejected]:
    """Return the rejections of what others than the target speaker said."""
    return [
        Rejected(start_s, end_s, rule, f"similarity {likeness:.2f} to the target", likeness)
        for start_s, end_s, likeness, rule in rec.others
    ]


def unheard(
    rec: Recording, clips: Sequence[Candidate], rejected: Sequence[Rejected]
) -> list[Rejected]:
    """Return the rejections of the target's speech for which there are no words."""
    taken = [c.span for c in clips] + [(r.start_s, r.end_s) for r in rejected]
    taken += [(a, b) for a, b, _, _ in rec.others]
    found = []
    for start, end, owner in partition(
        rec.duration_s, [*taken, *((a, b) for a, b, _ in rec.target)]
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
    samples = clip_sound(rec, clip)
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
        "scores": scores,
    }


def clip_sound(rec: Recording, clip: Candidate) -> Samples:
    """Return the clip at 24 kHz: its recorded quiet, filled up with silence at both ends."""
    part, _ = audio.read(rec.enhanced, *clip.span)
    voice_start_s, voice_end_s = rec.voice(clip.run)
    edge_s = rec.speech.edge_s
    before_s = max(0.0, edge_s - (voice_start_s - clip.span[0]))
    after_s = max(0.0, edge_s - (clip.span[1] - voice_end_s))
    silence = (round(before_s * OUTPUT_HZ), round(after_s * OUTPUT_HZ))
    return np.pad(audio.fade(part, OUTPUT_HZ, FADE_S), silence)


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


def check(params: Params) -> None:
    """Raise ValueError for settings that make clips which the trainers refuse."""
    if params.edge_silence_s < 0.1:
        raise ValueError(f"edge_silence_s {params.edge_silence_s} s: trainers need at least 0.1 s")
    if not 1.0 <= params.min_clip_s < params.max_clip_s:
        raise ValueError(
            f"min_clip_s {params.min_clip_s} must be at least 1 s and below "
            f"max_clip_s {params.max_clip_s}"
        )
