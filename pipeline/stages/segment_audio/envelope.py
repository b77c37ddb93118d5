"""Where a recording is quiet: its level per 10 ms against a threshold that follows the room.

In:  frame levels in dB, the voice activity's spans, the spans of other speakers.
Out: an `Envelope`, and its quiet runs: the real pauses.
Left out: which words lie between the pauses (edges.py).
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.audio import FLOOR_DB, Samples, Seconds, mean_db

Span = tuple[Seconds, Seconds]
Flags = npt.NDArray[np.bool_]

FRAME_S = 0.01
STEP_S = 10.0  # the threshold is set anew this often ...
WINDOW_S = 60.0  # ... from this much sound around: rooms and microphones change within a recording
VAD_EDGE_S = 0.05  # silero pads and misses by about this
MUTE_EDGE_S = 0.01  # to where a muted span's silence is in the level of the frames beside it
TOUCHES_S = 0.02  # from quiet to a muted span: no frame is both
LEAST_PAUSE_S = 0.5  # from less pause the room's level is not measured but guessed
DIGITAL_SILENCE_DB = -90.0  # below 16-bit dither: says nothing about the room
# Quiet is what lies in the lowest third between room and loud speech (95th percentile), but never
# less than 3 dB over the room (its own frames vary by 1 dB) nor more than 40 dB under the voice
# (a reverberant room never gets quieter between words).
QUIET_SHARE = 0.3
LEAST_OVER_ROOM_DB = 3.0
MOST_UNDER_SPEECH_DB = 40.0
LEAST_UNDER_SPEECH_DB = 6.0  # where voice and room are one, nothing is quiet
# A room is as loud under words as between them: what is louder there than the dips within words is
# something else.
LOUDER_BETWEEN_DB = 6.0
# Between turns a recording may be quieter than while somebody speaks: a noise gate, a cut, another
# microphone. The floor under a voice shows in its quietest frames, which are then all alike: 5th to
# 12th percentile of 30 s apart by 1-4 dB with noise (LibriSpeech), by 7-11 dB without (LJ Speech,
# AMI).
FLOOR_PERCENTILES = (5, 8, 12)
FLOOR_SPREAD_DB = 5.5
# Still is what is no louder than the room itself: a clip may begin and end there. A breath or the
# release of a stop in noise is quiet, beside the voice, but 5-8 dB over the room (LJ Speech with
# pink noise 20 and 10 dB below it); steady noise varies by 1 dB in 30 ms. A restless room gets
# more, by how far its quietest frames lie under its median.
# 36 dB under the voice is silence at any rate: a reader's own room in a recording of several rooms
# (LibriSpeech, 39 dB under him, beside pauses of digital origin).
STILL_OVER_ROOM_DB = (3.0, 6.0)
STILL_UNDER_SPEECH_DB = 36.0
RESTLESS_WEIGHT = 1.5
STILL_FRAMES = 3
# One frame may be half as much again over the room as 30 ms may, within this: a release is one or
# two frames.
CLICK_OVER_STILL_DB = (1.5, 3.0)


@dataclass(frozen=True)
class Envelope:
    """Per 10 ms of the recording: level, level of the room around, is it quiet, is it still."""

    levels_db: Samples
    room_db: Samples
    quiet: Flags
    still: Flags  # quiet and no louder than the room, or far under the voice
    room: Flags  # still, and really no louder than the room

    def frames(self, start_s: Seconds, end_s: Seconds) -> slice:
        """Return the frames that lie wholly in a span."""
        return slice(max(0, math.ceil(start_s / FRAME_S - 1e-6)), max(0, _floor(end_s)))

    def loud_s(self, start_s: Seconds, end_s: Seconds) -> Seconds:
        """Return how much of a span is not quiet."""
        return float(np.count_nonzero(~self.quiet[self.frames(start_s, end_s)])) * FRAME_S

    def mean_over_room_db(self, part: slice) -> float:
        """Return how far the mean level of frames is over the room; 0 without a frame."""
        levels = self.levels_db[part]
        return mean_db(levels) - float(self.room_db[part][0]) if len(levels) else 0.0

    def snr_db(self, start_s: Seconds, end_s: Seconds) -> float:
        """Return the mean level of a span's sound over that of the pauses around it."""
        part = self.frames(start_s, end_s)
        loud = self.levels_db[part][~self.quiet[part]]
        if not len(loud):
            return 0.0
        return mean_db(loud) - float(np.median(self.room_db[part]))


def envelope(levels_db: Samples, speech: Sequence[Span], muted: Sequence[Span]) -> Envelope:
    """Return the envelope of a recording; `muted` spans are silent by force, so never quiet."""
    in_speech = flags(speech, len(levels_db), VAD_EDGE_S)
    in_muted = flags(muted, len(levels_db), VAD_EDGE_S)
    room_db, quiet_db, still_db, floor_db = (
        np.full(len(levels_db), FLOOR_DB, np.float32) for _ in range(4)
    )
    step, half = round(STEP_S / FRAME_S), round(WINDOW_S / FRAME_S / 2)
    for first in range(0, len(levels_db), step):
        window = slice(max(0, first + step // 2 - half), first + step // 2 + half)
        limits = limits_of(levels_db[window], in_speech[window], in_muted[window])
        here = slice(first, first + step)
        room_db[here], quiet_db[here], still_db[here], floor_db[here] = limits
    quiet = (levels_db <= quiet_db) & ~flags(muted, len(levels_db), MUTE_EDGE_S)
    still, room = (quiet & _is_below(levels_db, most, room_db) for most in (still_db, floor_db))
    return Envelope(levels_db, room_db, quiet, still, room)


def limits_of(
    levels_db: Samples, in_speech: Flags, in_muted: Flags
) -> tuple[float, float, float, float]:
    """Return (level of the room, most that is quiet, still, the room) of a stretch of sound."""
    if is_louder_between(levels_db, in_speech, in_muted):
        levels_db, in_muted = levels_db[in_speech], in_muted[in_speech]
        in_speech = np.ones(len(levels_db), bool)
    room_db, quiet_db = quiet_below_db(levels_db, in_speech | in_muted)
    still_db = room_db + _restless_db(levels_db[~in_speech & ~in_muted], room_db)
    floor = _floor_under_voice_db(levels_db, in_speech & ~in_muted)
    if floor and floor[1] > quiet_db:
        quiet_db, still_db = floor[1], floor[0] + STILL_OVER_ROOM_DB[0]
    sounding, floor_db = levels_db[levels_db > DIGITAL_SILENCE_DB], still_db
    if len(sounding):
        speech_db = float(np.percentile(sounding, 95))
        still_db = max(still_db, speech_db - STILL_UNDER_SPEECH_DB)
    return room_db, quiet_db, min(quiet_db, still_db), min(quiet_db, floor_db)


def is_louder_between(levels_db: Samples, in_speech: Flags, in_muted: Flags) -> bool:
    """Return whether it is louder between words than under them: music or hum, but not the room."""
    sounding = (levels_db > DIGITAL_SILENCE_DB) & ~in_muted
    between, under = levels_db[sounding & ~in_speech], levels_db[sounding & in_speech]
    if not len(between) or len(under) * FRAME_S < LEAST_PAUSE_S:
        return False
    dips_db = float(np.percentile(under, FLOOR_PERCENTILES[-1]))
    return float(np.median(between)) > dips_db + LOUDER_BETWEEN_DB


def _is_below(levels_db: Samples, most_db: Samples, room_db: Samples) -> Flags:
    click_db = most_db + np.clip((most_db - room_db) / 2, *CLICK_OVER_STILL_DB)
    return np.asarray((_smooth_db(levels_db) <= most_db) & (levels_db <= click_db), bool)


def _restless_db(pause_db: Samples, room_db: float) -> float:
    """Return how far over the room its own sound goes."""
    pause = pause_db[pause_db > DIGITAL_SILENCE_DB]
    low_db = float(np.percentile(pause, 5)) if len(pause) else room_db
    least, most = STILL_OVER_ROOM_DB
    return min(most, max(least, RESTLESS_WEIGHT * (room_db - low_db)))


def quiet_below_db(levels_db: Samples, occupied: Flags) -> tuple[float, float]:
    """Return (level of the room, level below which it is quiet) of a stretch of sound.

    `occupied` frames hold speech. A room at -60 and speech at -20 give -48.
    """
    sounding = levels_db > DIGITAL_SILENCE_DB
    if not sounding.any():
        return FLOOR_DB, DIGITAL_SILENCE_DB
    low_db, pausing_db, speech_db = np.percentile(levels_db[sounding], [5, 25, 95]).tolist()
    pause = levels_db[sounding & ~occupied]
    enough = len(pause) * FRAME_S >= LEAST_PAUSE_S
    # subtle: what voice activity missed is speech too; a quarter of all speaking is pauses
    room_db = min(float(np.median(pause)), pausing_db) if enough else low_db
    limit_db = room_db + QUIET_SHARE * (speech_db - room_db)
    limit_db = max(limit_db, room_db + LEAST_OVER_ROOM_DB, speech_db - MOST_UNDER_SPEECH_DB)
    return room_db, min(limit_db, speech_db - LEAST_UNDER_SPEECH_DB)


def _floor_under_voice_db(levels_db: Samples, in_speech: Flags) -> tuple[float, float] | None:
    """Return (level of the noise under the voice, below what it is quiet); None without noise."""
    speech = levels_db[in_speech & (levels_db > DIGITAL_SILENCE_DB)]
    if not len(speech):
        return None
    low_db, floor_db, high_db = np.percentile(speech, FLOOR_PERCENTILES).tolist()
    if high_db - low_db > FLOOR_SPREAD_DB:
        return None
    speech_db = float(np.percentile(speech, 95))
    limit_db = floor_db + QUIET_SHARE * (speech_db - floor_db)
    return floor_db, min(limit_db, speech_db - LEAST_UNDER_SPEECH_DB)


def _smooth_db(levels_db: Samples) -> Samples:
    """Return the mean level of each frame and its neighbours: noise varies less."""
    if len(levels_db) < STILL_FRAMES:
        return levels_db
    power = np.convolve(10 ** (levels_db / 10), np.full(STILL_FRAMES, 1 / STILL_FRAMES), "same")
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), np.float32)


def quiet_runs(
    quiet: Flags, shortest_s: Seconds, unheard: Sequence[Span] = (), beside_s: Seconds = 0.0
) -> list[Span]:
    """Return the spans of at least `shortest_s` in which every frame is quiet.

    Beside the spans that are `unheard` `beside_s` is enough: more of the pause may be in there.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False])).astype(np.int8)))
    runs = [(float(a), float(b)) for a, b in edges.reshape(-1, 2) * FRAME_S]
    return [
        (a, b)
        for a, b in runs
        if b - a >= shortest_s - 1e-6
        or (b - a >= beside_s - 1e-6 and overlapping(unheard, a - TOUCHES_S, b + TOUCHES_S))
    ]


def flags(spans: Sequence[Span], length: int, widen_s: Seconds = 0.0) -> Flags:
    """Return which of `length` frames touch `spans`."""
    inside = np.zeros(length, dtype=bool)
    for start_s, end_s in spans:
        first, last = _floor(start_s - widen_s), math.ceil((end_s + widen_s) / FRAME_S - 1e-6)
        inside[max(0, first) : max(0, last)] = True
    return inside


def overlapping(spans: Sequence[Any], start_s: Seconds, end_s: Seconds) -> Sequence[Any]:
    """Return those of `spans` (start_s, end_s, ...; sorted and disjoint) that reach into a span."""
    first = bisect.bisect_right(spans, start_s, key=lambda span: span[1])
    last = bisect.bisect_left(spans, end_s, key=lambda span: span[0])
    return spans[first:last]


def covered_s(spans: Sequence[Any], start_s: Seconds, end_s: Seconds) -> Seconds:
    """Return how much of a span `spans` (sorted and disjoint) cover."""
    near = overlapping(spans, start_s, end_s)
    return float(sum(min(end_s, span[1]) - max(start_s, span[0]) for span in near))


def _floor(time_s: Seconds) -> int:
    return math.floor(time_s / FRAME_S + 1e-6)
