"""A clip is heard again: words on the wrong side of a cut, texts that do not fit, how it sounds.

Real weights: whisper tiny.en on the sample's letter, whose words and times are known; DNSMOS.
"""

import json
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples
from pipeline.item import Item, Unusable
from pipeline.stages import segment_audio
from pipeline.stages.segment_audio import (
    Params,
    fitting,
    judging,
    listening,
    quality,
    sound,
    versions,
)
from pipeline.stages.segment_audio.edges import Break
from pipeline.stages.segment_audio.listening import BATCH, Listener, differing
from pipeline.stages.segment_audio.packing import Run
from pipeline.stages.segment_audio.words import Word
from tests.test_segment_audio import Take

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
TRUTH = json.loads((SAMPLE / "truth.json").read_text())["recordings"]
SENTENCES = next(one for one in TRUTH if one["file"] == "letter.wav")["sentences"]
WORDS = [
    Word(f" {text}", 0.0, 0.1, 0.9, -0.2, 0.01, 1.2)
    for sentence in SENTENCES
    for text in sentence["text"].split()
]
SECOND = Run(13, 25)  # "We shared it ... best wishes."


@pytest.fixture(scope="module")
def tiny():
    return Listener("tiny.en")


@pytest.fixture(scope="module")
def second_sentence():
    start_s, end_s = SENTENCES[1]["start_s"] - 0.15, SENTENCES[1]["end_s"] + 0.15
    return audio.read_at(SAMPLE / "letter.wav", OUTPUT_HZ, start_s, end_s)


@pytest.fixture(scope="module")
def features(tiny, second_sentence):
    return tiny.features(second_sentence)


@pytest.mark.parametrize("before, after", [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (-1, 1)])
def test_a_word_on_the_wrong_side_of_a_cut_is_put_right(tiny, features, before, after):
    wrong = Run(SECOND.first - before, SECOND.last + after)

    fit = fitting.fitted(WORDS, wrong, features, tiny, "en")

    assert fit.run == SECOND


def test_a_name_of_the_prompt_fits_and_is_heard(tiny):
    """Without it this spelling is the least likely of the sentence."""
    samples = audio.read_at(SAMPLE / "monologue.flac", OUTPUT_HZ, 0.45, 6.0)
    told = Listener("tiny.en", prompt="The harbour of Millbrooke.")
    text = "The harbour at Millbrooke was built in 1893 by a company of retired sailors."

    (without,), (with_it,) = (one.fits(one.features(samples), [text], "en") for one in (tiny, told))

    assert len(without) == len(with_it)
    assert min(with_it) > min(without) + 2.0
    ((heard, _),) = told.texts([samples], "en")
    assert heard.strip() == text


def test_both_that_listen_to_clips_have_the_jobs_prompt():
    params = segment_audio.Params(
        whisper_model="tiny.en", verify_with="tiny.en", initial_prompt="Millbrook."
    )

    found = segment_audio.load(params, "cpu")

    assert found.listener.prompt == found.second.prompt == "Millbrook."


def test_a_text_that_leaves_words_out_does_not_fit(tiny, features):
    words = SENTENCES[1]["text"].split()
    whole, without = " ".join(words), " ".join(words[:4] + words[7:])  # "with the neighbors"

    good, bad = tiny.fits(features, [whole, without], "en")

    params = Params()
    assert quality.fit_failure(np.mean(good), min(good), None, params) is None
    assert quality.fit_failure(np.mean(bad), min(bad), None, params).rule == "text_fit"


def test_a_doubt_is_dropped_where_the_text_fits_and_upheld_where_it_does_not():
    doubt = quality.Failure("untranscribed", "1 s of sound without words")

    assert quality.fit_failure(-0.2, -1.0, doubt, Params()) is None
    assert quality.fit_failure(-0.2, -5.0, doubt, Params()) is doubt
    assert quality.fit_failure(-0.2, -5.0, None, Params()) is None


def test_texts_scored_together_score_as_if_alone(tiny, features):
    texts = [SENTENCES[1]["text"], "We shared it."]

    together = tiny.fits(features, texts, "en")
    alone = [tiny.fits(features, [text], "en")[0] for text in texts]

    assert [len(row) for row in together] == [len(row) for row in alone]
    for row, other in zip(together, alone, strict=True):
        assert row == pytest.approx(other, abs=1e-3)


def test_a_text_scores_as_by_whispers_own_decoder(tiny, second_sentence, features):
    text = SENTENCES[1]["text"]
    model, tokenizer = tiny._loaded(), tiny._tokenizer("en")
    before = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    tokens = torch.tensor([[*before, *tokenizer.encode(f" {text}"), tokenizer.eot]])

    (scores,) = tiny.fits(features, [text], "en")

    frames = 2 * features[0][0].shape[1]
    mel = listening._mel(second_sentence, model)[None, :, :frames]
    with torch.inference_mode():
        logits = model.decoder(tokens[:, :-1], listening._encoded(model.encoder, mel))
    expected = torch.log_softmax(logits, -1).gather(2, tokens[:, 1:, None])[0, :, 0]
    assert scores == pytest.approx(expected[len(before) - 1 :].tolist(), abs=1e-3)


def test_a_second_opinion_drops_a_clip_whose_text_is_another(tiny, second_sentence, tmp_path):
    rec = recording_of(tmp_path, second_sentence)
    right, wrong = (candidate(text) for text in (SENTENCES[1]["text"], SENTENCES[2]["text"]))

    found = judging.second_opinion(rec, [(right, None), (wrong, None)], tiny, Params())

    assert [failure.rule if failure else None for _, failure in found] == [None, "second_opinion"]
    assert found[0][0].scores["verify_wer"] <= 0.1
    assert "tiny.en" in found[1][1].reason


def test_clips_that_are_heard_are_let_go_one_by_one(tiny, second_sentence):
    """A recording of many hours has thousands of them: each is made when it is its turn."""
    alive: list[weakref.ref[Samples]] = []
    held: list[int] = []

    def clips() -> Iterator[Samples]:
        for _ in range(BATCH + 1):
            clip = second_sentence.copy()
            alive.append(weakref.ref(clip))
            held.append(sum(one() is not None for one in alive))
            yield clip

    found = tiny.texts(clips(), "en")

    assert [text for text, _ in found] == [found[0][0]] * (BATCH + 1)
    assert max(held) <= 2


def test_a_second_opinion_that_cannot_be_had_is_said_at_the_start(tmp_path):
    missing = tmp_path / "no such model.pt"

    with pytest.raises(Unusable, match=r"no such model\.pt"):
        segment_audio.load(Params(text_check="off", verify_with=str(missing)), "cpu")


@pytest.mark.parametrize("lost, unprocessed", [(True, 1.0), (False, 0.0)])
def test_a_clip_that_processing_harmed_is_kept_unprocessed(
    tiny, second_sentence, tmp_path, lost, unprocessed
):
    """What is lost by noise reduction: half a second in the middle, or nothing but noise."""
    noise = np.random.default_rng(0).standard_normal(len(second_sentence)) * 0.01
    noisy = (second_sentence + noise).astype(np.float32)
    processed = second_sentence.copy()
    processed[len(noisy) // 2 :][: OUTPUT_HZ // 2] *= 0.0 if lost else 1.0
    rec = recording_of(tmp_path, processed)
    audio.write(tmp_path / "plain.flac", np.pad(noisy, OUTPUT_HZ // 2), OUTPUT_HZ)
    network = sound.load_mos()
    sentence = candidate(SENTENCES[1]["text"], **scores_of(processed, tiny, network))

    found, failure = judging.unharmed(
        rec, sentence, versions.Version(tmp_path / "plain.flac"), Params(), tiny, network
    )

    assert failure is None
    assert found.scores["unprocessed"] == unprocessed
    assert (found.source is not None) == lost


def test_what_was_before_noise_reduction_or_separation_is_known(tmp_path):
    """Music was taken away from 5 to 9 s and from 20 to 30 s; noise everywhere, or nowhere."""
    facts = {"enhance_audio": {"gain_db": 6.0}}
    folders = {step: str(tmp_path / step) for step in segment_audio.READS}
    separated = [[5.0, 9.0, -8.0], [20.0, 30.0, -25.0]]
    item = Item("a", "a", "", folders, facts)

    known = versions.unprocessed(item, separated)
    mixture = known.of((8.0, 12.0))

    assert mixture.path == tmp_path / "download_audio" / "audio.flac"
    assert mixture.gain == pytest.approx(1.995, abs=0.001)
    assert mixture.music_db == -8.0
    assert known.of((25.0, 28.0)).music_db == -25.0
    assert known.of((9.0, 20.0)) is None
    plain = tmp_path / "enhance_audio" / "plain.flac"
    plain.parent.mkdir()
    audio.write(plain, np.zeros(99, np.float32), OUTPUT_HZ)
    assert versions.unprocessed(item, separated).of((9.0, 20.0)) == versions.Version(plain)


def test_a_mixture_stands_in_for_harmed_vocals_only_where_its_music_is_not_heard(tmp_path):
    loud, soft = (versions.Version(tmp_path, 1.0, music_db) for music_db in (-8.0, -22.0))

    assert versions.is_loud(loud, Params())
    assert not versions.is_loud(soft, Params())
    assert not versions.is_loud(versions.Version(tmp_path), Params())  # before noise reduction


def test_a_separated_voice_is_dropped_only_where_words_were_lost(tmp_path):
    mixture = versions.Version(tmp_path, 1.0, -8.0)
    plain, duller, harmed = (
        versions.Heard(-0.2, 2.6),
        versions.Heard(-0.21, 2.5),
        versions.Heard(-0.9, 2.5),
    )

    failure = versions.separation_failure(mixture, harmed, plain, Params())

    assert failure.rule == "separation_harm"
    assert "-0.90" in failure.reason
    assert "music 8.0 dB below the speech" in failure.reason
    assert versions.separation_failure(mixture, duller, plain, Params()) is None


@pytest.mark.parametrize(
    "here, there, expected",
    [("a b c", "a b c", 0), ("a b c", "a x c", 1), ("a b", "a b c d", 2), ("", "a b", 2),
     ("a b c", "", 3), ("a b c d", "b c d e", 2)],
)  # fmt: skip
def test_words_that_differ_are_counted_as_edits(here, there, expected):
    assert differing(here.split(), there.split()) == expected


def test_mos_is_that_of_speechmos(second_sentence):
    from speechmos import dnsmos

    clip = np.tile(second_sentence, 2)[: 5 * OUTPUT_HZ]  # of 5 s, theirs hears one window too

    theirs = dnsmos.run(np.clip(audio.resample(clip, OUTPUT_HZ, 16_000), -1, 1), 16_000)
    ours = sound.mos(clip, sound.load_mos())

    for name in ("ovrl", "sig", "bak"):
        assert ours[f"mos_{name}"] == pytest.approx(theirs[f"{name}_mos"], abs=1e-4)


def test_noise_lowers_mos(second_sentence):
    noise = np.random.default_rng(0).standard_normal(len(second_sentence)) * 0.05
    network = sound.load_mos()

    clean = sound.mos(second_sentence, network)
    noisy = sound.mos((second_sentence + noise).astype(np.float32), network)

    assert noisy["mos_ovrl"] < clean["mos_ovrl"] - 0.5


@pytest.mark.parametrize("rate_hz, low, high", [(8_000, 3_300, 4_200), (16_000, 6_000, 8_200)])
def test_bandwidth_is_what_the_recording_could_carry(second_sentence, rate_hz, low, high):
    narrow = audio.resample(audio.resample(second_sentence, OUTPUT_HZ, rate_hz), rate_hz, OUTPUT_HZ)

    assert low <= sound.bandwidth_hz(narrow) <= high


def test_a_telephone_among_wideband_is_dropped_and_says_so():
    scores = {"bandwidth_hz": 3937.5, "dc_offset": 0.0, "mos_ovrl": 3.0}

    failure = quality.sound_failure(scores, Params())

    assert failure.rule == "bandwidth"
    assert "3938 Hz is below 5000 Hz" in failure.reason
    assert quality.sound_failure(scores, Params(min_bandwidth_hz=0)) is None


def test_a_constant_part_and_loudness_are_measured():
    t = np.arange(OUTPUT_HZ * 2) / OUTPUT_HZ
    tone = (0.1 * np.sin(2 * np.pi * 997 * t)).astype(np.float32)  # BS.1770: -20 dB - 3.01

    found = sound.shape(tone + np.float32(0.02))

    assert found["dc_offset"] == pytest.approx(0.02, abs=1e-4)
    assert found["lufs"] == pytest.approx(-23.0, abs=0.1)
    assert quality.sound_failure(found, Params(min_bandwidth_hz=0)).rule == "dc_offset"


def test_a_clip_much_quieter_than_the_others_is_dropped():
    usual = quality.middle([-23.0, -22.5, -23.5, -23.0, -35.0])

    assert quality.loudness_failure(-35.0, usual, Params()).rule == "loudness"
    assert quality.loudness_failure(-25.0, usual, Params()) is None
    assert quality.middle([-23.0, -35.0]) is None  # of two, none is usual


def recording_of(folder, samples):
    """A recording of one clip: silence, the samples, silence."""
    item: Item = Take().pause(0.4).say("one two three four").pause(0.4).item(folder)
    quiet = np.zeros(OUTPUT_HZ // 2, np.float32)
    path = item.path("enhance_audio", "audio.flac")
    audio.write(path, np.concatenate((quiet, samples, quiet)), OUTPUT_HZ)
    rec = segment_audio.recording(item, Params())
    whole = segment_audio.Speech(
        rec.speech.words,
        [edge(0.5), None, None, None, edge(0.5 + len(samples) / OUTPUT_HZ)],
        rec.speech.edge_s,
    )
    return judging.replace(rec, speech=whole)


def edge(at_s):
    return Break((at_s, at_s), (at_s, at_s))


def candidate(text, **scores):
    return judging.Candidate(Run(0, 3), (0.5, 4.5), text, scores, 0.07)


def scores_of(samples, listener, network):
    (logprobs,) = listener.fits(listener.features(samples), [SENTENCES[1]["text"]], "en")
    return sound.mos(samples, network) | {"fit": float(np.mean(logprobs))}
