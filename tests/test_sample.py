"""data/sample is what its truth.json says."""

import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
TRUTH = json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))
RECORDINGS = TRUTH["recordings"]
RATE_HZ = 16_000  # for measuring; the synthesiser gives no more

each_recording = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each["file"])


def decoded(name, channels=1):
    """Return a recording as (samples, channels) at RATE_HZ, decoded by ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(SAMPLE / name)]
    command += ["-f", "f32le", "-ar", str(RATE_HZ), "-ac", str(channels), "pipe:1"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, channels)


def level_db(samples):
    return 10 * np.log10(max(1e-12, float(np.mean(np.square(samples, dtype=np.float64)))))


def part(samples, start_s, end_s):
    return samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def pauses(recording, margin_s=0.05):
    """Return the spans between sentences, a margin inside (an encoder smears by some ms)."""
    spans = pairwise(recording["sentences"])
    return [(a["end_s"] + margin_s, b["start_s"] - margin_s) for a, b in spans]


def test_the_folder_holds_exactly_what_truth_names():
    """No recording without its truth, no truth without its recording."""
    expected = {each["file"] for each in RECORDINGS} | {"README.md", "truth.json"}

    assert {path.name for path in SAMPLE.iterdir()} == expected


def test_the_sample_is_small():
    """At most 5 MB, so that a clone stays quick."""
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) <= 5_000_000


def test_every_kind_has_a_format_of_its_own():
    """Clean, music, two speakers, noise, video and short: six kinds in six containers."""
    kinds = {each["kind"]: Path(each["file"]).suffix for each in RECORDINGS}

    assert kinds == {
        "clean": ".flac",
        "music": ".mp3",
        "two_speakers": ".m4a",
        "noise": ".ogg",
        "video": ".mp4",
        "short": ".wav",
    }


@each_recording
def test_durations_are_those_of_truth(recording):
    """Within 60 ms, which is what encoders add at the ends."""
    samples = decoded(recording["file"])

    assert len(samples) / RATE_HZ == pytest.approx(recording["duration_s"], abs=0.06)


@each_recording
def test_sentences_are_in_order_and_inside(recording):
    """Turns follow one another with a real pause between, from first to last."""
    ends = [0.0] + [each["end_s"] for each in recording["sentences"]]
    starts = [each["start_s"] for each in recording["sentences"]] + [recording["duration_s"]]

    gaps = [start - end for end, start in zip(ends, starts, strict=True)]
    assert all(0.39 < gap < 1.21 for gap in gaps)
    assert all(0.8 < each["end_s"] - each["start_s"] < 8 for each in recording["sentences"])


@each_recording
def test_speech_is_where_truth_says(recording):
    """Each sentence is near -23 dBFS, give or take what is under it."""
    samples = decoded(recording["file"])

    levels = [level_db(part(samples, s["start_s"], s["end_s"])) for s in recording["sentences"]]
    assert levels == pytest.approx([-23.0] * len(levels), abs=2.0)


@pytest.mark.parametrize(
    ("name", "expected_db", "tolerance_db"),
    [
        ("monologue.flac", -75.0, 2.0),
        ("radio.mp3", -31.0, 3.0),
        ("interview.m4a", -75.0, 6.0),
        ("market.ogg", -41.0, 2.0),
        ("lecture.mp4", -75.0, 6.0),
        ("letter.wav", -120.0, 0.1),
    ],
)
def test_pauses_hold_the_background_alone(name, expected_db, tolerance_db):
    """A quiet room, a music bed 8 dB below, noise 18 dB below, or digital silence."""
    recording = next(each for each in RECORDINGS if each["file"] == name)
    samples = decoded(name)

    quiet = np.concatenate([part(samples, *span) for span in pauses(recording)])
    assert level_db(quiet) == pytest.approx(expected_db, abs=tolerance_db)


def test_the_target_voice_is_in_every_recording_and_dominates():
    """slt speaks everywhere; rms only in the interview, less than half of slt's time there."""
    seconds = {}
    for recording in RECORDINGS:
        for each in recording["sentences"]:
            key = recording["file"], each["speaker"]
            seconds[key] = seconds.get(key, 0) + each["end_s"] - each["start_s"]

    assert TRUTH["target_speaker"] == "slt"
    assert {name for name, speaker in seconds if speaker == "slt"} == {
        each["file"] for each in RECORDINGS
    }
    assert [name for name, speaker in seconds if speaker == "rms"] == ["interview.m4a"]
    assert seconds["interview.m4a", "rms"] < seconds["interview.m4a", "slt"] / 2


def test_every_sentence_is_said_once():
    """A clip's text tells where it is from."""
    texts = [each["text"] for recording in RECORDINGS for each in recording["sentences"]]

    assert len(set(texts)) == len(texts)


def test_truth_is_made_of_the_script():
    """truth.json and sample_script.json say the same words in the same voices."""
    script = json.loads((ROOT / "data" / "sample_script.json").read_text(encoding="utf-8"))
    expected = {
        name: [(p["speaker"], text) for p in spec["paragraphs"] for text in p["sentences"]]
        for name, spec in script.items()
    }

    said = {r["file"]: [(s["speaker"], s["text"]) for s in r["sentences"]] for r in RECORDINGS}
    assert said == expected


def test_the_video_has_a_picture():
    """lecture.mp4 has a video stream beside its sound."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(SAMPLE / "lecture.mp4")]
    streams = subprocess.run(command, capture_output=True, text=True, check=False).stderr

    assert re.findall(r"Stream.*?: (Video|Audio): (\w+)", streams) == [
        ("Video", "h264"),
        ("Audio", "aac"),
    ]


@pytest.mark.parametrize("name", ["radio.mp3", "letter.wav"])
def test_stereo_recordings_have_the_same_sound_on_both_sides(name):
    """Averaging the channels changes nothing but an encoder's rounding."""
    left, right = decoded(name, channels=2).T

    assert level_db(left - right) < -60
