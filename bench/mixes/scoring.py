"""Numbers for one file: words, edges, yield, whose voice, from what is true about its mix.

In:  a mix, its true words, what the pipeline made of it. Out: sums that add up over files.
Errors of words are counted clip by clip against the true words whose middle lies in the clip.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import jiwer
import numpy as np
import soundfile

from bench.wrong_words import normalizer
from pipeline import audio

from .flow import Done
from .mixing import Mix, Said
from .reference import TrueWord
from .sounds import RATE_HZ, Samples

FRAME_S = 0.01
UNDER_SPEECH_DB = 35.0  # what is so far below an utterance's loud frames (95th percentile) ...
OVER_FLOOR_DB = 6.0  # ... or so little above its quietest (5th) is silence,
LEAST_UNDER_DB = 10.0  # but never what is nearer to the loud ones than this
LOWEST_HZ = 80.0  # below is no speech
SILENCE_S = 0.1  # what the trainers need at an edge
MASKED_DB = 6.0  # speech so far under the noise is not heard
PAUSE_S = 0.3  # longer silence within an utterance is no speech
# What can make a clip by the pipeline's defaults: 2 s with 0.2 s of silence at both ends, no pause
# above 1 s inside
SHORTEST_S, LONGEST_PAUSE_S = 1.6, 1.0
LEAST_LOUD = 2  # frames: one alone is a click
IN_SOUND_S = 0.02  # so far inside a breath or a laugh an edge is in its middle
LOOSE_S = 0.5  # more of the recording than is in a clip tells what was cut off
LOOP = 4  # the same words so often in a row were not said


@dataclass
class Words:
    """Errors of words, apart for the first and last word of each clip and for the others."""

    true: int = 0
    wrong: int = 0
    edge_true: int = 0
    edge_wrong: int = 0

    @property
    def percent(self) -> float:
        return 100 * self.wrong / max(1, self.true)

    @property
    def edge_percent(self) -> float:
        return 100 * self.edge_wrong / max(1, self.edge_true)

    @property
    def inner_percent(self) -> float:
        return 100 * (self.wrong - self.edge_wrong) / max(1, self.true - self.edge_true)


@dataclass
class Score:
    """Sums over files."""

    clips: int = 0
    text: Words = field(default_factory=Words)  # the clips' texts
    heard: Words = field(default_factory=Words)  # what whisper makes of the clips' sound
    loose: Words = field(default_factory=Words)  # ... of the recording there, and a bit around it
    whole: Words = field(default_factory=Words)  # whisper alone on the whole file
    uncut: Words = field(default_factory=Words)  # the same; its edges are those of the clips
    edges: int = 0
    silent_edges: int = 0
    cut_edges: int = 0  # the recording is loud where it was cut
    speech_s: float = 0.0  # the target's, nobody else speaking
    used_s: float = 0.0  # of it, in clips
    able_s: float = 0.0  # of it, between pauses, nobody else there, long enough for a clip
    able_used_s: float = 0.0  # of that, in clips
    clip_speech_s: float = 0.0  # anybody's speech in clips
    target_s: float = 0.0  # the target's of it, nobody else speaking
    invented: int = 0  # clips where nobody speaks, or that loop
    clip_s: float = 0.0
    sounds: int = 0  # breaths, coughs or laughs beside the words
    half_sounds: int = 0  # edges of clips in the middle of one
    held_sounds: int = 0  # of them, whole in clips

    def __add__(self, other: "Score") -> "Score":
        return Score(**{f.name: _sum(getattr(self, f.name), getattr(other, f.name))
                        for f in fields(self)})  # fmt: skip


def _sum(a: Any, b: Any) -> Any:
    if isinstance(a, Words):
        return Words(**{f.name: getattr(a, f.name) + getattr(b, f.name) for f in fields(a)})
    return a + b


def summable(row: Score, target: str | None) -> Score:
    """Return what of a row says something beside other rows: texts if there are whisper's own on
    the whole file to hold them against, purity if somebody is wanted."""
    if not row.whole.true:
        row = replace(row, text=Words(), heard=Words(), loose=Words())
    return row if target else replace(row, clip_speech_s=0.0, target_s=0.0)


def score(mix: Mix, words: Sequence[TrueWord], done: Done, target: str | None) -> Score:
    """Return the sums of one file, but for what whisper has to listen to."""
    spans = [(clip["start_s"], clip["end_s"]) for clip in done.clips]
    total = Score(clips=len(spans), clip_s=sum(b - a for a, b in spans))
    loud = loud_frames(mix)
    for clip, span in zip(done.clips, spans, strict=True):
        _edges(total, loud, span, *_added_s(done, clip))
    _voices(total, mix, loud, spans, target)
    inside = [in_clip(words, span) for span in spans]
    total.text = count(inside, [clip["text"] for clip in done.clips]) if words else Words()
    nobody = [not _overlap([(s.start_s, s.end_s) for s in mix.said], span) for span in spans]
    loops = [is_loop(clip["text"]) for clip in done.clips]
    total.invented = sum(a or b for a, b in zip(nobody, loops, strict=True))
    _sounds(total, mix.sounds, spans)
    return total


def _sounds(
    total: Score, sounds: Sequence[tuple[float, float]], spans: Sequence[tuple[float, float]]
) -> None:
    edges = [at_s for span in spans for at_s in span]
    total.sounds = len(sounds)
    for start_s, end_s in sounds:
        inner = (start_s + IN_SOUND_S, end_s - IN_SOUND_S)
        total.half_sounds += sum(inner[0] < at_s < inner[1] for at_s in edges)
        total.held_sounds += any(a <= inner[0] and inner[1] <= b for a, b in spans)


def in_clip(words: Sequence[TrueWord], span: tuple[float, float]) -> str:
    """Return the true words whose middle lies in a span."""
    inside = (word.text for word in words if span[0] <= word.middle_s < span[1])
    return "".join(text if text.startswith(" ") else " " + text for text in inside).strip()


def count(true: Sequence[str], found: Sequence[str]) -> Words:
    """Return the errors of texts; those of clips without a true word are all insertions."""
    normal = normalizer()
    words = Words()
    for reference, text in zip(true, found, strict=True):
        want, have = normal(reference), normal(text)
        if not want:
            words.wrong += len(have.split())
            continue
        result = jiwer.process_words(want, have)
        length = len(want.split())
        wrong = [i for chunk in result.alignments[0] for i in _wrong(chunk, length)]
        words.true += length
        words.wrong += len(wrong)
        words.edge_true += min(2, length)
        words.edge_wrong += sum(i in (0, length - 1) for i in wrong)
    return words


def uncut(words: Sequence[TrueWord], spans: Sequence[tuple[float, float]], whole: str) -> Words:
    """Return the errors of a whole file's text, apart for the words that clips begin or end with.

    Says whether such a word is hard in itself, or only once its clip is cut out.
    """
    normal = normalizer()
    want: list[str] = []
    edges: set[int] = set()
    at_s = 0.0
    for start_s, end_s in sorted(spans):
        want += normal(in_clip(words, (at_s, start_s))).split()
        inside = normal(in_clip(words, (start_s, end_s))).split()
        edges |= {len(want), len(want) + len(inside) - 1} if inside else set()
        want, at_s = want + inside, end_s
    want += normal(in_clip(words, (at_s, math.inf))).split()
    result = jiwer.process_words(" ".join(want), normal(whole))
    wrong = [i for chunk in result.alignments[0] for i in _wrong(chunk, len(want))]
    at_edges = sum(i in edges for i in wrong)
    return Words(len(want), len(wrong), len(edges), at_edges)


def loosened(loud: np.ndarray, span: tuple[float, float]) -> tuple[float, float]:
    """Return a span with what it cut off and up to LOOSE_S of silence on either side of it.

    `loud`: which frames of the recording are heard; what is heard beyond the silence stays out.
    """
    start, end = (round(at_s / FRAME_S) for at_s in span)
    before, after = _to_next_sound(loud[:start][::-1]), _to_next_sound(loud[end:])
    return (start - before) * FRAME_S, (end + after) * FRAME_S


def _to_next_sound(loud: np.ndarray) -> int:
    """Return how many frames lie before the second sound, if the first begins at once."""
    silent = np.flatnonzero(~loud)
    first = int(silent[0]) if len(silent) else len(loud)
    heard = np.flatnonzero(loud[first:])
    room = int(heard[0]) if len(heard) else len(loud) - first
    return first + min(room, round(LOOSE_S / FRAME_S))


def _wrong(chunk: Any, length: int) -> list[int]:
    """Return the place of each error among the true words; of what was put in, the word beside."""
    if chunk.type == "equal":
        return []
    if chunk.type == "insert":
        return [min(chunk.ref_start_idx, length - 1)] * (chunk.hyp_end_idx - chunk.hyp_start_idx)
    return list(range(chunk.ref_start_idx, chunk.ref_end_idx))


def is_loop(text: str) -> bool:
    """Return whether a phrase of 1-8 words comes four times in a row, six words at least."""
    words = text.lower().split()
    for size in range(1, 9):
        for first in range(len(words) - size * LOOP + 1):
            part = words[first : first + size * LOOP]
            if len(part) >= 6 and part == part[:size] * LOOP:
                return True
    return False


def loud_frames(mix: Mix) -> np.ndarray:
    """Return which 10 ms of the clean speech are heard, by each utterance's own levels.

    Its own sound is measured, whatever is mixed with it: its noise is not another's speech.
    """
    noise = heard_levels_db(mix.sound - mix.clean * mix.gain)
    loud = np.zeros(len(noise), bool)
    for said in mix.said:
        first = round(said.start_s * RATE_HZ)
        samples = said.samples
        if samples is None:
            samples = mix.clean[first : round(said.end_s * RATE_HZ)]
        # subtle: on the frames of the mix, so that both are of the same 10 ms
        lead = first % round(FRAME_S * RATE_HZ)
        own = heard_levels_db(np.pad(samples, (lead, lead)))
        at = first // round(FRAME_S * RATE_HZ)
        part = slice(at, min(at + len(own), len(loud)))
        own = own[: part.stop - part.start]
        limit_db = _silent_below_db(own, own if said.dry is None else heard_levels_db(said.dry))
        loud[part] |= (own > limit_db) & (own > noise[part] - MASKED_DB)
    return loud


def _silent_below_db(levels: np.ndarray, dry: np.ndarray) -> float:
    """Return below what an utterance is silent; `dry`: its levels without the room.

    subtle: in a room it has no floor to be measured: its own noise dies away with it in the end,
    and its pauses are full of what it said. It is as far over its noise as it was without.
    """
    floor, dry_high = np.percentile(dry[dry > audio.FLOOR_DB], [5, 95])
    high = np.percentile(levels[levels > audio.FLOOR_DB], 95)
    under = max(dry_high - floor - OVER_FLOOR_DB, LEAST_UNDER_DB)
    return float(high - min(UNDER_SPEECH_DB, under))


def speech_by(mix: Mix, target: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the frames of the target's speech (None: everybody's), and of anybody else's.

    What dies away after an utterance, or the silence at its ends, is nobody's.
    """
    sides: tuple[list[Said], list[Said]] = ([], [])
    for said in mix.said:
        sides[target not in (None, said.utterance.speaker)].append(said)
    mine, others = (
        without_short_pauses(loud_frames(replace(mix, said=tuple(side)))) for side in sides
    )
    return mine, others


def heard_levels_db(samples: Samples) -> np.ndarray:
    """Return the level of every 10 ms, of 30 ms around it, without what is felt and not heard.

    Rumble is louder than a whisper, and the level of 10 ms of it says nothing about the next.
    """
    from scipy.signal import butter, sosfiltfilt

    if len(samples) < 2:
        return audio.frame_levels_db(samples, RATE_HZ, FRAME_S)
    sos = butter(2, LOWEST_HZ, "highpass", fs=RATE_HZ, output="sos")
    passed = sosfiltfilt(sos, samples, padlen=min(len(samples) - 1, RATE_HZ // 10))
    levels = audio.frame_levels_db(passed.astype(np.float32), RATE_HZ, FRAME_S)
    power = np.pad(10 ** (levels.astype(np.float64) / 10), 1, "edge")
    mean = (power[:-2] + power[1:-1] + power[2:]) / 3
    return 10 * np.log10(np.maximum(mean, 1e-12))


def without_short_pauses(loud: np.ndarray, shortest_s: float = PAUSE_S) -> np.ndarray:
    """Return the same with pauses of less than `shortest_s` filled."""
    at = np.flatnonzero(loud)
    filled = loud.copy()
    for before, after in zip(at, at[1:], strict=False):
        if 1 < after - before < shortest_s / FRAME_S:
            filled[before:after] = True
    return filled


def able_frames(loud: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the frames of stretches that can make a clip: they begin and end in a pause.

    What has no pause of SILENCE_S between it and somebody else's words, or is short and alone
    between two of his turns, cannot be cut out by anybody.
    """
    sound = without_short_pauses(loud, SILENCE_S)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], sound.astype(np.int8), [0]))))
    able, first = np.zeros(len(loud), bool), None
    runs = edges.reshape(-1, 2).tolist()
    for i, (start, end) in enumerate(runs):
        if others[start:end].any():
            first = None
            continue
        first = start if first is None else first
        goes_on = i + 1 < len(runs) and runs[i + 1][0] - end <= LONGEST_PAUSE_S / FRAME_S
        if goes_on and not others[runs[i + 1][0] : runs[i + 1][1]].any():
            continue
        able[first:end] = end - first >= SHORTEST_S / FRAME_S
        first = None
    return able


def _edges(
    total: Score, loud: np.ndarray, span: tuple[float, float], before_s: float, after_s: float
) -> None:
    """Count a clip's two edges; `before_s`, `after_s`: silence that was added to it."""
    first, last = round(span[0] / FRAME_S), round(span[1] / FRAME_S)
    frames = round(SILENCE_S / FRAME_S)
    head = loud[first : first + max(0, frames - round(before_s / FRAME_S))]
    tail = loud[max(first, last - max(0, frames - round(after_s / FRAME_S))) : last]
    total.edges += 2
    total.silent_edges += sum(np.count_nonzero(part) < LEAST_LOUD for part in (head, tail))
    # subtle: what is loud in a recording's first or last frame was cut by whoever made it
    beyond = np.pad(loud, 2, "edge")
    cuts = (beyond[at : at + 4] for at in (first, min(last, len(loud))))
    total.cut_edges += sum(np.count_nonzero(part) >= LEAST_LOUD + 1 for part in cuts)


def _added_s(done: Done, clip: dict[str, Any]) -> tuple[float, float]:
    """Return how much digital silence a clip begins and ends with."""
    samples, rate_hz = soundfile.read(done.folder / clip["file"], dtype="float32")
    return _zeros(samples) / rate_hz, _zeros(samples[::-1]) / rate_hz


def _zeros(samples: Samples) -> int:
    heard = np.flatnonzero(np.abs(samples) > 1e-5)
    return int(heard[0]) if len(heard) else len(samples)


def _voices(
    total: Score,
    mix: Mix,
    loud: np.ndarray,
    spans: Sequence[tuple[float, float]],
    target: str | None,
) -> None:
    mine, others = speech_by(mix, target)
    used = np.zeros(len(loud), bool)
    for span in spans:
        used[_part(*span)] = True
    alone = mine & ~others
    total.speech_s += float(alone.sum()) * FRAME_S
    total.used_s += float((alone & used).sum()) * FRAME_S
    able = alone & able_frames(loud, others)
    total.able_s += float(able.sum()) * FRAME_S
    total.able_used_s += float((able & used).sum()) * FRAME_S
    total.clip_speech_s += float(((mine | others) & used).sum()) * FRAME_S
    total.target_s += float((alone & used).sum()) * FRAME_S


def _part(start_s: float, end_s: float) -> slice:
    return slice(round(start_s / FRAME_S), round(end_s / FRAME_S))


def _overlap(spans: Sequence[tuple[float, float]], span: tuple[float, float]) -> bool:
    return any(min(b, span[1]) - max(a, span[0]) > 0.2 for a, b in spans)
