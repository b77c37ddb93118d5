"""Changes between two quick turns, of the sample's two voices put beside each other."""

import numpy as np
import pytest

from pipeline import audio
from pipeline.stages.isolate_speakers import closer, exchanges, groups, survey, voices
from pipeline.stages.isolate_speakers.voices import RATE_HZ
from tests.isolating import sample_item

RMS, SLT = (0.8, 3.3), (11.7, 15.5)  # seconds of the sample's interview in which each speaks


@pytest.fixture(scope="module")
def networks() -> survey.Models:
    return survey.load(survey.Params(), "cpu")


@pytest.fixture(scope="module")
def interview(tmp_path_factory) -> audio.Samples:
    item = sample_item(tmp_path_factory.mktemp("interview"), "interview.m4a")
    return audio.read_at(item.path("download_audio", "audio.flac"), RATE_HZ)


@pytest.fixture(scope="module")
def known(interview, networks) -> list[dict]:
    """rms and slt, as a survey knows them."""
    found = []
    for start_s, end_s in (RMS, SLT):
        starts = np.arange(start_s, end_s - 1.6, 0.4)
        pieces = [part(interview, a, a + 1.6) for a in starts.tolist()]
        middle = groups.centroid(voices.embed(pieces, networks.voice))
        found.append({"seconds": 5.0, "embedding": middle.tolist()})
    return found


def part(samples: audio.Samples, start_s: float, end_s: float) -> audio.Samples:
    return samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def changes_in(samples: audio.Samples, known: list[dict], networks, folder) -> list[float]:
    audio.write(folder / "turns.wav", samples, RATE_HZ)
    windows = voices.windows([(0.0, len(samples) / RATE_HZ)], 0.4)
    embeddings = voices.embed_recording(folder / "turns.wav", windows, networks.voice)
    return closer.changes(folder / "turns.wav", windows, embeddings, known, networks.voice)


def test_one_quick_turn_after_another_is_heard(interview, known, networks, tmp_path):
    """rms 1.2 s, slt 1.2 s without a pause: every window of 1.6 s has both in it."""
    quick = np.concatenate([part(interview, 0.9, 2.1), part(interview, 12.0, 13.2)])

    (found,) = changes_in(quick, known, networks, tmp_path)

    assert found == pytest.approx(1.2, abs=0.25)


def test_nobody_follows_a_voice_that_goes_on(interview, known, networks, tmp_path):
    """4 s of slt have no change; nor has anything where only one voice is known."""
    assert changes_in(part(interview, *SLT), known, networks, tmp_path) == []

    quick = np.concatenate([part(interview, 0.9, 2.1), part(interview, 12.0, 13.2)])
    short = {**known[1], "seconds": closer.KNOWN_S - 0.1}
    assert changes_in(quick, [known[0], short], networks, tmp_path) == []


def test_the_clearest_of_changes_close_together_is_the_change():
    """Windows every 0.2 s of 0.8 s: a until the sixth, then b; three of a alone have b after."""
    a, b = [0.7, 0.1], [0.1, 0.7]
    mixed = [[0.5, 0.3], [0.4, 0.4], [0.3, 0.5]]
    alike = np.array([a] * 6 + mixed + [b] * 6, np.float32)

    assert closer.steps(alike) == [5]
    assert closer.steps(np.array([a] * 12, np.float32)) == []
    assert closer.steps(np.array([a] * closer.STEPS, np.float32)) == []


def test_a_change_that_the_segmentation_missed_parts_two_turns(
    interview, networks, monkeypatch, tmp_path
):
    """rms and slt for 4 s each, then 1.2 s each in one breath: the last two are not one turn."""
    pause = np.zeros(RATE_HZ, np.float32)
    quick = [part(interview, 0.9, 2.1), part(interview, 12.0, 13.2)]
    long = [part(interview, 0.5, 6.4), pause, part(interview, 16.0, 20.6), pause]
    at_s = sum(len(each) for each in long) / RATE_HZ
    audio.write(tmp_path / "all.wav", np.concatenate([*long, *quick, pause]), RATE_HZ)
    monkeypatch.setattr(exchanges, "changes", lambda _: [])
    params = survey.Params()
    spans = survey.find_speech(tmp_path / "all.wav", params, networks)

    found = survey.find_voices(tmp_path / "all.wav", spans, params, networks)

    first, second = [turn for turn in found["turns"] if turn[1] > at_s + 0.3]
    assert first[1] == second[0] == pytest.approx(at_s + 1.2, abs=0.25)
    assert first[2] == found["turns"][0][2] != second[2]
    assert len(found["windows"]) == len(found["embeddings"])
