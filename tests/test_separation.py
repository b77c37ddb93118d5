"""Voices are taken out of music: in a stream, from weights found or placed by hand."""

import hashlib
import json
import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.apply import BagOfModels, apply_model
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

from pipeline import audio
from pipeline.item import Unusable
from pipeline.models import MissingWeights
from pipeline.stages.isolate_speakers import bed, demucs_model, separate, spleeter, survey
from tests.isolating import sample_item, sound_item, surveyed

RATE_HZ = 44_100
SMALL = {
    "sources": ["drums", "bass", "other", "vocals"],
    "channels": 8,
    "t_layers": 1,
    "t_hidden_scale": 1.0,
    "segment": Fraction(1, 1),
}


WHOLE = [(0.0, 2.5)]  # of noise_flac
NO_VOICES = {
    "speech": [],
    "parts": [],
    "windows": [],
    "turns": [],
    "voices": [],
    "embeddings": np.zeros((0, 192)),
}


def music_in(
    path: Path, spans: list[tuple[float, float]]
) -> list[tuple[tuple[float, float], bed.Bed]]:
    """The parts of a recording that auto separates."""
    frames = bed.frames_of(path)
    return survey.find_music(frames, spans, bed.measure(frames, spans), survey.Params())


@pytest.fixture(scope="module")
def networks() -> survey.Models:
    return survey.load(survey.Params(), "cpu")


def small_network() -> HTDemucs:
    torch.manual_seed(7)
    return HTDemucs(**SMALL).eval()


@pytest.fixture(scope="module")
def th_folder(tmp_path_factory) -> Path:
    """A folder as demucs' --repo takes it: htdemucs.yaml and a model of the published form."""
    folder = tmp_path_factory.mktemp("repo")
    package = {
        "klass": HTDemucs,
        "args": (),
        "kwargs": dict(SMALL),
        "state": {k: v.half() for k, v in small_network().state_dict().items()},
        "training_args": {"seed": 42, "dset": {"segment": 11.0, "best": np.float64(0.5)}},
    }
    torch.save(package, folder / "new.th")
    digest = hashlib.sha256((folder / "new.th").read_bytes()).hexdigest()[:8]
    (folder / "new.th").rename(folder / f"955717e8-{digest}.th")
    (folder / "htdemucs.yaml").write_text("models: ['955717e8']\n")
    return folder


@pytest.fixture
def noise_flac(tmp_path) -> Path:
    noise = np.random.default_rng(1).normal(0, 0.1, round(2.5 * 22_050)).astype(np.float32)
    audio.write(tmp_path / "noise.flac", noise, 22_050)
    return tmp_path / "noise.flac"


def test_vocals_have_the_rate_and_length_of_the_recording(th_folder, noise_flac, tmp_path):
    """A model placed as for demucs' --repo is found, and works at any rate."""
    separator = demucs_model.load(str(th_folder), "cpu")

    separate.separate_file(noise_flac, tmp_path / "vocals.flac", WHOLE, separator)

    assert separator.name == "htdemucs"
    assert audio.info(tmp_path / "vocals.flac") == audio.info(noise_flac)
    assert audio.level_db(audio.read(tmp_path / "vocals.flac")[0]) > audio.FLOOR_DB


def test_weights_in_the_cache_folder_are_found_without_a_setting(th_folder, monkeypatch):
    """$KOKORO_MODELS/demucs is looked into before anything is downloaded."""
    home = th_folder.parent / "cache"
    home.mkdir()
    (home / "demucs").symlink_to(th_folder)
    monkeypatch.setenv("KOKORO_MODELS", str(home))

    assert demucs_model.load("", "cpu").segment == RATE_HZ


def test_the_pinned_th_file_is_taken_where_no_folder_is_given(th_folder, monkeypatch, tmp_path):
    """What pipeline.models has or fetches is one .th file of one model."""
    monkeypatch.setenv("KOKORO_MODELS", str(tmp_path))
    (path,) = th_folder.glob("*.th")
    monkeypatch.setattr(demucs_model.models, "path_of", lambda _: path)

    assert demucs_model.load("", "cpu").segment == RATE_HZ


def test_safetensors_are_preferred_and_give_the_same_sound(th_folder, tmp_path):
    """SIG.safetensors as on demucs' hub: no pickle at all."""
    kwargs = {**SMALL, "segment": {"_type": "fraction", "numerator": 1, "denominator": 1}}
    metadata = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": json.dumps(kwargs)}
    state = {k: v.half().contiguous() for k, v in small_network().state_dict().items()}
    save_file(state, tmp_path / "955717e8.safetensors", metadata)
    (tmp_path / "htdemucs.yaml").write_text("models: ['955717e8']\n")
    noise = np.random.default_rng(2).normal(size=RATE_HZ).astype(np.float32)

    found = demucs_model.load(str(tmp_path), "cpu").vocals(noise)

    np.testing.assert_array_equal(found, demucs_model.load(str(th_folder), "cpu").vocals(noise))


def test_a_stream_equals_demucs_on_the_whole_recording(th_folder):
    """No block has a seam: the stream gives what demucs' own splitting gives."""
    separator = demucs_model.load(str(th_folder), "cpu")
    noise = np.random.default_rng(3).normal(size=round(3.3 * RATE_HZ)).astype(np.float32)
    (path,) = th_folder.glob("*.th")
    network = demucs_model._from_th(path)
    stereo = torch.from_numpy(noise).expand(1, 2, -1)

    whole = apply_model(network, stereo, shifts=0, overlap=0.1)[0, 3].mean(0).numpy()
    streamed = np.concatenate(list(separate.overlap_add(np.split(noise, [9, 5000]), separator)))

    # the last segment differs: demucs centres it, the stream fills it up at its end
    last = 3 * (separator.segment - separator.overlap)
    np.testing.assert_allclose(streamed[:last], whole[:last], atol=1e-5)
    assert len(streamed) == len(noise)


def test_seams_do_not_depend_on_the_blocks(th_folder):
    """A 60 s block or a 1 ms block: the same samples come out."""
    separator = replace(demucs_model.load(str(th_folder), "cpu"), vocals=lambda x: x * 0.5)
    tone = np.sin(np.arange(5 * RATE_HZ) * 0.05).astype(np.float32)

    whole = np.concatenate(list(separate.overlap_add([tone], separator)))
    small = np.concatenate(list(separate.overlap_add(np.array_split(tone, 999), separator)))

    np.testing.assert_array_equal(whole, small)
    np.testing.assert_allclose(whole, tone * 0.5, atol=1e-6)


def test_the_same_recording_gives_the_same_bytes(th_folder, noise_flac, tmp_path):
    """Nothing about separation is left to chance."""
    for name in ("a.flac", "b.flac"):
        separator = demucs_model.load(str(th_folder), "cpu")
        separate.separate_file(noise_flac, tmp_path / name, WHOLE, separator)

    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()


@pytest.mark.parametrize("damage", ["digest", "missing", "yaml", "code"])
def test_bad_weights_are_named(damage, th_folder, tmp_path):
    """A damaged file, a missing one and one with code in it are refused with the reason."""
    (path,) = th_folder.glob("*.th")
    (tmp_path / "htdemucs.yaml").write_text("models: ['955717e8']\n")
    if damage == "digest":
        (tmp_path / path.name).write_bytes(path.read_bytes() + b"x")
    if damage == "yaml":
        (tmp_path / "htdemucs.yaml").unlink()
    if damage == "code":
        torch.save({"klass": Path.unlink}, tmp_path / "955717e8.th")
    said = {
        "digest": "is damaged: sha256",
        "missing": "has 0 files 955717e8",
        "yaml": "htdemucs.yaml is missing",
        "code": "holds more than a demucs model",
    }

    with pytest.raises(ValueError, match=said[damage]):
        demucs_model.load(str(tmp_path), "cpu")


def missing(name: str, *_: str) -> Path:
    raise MissingWeights(f"cannot get the weights of {name or 'htdemucs'}: put them somewhere")


def test_always_without_weights_stops_and_says_what_to_do(monkeypatch):
    """`always` is a promise: it fails at the start, not after hours."""
    monkeypatch.setattr(demucs_model, "load", missing)

    with pytest.raises(Unusable, match="(?s)put them somewhere.*--separation-weights FOLDER"):
        survey.load(survey.Params(separation="always"), "cpu")


def test_auto_without_weights_goes_on_with_a_mark(tmp_path, monkeypatch, caplog, networks):
    """Nothing to be had: one warning a run, the recordings are marked, and work goes on."""
    monkeypatch.setattr(demucs_model, "load", missing)
    monkeypatch.setattr(survey, "path_of", missing)
    models = replace(networks, separators=[])
    monkeypatch.setattr(survey, "find_voices", lambda *_: NO_VOICES)
    radio = sample_item(tmp_path, "radio.mp3")

    with caplog.at_level(logging.WARNING):
        first = surveyed(radio, survey.Params(), models, "one")
        surveyed(radio, survey.Params(), models, "two")

    facts = first.facts["isolate_speakers.survey"]
    assert (facts["separated"], facts["separation_wanted"], facts["separator"]) == (False, True, "")
    assert len([r for r in caplog.records if "stay as they are" in r.message]) == 1


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("monologue.flac", 0), ("radio.mp3", 1), ("interview.m4a", 0), ("market.ogg", 0)],
)
def test_auto_wants_separation_for_music_and_nothing_else(name, wanted, tmp_path, networks):
    """Of the sample only the programme with music is separated; noise and rooms are not."""
    path = sample_item(tmp_path, name).path("download_audio", "audio.flac")
    spans = survey.find_speech(path, survey.Params(), networks)

    assert len(music_in(path, spans)) == wanted


def test_a_recording_with_music_is_surveyed_by_its_vocals(tmp_path, networks):
    """vocals.flac is there, as long as the recording, and speech is looked for in it."""
    half = separate.Separator("htdemucs", RATE_HZ, 2 * RATE_HZ, 4410, lambda mono: mono * 0)
    models = replace(networks, separators=[half])

    item = surveyed(sample_item(tmp_path, "radio.mp3"), survey.Params(), models)

    vocals = audio.info(item.path("isolate_speakers.survey", "vocals.flac"))
    facts = item.facts["isolate_speakers.survey"]
    assert vocals == audio.info(item.path("download_audio", "audio.flac"))
    assert (facts["separated"], facts["separator"], facts["speech_s"]) == (True, "htdemucs", 0)


def test_never_leaves_music_alone():
    """`never` means so, however loud the music is."""
    frames = bed.Frames(np.full(99, -30.0, np.float32), np.full(99, 12.0, np.float32), 99 * 0.128)
    spans, under = [(4.0, 8.0)], bed.Bed(-20, -3, 12)

    assert survey.find_music(frames, spans, under, survey.Params(separation="never")) == []
    assert survey.find_music(frames, spans, under, survey.Params()) == [((0.0, 12.672), under)]


def test_a_bed_is_measured_against_the_speech(tmp_path):
    """A chord 20 dB below a burst of 'speech' is tonal; noise of the same level is not."""
    rng = np.random.default_rng(5)
    time = np.arange(10 * 16_000) / 16_000
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in (196, 247, 294, 392, 494)) / 5
    beds = {}
    for name, under in (("chord", chord), ("noise", rng.normal(size=len(time)))):
        level = 10 ** ((-40 - audio.level_db(under)) / 20)
        sound = under * level
        sound[32_000:96_000] = rng.normal(0, 0.1, 64_000)  # -20 dBFS from 2 to 6 s
        item = sound_item(tmp_path / name, sound.astype(np.float32))
        frames = bed.frames_of(item.path("download_audio", "audio.flac"))
        beds[name] = bed.measure(frames, [(2.0, 6.0)])

    assert beds["chord"].below_speech_db == pytest.approx(-20, abs=0.5)
    assert beds["noise"].below_speech_db == pytest.approx(-20, abs=0.5)
    assert beds["noise"].tonality_db < 3 < 6 < beds["chord"].tonality_db


@pytest.mark.parametrize(("is_around", "expected_db"), [(False, -20.0), (True, -60.0)])
def test_music_before_and_after_the_speech_does_not_lie_under_it(tmp_path, is_around, expected_db):
    """A chord of 6 s before three bursts of 'speech' and of 6 s after them, silence next to them
    and in their pauses; or the chord all the time. Only that one is music under speech."""
    rate_hz, spans = 16_000, [(8.0, 10.0), (10.6, 12.6), (13.2, 15.2)]
    time = np.arange(23 * rate_hz) / rate_hz
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in (196, 247, 294, 392, 494)) / 5
    sound = chord * 10 ** ((-40 - audio.level_db(chord)) / 20)
    rng = np.random.default_rng(6)
    if is_around:
        part = slice(6 * rate_hz, 17 * rate_hz)
        sound[part] = rng.normal(0, 0.0001, len(time[part]))  # -80 dBFS
    for start_s, end_s in spans:
        part = slice(round(start_s * rate_hz), round(end_s * rate_hz))
        sound[part] = rng.normal(0, 0.1, len(time[part]))  # -20 dBFS
    item = sound_item(tmp_path, sound.astype(np.float32))

    path = item.path("download_audio", "audio.flac")
    found = bed.measure(bed.frames_of(path), spans)

    assert found.below_speech_db == pytest.approx(expected_db, abs=1.0)
    assert [part for part, _ in music_in(path, spans)] == ([] if is_around else [(0.0, 23.0)])


def test_what_has_no_music_beside_it_is_left_as_it_was_recorded(tmp_path):
    """A chord up to 0.2 s before the first of three bursts of 'speech' and after none: the first
    one is separated, up to the middle of the pause after it; the others are not touched."""
    rate_hz, spans = 16_000, [(8.0, 10.0), (12.0, 14.0), (16.0, 18.0)]
    time = np.arange(20 * rate_hz) / rate_hz
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in (196, 247, 294, 392, 494)) / 5
    rng = np.random.default_rng(8)
    sound = np.where(time < 7.8, chord * 0.02, rng.normal(0, 0.0001, len(time)))
    for start_s, end_s in spans:
        part = slice(round(start_s * rate_hz), round(end_s * rate_hz))
        sound[part] = rng.normal(0, 0.1, len(time[part]))
    path = sound_item(tmp_path, sound.astype(np.float32)).path("download_audio", "audio.flac")
    silence = separate.Separator("none", RATE_HZ, RATE_HZ, 4410, lambda mono: mono * 0)

    parts = [part for part, _ in music_in(path, spans)]
    separate.separate_file(path, tmp_path / "vocals.flac", parts, silence)

    assert parts == [(0.0, 11.0)]
    before, after = audio.read(path)[0], audio.read(tmp_path / "vocals.flac")[0]
    fade = round(separate.FADE_S * rate_hz)
    np.testing.assert_array_equal(after[11 * rate_hz :], before[11 * rate_hz :])
    assert not after[: 11 * rate_hz - fade].any()


def test_speech_shorter_than_a_frame_has_no_music_beside_it():
    """0.1 s at the end of a recording: nothing to measure music against."""
    frames = bed.Frames(np.full(40, -20.0, np.float32), np.full(40, 12.0, np.float32), 40 * 0.128)

    assert bed.music(frames, [(5.03, 5.12)], lambda _: True) == []


@pytest.mark.parametrize("block_s", [60.0, 0.3])
def test_vocals_are_faded_in_and_out_on_the_time_line(noise_flac, tmp_path, monkeypatch, block_s):
    """A network that halves: outside of the parts the recording, inside half of it, and at their
    edges something between the two; the same for any size of blocks."""
    monkeypatch.setattr(audio.blocks, "__defaults__", (block_s, 0.0, None))
    half = separate.Separator("half", RATE_HZ, RATE_HZ, 4410, lambda mono: mono * np.float32(0.5))
    parts, rate_hz = [(0.6, 1.0), (1.5, 2.5)], 22_050

    separate.separate_file(noise_flac, tmp_path / "vocals.flac", parts, half)

    before, after = audio.read(noise_flac)[0], audio.read(tmp_path / "vocals.flac")[0]
    assert len(after) == len(before)
    share = np.ones(len(before))
    fade = round(separate.FADE_S * rate_hz)
    for start_s, end_s in parts:
        first, last = round(start_s * rate_hz), round(end_s * rate_hz)
        ramp = np.minimum(1, (np.arange(last - first) + 0.5) / fade)
        share[first:last] -= 0.5 * np.minimum(ramp, ramp[::-1] if end_s < 2.5 else 1)
    np.testing.assert_array_equal(after[share == 1], before[share == 1])
    # resampled to the network's rate and back the top of the band is gone: compared below it
    wanted, got = (audio.resample(x.astype(np.float32), rate_hz, 16_000) for x in (
        before * share, after))  # fmt: skip
    assert audio.level_db(got - wanted) < audio.level_db(wanted) - 40


def test_spleeters_network_runs_from_arrays_in_a_pickle_of_the_published_form(tmp_path):
    """Checkpoints are dicts of numpy arrays, read with weights_only; the length is kept."""
    torch.manual_seed(3)
    for name in spleeter.WEIGHTS:
        state = spleeter._unet().state_dict()
        arrays = {k: v.numpy() for k, v in state.items() if "batches" not in k}
        torch.save(arrays, tmp_path / name)
    noise = np.random.default_rng(4).normal(size=spleeter.SEGMENT).astype(np.float32)

    found = spleeter.load(tmp_path, "cpu").vocals(noise)

    assert found.shape == noise.shape
    assert np.isfinite(found).all()


def test_bags_of_one_and_of_several_models_load(th_folder):
    """htdemucs_ft-like bags are averaged by demucs itself."""
    (path,) = th_folder.glob("*.th")

    bag = demucs_model._from_th(path)

    assert isinstance(bag, BagOfModels)
    assert bag.sources[3] == demucs_model.VOICES
