"""One mix: utterances at known times, a bed at a known level, and what is true about it.

In:  utterances, pauses (negative: speech over speech), beds of sounds.py. Out: a `Mix`.
`clean` is the speech alone, over which edges are judged; `sound` is what the pipeline gets.
"""

import math
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from pipeline import audio

from .corpus import Utterance
from .more_sounds import MORE
from .sounds import KINDS, RATE_HZ, Chance, Samples

EVERY = {**KINDS, **MORE}
SPEECH_DB = -23.0  # RMS of every utterance, re full scale
ROOM_DB = -68.0  # under everything: digital silence would be too easy
LEAD_S = 0.6  # before the first and after the last


@dataclass(frozen=True)
class Said:
    """An utterance in a mix."""

    start_s: float
    end_s: float
    utterance: Utterance
    tempo: float = 1.0
    samples: Samples | None = field(default=None, compare=False)  # its own; None: the mix's
    skipped_s: float = 0.0  # of it, before the mix begins
    dry: Samples | None = field(default=None, compare=False)  # before a room was put around it


@dataclass(frozen=True)
class Mix:
    """A recording with its truth."""

    name: str
    said: tuple[Said, ...]
    clean: Samples
    sound: Samples
    gain: float = 1.0  # by which the clean speech was turned down in the sound
    sounds: tuple[tuple[float, float], ...] = ()  # when breaths, coughs or laughter are heard

    @property
    def duration_s(self) -> float:
        return len(self.sound) / RATE_HZ

    def text(self) -> str:
        return " ".join(each.utterance.text for each in self.said)

    def of(self, speaker: str) -> list[Said]:
        return [each for each in self.said if each.utterance.speaker == speaker]

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name}.flac"
        audio.write(path, self.sound, RATE_HZ)
        return path


def joined(
    name: str,
    utterances: Sequence[Utterance],
    pauses_s: tuple[float, float],
    chance: Chance,
    tempo: float = 1.0,
) -> Mix:
    """Return utterances one after the other, pauses drawn from a range (below 0: overlaps)."""
    said, at_s = [], LEAD_S
    for each in utterances:
        samples = spoken(each, tempo)
        end_s = at_s + len(samples) / RATE_HZ
        said.append(Said(at_s, end_s, each, tempo, samples))
        at_s = end_s + float(chance.uniform(*pauses_s))
    return placed(name, said, chance)


def placed(name: str, said: Sequence[Said], chance: Chance) -> Mix:
    """Return utterances at their times, each with its own samples."""
    clean = np.zeros(round((said[-1].end_s + LEAD_S) * RATE_HZ), np.float32)
    for each in said:
        first = round(each.start_s * RATE_HZ)
        samples = np.zeros(0, np.float32) if each.samples is None else each.samples
        room = min(len(samples), len(clean) - first)
        clean[first : first + room] += samples[:room]
    sound, gain = _limited(clean + _room(len(clean), chance))
    return Mix(name, tuple(said), clean, sound, gain)


def with_bed(mix: Mix, name: str, kind: str, snr_db: float, chance: Chance) -> Mix:
    """Return the mix with a bed so far below the level of its utterances."""
    bed = KINDS[kind](mix.duration_s, chance) * 10 ** ((SPEECH_DB - snr_db) / 20)
    return with_sound(mix, name, mix.sound + bed[: len(mix.sound)])


def with_interludes(
    mix: Mix, name: str, kinds: Sequence[str], chance: Chance, each_s: float = math.inf
) -> Mix:
    """Return the mix with sounds as loud as speech in its pauses, 0.15 s away from the words.

    One sound a pause; with `each_s` several, so long each, with a second between them.
    """
    sound = mix.sound.copy()
    pauses = [(a.end_s, b.start_s) for a, b in zip(mix.said, mix.said[1:], strict=False)]
    places = [place for pause in pauses for place in _places(*pause, each_s)]
    for i, (start_s, end_s) in enumerate(places):
        length_s = end_s - start_s - 0.3
        if length_s < 1.0:
            continue
        part = EVERY[kinds[i % len(kinds)]](length_s, chance) * 10 ** ((SPEECH_DB - 3) / 20)
        first = round((start_s + 0.15) * RATE_HZ)
        sound[first : first + len(part)] += audio.fade(part, RATE_HZ, 0.05)
    return with_sound(mix, name, sound)


def _places(start_s: float, end_s: float, each_s: float) -> Iterator[tuple[float, float]]:
    while end_s - start_s > each_s:
        yield start_s, start_s + each_s
        start_s += each_s + 1.0
    yield start_s, end_s


def replaced(mix: Mix, clean: Samples) -> Mix:
    """Return the mix with other speech in it."""
    return with_sound(replace(mix, clean=clean), mix.name, clean + (mix.sound - mix.clean))


def telephone(mix: Mix, name: str) -> Mix:
    """Return the mix as a telephone gives it: 300-3400 Hz, 8 bit mu-law at 8 kHz."""
    from scipy.signal import butter, sosfilt

    low = audio.resample(mix.sound, RATE_HZ, 8_000)
    band = sosfilt(butter(4, (300, 3400), "bandpass", fs=8_000, output="sos"), low)
    band = np.clip(band, -1, 1)
    law = np.sign(band) * np.log1p(255 * np.abs(band)) / np.log(256)
    coded = np.round(law * 127) / 127
    back = np.sign(coded) * (256 ** np.abs(coded) - 1) / 255
    sound = audio.resample(back.astype(np.float32), 8_000, RATE_HZ)
    padded = np.pad(sound, (0, max(0, len(mix.sound) - len(sound))))[: len(mix.sound)]
    return replace(mix, name=name, sound=padded)


def nothing_said(name: str, kinds: Sequence[str], each_s: float, chance: Chance) -> Mix:
    """Return sounds without a word, with silence between them."""
    parts = []
    for kind in kinds:
        parts += [EVERY[kind](each_s, chance) * 10 ** ((SPEECH_DB - 2) / 20)]
        parts += [np.zeros(round(each_s / 3 * RATE_HZ), np.float32)]
    sound = np.concatenate(parts)
    heard, gain = _limited(sound + _room(len(sound), chance))
    return Mix(name, (), np.zeros_like(heard), heard, gain)


def spoken(utterance: Utterance, tempo: float = 1.0) -> Samples:
    """Return an utterance at SPEECH_DB."""
    samples = (
        _faster(utterance.path, tempo) if tempo != 1 else audio.read_at(utterance.path, RATE_HZ)
    )
    return samples * np.float32(10 ** ((SPEECH_DB - audio.level_db(samples)) / 20))


def _faster(path: Path, tempo: float) -> Samples:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    command += ["-af", f"atempo={tempo}", "-ar", str(RATE_HZ), "-ac", "1", "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32).copy()


def _room(size: int, chance: Chance) -> Samples:
    return KINDS["pink"](size / RATE_HZ, chance)[:size] * np.float32(10 ** (ROOM_DB / 20))


def with_sound(
    mix: Mix, name: str, sound: Samples, sounds: tuple[tuple[float, float], ...] = ()
) -> Mix:
    """Return the mix with other sound; `sounds`: when something in it is heard that is no word."""
    limited, gain = _limited(sound)
    return replace(
        mix, name=name, sound=limited, gain=mix.gain * gain, sounds=(*mix.sounds, *sounds)
    )


def _limited(samples: Samples) -> tuple[Samples, float]:
    """Return the samples, all of them turned down where they would clip, and by how much."""
    gain = min(1.0, 0.89 / max(float(np.max(np.abs(samples), initial=0.0)), 1e-9))
    return (samples * np.float32(gain)).astype(np.float32), gain
