"""What is said in a clip and not written, with tiny.en on the sample's letter."""

import json

import numpy as np
import pytest

from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples
from pipeline.stages import segment_audio
from pipeline.stages.segment_audio import Params, judging, verbatim
from pipeline.stages.segment_audio.listening import Listener
from tests.test_listening import SAMPLE, SENTENCES
from tests.test_segment_audio import Take

TWICE = "We shared it with, we shared it with the neighbors and they send you their best wishes."


@pytest.fixture(scope="module")
def tiny() -> Listener:
    return Listener("tiny.en")


def sentence(index: int) -> tuple[Samples, str]:
    one = SENTENCES[index]
    span = one["start_s"] - 0.15, one["end_s"] + 0.15
    return audio.read_at(SAMPLE / "letter.wav", OUTPUT_HZ, *span), one["text"]


def spoken(samples: Samples, text: str, listener: Listener, language: str = "en") -> str | None:
    features = listener.features(samples)
    (logprobs,) = listener.fits(features, [text], language)
    found = verbatim.as_spoken(text, sum(logprobs), samples, features, listener, language)
    return found[0] if found else None


def test_words_that_the_text_lacks_are_put_in(tiny):
    samples, text = sentence(1)
    whole = text.replace(",", "")  # as tiny.en writes it

    assert spoken(samples, text.replace(" the neighbors,", ""), tiny) == whole


def begun_twice() -> Samples:
    """The second sentence after its own first second: "We shared it with, we shared it with …"."""
    samples, _ = sentence(1)
    return np.concatenate([samples[:OUTPUT_HZ], samples])


def test_words_that_are_begun_twice_are_written_twice(tiny):
    """Where whisper writes them once."""
    samples, text = begun_twice(), SENTENCES[1]["text"]
    ((smoothed, _),) = tiny.texts([samples], "en")
    assert smoothed.strip() == text.replace(",", "")

    assert spoken(samples, text, tiny) == TWICE


def test_a_clip_has_the_text_that_is_spoken_in_it(tiny, tmp_path):
    """Through the stage: whisper's words are stretched over what it left out."""
    samples, take = begun_twice(), Take()
    room = take.chance.standard_normal(len(samples)) * 10 ** (take.room_db / 20)
    take.pause(0.5)
    end_s = take.time_s + len(samples) / OUTPUT_HZ
    words = SENTENCES[1]["text"].split()
    at = np.linspace(take.time_s, end_s - 0.2, len(words) + 1).tolist()
    take.words = [(f" {word}", a, b) for word, a, b in zip(words, at, at[1:], strict=False)]
    take.parts.append((samples + room).astype(np.float32))
    take.time_s = end_s
    take.pause(0.5)
    (tmp_path / "out").mkdir()

    segment_audio.process(
        take.item(tmp_path, target=[(0.5, end_s)]),
        tmp_path / "out",
        Params(min_bandwidth_hz=0.0),
        judging.Models(listener=tiny, second=tiny),
    )

    (clip,) = json.loads((tmp_path / "out/clips.json").read_text())["clips"]
    assert clip["text"] == TWICE
    assert clip["scores"]["added_words"] == 4
    assert clip["scores"]["verify_wer"] == 0  # the second opinion is asked how it is spoken, too


def test_a_word_that_is_misheard_keeps_no_other_out(tiny):
    """What is put in does not depend on whether all else is heard alike."""
    samples, text = begun_twice(), SENTENCES[1]["text"]

    found = spoken(samples, text.replace("best", "good"), tiny)

    assert found == TWICE.replace("best", "good")


@pytest.mark.parametrize("index", range(len(SENTENCES)))
def test_a_text_that_is_complete_stays(tiny, index):
    assert spoken(*sentence(index), tiny) is None


def test_a_text_with_another_word_stays(tiny):
    """Words are put in, none is replaced."""
    samples, text = sentence(1)

    assert spoken(samples, text.replace("wishes", "regards"), tiny) is None


@pytest.mark.parametrize("index", range(len(SENTENCES)))
def test_whisper_without_the_prompt_does_not_believe_what_is_not_said(tiny, index):
    samples, text = sentence(index)
    first, *rest = text.split()
    longer = [f"No, {text}", f"{first} {first} {' '.join(rest)}", f"Um, {text}"]

    whole, *others = (sum(one) for one in tiny.fits(tiny.features(samples), [text, *longer], "en"))

    assert all(one < whole - verbatim.MOST_COST for one in others)


def test_other_languages_and_a_job_with_a_prompt_of_its_own_are_left_alone(tiny):
    samples, text = sentence(1)
    without = text.replace(" the neighbors,", "")

    assert spoken(samples, without, tiny, "de") is None
    told = Listener("tiny.en", prompt="Thomas.", _model=tiny._model)
    assert spoken(samples, without, told) is None
