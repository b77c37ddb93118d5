"""Laughter and coughs beside words get into no clip, and no word is taken for one of them.

Real weights: whisper tiny.en on a sentence of the sample's letter; the sounds are made, so that it
is known where they are.
"""

import json

import numpy as np
import pytest

from bench.mixes import breathing
from pipeline import audio
from pipeline.audio import OUTPUT_HZ
from pipeline.stages import segment_audio
from pipeline.stages.segment_audio import Params, judging, unsaid, wordless
from pipeline.stages.segment_audio.edges import Break
from pipeline.stages.segment_audio.envelope import Envelope
from pipeline.stages.segment_audio.listening import Listener
from tests.test_listening import SAMPLE, SENTENCES
from tests.test_segment_audio import Take, rules

SENTENCE = SENTENCES[1]
UNDER_VOICE_DB = -6
LEAD_S = 0.8
ENDS_EARLY_S = 0.1


@pytest.fixture(scope="module")
def models():
    return judging.Models(listener=Listener("tiny.en"))


def sentence():
    """Return a real sentence at 24 kHz, from its first to its last sound."""
    return audio.read_at(SAMPLE / "letter.wav", OUTPUT_HZ, SENTENCE["start_s"], SENTENCE["end_s"])


def sound(kind, length_s=0.5):
    """Return a laugh or a cough 6 dB under the sentence."""
    level_db = audio.level_db(sentence()) + UNDER_VOICE_DB
    made = breathing.KINDS[kind].make(length_s, np.random.default_rng(3))
    return (made * 10 ** (level_db / 20)).astype(np.float32)


def three_bursts():
    """Return a laugh from its first to its last sound."""
    return sound("laughs", 0.7)[: round(0.51 * OUTPUT_HZ)]


def item_of(folder, *parts):
    """Return a recording of seconds of pause, sounds, and the sentence ("said"); whisper's times of
    its words are even and end early, as they do. Beside it when each part begins and ends."""
    take, chance, spans, voiced = Take(), np.random.default_rng(1), [], []
    for part in (LEAD_S, *parts, LEAD_S):
        said = isinstance(part, str)
        samples = sentence() if said else part
        if isinstance(part, float):
            samples = np.zeros(round(part * OUTPUT_HZ))
        start_s, end_s = take.time_s, take.time_s + len(samples) / OUTPUT_HZ
        room = chance.standard_normal(len(samples)) * 10 ** (take.room_db / 20)
        take.parts.append((samples + room).astype(np.float32))
        take.time_s = end_s
        spans.append((start_s, end_s))
        if not isinstance(part, float):
            voiced.append((start_s, end_s))
        if said:
            texts = SENTENCE["text"].split()
            at = np.linspace(start_s, end_s - ENDS_EARLY_S, len(texts) + 1).tolist()
            take.words += [(f" {t}", a, b) for t, a, b in zip(texts, at, at[1:], strict=False)]
    return take.item(folder, target=voiced), spans[1:-1]


def cut(item, folder, models, **settings):
    """Return clips.json of the item."""
    out = folder / "out"
    out.mkdir()
    segment_audio.process(item, out, Params(min_bandwidth_hz=0.0, **settings), models)
    return json.loads((out / "clips.json").read_text())


@pytest.mark.parametrize("kind", ["laughs", "cough"])
def test_a_laugh_or_a_cough_beside_a_sentence_is_not_in_its_clip(kind, tmp_path, models):
    """0.2 s after the last word, and 0.2 s before the first of the same sentence again."""
    item, spans = item_of(tmp_path, "said", 0.2, sound(kind), 0.2, "said")
    first, laugh, second = spans[0], spans[2], spans[4]

    document = cut(item, tmp_path, models)

    assert [clip["text"] for clip in document["clips"]] == [SENTENCE["text"]] * 2
    (start_s, end_s), (again_s, _) = ((c["start_s"], c["end_s"]) for c in document["clips"])
    assert start_s < first[0] and first[1] <= end_s <= laugh[0]
    assert laugh[1] <= again_s <= second[0]
    assert "no_text" in rules(document)


@pytest.mark.parametrize("pause_s", [0.07, 0.13])
@pytest.mark.parametrize("is_before", [True, False])
def test_a_laugh_is_cut_off_at_a_short_pause_beside_a_word(is_before, pause_s, tmp_path, models):
    """Its bursts are alike, and the word is unlike them."""
    laugh = three_bursts()
    parts = ("said", pause_s, laugh) if is_before else (laugh, pause_s, "said")
    item, spans = item_of(tmp_path, *parts)

    document = cut(item, tmp_path, models)

    (clip,) = document["clips"]
    said, laughs = (spans[0], spans[2]) if is_before else (spans[2], spans[0])
    assert clip["text"] == SENTENCE["text"]
    assert clip["start_s"] <= said[0] and said[1] <= clip["end_s"] + 0.01
    assert clip["end_s"] <= laughs[0] + 0.01 if is_before else laughs[1] <= clip["start_s"] + 0.01


def test_a_laugh_that_begins_in_a_word_drops_the_clip_and_says_where(tmp_path, models):
    """Its first burst is one with the word, and what the next pause divides is alike."""
    item, spans = item_of(tmp_path, "said", sound("laughs", 0.9))

    document = cut(item, tmp_path, models)

    assert document["clips"] == []
    assert rules(document) >= {"wordless_sound"}
    reason = next(r["reason"] for r in document["rejected"] if r["rule"] == "wordless_sound")
    assert f"at {spans[1][0] + 0.2:.2f}"[:-1] in reason and "no word, too close to one" in reason


def test_a_cough_just_before_a_sentence_is_cut_off_and_a_laugh_in_its_word_drops_it(
    tmp_path, models
):
    """The cough 0.1 s before its first word; the laugh's last burst touches the word."""
    laughing, _ = item_of(tmp_path / "laugh", three_bursts(), "said")
    coughing, spans = item_of(tmp_path / "cough", sound("cough"), 0.1, "said")

    coughed = cut(coughing, tmp_path / "cough", models)
    laughed = cut(laughing, tmp_path / "laugh", models)

    (clip,) = coughed["clips"]
    assert clip["text"] == SENTENCE["text"]
    assert spans[0][1] <= clip["start_s"] <= spans[2][0]
    assert laughed["clips"] == []


def test_a_first_word_that_whisper_stretches_over_a_laugh_begins_after_it(tmp_path, models):
    """By whisper's times it begins with the laugh; its sound begins 0.2 s after that."""
    item, spans = item_of(tmp_path, three_bursts(), 0.2, "said")
    path = item.path("transcribe_audio", "transcript.json")
    transcript = json.loads(path.read_text())
    transcript["segments"][0]["words"][0]["start_s"] = spans[0][0]
    path.write_text(json.dumps(transcript))

    document = cut(item, tmp_path, models)

    (clip,) = document["clips"]
    assert clip["text"] == SENTENCE["text"]
    assert spans[0][1] <= clip["start_s"] <= spans[2][0]


def test_the_last_short_burst_of_a_laugh_goes_with_it_where_a_pause_follows(tmp_path, models):
    """A laugh, 0.1 s, a burst of 60 ms, 0.5 s, the sentence: no end of the laugh is in its clip."""
    burst = sound("laughs")[: round(0.06 * OUTPUT_HZ)]
    item, spans = item_of(tmp_path, sound("laughs"), 0.1, burst, 0.5, "said")

    document = cut(item, tmp_path, models)

    (clip,) = document["clips"]
    assert clip["text"] == SENTENCE["text"]
    assert spans[2][1] < clip["start_s"] < spans[4][0]


@pytest.mark.parametrize("pause_s", [0.4, 0.16])
def test_a_laugh_too_close_to_a_word_takes_along_what_lies_after_the_last_pause(
    pause_s, tmp_path, models
):
    """Two sentences of one clip, a laugh right after the second: the first one stays."""
    item, spans = item_of(tmp_path, "said", pause_s, "said", sound("laughs", 0.9))

    document = cut(item, tmp_path, models, max_clip_s=30.0)

    (clip,) = document["clips"]
    assert clip["text"] == SENTENCE["text"]
    assert spans[0][1] <= clip["end_s"] <= spans[2][0]
    (lost,) = [r for r in document["rejected"] if r["rule"] == "wordless_sound"]
    assert (lost["start_s"], lost["text"]) == (
        pytest.approx(spans[2][0], abs=0.3), SENTENCE["text"]
    )  # fmt: skip


def test_a_sentence_alone_is_cut_the_same_whether_it_is_listened_to_or_not(tmp_path, models):
    item, _ = item_of(tmp_path, "said", 0.4, "said")
    (tmp_path / "deaf").mkdir()

    heard = cut(item, tmp_path, models)
    deaf = cut(item, tmp_path / "deaf", judging.Models(), text_check="off")

    keys = ("start_s", "end_s", "text")
    assert [[c[k] for k in keys] for c in heard["clips"]] == [
        [c[k] for k in keys] for c in deaf["clips"]
    ]
    assert heard["clips"]


def test_a_part_of_a_word_is_needed_and_a_laugh_is_not(tmp_path, models):
    """The last 0.6 s of the sentence, and a laugh after it, are silenced by turns."""
    item, spans = item_of(tmp_path, "said", 0.2, sound("laughs"))
    rec = segment_audio.recording(item, Params())
    run = segment_audio.judging.Run(0, len(rec.speech.words) - 1)
    samples = judging.clip_sound(rec, run)
    listener, text = models.listener, SENTENCE["text"]
    (logprobs,) = listener.fits(listener.features(samples), [text], "en")

    found = wordless.unneeded(rec, run, text, sum(logprobs), samples, listener)
    end_s = spans[0][1]
    word = wordless.Part(run.last + 1, True, spans[0], (end_s - 0.6, end_s), (end_s, end_s))
    silent = wordless._silenced(rec, run, word, samples)
    (without,) = listener.fits(listener.features(silent), [text], "en")

    assert found.is_before
    assert found.span[0] == pytest.approx(spans[2][0], abs=0.05)
    assert sum(without) < sum(logprobs) - wordless.NEEDED


def test_a_pause_with_laughter_in_it_is_known_and_one_with_a_breath_is_not():
    """Voice to 5 s and from 7 s at -20 dB; between: 0.3 s at -24, or at -45."""
    gap = Break((5.0, 5.8), (6.1, 7.0))

    def found(level_db):
        levels = np.full(1200, -20, np.float32)
        levels[500:700] = -66
        levels[580:610] = level_db
        quiet = levels < -50
        sounds = Envelope(levels, np.full(1200, -66, np.float32), quiet, quiet, quiet)
        return unsaid.sounding_gaps(sounds, [None, gap, None])

    assert found(-24) == {1}
    assert found(-45) == set()


@pytest.mark.parametrize("is_before", [True, False])
def test_what_whisper_has_a_word_in_is_never_taken_for_a_laugh(is_before, tmp_path, models):
    """A laugh in the place of the first or last word, by whisper's times: its likelihood says that
    no word needs it, and it stays, as a word's end that whisper knows by its beginning must."""
    parts = ("said", 0.07, sound("laughs")) if is_before else (sound("laughs"), 0.07, "said")
    item, spans = item_of(tmp_path, *parts)
    path = item.path("transcribe_audio", "transcript.json")
    transcript = json.loads(path.read_text())
    word = transcript["segments"][0]["words"][-1 if is_before else 0]
    word["end_s" if is_before else "start_s"] = spans[2][1] if is_before else spans[0][0]
    path.write_text(json.dumps(transcript))

    assert "wordless_sound" not in rules(cut(item, tmp_path, models))
