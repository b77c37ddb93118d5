"""Who speaks when, and two at once: the segmentation network, and what is made of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pipeline.stages.isolate_speakers as last
from pipeline import audio
from pipeline.item import Reject, Unusable
from pipeline.models import MissingWeights, path_of
from pipeline.stages.isolate_speakers import exchanges, labels, mute, segmentation, speech, survey
from pipeline.stages.isolate_speakers.labels import OVERLAP, TARGET, Piece
from pipeline.stages.isolate_speakers.segmentation import RATE_HZ
from tests.isolating import SAMPLE, overlap_s, sample_item, sound_item, surveyed, total_s, truth

# of the sample's letter.wav, 0-10 s: each class's mean, and the likest class of five frames
MEANS = [0.1782, 0.0, 0.8205, 0.0006, 0.0001, 0.0, 0.0006]
LIKEST = [0.852, 0.993, 0.905, 0.996, 0.990]


@pytest.fixture(scope="module")
def network():
    return segmentation.load_network(path_of("segmentation-3.0"), "cpu")


@pytest.fixture(scope="module")
def interview(tmp_path_factory) -> audio.Samples:
    """rms asks, slt answers, pauses of 0.4-1.1 s between; see truth.json."""
    item = sample_item(tmp_path_factory.mktemp("interview"), "interview.m4a")
    return audio.read_at(item.path("download_audio", "audio.flac"), RATE_HZ)


def part(samples: audio.Samples, start_s: float, end_s: float) -> audio.Samples:
    return samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def heard(network, samples: audio.Samples) -> exchanges.Heard:
    found = segmentation.windows(network, "cpu", [samples])
    return exchanges.heard(found, len(samples) / RATE_HZ)


def spoken_over(samples: audio.Samples, at_s: float, other: audio.Samples) -> audio.Samples:
    """The samples with another voice, as loud, over them."""
    mixed = samples.copy()
    first = round(at_s * RATE_HZ)
    mixed[first : first + len(other)] += other
    return mixed


def test_the_network_is_pyannotes(network):
    """Its numbers for 10 s of the sample, computed once by pyannote's own code."""
    samples = audio.read_at(SAMPLE / "letter.wav", RATE_HZ, 0.0, 10.0)

    ((first, found),) = segmentation.windows(network, "cpu", [samples])

    assert (first, found.shape) == (0, (589, 7))
    np.testing.assert_allclose(found.mean(axis=0), MEANS, atol=2e-3)
    np.testing.assert_allclose(found[[0, 60, 300, 330, 588]].max(axis=1), LIKEST, atol=5e-3)


def test_blocks_do_not_change_what_is_heard(network, interview):
    """Any cut of 17 s into blocks gives the same windows, the last one to the end; and bytes."""
    samples = part(interview, 0.0, 17.0)

    whole = list(segmentation.windows(network, "cpu", [samples]))
    cut = list(segmentation.windows(network, "cpu", np.split(samples, [7, 5000, 199_999])))

    assert [first for first, _ in whole] == [0, 148, 296, 415]
    assert [first for first, _ in cut] == [0, 148, 296, 415]
    for (_, here), (_, there) in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(here, there)


def test_two_at_once_are_heard_and_one_alone_is_not(network, interview):
    """1.5 s of rms over slt is found, with 0.5 s at most around; of two by turns nothing is."""
    slt = part(interview, 7.0, 17.0)

    both = heard(network, spoken_over(slt, 5.0, part(interview, 0.8, 2.3)))
    found = exchanges.overlaps(both, 0.3)
    turns = exchanges.overlaps(heard(network, part(interview, 0.0, 15.0)), 0.3)

    assert overlap_s(found, [(5.0, 6.5)]) > 1.2
    assert overlap_s(found, [(4.5, 7.0)]) == total_s(found)
    assert turns == []


def test_a_change_of_speakers_without_a_pause_is_heard_to_a_tenth_of_a_second(network, interview):
    """rms stops in the middle of a word and slt begins: two parts that meet there."""
    joined = np.concatenate([part(interview, 0.7, 3.2), part(interview, 7.6, 11.0)])
    spans = [(0.0, round(len(joined) / RATE_HZ, 3))]

    (change_s,) = exchanges.changes(heard(network, joined))
    first, second = exchanges.parted(spans, [], [change_s])

    assert change_s == pytest.approx(2.5, abs=0.1)
    assert (first[1], second[1]) == (second[0], spans[0][1])


def test_parts_leave_out_what_is_nobodys_alone():
    """Overlap is cut out, also over the edge of a span, and a sliver between two overlaps.

    A change next to a pause or to overlap happened there, and cuts nothing.
    """
    overlap = [(4.0, 6.5), (6.55, 7.0)]

    found = exchanges.parted([(0.0, 5.0), (6.0, 9.0)], overlap, [0.1, 2.0, 2.1, 3.9, 5.5, 7.1])

    assert found == [(0.0, 2.0), (2.0, 4.0), (7.0, 9.0)]


def test_a_change_that_few_windows_hear_is_none():
    """Half of the windows must agree; here one of four hears the second speaker."""
    one, two = np.zeros((2, segmentation.FRAMES, 7), np.float32)
    one[:, 1] = two[:300, 1] = two[300:, 2] = 1.0

    many = exchanges.heard([(0, two), (0, two), (0, one), (0, one)], 10.0)
    few = exchanges.heard([(0, two), (0, one), (0, one), (0, one)], 10.0)

    assert exchanges.changes(many) == [pytest.approx(segmentation.frame_s(300), abs=0.05)]
    assert exchanges.changes(few) == []


def test_speech_in_no_part_is_overlap():
    """The pieces cover the speech, what is between its parts by the rule `overlap`."""
    voice = np.eye(1, 256, dtype=np.float32)
    survey_found = {
        "speech": [(0.0, 4.0)],
        "parts": [(0.0, 1.6), (2.4, 4.0)],
        "windows": [(0.0, 1.6), (2.4, 4.0)],
        "turns": [(0.0, 1.6, 0), (2.4, 4.0, 0)],
        "voices": [{"embedding": voice[0].tolist()}],
    }

    found = labels.label(
        survey_found, np.repeat(voice, 2, 0), voice, labels.Limits(0.74, 0.7, 0.25)
    )

    assert [(p.start_s, p.end_s, p.rule) for p in found] == [
        (0.0, 1.6, TARGET),
        (1.6, 2.4, OVERLAP),
        (2.4, 4.0, TARGET),
    ]


def test_a_known_change_moves_little_and_overlap_keeps_its_edges(tmp_path):
    """The quietest moment is 0.3 s away: too far for a change that was heard."""
    sound = np.full(3 * RATE_HZ, 0.1, np.float32)
    sound[round(1.25 * RATE_HZ) : round(1.35 * RATE_HZ)] = 0.0
    audio.write(tmp_path / "a.flac", sound, RATE_HZ)
    pieces = [Piece(0.0, 1.0, 0.9, TARGET), Piece(1.0, 3.0, 0.5, "other_speaker")]

    guessed = mute.refine(tmp_path / "a.flac", pieces)
    known = mute.refine(tmp_path / "a.flac", pieces, {1.0})
    overlap = [pieces[0], replace(pieces[1], rule=OVERLAP)]

    assert guessed[0].end_s == pytest.approx(1.3, abs=0.06)
    assert known[0].end_s == pytest.approx(1.0, abs=0.15)
    assert mute.refine(tmp_path / "a.flac", overlap) == overlap


@pytest.fixture(scope="module")
def networks() -> survey.Models:
    return survey.load(survey.Params(), "cpu")


def test_what_somebody_says_over_the_target_is_not_kept(networks, interview, tmp_path):
    """rms speaks over slt and nowhere else: nobody could know the voice, all the same it goes."""
    mixed = spoken_over(part(interview, 7.0, 21.0), 5.0, part(interview, 0.8, 2.3))
    item = surveyed(sound_item(tmp_path, mixed), survey.Params(), networks)
    given = item.load_json("isolate_speakers.survey", "survey.json")
    embeddings = np.load(item.path("isolate_speakers.survey", "embeddings.npy")).astype(np.float32)
    target = np.array([given["voices"][0]["embedding"]], np.float32)

    found = last.owned(given, embeddings, target, last.Params())

    kept = [(p.start_s, p.end_s) for p in found if p.rule == TARGET]
    slt = [(a - 7.0, b - 7.0) for a, b in truth("interview.m4a", "slt") if b < 21.0]
    assert overlap_s(kept, [(5.0, 6.5)]) < 0.3
    assert overlap_s(kept, slt) > total_s(slt) - 1.5 - 2 * 0.5


def test_a_recording_of_nothing_but_two_at_once_is_dropped(networks, interview, tmp_path):
    """With its reason; no step before it stumbles."""
    both = spoken_over(part(interview, 7.7, 10.9), 0.0, part(interview, 25.3, 28.5))
    item = surveyed(sound_item(tmp_path, both), survey.Params(overlap_threshold=0.0), networks)

    with pytest.raises(Reject, match="two speak at once, wherever there is speech") as drop:
        last.process(item, tmp_path, last.Params(), last.Models())
    assert drop.value.facts == {"rule": "overlap"}


def test_without_its_weights_the_survey_stops_at_once(monkeypatch):
    """Rather than on the first recording, with what to fetch and where to put it."""

    def missing(name: str) -> Path:
        if name != "segmentation-3.0":
            return path_of(name)
        raise MissingWeights("cannot get the weights of segmentation-3.0:\nfetch …")

    monkeypatch.setattr(speech, "path_of", missing)

    with pytest.raises(Unusable, match="cannot get the weights of segmentation-3.0"):
        survey.load(survey.Params(), "cpu")


def test_a_low_threshold_ends_overlap_where_the_probability_falls_to_half_of_it():
    """Rather than 0.15 below it, which a probability never is under a threshold of 0.1."""
    chances = np.array([0.0, 0.12, 0.12, 0.06, 0.12] + [0.12] * 5 + [0.04] * 20, np.float32)
    silence = np.zeros(30, np.float32)
    sound = exchanges.Heard(silence, chances, silence)

    ((start_s, end_s),) = exchanges.overlaps(sound, 0.1)

    assert start_s == pytest.approx(segmentation.frame_s(0.5) - exchanges.PAD_S)
    assert end_s == pytest.approx(segmentation.frame_s(9.5) + exchanges.PAD_S)


def test_speech_begins_where_the_network_heard_it_begin():
    """One that came 0.5 s late is begun earlier, but not in the music before it, which may be
    speech; one that was on time, one whose sound began long before (singing), and one that nobody
    paused before are left."""
    chances = np.zeros(round(40 / segmentation.STEP_S), np.float32)
    for start_s, end_s in [(4.0, 8.0), (10.0, 14.0), (16.0, 24.0), (26.0, 34.0)]:
        chances[round(start_s / segmentation.STEP_S) : round(end_s / segmentation.STEP_S)] = 1.0
    chances[round(3.0 / segmentation.STEP_S) : round(4.0 / segmentation.STEP_S)] = 0.85
    silence = np.zeros(len(chances), np.float32)
    spans = [(4.5, 8.0), (9.95, 14.0), (18.0, 24.0), (25.9, 30.0), (30.4, 34.0)]

    found = exchanges.begun(spans, exchanges.Heard(chances, silence, silence))

    assert found[0] == (pytest.approx(4.0, abs=0.1), 8.0)
    assert found[1:] == spans[1:]


def test_the_first_word_after_long_noise_is_not_lost(network):
    """20 s of noise as loud as the sentence 0.15 s after it: silero-vad wakes 0.3 s too late."""
    letter = audio.read_at(SAMPLE / "letter.wav", RATE_HZ)
    start_s, end_s = truth("letter.wav", "slt")[2]
    sentence = part(letter, start_s, end_s)
    noise = np.random.default_rng(1).normal(0, np.std(sentence), 20 * RATE_HZ)
    pause = np.zeros(round(0.15 * RATE_HZ))
    samples = np.concatenate([noise, pause, sentence, pause]).astype(np.float32)
    probabilities = speech.speech_probabilities(speech.load_network(), [samples])
    rules = speech.SpeechRules()
    ((late_s, last_s),) = speech.speech_spans(probabilities, len(samples) / RATE_HZ, rules)

    found = exchanges.begun([(late_s, last_s)], heard(network, samples))

    assert late_s > 20.4
    assert found == [(pytest.approx(20.1, abs=0.1), last_s)]
