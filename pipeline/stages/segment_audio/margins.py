"""Where in a break the clip before it ends and the one after it begins: in stillness.

In:  breaks (edges.py), which frames are still and which are the room (envelope.py).
Out: the same breaks with `Margin`s: where the clips on both sides are cut, and how much stillness
is recorded there.
Why: what is quiet beside a voice may be a breath, or the release of a stop in noise. A clip that is
cut there begins or ends in sound. From the voice outwards the first stretch counts in which nothing
but the room is heard: what lies before it goes into the clip as a whole, what lies behind it into
none. Where there is none the pause is not proven: no margin, and no clip is cut there.
A breath that swells is far under the voice, so still, before it is heard: within that stretch the
cut is where the room alone is heard, if that is anywhere. What a room's noise hides in any 30 ms, a
breath in it, a voice dying away, shows over 0.1 s: the cut goes where that is stillest.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.audio import Seconds

from .edges import CLOSURE_S, STILL_S, Break, Margin
from .envelope import FRAME_S, Envelope, Flags, Span, overlapping, quiet_runs

FARTHEST_S: Seconds = 0.6  # stillness farther from the voice than this is none of its clip's
LEAST_STILL_S: Seconds = 0.05  # of a pause that has no STILL_S: the rest is digital silence
BEFORE_WORD_S: Seconds = 0.08  # stillness of 0.1 s, as it is seen by means of 30 ms
NEVER: Span = (0.0, 0.0)
GUARD_S: Seconds = 0.02  # where a sound rises out of the room it was there before that
# In noise a breath, or what dies away in a room, is seen in the mean of 0.1 s only, which varies by
# 0.4 dB where there is nothing. It is over within this on either side, or the pause is.
SEARCH_S: Seconds = 0.2
ALIKE_DB = 0.5
UNDER_ROOM_WEIGHT = 0.25  # steady noise is 0.5 dB under its median at times, never 2


def settled(
    breaks: Sequence[Break | None], sound: Envelope, others: Sequence[Span], edge_s: Seconds
) -> list[Break | None]:
    """Return the breaks with their margins; a recording's own end without a pause stays one.

    `others` are the spans of other voices: no clip reaches over them.
    """
    return [
        _settled(gap, sound, others, edge_s) if gap and gap.pause_s > 0 else gap for gap in breaks
    ]


def _settled(gap: Break, sound: Envelope, others: Sequence[Span], edge_s: Seconds) -> Break:
    between = overlapping(others, gap.quiet_s, gap.resume_s)
    last_s, first_s = (between[0][0], between[-1][1]) if between else (gap.resume_s, gap.quiet_s)
    after = _still_runs(sound.still, gap.quiet_s, min(last_s, gap.quiet_s + FARTHEST_S))
    before = _still_runs(sound.still, max(first_s, gap.resume_s - FARTHEST_S), gap.resume_s)[::-1]
    # subtle: after a word the stillness must be longer than a closure: its release may follow
    end = _first(after, CLOSURE_S, STILL_S, LEAST_STILL_S)
    start = _first(before, BEFORE_WORD_S, LEAST_STILL_S)
    end = end and _of_the_room(sound.room, end, 1)
    start = start and _of_the_room(sound.room, start, -1)
    latest_s, earliest_s = (end or NEVER)[1] - GUARD_S, (start or NEVER)[0] + GUARD_S
    if end and start and end[1] > start[0]:  # the same stillness, seen from both sides
        first_s, last_s = max(end[0], start[0]), min(end[1], start[1])
        least_s = min(STILL_S + GUARD_S, (last_s - first_s) / 2)
        between_s, around = (first_s + least_s, last_s - least_s), (-STILL_S, STILL_S)
        middle_s = (first_s + last_s) / 2
        latest_s = earliest_s = _stillest(sound, middle_s, *between_s, around)
    tail = head = None
    if end:
        soonest_s = min(end[0] + GUARD_S + STILL_S, latest_s)
        window = (-STILL_S, GUARD_S)
        tail_s = _stillest(sound, gap.quiet_s + edge_s, soonest_s, latest_s, window)
        tail = Margin(tail_s, tail_s - end[0] - GUARD_S)
    if start:
        soonest_s = max(start[1] - GUARD_S - STILL_S, earliest_s)
        window = (-GUARD_S, STILL_S)
        head_s = _stillest(sound, gap.resume_s - edge_s, earliest_s, soonest_s, window)
        head = Margin(head_s, start[1] - GUARD_S - head_s)
    return replace(gap, tail=tail, head=head)


def _stillest(
    sound: Envelope, wanted_s: Seconds, first_s: Seconds, last_s: Seconds, window: Span
) -> Seconds:
    """Return the time near `wanted_s`, from `first_s` to `last_s`, with least sound around.

    `window` is what around it counts; where another place is hardly stiller it is `wanted_s`.
    """
    wanted_s = min(max(wanted_s, first_s), last_s)
    steps = np.arange(-round(SEARCH_S / FRAME_S), round(SEARCH_S / FRAME_S) + 1) * FRAME_S
    times_s = [wanted_s, *(t for t in (wanted_s + steps).tolist() if first_s <= t <= last_s)]
    around = [sound.frames(time_s + window[0], time_s + window[1]) for time_s in times_s]
    over_db = [sound.mean_over_room_db(part) for part in around]
    levels = [db if db > 0 else UNDER_ROOM_WEIGHT * db for db in over_db]
    least_db, stillest_s = min(zip(levels, times_s, strict=True))
    return wanted_s if levels[0] <= least_db + ALIKE_DB else float(stillest_s)


def _of_the_room(room: Flags, run: Span, step: int) -> Span:
    """Return the first part of a still run, from the voice on, that is the room; else the run."""
    return _first(_still_runs(room, *run)[::step], STILL_S, LEAST_STILL_S) or run


def _still_runs(still: Flags, start_s: Seconds, end_s: Seconds) -> list[Span]:
    first, last = round(start_s / FRAME_S), round(end_s / FRAME_S)
    inside = quiet_runs(still[first:last], LEAST_STILL_S)
    return [(first * FRAME_S + a, first * FRAME_S + b) for a, b in inside]


def _first(runs: Sequence[Span], *lengths_s: Seconds) -> Span | None:
    """Return the first of the runs that has the first of the lengths that any has."""
    found = (run for length_s in lengths_s for run in runs if run[1] - run[0] >= length_s - 1e-6)
    return next(found, None)
