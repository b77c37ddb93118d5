"""Two at once: how much of it the survey hears, and how often where one speaks alone.

In:  a corpus, the survey's networks. Out: a table. Two readers by turns, the second one also over
the first for 0.3-3 s, as loud or up to 10 dB softer; and every reader alone.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipeline import audio
from pipeline.audio import Samples
from pipeline.stages.isolate_speakers import exchanges, segmentation, survey

from . import mixing, owners
from .corpus import Corpus, Utterance
from .mixing import SPEECH_DB, Mix
from .sounds import RATE_HZ, Chance

DIALOGUES = 6
LENGTHS_S, SOFTER_DB = (0.3, 0.5, 1.0, 2.0, 3.0), (0.0, 5.0, 10.0)
FRAME_S = 0.01
ACTIVE_DB = -28.0  # against the level of an utterance: its voice, not its pauses

Flags = npt.NDArray[np.bool_]


def table(corpus: Corpus, seed: int, params: survey.Params, models: survey.Models) -> str:
    """Return the shares of frames with two, and with one, that are heard as two."""
    lines = [f"{'two at once':12}{'heard%':>8}{'falsely%':>10}{'alone, min':>12}{'moments':>9}"]
    for name, change in owners.CHANGES.items():
        found = np.zeros(4)
        for i in range(DIALOGUES):
            chance = np.random.default_rng([seed, i, 23])
            mix, two, one = _dialogue(corpus, chance)
            heard = _flags(_overlaps(change(mix, chance), params, models), len(two))
            found += [np.sum(heard & two), np.sum(two), np.sum(heard & one), np.sum(one)]
        minutes, moments = 0.0, 0
        for mix in _alone(corpus, seed):
            minutes += mix.duration_s / 60
            changed = change(mix, np.random.default_rng([seed, 24]))
            moments += len(_overlaps(changed, params, models))
        hit, false = 100 * found[0] / found[1], 100 * found[2] / found[3]
        lines.append(f"{name:12}{hit:>8.1f}{false:>10.1f}{minutes:>12.1f}{moments:>9}")
    return "\n".join(lines)


def _dialogue(corpus: Corpus, chance: Chance) -> tuple[Mix, Flags, Flags]:
    """Return two readers by turns, when both speak, and when one does."""
    names = chance.permutation([n for n in corpus.talkers(9) if n not in corpus.readers()])[:2]
    mine, others = (_drawn(corpus.by_speaker()[name], 5, chance) for name in names.tolist())
    turns = [each for pair in zip(mine, others[:4], strict=False) for each in pair]
    mix = mixing.joined("double", turns, (0.15, 0.8), chance)
    first, over = mix.clean.copy(), np.zeros_like(mix.clean)
    for said in mix.of(others[0].speaker):
        inside = slice(round(said.start_s * RATE_HZ), round(said.end_s * RATE_HZ))
        over[inside], first[inside] = first[inside], 0.0
    samples = audio.read_at(others[4].path, RATE_HZ)
    for said in mix.of(mine[0].speaker):
        part, at = _part(samples, said.end_s - said.start_s, chance)
        start = round(said.start_s * RATE_HZ) + at
        over[start : start + len(part)] += part
    a, b = _active(first), _active(over)
    return mixing.replaced(mix, first + over), a & b, a ^ b


def _part(samples: Samples, room_s: float, chance: Chance) -> tuple[Samples, int]:
    """Return some of an utterance, not the whole of `room_s`, and where in it, in samples."""
    length = round(min(float(chance.choice(LENGTHS_S)), room_s / 2) * RATE_HZ)
    first = int(chance.integers(max(1, len(samples) - length)))
    part = samples[first : first + length]
    gain_db = SPEECH_DB - float(chance.choice(SOFTER_DB)) - audio.level_db(samples)
    at = int(chance.integers(max(1, round(room_s * RATE_HZ) - length)))
    return audio.fade(part * np.float32(10 ** (gain_db / 20)), RATE_HZ, 0.02), at


def _alone(corpus: Corpus, seed: int) -> Iterator[Mix]:
    for who, all_ in sorted(corpus.by_speaker().items()):
        chance = np.random.default_rng([seed, *who.encode()])
        yield mixing.joined("alone", _drawn(all_, 10, chance), (0.2, 0.8), chance)


def _drawn(utterances: list[Utterance], most: int, chance: Chance) -> list[Utterance]:
    return [utterances[i] for i in chance.permutation(len(utterances)).tolist()[:most]]


def _overlaps(mix: Mix, params: survey.Params, models: survey.Models) -> list[tuple[float, float]]:
    samples = audio.resample(mix.sound, RATE_HZ, segmentation.RATE_HZ)
    windows = segmentation.windows(models.segments, models.device, [samples])
    sound = exchanges.heard(windows, len(samples) / segmentation.RATE_HZ)
    return exchanges.overlaps(sound, params.overlap_threshold)


def _flags(spans: list[tuple[float, float]], size: int) -> Flags:
    flags = np.zeros(size, bool)
    for start_s, end_s in spans:
        flags[max(0, round(start_s / FRAME_S)) : round(end_s / FRAME_S)] = True
    return flags


def _active(samples: Samples) -> Flags:
    """Return which 10 ms have voice, or lie in a gap of it of less than 0.15 s."""
    loud = audio.frame_levels_db(samples, RATE_HZ, FRAME_S) > SPEECH_DB + ACTIVE_DB
    near = np.ones(15)
    wide = np.convolve(loud, near, "same") > 0
    return np.asarray(np.convolve(~wide, near, "same") == 0)
