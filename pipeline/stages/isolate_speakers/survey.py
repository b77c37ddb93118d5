"""First look at a recording: is there music under it, where is speech, how many voices.

In:  the recording as downloaded.
Out: survey.json (speech, its parts of one speaker, turns, voices, windows, where there was music),
embeddings.npy (float16, one row a window), and, where there was some, vocals.flac: the recording on
the same time line, with the voices alone where music was near them.
Left out: whose voice is wanted (`agree.py`), and silencing the others (the last step).
"""

import logging
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline import audio
from pipeline.item import Item, Reject, Result, Unusable, setting, write_json
from pipeline.models import MissingWeights, path_of

from . import bed as beds
from . import (
    closer,
    demucs_model,
    exchanges,
    groups,
    segmentation,
    separate,
    speech,
    spleeter,
    telephone,
    turns,
    voices,
)

VERSION = 12
READS: tuple[str, ...] = ("download_audio",)
ON_GPU = True

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Params:
    """Settings of separation, voice activity and the grouping of voices."""

    # measured with Spleeter on read speech: SDR 0 -> 8.8, 8 -> 14.1 dB with music, 40 -> 22.9 dB
    # without: a recording that has no music is only harmed. Words get harder to recognise (base:
    # WER 4.9 -> 5.3% with music 8 dB below, 8.2 -> 14.4% at 0 dB), but clips with music are no use
    separation: Literal["auto", "always", "never"] = setting(
        "auto", "take music away: where there is some, everywhere, or nowhere"
    )
    separation_weights: str = setting(
        "",
        "folder with htdemucs weights (htdemucs.yaml and SIG-sha8.th or SIG.safetensors)",
        is_path=True,
    )
    # bench/quality.py --tables, 4 readers a seed, over music 25-0 dB below, noise, hum, nothing:
    # 14 of 16 with music are found, none of 32 without (seed 1; at -25: 11 of 16); on others 16 of
    # 16 and none (seed 2). Music 30 dB below, which nobody minds, is found in 2 of 8
    music_level_db: float = setting(
        -28.0, "auto: separate where the pauses are this loud against speech", unit="dB"
    )
    # noise and rooms 2.3-2.9, hum and distant talk up to 5, music 6-13 (bed.py)
    music_tonality_db: float = setting(
        6.0, "auto: separate where the pauses are at least this tonal", unit="dB"
    )
    speech_threshold: float = setting(0.5, "probability that is speech")  # silero-vad's default
    min_speech_s: float = setting(0.25, "shorter speech is none", unit="s")  # silero-vad's default
    # a stop consonant or a breath is shorter; sentences are cut by segment_audio, on the waveform
    speech_gap_s: float = setting(0.3, "a shorter pause does not end a span of speech", unit="s")
    # silero's 0.03 cuts into soft endings; 0.1 s keeps them and is below any pause
    speech_pad_s: float = setting(0.1, "kept before and after speech", unit="s")
    # LibriSpeech readers over each other for 0.3-3 s, 0-10 dB below: 87% of it is found, with pink
    # noise 83% (at 0.4: 83, 78%; at 0.2: 91, 89%). False, in 20 minutes of 36 readers alone: one
    # moment (at 0.4: none; at 0.2: two). Other mixes, by telephone too: bench/quality.py --tables
    overlap_threshold: float = setting(0.3, "probability that is two speakers at once")
    # as segment_audio measures it in clips: what a file's rate cannot hold needs no listening
    min_bandwidth_hz: float = setting(
        5000.0, "least bandwidth; a telephone has 4000 (0: any)", unit="Hz"
    )
    voice_hop_s: float = setting(0.4, "step from one 1.6 s window to the next", unit="s")
    # dialogues of LibriSpeech readers by telephone: windows of one 0.44 in 95%, of two up to 0.46
    # in 99%; 0.4-0.6 end in nearly the same turns, for voices that are one are joined after
    window_similarity: float = setting(0.45, "least mean similarity of windows of one voice")
    # the same: one reader's voice in two recordings 0.85 and more, two in one up to 0.49
    voice_similarity: float = setting(0.65, "least similarity of two voices that are one")
    # three meetings: of what is kept 99.9% is the target's, 98.6 with 2.0
    min_voice_s: float = setting(1.0, "a voice that speaks less is taken for the likest", unit="s")


@dataclass
class Models:
    """The networks; the separator is loaded for the first recording that needs it, once."""

    vad: Any
    voice: voices.VoiceNetwork
    segments: Any
    weights: str
    device: str
    separators: list[separate.Separator | None] = field(default_factory=list)


def load(params: Params, device: str) -> Models:
    """Return the networks; Unusable if separation is a must and no weights can be had."""
    ready = Models(
        speech.load_network(),
        voices.load_network(device),
        segmentation.load_network(speech.needed_file("segmentation-3.0"), device),
        params.separation_weights,
        device,
    )
    if params.separation == "always" or params.separation_weights:
        try:
            ready.separators.append(demucs_model.load(params.separation_weights, device))
        except (MissingWeights, ValueError) as err:
            raise Unusable(_cannot_separate(err)) from err
    return ready


def process(item: Item, out: Path, params: Params, models: Models) -> Result:
    """Survey one recording; its facts say what was measured and whether it was separated.

    Reject where its rate leaves less bandwidth than any clip must have.
    """
    _require_bandwidth(item.facts.get("download_audio", {}).get("source_rate_hz"), params)
    source = item.path("download_audio", "audio.flac")
    spans = find_speech(source, params, models)
    frames = beds.frames_of(source)
    under = beds.measure(frames, spans)
    music = find_music(frames, spans, under, params)
    separator = _separator(models) if music else None
    sound = source
    if separator:
        sound = out / "vocals.flac"
        separate.separate_file(source, sound, [part for part, _ in music], separator)
        spans = find_speech(sound, params, models)
    found = find_voices(sound, spans, params, models)
    found["by_telephone"] = telephone.is_by_telephone(sound, spans)
    write_json(out / "survey.json", _document(source, found, music))
    np.save(out / "embeddings.npy", found["embeddings"].astype(np.float16))
    facts = _facts(under, music, separator) | {
        "speech_s": round(speech.total_s(found["speech"]), 3),
        "voices": len(found["voices"]),
        "by_telephone": found["by_telephone"],
    }
    return Result(output="survey.json", facts=facts)


def _require_bandwidth(rate_hz: object, params: Params) -> None:
    if not isinstance(rate_hz, int) or rate_hz >= 2 * params.min_bandwidth_hz:
        return
    raise Reject(
        f"recorded at {rate_hz} Hz it has nothing above {rate_hz / 2:g} Hz, less than "
        f"{params.min_bandwidth_hz:g} Hz; --min-bandwidth-hz 0 keeps telephone recordings",
        "bandwidth",
    )


def find_speech(path: Path, params: Params, models: Models) -> list[speech.Span]:
    """Return the spans of speech in a recording."""
    rules = speech.SpeechRules(
        params.speech_threshold, params.min_speech_s, params.speech_gap_s, params.speech_pad_s
    )
    blocks = audio.blocks_at(path, speech.RATE_HZ)
    probabilities = speech.speech_probabilities(models.vad, blocks)
    return speech.speech_spans(probabilities, audio.info(path).duration_s, rules)


def find_voices(
    path: Path, spans: list[speech.Span], params: Params, models: Models
) -> dict[str, Any]:
    """Return a recording's speech, begun where it begins, its parts of one speaker, and voices."""
    blocks = audio.blocks_at(path, segmentation.RATE_HZ)
    classes = segmentation.windows(models.segments, models.device, blocks)
    sound = exchanges.heard(classes, audio.info(path).duration_s)
    spans = exchanges.begun(spans, sound)
    double = exchanges.overlaps(sound, params.overlap_threshold)
    parts = exchanges.parted(spans, double, exchanges.changes(sound))
    windows = voices.windows(parts, params.voice_hop_s)
    embeddings = voices.embed_recording(path, windows, models.voice)
    found = _grouped(parts, windows, embeddings, params) | {"speech": spans}
    missed = closer.changes(path, windows, embeddings, found["voices"], models.voice)
    if not missed:
        return found
    parts = exchanges.parted(parts, (), missed)
    known = dict(zip(windows, embeddings, strict=True))
    windows = voices.windows(parts, params.voice_hop_s)
    new = [window for window in windows if window not in known]
    known |= zip(new, voices.embed_recording(path, new, models.voice), strict=True)
    embeddings = np.array([known[window] for window in windows])
    return _grouped(parts, windows, embeddings, params) | {"speech": spans}


def _grouped(
    parts: list[speech.Span],
    windows: list[speech.Span],
    embeddings: voices.Embeddings,
    params: Params,
) -> dict[str, Any]:
    """Return the turns and voices that the windows make."""
    labels = groups.group_windows(embeddings, params.window_similarity, params.voice_similarity)
    seconds = turns.seconds_of(parts, windows)
    labels = turns.smoothed(labels, embeddings, seconds, params.min_voice_s)
    found = turns.find_turns(parts, windows, labels.tolist())
    return {
        "parts": parts,
        "windows": windows,
        "embeddings": embeddings,
        "turns": found,
        "voices": turns.describe_voices(found, embeddings, labels),
    }


def find_music(
    frames: beds.Frames, spans: list[speech.Span], under: beds.Bed, params: Params
) -> list[tuple[speech.Span, beds.Bed]]:
    """Return the parts of a recording to separate: the whole, or where music is near speech."""
    if params.separation == "never":
        return []
    if params.separation == "always" or is_music(under, params):
        return [((0.0, frames.duration_s), under)]
    return beds.music(frames, spans, partial(is_music, params=params))


def is_music(under: beds.Bed, params: Params) -> bool:
    loud = under.below_speech_db >= params.music_level_db
    return loud and under.tonality_db >= params.music_tonality_db


def _separator(ready: Models) -> separate.Separator | None:
    """Return the best separator that can be had, None with one warning if there is none."""
    if not ready.separators:
        ready.separators.append(_best_separator(ready))
    return ready.separators[0]


def _best_separator(ready: Models) -> separate.Separator | None:
    try:
        return demucs_model.load(ready.weights, ready.device)
    except MissingWeights as err:
        log.info("no htdemucs, trying Spleeter: %s", err)
    except ValueError as err:
        log.warning("htdemucs cannot be used, trying Spleeter: %s", err)
    try:
        return spleeter.load(path_of("spleeter-2stems"), ready.device)
    except MissingWeights as err:
        log.warning("recordings with music stay as they are: %s", err)
        return None


def _cannot_separate(err: Exception) -> str:
    return (
        f"--separation always: {err}\n"
        "or give --separation-weights FOLDER with htdemucs.yaml and the model it names, "
        "or --separation auto to go on without"
    )


def _facts(
    under: beds.Bed,
    music: list[tuple[speech.Span, beds.Bed]],
    separator: separate.Separator | None,
) -> dict[str, str | float | bool]:
    return {
        "separated": separator is not None,
        "separator": separator.name if separator else "",
        "separation_wanted": bool(music),
        "music_s": round(speech.total_s(part for part, _ in music), 3),
        "speech_db": under.speech_db,
        "bed_db": under.below_speech_db,
        "bed_tonality_db": under.tonality_db,
    }


def _document(
    source: Path,
    found: dict[str, Any],
    music: list[tuple[speech.Span, beds.Bed]],
) -> dict[str, Any]:
    """Return what survey.json says; the embeddings stand beside it."""
    return {
        "version": 3,
        "duration_s": round(audio.info(source).duration_s, 3),
        "speech": found["speech"],
        "parts": found["parts"],
        "turns": found["turns"],
        "voices": found["voices"],
        "windows": found["windows"],
        "by_telephone": found["by_telephone"],
        "music": [[*part, bed.below_speech_db] for part, bed in music],
    }


if __name__ == "__main__":
    from pipeline.standalone import main

    main("isolate_speakers.survey")
