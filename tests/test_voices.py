"""Speech and voices: where somebody speaks, and who is like whom."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import audio
from pipeline.item import Unusable
from pipeline.stages.isolate_speakers import (
    campplus,
    groups,
    labels,
    mute,
    reference,
    speech,
    turns,
    voices,
)
from pipeline.stages.isolate_speakers.labels import Limits, Piece
from tests.isolating import SAMPLE, overlap_s, sample_item, total_s, truth

# by the module of 3D-Speaker's authors, on torch 2.13
THEIR_NUMBERS = (-1.2373, -0.1815, 0.6691, -1.0306, -0.7939, 0.6764, -0.3313, -0.0741)
THEIR_NORM = 12.6508


@pytest.fixture(scope="module")
def vad():
    return speech.load_network()


@pytest.fixture(scope="module")
def network() -> voices.VoiceNetwork:
    return voices.load_network("cpu")


@pytest.fixture(scope="module")
def letter() -> audio.Samples:
    """12 s of slt, with digital silence between the sentences."""
    return audio.read(SAMPLE / "letter.wav")[0]


def axes(*weights: float) -> voices.Embeddings:
    return voices.unit(np.pad(np.array(weights, np.float32), (0, voices.SIZE - len(weights))))


def test_speech_is_found_where_it_was_put(vad, tmp_path):
    """Of the true speech 97% is found, and next to none of the pauses between paragraphs."""
    path = sample_item(tmp_path, "monologue.flac").path("download_audio", "audio.flac")
    duration_s = audio.info(path).duration_s
    spoken = truth("monologue.flac", "slt")

    blocks = audio.blocks_at(path, speech.RATE_HZ)
    found = speech.speech_spans(
        speech.speech_probabilities(vad, blocks), duration_s, speech.SpeechRules()
    )

    assert overlap_s(found, spoken) > 0.97 * total_s(spoken)
    assert total_s(found) - overlap_s(found, spoken) < 0.05 * total_s(spoken)


def test_blocks_do_not_change_the_probabilities(vad, letter):
    """The network's state goes over block borders: any cut gives the same bytes."""
    whole = speech.speech_probabilities(vad, [letter])
    cut = speech.speech_probabilities(vad, np.split(letter, [7, 5000, 99_999]))

    np.testing.assert_array_equal(whole, cut)


def test_silence_has_no_speech(vad):
    """Digital silence and an empty recording: no span, no error."""
    silent = speech.speech_probabilities(vad, [np.zeros(48_000, np.float32)])

    assert speech.speech_spans(silent, 3.0, speech.SpeechRules()) == []
    assert speech.speech_probabilities(vad, []).shape == (0,)


def test_torch_keeps_its_threads():
    """Loading voice activity does not set torch to one thread, as the package itself would."""
    before = torch.get_num_threads()

    speech.load_network()

    assert torch.get_num_threads() == before


def test_spans_are_joined_padded_and_long_enough():
    """0.2 s of silence does not end a span; 0.1 s of speech is none; pads stay inside."""
    frames = np.zeros(100, np.float32)
    frames[0:20] = frames[26:40] = frames[60:63] = 1  # a gap of 0.192 s, then 0.096 s of speech

    found = speech.speech_spans(frames, 3.2, speech.SpeechRules(pad_s=0.1))

    assert found == [(0.0, 1.38)]


def test_the_network_gives_the_numbers_of_3d_speakers_own(network):
    """What its own module makes of these features, before anything is folded; taken down once."""
    features = np.sin(np.arange(240 * 80, dtype=np.float32) * 0.37).reshape(1, 240, 80)

    with torch.inference_mode():
        found = campplus.embed(torch.from_numpy(features), network.weights)[0].numpy()

    assert found.shape == (voices.SIZE,)
    np.testing.assert_allclose(found[:8], THEIR_NUMBERS, atol=2e-4)
    assert np.linalg.norm(found) == pytest.approx(THEIR_NORM, rel=1e-4)


def test_features_are_kaldis(network):
    """A tone of 1 kHz is in the band that Kaldi puts it in, whatever its level, and only there."""
    times = np.arange(voices.WINDOW) / voices.RATE_HZ
    quiet, loud = np.split(np.sin(2 * np.pi * 1000 * times).astype(np.float32), 2)
    swell = np.concatenate([0.1 * quiet, loud])  # less the mean, a steady tone would be nothing

    found = voices._features(swell, network.mel)

    bands = 1127 * np.log1p(np.array([20.0, 1000.0, 8000.0]) / 700)
    place = round(float((bands[1] - bands[0]) / (bands[2] - bands[0]) * 81)) - 1
    assert found.shape == (158, 80)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)
    assert np.ptp(found[:, place]) == pytest.approx(2 * np.log(10), abs=0.1)


def test_a_piece_is_the_same_whatever_is_beside_it(network, letter):
    """Batches are cut where READ_S ends: that is not in the results."""
    pieces = [letter[i * 8000 :][: voices.WINDOW] for i in range(1, 6)]

    together = voices.embed(pieces, network)

    apart = np.concatenate([voices.embed([piece], network) for piece in pieces])
    np.testing.assert_allclose(together, apart, atol=1e-5)


def test_embeddings_are_the_same_bytes_on_any_number_of_threads(network, letter):
    """Batches are computed side by side, each on one thread: workers share the cores."""
    pieces = [letter[i * 4000 :][: voices.WINDOW] for i in range(2 * voices.BATCH + 1)]

    before = torch.get_num_threads()
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(voices.embed(pieces, network).tobytes())
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)

    assert len(set(found)) == 1
    assert voices.embed([], network).shape == (0, voices.SIZE)


def test_an_embedding_does_not_depend_on_the_level(network, letter):
    """A quiet recording is the same voice; a silent one is nobody's."""
    window = letter[32_000 : 32_000 + voices.WINDOW]

    loud, quiet, silent = voices.embed([window, window * 0.01, window * 0], network)

    assert loud @ quiet == pytest.approx(1.0, abs=1e-5)
    assert not silent.any()


def test_noise_under_a_voice_is_the_same_voice(network, letter):
    """With white noise 15 dB below, it is far more like itself than another voice is like it."""
    noise = np.random.default_rng(1).normal(size=len(letter)).astype(np.float32)
    noise *= 10 ** ((audio.level_db(letter) - 15 - audio.level_db(noise)) / 20)
    places = [(round(a * 16_000), round(b * 16_000)) for a, b in truth("letter.wav", "slt")]

    def voice(sound: audio.Samples) -> voices.Embeddings:
        pieces = [sound[a:b][: voices.WINDOW] for a, b in places]
        return groups.centroid(voices.embed(pieces, network))

    assert voice(letter + noise) @ voice(letter) > 0.6


def test_windows_stay_inside_their_span_and_reach_its_end():
    """No window holds two spans; nothing of a span is left out."""
    found = voices.windows([(0.0, 1.0), (2.0, 5.1)], 0.4)

    assert found[0] == (0.0, 1.0)
    assert found[1] == (2.0, 3.6)
    assert found[-1] == (3.5, 5.1)
    assert all(a >= 2.0 and b <= 5.1 for a, b in found[1:])


def test_a_long_recording_is_grouped_in_chunks(monkeypatch):
    """Chunks find the same two voices as one matrix would, numbered by appearance."""
    rng = np.random.default_rng(2)
    true = np.repeat([1, 0, 1, 0, 0, 1], 50)
    middle = np.stack([axes(1, 0.2), axes(0.2, 1)])
    embeddings = voices.unit(middle[true] + rng.normal(0, 0.03, (300, voices.SIZE)))
    whole = groups.group_windows(embeddings, 0.65, 0.78)

    monkeypatch.setattr(groups, "CHUNK", 40)
    monkeypatch.setattr(groups, "JOIN_CHUNK", 4)

    assert groups.group_windows(embeddings, 0.65, 0.78).tolist() == whole.tolist()
    assert whole.tolist() == (1 - true).tolist()


def test_a_change_lies_between_two_windows_and_small_voices_go_to_the_likest():
    """Turns cover the span; a voice of one window is no voice."""
    windows = [(0.0, 1.6), (0.4, 2.0), (0.8, 2.4), (1.2, 2.8)]
    embeddings = np.stack([axes(1), axes(1), axes(1, 0.8), axes(0, 1)])

    smooth = turns.smoothed(np.array([0, 0, 1, 2]), embeddings, [1.0] * 4, 2.0)
    found = turns.find_turns([(0.0, 2.8)], windows, [0, 0, 1, 1])

    assert smooth.tolist() == [0, 0, 0, 0]
    assert found == [(0.0, 1.4, 0), (1.4, 2.8, 1)]


def survey_of(owners: str) -> tuple[dict, voices.Embeddings]:
    """A survey with a window of 0.4 s for each letter: a, b, or x for both at once."""
    kinds = {"a": axes(1, 0.2), "b": axes(0.2, 1), "x": axes(1, 1)}
    windows = [(round(i * 0.4, 3), round(i * 0.4 + 0.4, 3)) for i in range(len(owners))]
    voice = [int(owner == "b") for owner in owners]
    speech_spans = [(0.0, windows[-1][1])]
    survey = {
        "speech": speech_spans,
        "parts": speech_spans,
        "windows": windows,
        "turns": turns.find_turns(speech_spans, windows, voice),
        "voices": [{"embedding": kinds[k].tolist()} for k in "ab"],
    }
    return survey, np.stack([kinds[owner] for owner in owners])


LIMITS = Limits(target=0.74, other=0.70, overlap_margin=0.25)


@pytest.mark.parametrize(
    ("owners", "rules"),
    [
        ("aaaaaa", [""]),
        ("aaaabbbb", ["", "other_speaker"]),
        ("aaaaxxxaaaa", ["", "overlap", ""]),
        ("aaaaxaaaa", [""]),  # one window is chance
        ("aaaaxxbbbb", ["", "other_speaker"]),  # two lie across every change
        ("aaaaxxxbbbb", ["", "overlap", "other_speaker"]),
    ],
)
def test_speech_is_labelled_by_its_likeness_to_the_target(owners, rules):
    """The target's, another's, or both at once; the pieces cover the speech."""
    survey, embeddings = survey_of(owners)

    found = labels.label(survey, embeddings, axes(1, 0.2)[None], LIMITS)

    assert [piece.rule for piece in found] == rules
    assert found[0].start_s == 0.0
    assert [p.end_s for p in found[:-1]] == [p.start_s for p in found[1:]]
    assert found[-1].end_s == survey["windows"][-1][1]


def test_several_wanted_voices_each_have_their_turns():
    """With both wanted nobody is another; what both say at once is neither's."""
    survey, embeddings = survey_of("aaaaxxxbbbb")

    found = labels.label(survey, embeddings, np.stack([axes(1, 0.2), axes(0.2, 1)]), LIMITS)

    kept = [(piece.speaker, piece.rule) for piece in found if piece.rule == ""]
    assert kept == [(0, ""), (1, "")]
    assert {piece.rule for piece in found} == {"", "overlap"}


def test_doubt_has_its_own_rule():
    """Between the two similarities a turn is uncertain."""
    survey, embeddings = survey_of("aaaa")

    (piece,) = labels.label(survey, embeddings, axes(1, 1)[None], Limits(0.9, 0.5, 0.25))

    assert piece.rule == "uncertain_speaker"


def test_a_change_moves_to_the_quietest_moment(tmp_path):
    """Windows place a change to 0.2 s; the pause next to it is where it happened."""
    sound = np.random.default_rng(3).normal(0, 0.1, 64_000).astype(np.float32)
    sound[35_200:36_800] = 0  # 2.2 to 2.3 s
    audio.write(tmp_path / "a.flac", sound, 16_000)

    found = mute.refine(tmp_path / "a.flac", [Piece(0, 2, 0.9, ""), Piece(2, 4, 0.5, "other")])

    assert found[0].end_s == found[1].start_s
    assert 2.2 <= found[0].end_s <= 2.3


@pytest.mark.parametrize("cuts", [[], [999, 1000, 1005, 1800, 2100]])
def test_muting_keeps_every_other_sample(cuts):
    """Silence inside, fades of 10 ms at its ends, all else untouched, in any blocks."""
    ones = np.ones(3000, np.float32)
    others = [Piece(1.0, 2.0, 0.5, "overlap")]

    found = np.concatenate(list(mute.muted(iter(np.split(ones, cuts)), 1000, others)))

    assert len(found) == 3000
    assert (found[:1000] == 1).all() and (found[2000:] == 1).all()
    assert (found[1010:1990] == 0).all()
    assert (np.diff(found[1000:1010]) < 0).all()


def test_a_reference_clip_may_be_any_file_that_sounds():
    """WAV or M4A; several clips are one voice."""
    clips = [SAMPLE / "letter.wav", SAMPLE / "lecture.mp4"]

    heard = reference.heard_in(clips, "cpu")

    for voice in (heard.clear, heard.by_telephone):
        assert voice.shape == (voices.SIZE,)
        assert np.linalg.norm(voice) == pytest.approx(1.0, abs=1e-5)


def test_a_bad_reference_clip_stops_with_its_name(tmp_path):
    """Missing, unreadable or without speech: each is said, and what to do."""
    (tmp_path / "text.wav").write_text("not a sound")
    audio.write(tmp_path / "quiet.wav", np.zeros(32_000, np.float32), 16_000)
    said = {
        "none.wav": "none.wav: no such file",
        "text.wav": "text.wav: cannot be read",
        "quiet.wav": r"quiet.wav: 0.0 s of speech, needs 1.6 s",
    }

    for name, message in said.items():
        with pytest.raises(Unusable, match=message):
            reference.heard_in([tmp_path / name], "cpu")


def test_a_path_with_a_comma_is_one_clip(tmp_path):
    """Commas separate clips, unless the whole is a file."""
    (tmp_path / "a,b.wav").write_text("")

    assert reference.clip_paths(str(tmp_path / "a,b.wav")) == [tmp_path / "a,b.wav"]
    assert reference.clip_paths("a.wav,b.wav") == [Path("a.wav"), Path("b.wav")]
    assert reference.clip_paths("") == []


def test_a_turn_that_is_long_enough_speaks_for_itself():
    """3 s that are unlike the target stay unlike it, however like it their voice is as a whole."""
    like, unlike = axes(1, 0)[None], axes(0.5, 0.87)[None]

    assert labels._similarity(unlike, like[0], 0.95, 3.0) == pytest.approx(0.5, abs=0.01)
    assert labels._similarity(unlike, like[0], 0.95, 0.3) > 0.85
