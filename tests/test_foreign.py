"""A sentence in another language is dropped with its reason; what is in the language stays.

Real weights: whisper base on the sample's letter (English), with German by espeak-ng put between.
"""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from bench.languages import SENTENCES as FOREIGN
from bench.languages import said
from pipeline import audio
from pipeline.audio import OUTPUT_HZ
from pipeline.stages import segment_audio
from pipeline.stages.segment_audio import Params, foreign
from pipeline.stages.segment_audio.judging import Models
from pipeline.stages.segment_audio.listening import Listener
from pipeline.stages.segment_audio.packing import Run
from tests.test_segment_audio import Take, assert_adds_up

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
TRUTH = json.loads((SAMPLE / "truth.json").read_text())["recordings"]
ENGLISH = next(one for one in TRUTH if one["file"] == "letter.wav")["sentences"]
GERMAN = FOREIGN["de"][0]
HEARD = "Good morning my ladies and gentlemen I tell you today a small story."  # as whisper would


class Podcast(Take):
    """A recording of real sounds with their texts, words evenly spread over each."""

    def play(self, samples, text):
        words, length_s = text.split(), len(samples) / OUTPUT_HZ
        step_s = length_s / len(words)
        starts = [self.time_s + i * step_s for i in range(len(words))]
        pairs = zip(words, starts, strict=True)
        self.words += [(f" {word}", at_s, at_s + 0.9 * step_s) for word, at_s in pairs]
        self.parts.append(samples)
        self.time_s += length_s
        return self


@pytest.fixture(scope="module")
def base():
    return Listener("base")


@pytest.fixture(scope="module")
def german():
    (sound,), rate_hz = said("de", [GERMAN])
    return 0.7 * audio.resample(sound, rate_hz, OUTPUT_HZ)


def english(index):
    sentence = ENGLISH[index]
    span = sentence["start_s"], sentence["end_s"]
    return audio.read_at(SAMPLE / "letter.wav", OUTPUT_HZ, *span), sentence["text"]


def podcast(german):
    made = Podcast().pause(0.5).play(*english(1)).pause(0.5).play(german, HEARD)
    return made.pause(0.5).play(*english(2)).pause(0.5)


def segmented(made, folder, listener, **changes):
    out = folder / "out"
    out.mkdir()
    item = made.item(folder, language=changes.get("language", "en"))
    result = segment_audio.process(item, out, Params(**changes), Models(listener=listener))
    document = json.loads((out / "clips.json").read_text())
    assert_adds_up(result.facts, document)
    return document


def test_a_german_sentence_among_english_ones_is_dropped_with_its_reason(base, german, tmp_path):
    found = segmented(podcast(german), tmp_path, base, max_clip_s=20.0)

    (dropped,) = (one for one in found["rejected"] if one["rule"] == "language")
    assert dropped["text"] == HEARD
    assert (dropped["value"], dropped["threshold"]) == ("de", "en")
    assert dropped["reason"].startswith("heard as de (")
    assert [clip["text"] for clip in found["clips"]] == [ENGLISH[1]["text"], ENGLISH[2]["text"]]


def test_an_english_sentence_is_foreign_where_german_is_wanted(base, tmp_path):
    made = Podcast().pause(0.5).play(*english(1)).pause(0.5)

    found = segmented(made, tmp_path, base, language="de")

    assert [one["value"] for one in found["rejected"] if one["rule"] == "language"] == ["en"]
    assert found["clips"] == []


def test_sentences_in_the_language_are_told_without_encoding_them_again(base, tmp_path):
    class Counting(Listener):
        encoded = 0

        def features(self, samples):
            self.encoded += 1
            return super().features(samples)

    made = Podcast().pause(0.5)
    for index in range(len(ENGLISH)):
        made = made.play(*english(index)).pause(0.5)
    listener = Counting("base", _model=base._model)

    found = segmented(made, tmp_path, listener)

    assert listener.encoded == len(found["clips"]) > 0


def test_the_question_can_be_left_out(base, german, tmp_path):
    made = Podcast().pause(0.5).play(german, HEARD).pause(0.5)
    rec = segment_audio.recording(made.item(tmp_path), Params())
    run = Run(0, len(HEARD.split()) - 1)

    assert foreign.foreign_part(rec, run, german, None, base, least=0.0) is None


def test_a_model_of_english_alone_is_said_to_be_deaf_for_it(caplog):
    with caplog.at_level(logging.WARNING):
        segment_audio.load(Params(whisper_model="tiny.en"), "cpu")

    assert "knows English only: sentences in other languages are not told" in caplog.text
    assert Listener("tiny.en").languages(None) == {"en": 1.0}


@pytest.mark.parametrize(
    "heard, tried",
    [
        ({"en": 0.5, "de": 0.4}, []),
        ({"la": 0.6, "sl": 0.14, "en": 0.1}, ["la"]),
        ({"it": 0.5, "es": 0.4, "en": 0.1}, ["it", "es"]),
        ({"nn": 0.2, "da": 0.15, "sv": 0.1, "en": 0.05}, ["nn"]),
    ],
)
def test_likely_languages_are_tried_and_none_where_it_sounds_most_like_its_own(heard, tried):
    assert foreign.candidates(heard, "en") == tried


class Doubtful:
    """Hears Spanish as something else, as base heard two phrases of a person, and likes that text
    better by `more`."""

    def __init__(self, heard: dict[str, float], text: str, more: float) -> None:
        self._heard, self._text, self._more = heard, text, more

    def features(self, _samples):
        return []

    def languages(self, _features):
        return self._heard

    def texts(self, _clips, language):
        return [("El muñeco", -1.0) if language == "es" else (self._text, -1.0 + self._more)]


@pytest.mark.parametrize(
    ("heard", "text", "more", "is_short", "expected"),
    [
        ({"ru": 0.56, "es": 0.1}, "Уникальный Ири.", 0.26, True, None),
        ({"en": 0.65, "es": 0.1}, "I'm fruity.", 0.54, True, None),
        ({"en": 0.85, "es": 0.1}, "I'm fruity.", 0.54, True, "en"),
        ({"ta": 0.57, "es": 0.1}, "உனைப் பின்சா", 0.02, False, None),
        ({"ru": 0.9, "es": 0.05}, "Уникальный Ири.", 0.26, False, "ru"),
        ({"en": 0.57, "es": 0.1}, "I'm fruity.", 0.02, False, "en"),
    ],
)
def test_a_short_stretch_or_another_script_must_be_clearly_foreign(
    heard, text, more, is_short, expected
):
    """The first, the second and the fourth are right Spanish and French, as base hears them."""
    failure = foreign.failure_of(np.zeros(24_000), "es", Doubtful(heard, text, more), 0.8, is_short)

    assert (failure.value if failure else None) == expected


def test_a_loop_in_another_language_is_no_text():
    assert foreign.is_loop("Ale si, že je, " + "že je, " * 20)
    assert not foreign.is_loop(GERMAN)


@pytest.mark.parametrize(
    "heard, wanted, expected",
    [({"nn": 0.6, "no": 0.3, "da": 0.1}, "no", 0.9), ({"en": 0.7}, "en", 0.7), ({}, "de", 0.0)],
)
def test_two_names_of_one_language_count_together(heard, wanted, expected):
    assert foreign.likeness(heard, wanted) == pytest.approx(expected)
