"""Telephones: known by what is missing in them, and the clip that is held against them."""

import json
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

import pipeline.stages.isolate_speakers as last
from pipeline import audio
from pipeline.item import Item
from pipeline.stages.isolate_speakers import agree, reference, survey, telephone, voices
from tests.isolating import SAMPLE, SURVEY, agreed, sound_item, surveyed, truth

RATE_HZ = telephone.RATE_HZ


def tones(*hz: float) -> audio.Samples:
    """Two seconds of tones, equally loud."""
    times = np.arange(2 * RATE_HZ) / RATE_HZ
    return np.sum([0.1 * np.sin(2 * np.pi * each * times) for each in hz], axis=0, dtype=np.float32)


def level_db(samples: audio.Samples, hz: float) -> float:
    """The level of one tone in the middle of the samples."""
    inside = samples[RATE_HZ // 2 : -RATE_HZ // 2]
    wave = np.exp(-2j * np.pi * hz * np.arange(len(inside)) / RATE_HZ)
    return float(20 * np.log10(2 * np.abs(np.mean(inside * wave)) + 1e-9))


def call(samples: audio.Samples) -> audio.Samples:
    """The samples as mu-law at 8 kHz, by ffmpeg: not by what the pipeline itself does."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error"]
    sound = ["-ar", "16000", "-ac", "1", "-f", "f32le"]
    line = ["-ar", "8000", "-ac", "1", "-f", "mulaw"]
    band = ["-af", "highpass=f=300:p=2,lowpass=f=3400:p=2"]
    there = [*ffmpeg, *sound, "-i", "-", *band, *line, "-"]
    coded = subprocess.run(there, input=samples.tobytes(), capture_output=True, check=True).stdout
    back = [*ffmpeg, *line, "-i", "-", *sound, "-"]
    heard = subprocess.run(back, input=coded, capture_output=True, check=True).stdout
    return np.frombuffer(heard, np.float32).copy()


@pytest.fixture(scope="module")
def networks() -> survey.Models:
    return survey.load(survey.Params(), "cpu")


@pytest.fixture(scope="module")
def letter() -> audio.Samples:
    """12 s of slt."""
    return audio.read(SAMPLE / "letter.wav")[0]


@pytest.fixture(scope="module")
def called(tmp_path_factory, letter, networks) -> Item:
    """A call of slt, surveyed."""
    item = sound_item(tmp_path_factory.mktemp("call"), call(letter))
    return surveyed(item, survey.Params(), networks)


def test_lines_let_their_band_through_and_nothing_else():
    """60, 1000 and 6000 Hz: a digital line keeps two, an old one the middle one alone."""
    digital, old = telephone.through_lines(tones(60, 1000, 6000))

    assert len(digital) == len(old) == 2 * RATE_HZ
    assert [level_db(digital, hz) > -21 for hz in (60, 1000, 6000)] == [True, True, False]
    assert level_db(old, 1000) == pytest.approx(-20, abs=0.5)
    assert level_db(old, 60) < -60 and level_db(old, 6000) < -90


def test_what_has_no_sibilants_is_by_telephone():
    """A tone of 6 kHz is enough to be clear, 40 dB below the voice too; silence says nothing."""
    clear = tones(300, 1000, 6000)

    assert not telephone.is_narrow(clear)
    assert not telephone.is_narrow(tones(1000) + 0.01 * tones(6000))
    assert all(telephone.is_narrow(sound) for sound in telephone.through_lines(clear))
    assert not telephone.is_narrow(np.zeros(RATE_HZ, np.float32))
    assert not telephone.is_narrow(np.zeros(0, np.float32))


def test_a_call_is_known_as_one_and_a_letter_is_not(letter, called, tmp_path):
    spans = [(a, b) for a, b in truth("letter.wav", "slt")]
    audio.write(tmp_path / "letter.flac", letter, RATE_HZ)

    assert called.facts[SURVEY]["by_telephone"] is True
    assert called.load_json(SURVEY, "survey.json")["by_telephone"] is True
    assert not telephone.is_by_telephone(tmp_path / "letter.flac", spans)


def test_a_clear_clip_finds_its_voice_in_a_call(called, tmp_path):
    """Its clear sound would not: less alike than strangers on one line are."""
    params = agree.Params(target_speaker=str(SAMPLE / "letter.wav"))
    heard = agree.load(params, "cpu")
    voice = np.array(called.load_json(SURVEY, "survey.json")["voices"][0]["embedding"])
    (tmp_path / "agree").mkdir()
    (tmp_path / "out").mkdir()

    result = agree.process([called], tmp_path / "agree", params, heard)
    kept = last.process(
        agreed(called, tmp_path / "agree"), tmp_path / "out", last.Params(), last.Models()
    )

    assert heard.reference is not None
    assert heard.reference.clear @ voice + 0.1 < heard.reference.by_telephone @ voice
    assert not result.drops
    assert kept.facts["target_s"] > 0.9 * called.facts[SURVEY]["speech_s"]


def test_of_several_clips_each_is_held_against_its_like(letter, tmp_path):
    """Clear recordings against the clear clip alone, as if the one by telephone were not there."""
    near, phone = tmp_path / "near.wav", tmp_path / "phone.wav"
    audio.write(near, letter[: 4 * RATE_HZ], RATE_HZ)
    audio.write(phone, call(letter)[: 4 * RATE_HZ], RATE_HZ)

    both, one, line = (reference.heard_in(c, "cpu") for c in ([near, phone], [near], [phone]))

    assert both.clear @ one.clear > 0.999
    assert [each.is_clear for each in (both, one, line)] == [True, True, False]
    assert both.by_telephone @ line.by_telephone > one.by_telephone @ line.by_telephone


def made(folder: Path, likeness: float, by_telephone: bool) -> Item:
    """A recording after its survey: 5 s of one voice, so much like the first axis."""
    folder.mkdir()
    found = voice(likeness)
    spans = [(0.0, 5.2)]
    windows = voices.windows(spans, 0.4)
    named = [{"seconds": 5.2, "embedding": found.tolist()}]
    one = {"speech": spans, "parts": spans, "windows": windows, "voices": named}
    one |= {"turns": [(0.0, 5.2, 0)], "duration_s": 6.0, "by_telephone": by_telephone}
    (folder / "survey.json").write_text(json.dumps(one))
    np.save(folder / "embeddings.npy", np.array([found] * len(windows), np.float16))
    return Item(folder.name, folder.name, "", {SURVEY: str(folder)})


def voice(likeness: float) -> voices.Embeddings:
    found = np.zeros(voices.SIZE, np.float32)
    found[0], found[1] = likeness, np.sqrt(1 - likeness**2)
    return found


@pytest.mark.parametrize(("is_clear", "dropped"), [(True, {"0.52"}), (False, {"0.52", "0.60"})])
def test_by_telephone_a_voice_must_be_more_alike_to_be_the_targets(is_clear, dropped, tmp_path):
    """0.52 is enough in a clear recording alone; 0.60 in a call, if the clip is not by one too."""
    items = [made(tmp_path / f"{alike:.2f}", alike, True) for alike in (0.52, 0.6, 0.7)]
    items.append(made(tmp_path / "clear", 0.52, by_telephone=False))
    heard = reference.Heard(voice(1.0), voice(1.0), is_clear)
    (tmp_path / "out").mkdir()

    result = agree.process(items, tmp_path / "out", agree.Params(), agree.Models(heard))

    least = "0.55" if is_clear else "0.65"
    assert set(result.drops) == dropped
    assert f"best similarity 0.52 is below {least}" in result.drops["0.52"]
    assert result.facts == {
        "chosen_by": "reference", "recordings": 4, "without": len(dropped), "rule": "other_speaker",
    }  # fmt: skip


@pytest.mark.parametrize(("by_telephone", "wanted"), [(True, 1), (False, 0)])
def test_a_call_is_held_against_the_clip_by_telephone(by_telephone, wanted):
    """An agreement made before there was one goes on with what it has."""
    agreement = {"embedding": np.eye(voices.SIZE)[0].tolist()}
    both = agreement | {"by_telephone": np.eye(voices.SIZE)[1].tolist()}

    assert last._targets(both, by_telephone)[0].argmax() == wanted
    assert last._targets(agreement, by_telephone)[0].argmax() == 0
