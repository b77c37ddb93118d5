"""The same sound twice is kept once; the same sentence said twice is kept twice.

Cut from the sample's monologue, whose sentences stand at known times.
"""

import json
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from pipeline import audio
from pipeline.audio import OUTPUT_HZ
from pipeline.stages.build_dataset import sameness
from pipeline.stages.build_dataset.duplicates import without_copies
from pipeline.stages.build_dataset.lists import Clip
from pipeline.stages.build_dataset.recordings import Candidate

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
SENTENCES = json.loads((SAMPLE / "truth.json").read_text())["recordings"][0]["sentences"]
TEXTS = [sentence["text"] for sentence in SENTENCES]


def sound(first: int, last: int, start_s: float = 0.0) -> np.ndarray:
    """Return sentences `first` to `last` of the monologue, `start_s` later than they begin."""
    span = (SENTENCES[first]["start_s"] - 0.15 + start_s, SENTENCES[last]["end_s"] + 0.15)
    return audio.read_at(SAMPLE / "monologue.flac", OUTPUT_HZ, *span)


def through_ffmpeg(folder: Path, samples: np.ndarray, ending: str, *flags: str) -> np.ndarray:
    audio.write(folder / "in.wav", samples, OUTPUT_HZ)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-i", folder / "in.wav"]
    subprocess.run([*map(str, command), *flags, str(folder / f"out.{ending}")], check=True)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", folder / f"out.{ending}"]
    raw = ["-f", "f32le", "-ac", "1", "-ar", str(OUTPUT_HZ), "-"]
    done = subprocess.run([*map(str, command), *raw], check=True, capture_output=True)
    return np.frombuffer(done.stdout, np.float32)


@pytest.fixture
def clip(tmp_path):
    """A maker of clips: each in a recording of its own, unless it is named."""
    made = []

    def make(samples, text, source=None, start_s=1.0, **scores):
        made.append(tmp_path / f"{len(made)}.wav")
        audio.write(made[-1], samples, OUTPUT_HZ)
        source = source or f"take {len(made)}.wav"
        length_s = len(samples) / OUTPUT_HZ
        span = (start_s, start_s + length_s)
        one = Candidate(made[-1].stem, made[-1], source, *span, length_s, text, scores)
        return Clip(one, text, "", "")

    return make


def kept(clips):
    return [clip.made.id for clip in without_copies(clips)[0]]


def test_the_same_sound_is_found_shifted_trimmed_encoded_and_in_a_longer_clip(clip, tmp_path):
    whole = clip(sound(1, 1), TEXTS[1], mos_ovrl=3.0)
    trimmed = clip(sound(1, 1, start_s=0.73)[:-2000] * 0.2, " ".join(TEXTS[1].split()[2:]))
    encoded = clip(through_ffmpeg(tmp_path, sound(1, 1, 0.013), "mp3", "-b:a", "32k"), TEXTS[1])
    inside = clip(sound(1, 1), TEXTS[1].replace("quiet place", "quite a place"))

    clips, faults = without_copies([trimmed, whole, encoded, inside])

    assert clips == [whole]
    assert {one.made.id for one, _ in faults} == {c.made.id for c in (trimmed, encoded, inside)}
    assert all(fault.rule == "duplicate" and fault.value > 0.5 for _, fault in faults)
    assert "same sound as in take 1.wav at 1.00 s (0)" in faults[0][1].reason


def test_the_same_sentence_said_twice_is_kept_twice(clip, tmp_path):
    """A take that is 5% faster stands for another: no person comes nearer to himself."""
    again = through_ffmpeg(tmp_path, sound(1, 1), "wav", "-af", "atempo=1.05")
    clips = [clip(sound(1, 1), TEXTS[1]), clip(again, TEXTS[1])]

    assert without_copies(clips) == (clips, [])


def test_a_clip_made_of_two_others_is_one_too_many_and_one_with_news_is_not(clip):
    first, second = clip(sound(1, 1), TEXTS[1]), clip(sound(2, 2), TEXTS[2])
    both = clip(sound(1, 2), f"{TEXTS[1]} {TEXTS[2]}", "z.wav")
    news = clip(sound(2, 4), f"{TEXTS[2]} {TEXTS[3]} {TEXTS[4]}", "z.wav", start_s=9.0)

    assert kept([first, second, both]) == [first.made.id, second.made.id]
    assert kept([second, news]) == [news.made.id]
    assert kept([both, news]) == [both.made.id, news.made.id]


def test_of_a_part_and_the_whole_the_whole_stays_however_they_sound(clip):
    part = clip(sound(2, 2), TEXTS[2], "a.wav", mos_ovrl=3.3)
    whole = clip(sound(1, 2), f"{TEXTS[1]} {TEXTS[2]}", "b.wav", mos_ovrl=2.9)

    assert kept([part, whole]) == [whole.made.id]
    assert kept([whole, part]) == [whole.made.id]


def test_the_copy_that_sounds_best_stays(clip):
    clips = [clip(sound(2, 2), TEXTS[2], mos_ovrl=mos) for mos in (2.9, 3.2, 3.0)]

    assert kept(clips) == [clips[1].made.id]


def test_silence_a_steady_tone_and_what_is_too_short_to_tell_are_no_evidence(clip):
    times_s = np.arange(3 * OUTPUT_HZ) / OUTPUT_HZ
    tone = np.pad(np.float32(0.1) * np.sin(2 * np.pi * 220 * times_s), 2400)
    silence, short = np.zeros_like(tone), sound(1, 1)[: round(1.4 * OUTPUT_HZ)]
    clips = [clip(samples, TEXTS[1]) for samples in (tone, silence, short) for _ in range(2)]

    assert without_copies(clips)[0] == clips


def test_where_one_sound_is_in_another():
    here, there = (sameness.changes(s, OUTPUT_HZ) for s in (sound(1, 3), sound(2, 2)))

    found = sameness.match(here, there)

    at_s = SENTENCES[2]["start_s"] - SENTENCES[1]["start_s"]
    length_s = SENTENCES[2]["end_s"] - SENTENCES[2]["start_s"] + 0.3
    assert found.is_same
    assert found.start_s == pytest.approx(at_s, abs=0.02)
    assert found.end_s == pytest.approx(at_s + length_s, abs=0.1)
    assert not sameness.match(here, sameness.changes(sound(5, 5), OUTPUT_HZ)).is_same
