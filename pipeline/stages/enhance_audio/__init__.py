"""Clean sound at one loudness: noise turned down, 24 kHz mono, nothing moved in time.

In:  isolate_speakers' audio.flac and spans.json.
Out: audio.flac, 24 kHz mono, round(duration_s * 24000) samples, on the same time line; where noise
was reduced by `balanced` also plain.flac, the same without, for the clips that reduction harms.
One filter, one noise profile and one gain for the whole recording: no clip gets its own level.
What is not the target's speech stays, as it was or turned down; it may be clipped at the peak limit
where it is louder than the speech, since it is in no clip.
Left out: judging whether the result is good enough (segment_audio).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline import audio
from pipeline.audio import FLOOR_DB, OUTPUT_HZ, Samples, Seconds
from pipeline.item import Item, Result, setting

from .cleaning import Cleaning, Replayed, cleaned
from .loudness import LoudnessMeter, Span, mask, true_peak
from .pauses import Survey, pauses_between, survey

VERSION = 2
READS: tuple[str, ...] = ("isolate_speakers",)
Models = None

# Share by which noise is turned down. Measured on 12 LJ Speech clips in pink noise by whisper
# tiny.en and DNSMOS: untouched, light, balanced, aggressive, then noisereduce's default strength
# and smoothing (1.0, 500 Hz):
#   SNR 21 dB: OVRL 2.76 2.85 2.89 3.00 3.17, SIG 3.59 3.58 3.58 3.58 3.49,
#              the speech's level 0 -0.2 -0.4 -0.5 -2.3 dB
#   SNR 11 dB: OVRL 2.23 2.42 2.56 2.62 2.75, SIG 3.54 3.57 3.57 3.53 3.26,
#              mean log probability of the text -0.185 -0.173 -0.161 -0.168 -0.228
# 15 or 16 of 175 words were wrong throughout, but 23 with the defaults at 11 dB: OVRL still rises
# where the voice already suffers.
PROP_DECREASE = {"none": 0.0, "light": 0.4, "balanced": 0.6, "aggressive": 0.8}
SPEECH_EDGE_S: Seconds = 0.25  # a clip takes up to 0.2 s of pause along with the speech


@dataclass(frozen=True)
class Params:
    """How the sound is made; the defaults suit StyleTTS2 and Kokoro."""

    enhancement_mode: Literal["none", "light", "balanced", "aggressive"] = setting(
        "balanced",
        "how far noise is turned down, measured in the pauses; clean recordings are left alone",
    )
    # measured at 42 dB: reduction changes OVRL by -0.01 and SIG by -0.02; at 21 dB it helps
    clean_snr_db: float = setting(
        35.0, "from this distance of speech and pauses on, noise is not reduced", unit="dB"
    )
    # the lowest voices start at about 75 Hz; mains hum is at 50 Hz, rumble and handling below
    high_pass_hz: float = setting(60.0, "what is below is removed; 0 = nothing", unit="Hz")
    # LJ Speech, which both trainers' mel scaling (mean -4, deviation 4) was made for, measures
    # -23.3 LUFS over 115 clips; it is also EBU R 128's target
    target_lufs: float = setting(-23.0, "loudness of the target's speech", unit="LUFS")
    # EBU R 128; the gain is lowered until it holds, nothing is compressed
    true_peak_dbtp: float = setting(-1.0, "highest true peak of the speech", unit="dBTP")
    # our choice, not measured: a quieter recording is taken for hiss and stays quiet
    max_gain_db: float = setting(30.0, "quiet recordings are raised by at most this", unit="dB")


@dataclass(frozen=True)
class Levels:
    """Of the cleaned speech, before the gain."""

    lufs: float
    peak: float  # true peak, linear


def load(params: Params, device: str) -> None:
    """Return nothing: this stage has no model."""


def process(item: Item, out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    """Return the facts of `out`/audio.flac; ValueError if the recording cannot be read."""
    path = item.path("isolate_speakers", "audio.flac")
    spans = item.load_json("isolate_speakers", "spans.json")
    target = [(span[0], span[1]) for span in spans["target"]]
    others = [(span[0], span[1]) for span in spans["others"]]
    cleaning = Cleaning(high_pass_hz=params.high_pass_hz)
    pauses = pauses_between(target + others, audio.info(path).duration_s)
    plain = wanted = Replayed(partial(cleaned, path, cleaning))
    found = survey(plain, target, pauses)
    if needs_reduction(found, params):
        prop_decrease = PROP_DECREASE[params.enhancement_mode]
        cleaning = replace(cleaning, noise=found.noise, prop_decrease=prop_decrease)
        wanted = Replayed(partial(cleaned, path, cleaning))
    levels = measure(wanted, target)
    gain_db = gain_for(levels, params)
    limit = 10 ** (params.true_peak_dbtp / 20)
    gain = 10 ** (gain_db / 20)
    write(out / "audio.flac", wanted, gain, limit)
    if wanted is not plain and params.enhancement_mode == "balanced":
        write(out / "plain.flac", plain, gain, limit)
    return Result("audio.flac", facts(found, levels, gain_db, cleaning, params))


def needs_reduction(found: Survey, params: Params) -> bool:
    """Return whether there is noise worth the damage that every reduction does to a voice."""
    wanted = PROP_DECREASE[params.enhancement_mode] > 0
    return wanted and found.noise is not None and found.snr_db < params.clean_snr_db


def measure(blocks: Iterable[Samples], spans: Sequence[Span]) -> Levels:
    """Return loudness of `spans`, and their true peak with the edges that clips may keep."""
    meter, peak, position = LoudnessMeter(), 0.0, 0
    widened = [(start_s - SPEECH_EDGE_S, end_s + SPEECH_EDGE_S) for start_s, end_s in spans]
    for block in blocks:
        meter.feed(block)
        inside = mask(widened, len(block), OUTPUT_HZ, first=position)
        peak = true_peak(np.where(inside, block, np.float32(0)), peak)
        position += len(block)
    return Levels(meter.lufs(spans), peak)


def gain_for(levels: Levels, params: Params) -> float:
    """Return the gain in dB that reaches the target loudness, as far as peak and cap allow.

    Silence gets none. Example: speech at -30 LUFS with a peak of -8 dBTP gets 7 dB.
    """
    if levels.lufs <= FLOOR_DB or levels.peak <= 0:
        return 0.0
    headroom_db = params.true_peak_dbtp - _db(levels.peak)
    return min(params.target_lufs - levels.lufs, params.max_gain_db, headroom_db)


def write(path: Path, blocks: Iterable[Samples], gain: float, limit: float) -> None:
    """Write the recording with one gain; beyond `limit` there is only what is not speech."""
    with audio.Writer(path, OUTPUT_HZ) as file:
        for block in blocks:
            file.write(np.clip(block * np.float32(gain), -limit, limit))


def facts(
    found: Survey, levels: Levels, gain_db: float, cleaning: Cleaning, params: Params
) -> dict[str, str | float | bool]:
    """Return the facts of the result, levels in dB."""
    heard = levels.lufs > FLOOR_DB
    return {
        "mode": params.enhancement_mode,
        "reduced": cleaning.noise is not None,
        "prop_decrease": cleaning.prop_decrease,
        "noise_db": round(found.noise_db, 2),
        "speech_db": round(found.speech_db, 2),
        "snr_db": round(found.snr_db, 2),
        "gain_db": round(gain_db, 2),
        "lufs_in": round(levels.lufs, 2),
        "lufs_out": round(levels.lufs + gain_db, 2) if heard else FLOOR_DB,
        "true_peak_db": round(max(FLOOR_DB, _db(levels.peak) + gain_db), 2),
    }


def _db(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, 1e-6)))
