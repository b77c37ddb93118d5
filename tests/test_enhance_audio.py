"""What enhance_audio promises, on sounds whose answers are known by construction."""

import json
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile

from pipeline import audio
from pipeline.audio import Writer, info, level_db, read
from pipeline.item import Item
from pipeline.stages import enhance_audio
from pipeline.stages.enhance_audio import Params, cleaning, loudness, pauses, process

HZ = 24_000


def noise(seconds, db, rate_hz=HZ, seed=1):
    sound = np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))
    return (sound * 10 ** (db / 20)).astype(np.float32)


def tone(seconds, db, hz=300, rate_hz=HZ):
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10 ** (db / 20) * 2**0.5 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def recording(tmp_path, samples, target=(), others=(), rate_hz=HZ):
    """Return an item whose isolate_speakers artefact is this sound with these spans."""
    folder = tmp_path / "isolated"
    folder.mkdir(exist_ok=True)
    with Writer(folder / "audio.flac", rate_hz) as file:
        file.write(samples)
    spans = {
        "duration_s": round(len(samples) / rate_hz, 3),
        "target": [[start, end, 0.9] for start, end in target],
        "others": [[start, end, 0.5, "other_speaker"] for start, end in others],
    }
    (folder / "spans.json").write_text(json.dumps(spans))
    return Item("take.wav", "take-1", "", {"isolate_speakers": str(folder)})


def enhanced(item, tmp_path, **settings):
    out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
    out.mkdir()
    result = process(item, out, Params(**settings), None)
    return read(out / "audio.flac")[0], result.facts, out


def speech_in_noise(noise_db, rate_hz=HZ):
    """Return 3 s of pause, 4 s of tone at -26 dB, 3 s of pause, all with noise."""
    sound = noise(10, noise_db, rate_hz)
    sound[3 * rate_hz : 7 * rate_hz] += tone(4, -26, rate_hz=rate_hz)
    return sound


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100, 48000])
def test_length_is_exact_at_every_rate(tmp_path, rate_hz):
    """The result has round(duration * 24000) samples, 24 kHz, one channel."""
    samples = noise(1.2345, -30, rate_hz)
    item = recording(tmp_path, samples, [(0.2, 1.0)], rate_hz=rate_hz)

    _, _, out = enhanced(item, tmp_path)

    made = soundfile.info(out / "audio.flac")
    assert made.frames == round(len(samples) / rate_hz * HZ)
    assert (made.samplerate, made.channels) == (HZ, 1)


def test_loudness_reaches_the_target(tmp_path):
    """The target's speech has the target loudness within 0.1 LU, by pyloudnorm's own meter."""
    item = recording(tmp_path, speech_in_noise(-70), [(3, 7)])

    sound, facts, _ = enhanced(item, tmp_path)

    measured = pyloudnorm.Meter(HZ).integrated_loudness(sound[3 * HZ : 7 * HZ].astype(float))
    assert measured == pytest.approx(-23, abs=0.1)
    assert facts["lufs_out"] == pytest.approx(measured, abs=0.1)


def test_others_do_not_change_the_gain(tmp_path):
    """A loud stranger beside the target changes nothing about the target's level."""
    alone, loud = speech_in_noise(-70), speech_in_noise(-70)
    loud[: 2 * HZ] += tone(2, -6)

    _, first, _ = enhanced(recording(tmp_path, alone, [(3, 7)]), tmp_path)
    _, second, _ = enhanced(recording(tmp_path, loud, [(3, 7)], [(0, 2)]), tmp_path)

    assert second["gain_db"] == pytest.approx(first["gain_db"], abs=0.02)


def test_peak_stays_below_the_limit_by_gain_alone(tmp_path):
    """Where loudness would need more than the peak allows, the gain is lower: no clipping."""
    sound = noise(6, -60)
    sound[HZ : 5 * HZ] += tone(4, -40)
    sound[3 * HZ] = 0.5
    item = recording(tmp_path, sound, [(1, 5)])

    made, facts, _ = enhanced(item, tmp_path, enhancement_mode="none", high_pass_hz=0.0)

    assert facts["true_peak_db"] == pytest.approx(-1, abs=0.05)
    assert np.abs(made).max() <= 10 ** (-1 / 20) + 1e-4
    assert np.allclose(made, sound * 10 ** (facts["gain_db"] / 20), atol=1e-3)


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_silence_stays_silence(tmp_path, level):
    """Digital silence and near silence become neither NaN nor noise."""
    samples = np.full(3 * HZ, 0, np.float32) + np.float32(level) * noise(3, 0)

    made, facts, _ = enhanced(recording(tmp_path, samples, [(1, 2)]), tmp_path)

    assert np.isfinite(made).all()
    assert level_db(made) < -80
    assert all(np.isfinite(v) for v in facts.values() if isinstance(v, float))


def test_gain_is_capped(tmp_path):
    """A very quiet voice is raised by no more than the cap."""
    item = recording(tmp_path, speech_in_noise(-110) * np.float32(0.01), [(3, 7)])

    _, facts, _ = enhanced(item, tmp_path, max_gain_db=20.0)

    assert facts["gain_db"] == 20.0


def test_noise_is_turned_down_and_the_voice_is_not(tmp_path):
    """At 20 dB SNR the pauses fall by several dB, the tone by less than 0.5 dB."""
    sound = speech_in_noise(-46)
    item = recording(tmp_path, sound, [(3, 7)])

    made, facts, _ = enhanced(item, tmp_path)

    gain_db = facts["gain_db"]
    pause_db = level_db(made[HZ : 2 * HZ]) - gain_db
    voice_db = level_db(made[4 * HZ : 6 * HZ]) - gain_db
    assert facts["reduced"] is True
    assert pause_db < -46 - 4
    assert voice_db == pytest.approx(level_db(sound[4 * HZ : 6 * HZ]), abs=0.5)
    assert facts["noise_db"] == pytest.approx(-46, abs=1)


def test_what_balanced_reduces_is_also_there_as_it_was_at_the_same_level(tmp_path):
    item = recording(tmp_path, speech_in_noise(-46), [(3, 7)])

    _, facts, out = enhanced(item, tmp_path)
    plain, _ = read(out / "plain.flac")
    _, _, light = enhanced(item, tmp_path, enhancement_mode="light")

    assert level_db(plain[HZ : 2 * HZ]) - facts["gain_db"] == pytest.approx(-46, abs=0.5)
    assert not (light / "plain.flac").exists()


def test_a_clean_recording_is_left_alone(tmp_path):
    """Above the limit for clean sound no mode touches the voice: only gain and high-pass."""
    item = recording(tmp_path, speech_in_noise(-80), [(3, 7)])

    made, facts, _ = enhanced(item, tmp_path, enhancement_mode="aggressive")
    plain, _, _ = enhanced(item, tmp_path, enhancement_mode="none")

    assert facts["reduced"] is False
    assert np.array_equal(made, plain)


def test_no_pause_no_reduction(tmp_path):
    """Without a pause there is no noise profile: the recording is not gated against itself."""
    item = recording(tmp_path, speech_in_noise(-40), [(0, 10)])

    _, facts, _ = enhanced(item, tmp_path)

    assert facts["reduced"] is False


def test_no_target_speech_is_no_failure(tmp_path):
    """A recording in which the target does not speak comes through unchanged in level."""
    made, facts, _ = enhanced(recording(tmp_path, speech_in_noise(-50)), tmp_path)

    assert facts["gain_db"] == 0
    assert len(made) == 10 * HZ


def test_hum_goes_and_nothing_moves():
    """50 Hz loses more than 12 dB, 120 Hz less than 0.1 dB, and an edge stays where it was."""
    hum = cleaning.high_pass(tone(2, -20, hz=50), 60.0)[HZ // 2 : -HZ // 2]
    voice = cleaning.high_pass(tone(2, -20, hz=120), 60.0)[HZ // 2 : -HZ // 2]
    click = np.zeros(HZ, np.float32)
    click[HZ // 2] = 1.0

    moved = cleaning.high_pass(click, 60.0)

    assert level_db(hum) < -32
    assert level_db(voice) == pytest.approx(-20, abs=0.1)
    assert int(np.argmax(np.abs(moved))) == HZ // 2


def test_pieces_join_without_seams(tmp_path, monkeypatch):
    """Cleaning in pieces gives what cleaning in one pass gives, to 24-bit precision."""
    sound = speech_in_noise(-46)
    path = Path(recording(tmp_path, sound, [(3, 7)]).folders["isolate_speakers"]) / "audio.flac"
    plan = cleaning.Cleaning(60.0, 0.6, noise(2, -46, seed=2))
    whole = np.concatenate(list(cleaning.cleaned(path, plan)))
    monkeypatch.setattr(cleaning, "PIECE", 200 * cleaning.HOP)

    pieces = np.concatenate(list(cleaning.cleaned(path, plan)))

    assert len(pieces) == len(whole) == len(sound)
    assert np.abs(pieces - whole).max() < 1e-5


def test_overlapped_gives_every_sample_once():
    """The pieces of the windows, joined, are the input, however it was blocked."""
    samples = np.arange(1000, dtype=np.float32)
    for size, context, block in [(100, 30, 7), (100, 30, 1000), (33, 64, 10), (2000, 5, 300)]:
        blocks = [samples[i : i + block] for i in range(0, 1000, block)]

        pieces = [w[a:b] for w, a, b in cleaning.overlapped(blocks, size, context)]

        assert np.array_equal(np.concatenate(pieces), samples)


def test_meter_agrees_with_pyloudnorm():
    """The streaming meter gives pyloudnorm's figure within 0.05 LU, however it is fed."""
    sound = np.concatenate([noise(4, -30), noise(4, -50), noise(3, -20)])
    meter = loudness.LoudnessMeter()
    for i in range(0, len(sound), 7777):
        meter.feed(sound[i : i + 7777])

    measured = meter.lufs([(0.0, 11.0)])

    known = pyloudnorm.Meter(HZ).integrated_loudness(sound.astype(float))
    assert measured == pytest.approx(known, abs=0.05)


def test_true_peak_sees_between_the_samples():
    """A sine at a quarter of the rate, sampled 45 degrees off its crest, peaks at 1, not 0.71."""
    time = np.arange(HZ)
    sine = np.sin(np.pi / 2 * time + np.pi / 4).astype(np.float32)

    assert np.abs(sine).max() == pytest.approx(0.707, abs=0.001)
    assert loudness.true_peak(sine) == pytest.approx(1.0, abs=0.05)


def test_pauses_are_what_is_between_all_spans():
    """Pauses keep 0.1 s off every span, and are thinned from all over the recording."""
    spans = [(i + 0.5, i + 1.0) for i in range(0, 1000)]

    few = pauses.pauses_between(spans[:2], 3.0)
    many = pauses.pauses_between(spans, 1001.0)

    assert few == [(0.0, 0.4), pytest.approx((1.1, 1.4)), pytest.approx((2.1, 3.0))]
    assert sum(end - start for start, end in many) <= 31
    assert many[-1][0] > 900


def test_breaths_and_digital_silence_are_not_the_noise():
    """A loud breath in one pause and muted stretches do not enter the noise profile."""
    quiet = np.concatenate([noise(3, -60), noise(1, -30), np.zeros(2 * HZ, np.float32)])
    parts = [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 6.0)]

    found = pauses.survey([quiet], [], parts)

    assert len(found.noise) == 3 * HZ
    assert found.noise_db == pytest.approx(-60, abs=0.5)


def test_same_input_same_bytes(tmp_path):
    """Two runs give equal files."""
    item = recording(tmp_path, speech_in_noise(-46), [(3, 7)])

    _, _, first = enhanced(item, tmp_path)
    _, _, second = enhanced(item, tmp_path)

    assert (first / "audio.flac").read_bytes() == (second / "audio.flac").read_bytes()
    assert info(first / "audio.flac").rate_hz == HZ


@pytest.mark.parametrize(
    ("noise_db", "most_kept", "decoded"),
    [
        (-46, cleaning.MOST_KEPT, 2),
        (-90, cleaning.MOST_KEPT, 1),
        (-46, 9 * HZ, 4),
        (-90, 9 * HZ, 3),
    ],
    ids=["noisy", "clean", "noisy, too long to keep", "clean, too long to keep"],
)
def test_a_recording_is_decoded_once_and_once_more_for_reduction(
    tmp_path, monkeypatch, noise_db, most_kept, decoded
):
    """One that is too long to keep is decoded for every pass, into the same bytes."""
    item = recording(tmp_path, speech_in_noise(noise_db), [(3, 7)])
    _, _, expected = enhanced(item, tmp_path)
    passes = []

    def counted(path, rate_hz):
        passes.append(path)
        return audio.blocks_at(path, rate_hz)

    monkeypatch.setattr(cleaning, "blocks_at", counted)
    monkeypatch.setattr(cleaning, "MOST_KEPT", most_kept)
    _, _, out = enhanced(item, tmp_path)

    assert len(passes) == decoded
    names = sorted(path.name for path in expected.iterdir())
    assert [(out / name).read_bytes() for name in names] == [
        (expected / name).read_bytes() for name in names
    ]


def test_reads_only_what_it_says():
    """The stage needs the isolated sound and nothing else."""
    assert enhance_audio.READS == ("isolate_speakers",)
