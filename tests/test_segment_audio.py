"""What segment_audio promises, on 'speech' whose words and pauses are known by construction.

A word is a burst of noise; whisper's times are simulated by moving the true ones about.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audio import frame_levels_db, write
from pipeline.item import Item
from pipeline.stages import segment_audio
from pipeline.stages.segment_audio import Params, process, quality
from pipeline.stages.segment_audio.accounting import Rejected, account, partition
from pipeline.stages.segment_audio.edges import Break, breaks_around
from pipeline.stages.segment_audio.envelope import envelope, quiet_below_db, quiet_runs
from pipeline.stages.segment_audio.packing import (
    MOST_LETTERS,
    Run,
    Speech,
    clip_cost,
    pack,
    pieces,
)
from pipeline.stages.segment_audio.spoken import spoken_letters
from pipeline.stages.segment_audio.words import Word, ends_sentence, text_of, words_of

HZ = 24_000
ROOM_DB, VOICE_DB = -66, -22
GAP_S = 0.03  # between two words nobody pauses


class Take:
    """A recording in the making: bursts with text, pauses, and what whisper would say of it."""

    def __init__(self, seed=1, room_db=ROOM_DB):
        self.chance, self.room_db = np.random.default_rng(seed), room_db
        self.parts, self.words, self.time_s = [], [], 0.0
        self.others, self.segment, self.joints = [], {}, []

    def pause(self, seconds):
        self._add(seconds, None)
        return self

    def say(self, sentence, word_s=0.25, text=True):
        for i, word in enumerate(sentence.split()):
            if i:
                self._add(GAP_S, None)
            start_s = self.time_s
            self._add(word_s(word) if callable(word_s) else word_s, VOICE_DB)
            if text:
                self.words.append((" " + word, start_s, self.time_s))
        return self

    def stranger(self, seconds):
        self.others.append((self.time_s, self.time_s + seconds))
        self.parts.append(np.zeros(round(seconds * HZ), np.float32))
        self.time_s += seconds
        return self

    def _add(self, seconds, level_db):
        sound = self.chance.standard_normal(round(seconds * HZ)) * 10 ** (self.room_db / 20)
        if level_db is not None:
            sound += self.chance.standard_normal(len(sound)) * 10 ** (level_db / 20)
        self.parts.append(sound.astype(np.float32))
        self.time_s += seconds

    def item(self, folder, error_s=0.0, target=None, **figures):
        """Return an item with all artefacts; whisper's times are wrong by up to `error_s`."""
        steps = ("download_audio", "isolate_speakers", "enhance_audio", "transcribe_audio")
        folders = {step: folder / step for step in steps}
        for path in folders.values():
            path.mkdir(parents=True, exist_ok=True)
        sound = np.concatenate(self.parts)
        for step in ("download_audio", "enhance_audio"):
            write(folders[step] / "audio.flac", sound, HZ)
        spans = {
            "duration_s": round(len(sound) / HZ, 3),
            "target": [[a, b, 0.88] for a, b in (target or self._speech())],
            "others": [[a, b, 0.5, "other_speaker"] for a, b in self.others],
            "separated": [],
        }
        (folders["isolate_speakers"] / "spans.json").write_text(json.dumps(spans))
        words = [self._heard(word, error_s, figures) for word in self.words]
        for before, word in zip(words, words[1:], strict=False):  # whisper's words never overlap
            word["start_s"] = max(before["start_s"] + 0.02, word["start_s"])
            before["end_s"] = min(max(before["start_s"] + 0.02, before["end_s"]), word["start_s"])
        segment = {
            "start_s": 0.0,
            "end_s": self.time_s,
            "text": "".join(word["word"] for word in words),
            "avg_logprob": figures.get("avg_logprob", -0.2),
            "no_speech_prob": figures.get("no_speech_prob", 0.01),
            "compression_ratio": figures.get("compression_ratio", 1.3),
            "temperature": 0.0,
            "words": words,
        }
        transcript = {
            "language": figures.get("language", "en"),
            "language_probability": figures.get("language_probability", 0.99),
            "model": "none",
            "segments": [segment] if words else [],
        }
        (folders["transcribe_audio"] / "transcript.json").write_text(json.dumps(transcript))
        return Item("take.wav", "take-1", "", {k: str(v) for k, v in folders.items()})

    def _heard(self, word, error_s, figures):
        text, start_s, end_s = word
        wrong = self.chance.uniform(-1, 1, 2) * error_s
        start_s = max(0.0, start_s + wrong[0])
        end_s = max(start_s, end_s - error_s / 2 + wrong[1] / 2)  # whisper's ends are early
        return {
            "word": text,
            "start_s": round(start_s, 3),
            "end_s": round(end_s, 3),
            "probability": figures.get("probability", 0.95),
        }

    def _speech(self):
        """Return spans as a voice activity detector gives them: words within 0.3 s joined."""
        spans = []
        for _, start_s, end_s in self.words:
            if spans and start_s - spans[-1][1] < 0.3:
                spans[-1] = (spans[-1][0], end_s)
            else:
                spans.append((start_s, end_s))
        return spans


def segmented(item, tmp_path, **changes):
    out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
    out.mkdir()
    result = process(item, out, Params(**changes), segment_audio.Models())
    document = json.loads((out / "clips.json").read_text())
    assert_adds_up(result.facts, document)
    return document, out


def assert_adds_up(facts, document):
    spans = [(c["start_s"], c["end_s"]) for c in document["clips"] + document["rejected"]]
    total = sum(b - a for a, b in spans) + document["non_speech_s"]
    assert total == pytest.approx(document["duration_s"], abs=0.01)
    assert facts["used_s"] + facts["rejected_s"] + facts["non_speech_s"] == pytest.approx(
        facts["duration_s"], abs=0.01
    )
    ordered = sorted(spans)
    assert all(a[1] <= b[0] for a, b in zip(ordered, ordered[1:], strict=False))


def rules(document):
    return {rejected["rule"] for rejected in document["rejected"]}


def texts(document):
    return [clip["text"] for clip in document["clips"]]


SENTENCES = [
    "The quick brown fox jumps over a lazy dog.",
    "Nobody had seen it coming before that day.",
    "She sells sea shells, he said, by the shore.",
    "All of the old clocks in the house stopped.",
    "It was raining when we left the small town.",
    "Ten minutes later they were all asleep again.",
]


def reading(pauses, seed=1, **kwargs):
    take = Take(seed, **kwargs).pause(0.5)
    for sentence, pause in zip(SENTENCES * 3, pauses, strict=False):
        take.say(sentence).pause(pause)
    return take


@pytest.mark.parametrize("error_s", [0.0, 0.15, 0.3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_cut_falls_in_a_true_pause(tmp_path, error_s, seed):
    """Whatever whisper's times are, no burst is cut, and clips are whole sentences."""
    take = reading([0.25, 0.4, 0.8, 0.3, 0.5, 0.35] * 3, seed)

    document, _ = segmented(take.item(tmp_path, error_s), tmp_path)

    cuts = [t for clip in document["clips"] for t in (clip["start_s"], clip["end_s"])]
    inside = [t for t in cuts for _, a, b in take.words if a < t < b]
    assert inside == []
    assert " ".join(texts(document)) == " ".join(SENTENCES * 3)
    for text in texts(document):
        assert text.endswith(".")


def test_words_are_in_the_clip_of_their_sound(tmp_path):
    """Each clip's text is exactly the words whose bursts lie between its ends."""
    take = reading([0.3, 0.6, 0.9, 1.4, 0.2, 0.5])

    document, _ = segmented(take.item(tmp_path, 0.3), tmp_path)

    assert " ".join(texts(document)) == "".join(word for word, _, _ in take.words).strip()
    for clip in document["clips"]:
        said = [w for w, a, b in take.words if clip["start_s"] <= a and b <= clip["end_s"]]
        assert clip["text"] == "".join(said).strip()


def test_both_ends_are_silent_and_nothing_clicks(tmp_path):
    """Each wav has at least 100 ms below -50 dB at both ends, is 24 kHz mono 16 bit, 2-12 s."""
    take = reading([0.12, 0.4, 1.5, 0.2, 0.15, 0.3])

    document, out = segmented(take.item(tmp_path, 0.1), tmp_path)

    assert document["clips"]
    for clip in document["clips"]:
        sound, rate = soundfile.read(out / clip["file"], dtype="float32")
        loud = np.flatnonzero(frame_levels_db(sound, rate) > -50)
        assert soundfile.info(out / clip["file"]).subtype == "PCM_16"
        assert (rate, sound.ndim) == (HZ, 1)
        assert loud[0] >= 10 and len(sound) / HZ - (loud[-1] + 1) * 0.01 >= 0.1
        assert 2 <= clip["duration_s"] == round(len(sound) / HZ, 3) <= 12
        assert abs(sound[0]) < 1e-3 and abs(sound[-1]) < 1e-3


def test_silence_is_added_where_the_recording_has_none(tmp_path):
    """A take that begins and ends within a word still gives clips with silent ends."""
    take = Take().say(SENTENCES[0])

    document, out = segmented(take.item(tmp_path), tmp_path)

    (clip,) = document["clips"]
    sound, _ = soundfile.read(out / clip["file"], dtype="float32")
    assert not sound[: round(0.19 * HZ)].any() and not sound[-round(0.19 * HZ) :].any()
    assert (clip["start_s"], clip["end_s"]) == (0.0, document["duration_s"])


def test_a_full_stop_without_a_pause_is_no_boundary(tmp_path):
    """Two sentences spoken in one breath stay in one clip, though a cut was wanted."""
    take = Take().pause(0.5).say(SENTENCES[0]).pause(0.04).say(SENTENCES[1]).pause(0.5)

    document, _ = segmented(take.item(tmp_path, 0.05), tmp_path)

    assert texts(document) == [f"{SENTENCES[0]} {SENTENCES[1]}"]


def test_a_long_sentence_is_cut_at_its_longest_pause(tmp_path):
    """16 s without a full stop become two clips, cut at the pause after the comma."""
    half = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    words = (f"{half} fifteen,", f"{half} sixteen.")
    take = Take().pause(0.3).say(words[0], 0.4).pause(0.3).say(words[1], 0.4).pause(0.3)

    document, _ = segmented(take.item(tmp_path, 0.1), tmp_path)

    assert texts(document) == list(words)


def test_a_long_sentence_without_a_pause_is_dropped_with_its_reason(tmp_path):
    """Nothing is cut where nobody paused: the sentence is rejected as too long, whole."""
    endless = " ".join(f"word{i}" for i in range(60)) + "."
    take = Take().pause(0.5).say(endless).pause(0.5).say(SENTENCES[0]).pause(0.4)

    document, _ = segmented(take.item(tmp_path), tmp_path)

    (rejected,) = [r for r in document["rejected"] if r["rule"] == "too_long"]
    assert texts(document) == [SENTENCES[0]]
    assert rejected["text"] == endless
    assert rejected["value"] > rejected["threshold"] == 12.0
    assert "without a pause" in rejected["reason"]


def test_a_breath_between_two_sentences_is_in_no_clip(tmp_path):
    """The sound between two quiet runs of one pause belongs to neither neighbour."""
    take = Take().pause(0.5).say(SENTENCES[0]).pause(0.3)
    breath = (take.time_s, take.time_s + 0.12)
    take._add(0.12, -35)
    take.pause(0.25)
    take.say(" ".join(SENTENCES[1:5])).pause(0.5)

    document, _ = segmented(take.item(tmp_path), tmp_path)

    assert len(document["clips"]) == 2
    for clip in document["clips"]:
        assert clip["end_s"] <= breath[0] or clip["start_s"] >= breath[1]


def test_the_release_of_a_stop_stays_with_its_word():
    """After the 120 ms closure of 'uncheck-ed' its burst is no breath: the pause comes after it."""
    words, voiced = [word(" unchecked.", 1.0, 2.0), word(" Meat", 2.4, 2.8)], [(1.0, 2.0)]
    runs = [(0.0, 1.0), (1.95, 2.07), (2.13, 2.4), (3.0, 4.0)]

    breaks = breaks_around(words, runs, voiced, 4.0)

    assert breaks[1] == Break((2.13, 2.4), (2.13, 2.4))


def test_voice_between_two_quiet_runs_is_no_breath():
    """A long closure (0.16 s) before a voiced ending: voice activity tells it from a breath."""
    words, runs = [word(" cheques.", 1.0, 2.0), word(" Then", 2.9, 3.2)], [(1.95, 2.11), (2.3, 2.9)]

    ending = breaks_around(words, runs, [(1.0, 2.3), (2.9, 3.2)], 4.0)
    breath = breaks_around(words, runs, [(1.0, 2.0), (2.9, 3.2)], 4.0)

    assert ending[1] == Break((2.3, 2.9), (2.3, 2.9))
    assert breath[1] == Break((1.95, 2.11), (2.3, 2.9))


def test_a_closure_in_a_word_after_speech_without_words_ends_no_break():
    """AMI: "in a summarized section and": 0.8 s of voice without words by whisper's times, and the
    closure of "section", which by them has begun. Short quiet beside a word is a pause."""
    before, section, after = (word(" summarized", 16.6, 17.0), word(" section", 18.4, 18.8),
                              word(" and", 18.8, 19.0))  # fmt: skip
    runs, voiced = [(17.1, 17.8), (18.63, 18.74)], [(13.3, 17.1), (17.7, 22.4)]

    closure = breaks_around([before, section], runs, voiced, 30.0)
    pause = breaks_around([before, after], runs, voiced, 30.0)

    assert closure[1] == Break((17.1, 17.8), (17.1, 17.8))
    assert pause[1] == Break((17.1, 17.8), (18.63, 18.74))


def test_a_click_between_two_long_runs_is_no_ending_though_voice_activity_covers_it():
    words, voiced = [word(" better.", 1.0, 2.0), word(" But", 2.5, 2.9)], [(1.0, 3.2)]

    breaks = breaks_around(words, [(2.05, 2.3), (2.31, 2.5)], voiced, 4.0)

    assert breaks[1] == Break((2.05, 2.3), (2.31, 2.5))


def test_others_speech_is_never_used(tmp_path):
    """What somebody interrupts is cut there, in the pauses; his seconds are accounted."""
    take = Take().pause(0.4).say(SENTENCES[0]).pause(0.4).say("Well I never", 0.3).pause(0.15)
    take.stranger(1.0).pause(0.15).say("thought so, he said.", 0.3).pause(0.5)
    take.say(SENTENCES[1]).pause(0.5)

    document, _ = segmented(take.item(tmp_path), tmp_path)

    assert " ".join(texts(document)) == (
        f"{SENTENCES[0]} Well I never thought so, he said. {SENTENCES[1]}"
    )
    assert "other_speaker" in rules(document)
    (start_s, end_s) = take.others[0]
    for clip in document["clips"]:
        assert clip["end_s"] <= start_s or clip["start_s"] >= end_s


def test_a_turn_between_two_words_is_a_break_though_nobody_paused():
    """Where somebody else speaks, nobody is heard to pause: his own ends are where it is parted."""
    words = [word(" ruled", 1.0, 1.6), word(" his", 1.6, 2.2), word(" you're", 4.4, 4.7)]

    breaks = breaks_around(words, [(0.0, 0.9), (4.06, 4.3)], [], 6.0, [(2.2, 4.0)])

    assert breaks[2] == Break((2.2, 2.2), (4.06, 4.3))
    assert breaks[2].is_turn and not breaks[2].can_end


def test_what_is_talked_into_is_lost_up_to_its_nearest_pause(tmp_path):
    """One sentence: whole, a pause, interrupted at once; the rest begins after its next pause."""
    take = Take().pause(0.4).say("All of the old clocks in the house stopped,").pause(0.4)
    first_ends_s = take.time_s
    take.say("she said and").stranger(0.8).say("then they").pause(0.4)
    last_begins_s = take.time_s
    take.say("went on until it was late in the day.").pause(0.5)

    document, _ = segmented(take.item(tmp_path), tmp_path)

    assert texts(document) == [
        "All of the old clocks in the house stopped,",
        "went on until it was late in the day.",
    ]
    first, last = document["clips"]
    assert first["end_s"] <= first_ends_s and last["start_s"] >= last_begins_s - 0.4
    reasons = {r["text"]: r["reason"] for r in document["rejected"] if r["rule"] != "other_speaker"}
    assert set(reasons) == {"she said and", "then they"}


@pytest.mark.parametrize(
    "said, pause_s, is_kept",
    [
        ("All of the old clocks in the house stopped", 0.2, True),
        ("All of the old clocks in the house stopped", 0.12, False),  # it may be a closure ...
        ("All of the old clocks in the house stopped,", 0.12, True),  # ... but not at a comma
    ],
)
def test_where_a_talked_into_sentence_has_no_long_pause_a_short_one_will_do(
    said, pause_s, is_kept, tmp_path
):
    take = Take().pause(0.4).say(said).pause(pause_s).say("she said and").stranger(0.8)
    take.pause(0.4).say(SENTENCES[1]).pause(0.5)

    document, _ = segmented(take.item(tmp_path), tmp_path)

    assert texts(document) == [*([said] if is_kept else []), SENTENCES[1]]


def test_a_recording_that_begins_and_ends_amid_words_gives_none_of_them(tmp_path):
    """Cut out of something longer: what stands before the first pause and after the last is lost.

    A file as short as a clip is somebody's clip already: its ends are taken as they are.
    """
    take = Take().say("seen it coming before that day.").pause(0.5)
    for sentence in SENTENCES[:4]:
        take.say(sentence).pause(0.5)
    take.say("Ten minutes later they were all asleep")

    document, _ = segmented(take.item(tmp_path), tmp_path)
    short, _ = segmented(Take().say(SENTENCES[0]).item(tmp_path / "short"), tmp_path)

    assert " ".join(texts(document)) == " ".join(SENTENCES[:4])
    reasons = {r["text"]: r["reason"] for r in document["rejected"]}
    assert "begins within sound" in reasons["seen it coming before that day."]
    assert "ends within sound" in reasons["Ten minutes later they were all asleep"]
    assert texts(short) == [SENTENCES[0]]


def test_of_a_short_file_that_is_broken_off_the_last_words_are_in_no_clip(tmp_path):
    """Its beginning is its own all the same."""
    said = f"{SENTENCES[0]} Ten minutes later they were all"
    take = Take().say(SENTENCES[0]).pause(0.5).say("Ten minutes later they were all")
    item = take.item(tmp_path)
    broken_off = replace(item, facts={"download_audio": {"truncated": True}})

    whole, _ = segmented(item, tmp_path)
    document, _ = segmented(broken_off, tmp_path)

    assert " ".join(texts(whole)) == said
    assert texts(document) == [SENTENCES[0]]
    assert "ends within sound" in document["rejected"][0]["reason"]


def test_speech_without_words_is_rejected(tmp_path):
    """Voice that whisper gave no words for is 'no_text', and in no clip."""
    take = Take().pause(0.5).say(SENTENCES[0]).pause(1.5)
    start_s = take.time_s
    take.say("what is this", text=False)
    end_s = take.time_s
    take.pause(1.5).say(SENTENCES[1]).pause(0.5)
    target = [*take._speech(), (start_s, end_s)]

    document, _ = segmented(take.item(tmp_path, target=sorted(target)), tmp_path)

    (rejected,) = document["rejected"]
    assert rejected["rule"] == "no_text"
    assert (rejected["start_s"], rejected["end_s"]) == pytest.approx((start_s, end_s), abs=0.002)


def test_a_sentence_with_missing_words_is_rejected(tmp_path):
    """A second of speech inside a sentence that no word accounts for: the text is not the sound."""
    take = Take().pause(0.5).say("This is the first half").pause(0.05)
    take.say("and here whisper heard nothing at all of it", text=False).pause(0.05)
    take.say("and this is the end.").pause(1.2)

    document, _ = segmented(take.item(tmp_path), tmp_path)

    assert rules(document) == {"untranscribed"}


SPOKEN_OUT = {
    "1865": "eighteensixtyfive",
    "544": "fivefortyfour",
    "Dr.": "doctor",
    "U.S.": "yooess",
}


def evenly(word):
    """Return how long a word lasts for a reader who takes 70 ms for every letter spoken."""
    letters = SPOKEN_OUT.get(word, word.strip(".,"))
    return 0.07 * len(letters)


def test_words_that_one_word_was_stretched_over_are_missed(tmp_path):
    """'... basis. End quote.' without its last two words: 1.4 s are not one word's."""
    take = Take().pause(0.5).say(SENTENCES[0], evenly).pause(1.2)
    take.say("He ought to go and meet them on a regular basis.", evenly)
    take.say("end quote", 0.5, text=False)
    text, start_s, _ = take.words[-1]
    take.words[-1] = (text, start_s, take.time_s)
    take.pause(1.2).say(SENTENCES[1], evenly).pause(0.5)

    document, _ = segmented(take.item(tmp_path), tmp_path)

    (rejected,) = document["rejected"]
    assert texts(document) == [SENTENCES[0], SENTENCES[1]]
    assert rejected["rule"] == "untranscribed" and "basis." in rejected["reason"]
    assert rejected["value"] > rejected["threshold"] == 0.6


def test_a_word_drawn_out_before_a_pause_is_one_word(tmp_path):
    """Readers slow down at the end: 0.4 s more for the last word is no missing word."""
    take = Take().pause(0.5).say("All of the old clocks in the house", evenly)
    take.say("stopped.", 0.07 * 7 + 0.4).pause(1.2).say(SENTENCES[1], evenly).pause(0.5)

    document, _ = segmented(take.item(tmp_path), tmp_path)

    assert texts(document) == ["All of the old clocks in the house stopped.", SENTENCES[1]]


@pytest.mark.parametrize("letters", [17, 30])
def test_a_number_may_be_as_long_as_it_is_spoken(tmp_path, letters):
    """1865 has 17 letters in English, 30 in German: no words are missing in either."""
    take = Take().pause(0.5).say("It was in the spring of", evenly).pause(0.04)
    take.say("1865", 0.07 * letters).pause(0.04).say("that nobody came to them.", evenly)

    document, _ = segmented(take.pause(0.5).item(tmp_path), tmp_path)

    assert texts(document) == ["It was in the spring of 1865 that nobody came to them."]


def test_digits_and_abbreviations_are_no_slow_speech(tmp_path):
    """An even reader: of 30 clips those with numbers last longer for their letters, all stay."""
    take, numbers = Take().pause(0.5), "In 1865 Dr. Ott had 544 of the U.S. books."
    for i in range(30):
        take.say(numbers if i % 6 == 0 else SENTENCES[i % 6], evenly).pause(1.2)

    document, _ = segmented(take.item(tmp_path), tmp_path)

    assert document["rejected"] == []
    assert len(document["clips"]) == 30


@pytest.mark.parametrize(
    ("figures", "changes", "rule"),
    [
        ({"avg_logprob": -1.2}, {}, "avg_logprob"),
        ({"no_speech_prob": 0.7, "avg_logprob": -0.7}, {}, "no_speech"),
        ({"compression_ratio": 2.6}, {}, "repetition"),
        ({"probability": 0.3}, {}, "word_probability"),
        ({"language_probability": 0.6}, {}, "language"),
        ({"language": "fr"}, {"language": "en"}, "language"),
        ({}, {"min_snr_db": 60.0}, "snr"),
        ({}, {"min_clip_similarity": 0.95}, "speaker"),
        ({}, {"max_chars_per_s": 5.0}, "speech_rate"),
        ({}, {"min_words": 99}, "few_words"),
        ({}, {"max_word_chars": 4}, "long_word"),
    ],
)
def test_each_rule_rejects_with_value_and_threshold(tmp_path, figures, changes, rule):
    """Below its threshold a clip is rejected under the rule's name; its seconds are rejected."""
    take = Take().pause(0.5).say(SENTENCES[0]).pause(0.5)

    document, _ = segmented(take.item(tmp_path, **figures), tmp_path, **changes)

    assert document["clips"] == []
    (rejected,) = document["rejected"]
    assert rejected["rule"] == rule
    assert rejected["reason"] and rejected["text"] == SENTENCES[0]
    assert rejected["value"] is not None and rejected["threshold"] is not None


def test_no_speech_alone_does_not_reject(tmp_path):
    """As in whisper, a likely text outweighs the no-speech figure."""
    take = Take().pause(0.5).say(SENTENCES[0]).pause(0.5)

    document, _ = segmented(take.item(tmp_path, no_speech_prob=0.9), tmp_path)

    assert len(document["clips"]) == 1


def test_hallucinations_do_not_take_their_neighbours_along(tmp_path):
    """'Thanks for watching' is rejected, the sentence before it is kept."""
    take = Take().pause(0.5).say(SENTENCES[0]).pause(0.5).say("Thanks for watching!", 0.5)

    document, _ = segmented(take.pause(0.5).item(tmp_path), tmp_path)

    assert texts(document) == [SENTENCES[0]]
    assert rules(document) == {"hallucination"}


def test_clipping_is_flat_tops_not_loudness():
    """A sine at full scale is not clipped; the same sine cut off at full scale is."""
    time = np.arange(48_000) / 48_000
    sine = np.sin(2 * np.pi * 200 * time).astype(np.float32)

    assert quality.clipped_run(sine, 0.99) < quality.CLIPPED_RUN
    assert quality.clipped_run(np.clip(sine * 1.2, -1, 1), 0.99) >= quality.CLIPPED_RUN
    assert quality.clipped_run(np.zeros(100, np.float32), 0.99) == 0


def test_rate_outliers_need_enough_clips():
    """Twenty like clips and one at a third of the rate: that one; of five clips: none."""
    assert quality.rate_limits([0.06] * 5 + [0.2]) is None

    limits = quality.rate_limits([0.06 + 0.001 * (i % 5) for i in range(20)] + [0.2])

    assert quality.rate_failure(0.2, limits).rule == "rate_outlier"
    assert quality.rate_failure(0.062, limits) is None


def test_an_even_reader_loses_nothing_for_a_trifle():
    """Quartiles of 0.2% of the median reject nobody who is 10% slower, but half as fast again."""
    limits = quality.rate_limits([0.07 + 0.0001 * (i % 3) for i in range(24)])

    assert quality.rate_failure(0.07 * 1.1, limits) is None
    assert quality.rate_failure(0.07 * 0.9, limits) is None
    assert quality.rate_failure(0.07 * 1.5, limits).rule == "rate_outlier"
    assert quality.rate_failure(0.07 * 0.5, limits).rule == "rate_outlier"


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Yes, no more.", 9),  # what is not spoken does not count
        ("He didn't.", 2 + 5),
        ("1865", 4 * 5),
        ("Dr. Ott", 6 + 3),  # doctor
        ("etc.", 6),
        ("F.B.I.", 3 * 3),
        ("F-P-C-C-544", 4 * 3 + 3 * 5),
        ("FBI", 3 * 3),
        ("at 5 p.m.", 2 + 5 + 2 * 3),
        ("5%", 5 + 5),
        ("\u4f60\u597d\u3002", 2 * 5),  # Chinese: two syllables and a full stop
        ("\u0928\u092e\u0938\u094d\u0924\u0947", 6),  # Hindi: signs for vowels count
        ("...", 0),
    ],
)
def test_spoken_letters(text, letters):
    """Digits, initials, abbreviations and symbols count as what is said for them."""
    assert spoken_letters(text) == letters


def test_a_recording_without_words_is_a_result(tmp_path):
    """No words: no clips, its speech is 'no_text', and everything adds up."""
    take = Take().pause(1).say("who knows what this is", text=False).pause(1)
    item = take.item(tmp_path, target=[(1.0, take.time_s - 1)])

    document, _ = segmented(item, tmp_path)

    assert document["clips"] == []
    assert rules(document) == {"no_text"}


def test_silence_is_non_speech(tmp_path):
    """A silent recording has no clips and no rejections."""
    take = Take()
    take.parts, take.time_s = [np.zeros(3 * HZ, np.float32)], 3.0

    document, _ = segmented(take.item(tmp_path), tmp_path)

    assert document["non_speech_s"] == document["duration_s"] == 3.0


def test_same_input_same_bytes(tmp_path):
    """Two runs give equal clips.json and wavs; names are in order of time."""
    item = reading([0.3, 0.5, 0.7, 0.4, 0.6, 0.3]).item(tmp_path, 0.2)

    document, first = segmented(item, tmp_path)
    _, second = segmented(item, tmp_path)

    names = [clip["file"] for clip in document["clips"]]
    assert names == [f"clips/take-1-{i:04d}.wav" for i in range(len(names))]
    for name in ["clips.json", *names]:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_settings_the_trainers_cannot_use_are_refused(tmp_path):
    """Less than 100 ms of silence or clips under 1 s are an error, not a bad dataset."""
    item = Take().pause(0.5).say(SENTENCES[0]).pause(0.5).item(tmp_path)

    for changes in ({"edge_silence_s": 0.05}, {"min_clip_s": 0.5}, {"max_clip_s": 1.0}):
        with pytest.raises(ValueError, match="at least"):
            segmented(item, tmp_path, **changes)


spans_s = st.tuples(st.floats(-1, 31), st.floats(-1, 31)).map(lambda pair: tuple(sorted(pair)))


@settings(max_examples=150)
@given(st.floats(0, 30), st.lists(spans_s, max_size=6), st.lists(spans_s, max_size=12))
def test_every_millisecond_is_counted_once(duration_s, clips, rejected):
    """For any spans, overlapping or outside: the parts are disjoint and add up."""
    parts = partition(duration_s, clips + rejected)

    cut, nobodys_s = account(duration_s, clips, [Rejected(a, b, "r", "") for a, b in rejected])

    assert sum(b - a for a, b, _ in parts) == round(duration_s * 1000)
    assert all(a[1] == b[0] for a, b in zip(parts, parts[1:], strict=False))
    used_s = sum(b - a for a, b, owner in parts if 0 <= owner < len(clips)) / 1000
    rejected_s = sum(r.end_s - r.start_s for r in cut)
    assert used_s + rejected_s + nobodys_s == pytest.approx(round(duration_s, 3), abs=0.001)


@settings(max_examples=20)
@given(
    st.lists(st.floats(0.02, 1.5), min_size=6, max_size=6), st.floats(0, 0.3), st.integers(0, 99)
)
def test_any_reading_adds_up_and_cuts_no_word(tmp_path_factory, pauses, error_s, seed):
    """Any pauses, any error of whisper's: seconds add up (checked on the way), no burst is cut."""
    tmp_path = tmp_path_factory.mktemp("any")
    take = reading(pauses, seed)

    document, _ = segmented(take.item(tmp_path, error_s), tmp_path)

    cuts = [t for clip in document["clips"] for t in (clip["start_s"], clip["end_s"])]
    assert [t for t in cuts for _, a, b in take.words if a + 0.001 < t < b - 0.001] == []


def word(text, start_s=0.0, end_s=0.1):
    return Word(text, start_s, end_s, 0.9, -0.2, 0.0, 1.2)


def test_text_is_one_clean_line():
    """No control characters, separators or doubled blanks; spelling joiners are kept."""
    words = [word(" Yes,"), word(" no|more\x07\n"), word("\u2028line"), word("\ufeff می\u200cروم.")]

    assert text_of(words) == "Yes, no more line می\u200cروم."


def test_sentence_ends():
    """Full stops end sentences, also inside quotes; abbreviations and initials do not."""
    ends = [" end.", ' end."', " what?!", " so…", "。", " 1835.", " I."]
    goes_on = [" Mr.", " J.", " and", " well,", " e.g."]

    assert [ends_sentence(text) for text in ends] == [True] * len(ends)
    assert [ends_sentence(text) for text in goes_on] == [False] * len(goes_on)


@pytest.mark.parametrize(("language", "ends"), [("de", [False, True]), ("en", [True, True])])
def test_an_ordinal_ends_no_sentence_where_it_is_written_with_a_stop(language, ends):
    """German "am 3. Mai"; the last word of a recording ends it all the same."""
    spoken = [" am", " 3.", " Mai", " bis", " 4."]
    rows = [
        {"word": text, "start_s": i, "end_s": i + 0.5, "probability": 0.9}
        for i, text in enumerate(spoken)
    ]
    figures = {"avg_logprob": -0.2, "no_speech_prob": 0.0, "compression_ratio": 1.2}

    words = words_of({"language": language, "segments": [{"words": rows, **figures}]})

    assert [ends_sentence(words[1].text), ends_sentence(words[4].text)] == ends
    assert text_of(words) == "am 3. Mai bis 4."


@pytest.mark.parametrize(
    ("spoken", "ends"),
    [
        (" He said no. Then", True),
        (' He said no. "Then', True),
        (" of pears, etc. Then", True),
        (" He said no.", True),
        (" see No. 5", False),
        (" of pears, etc. and", False),
        (" King Jr. said", False),
        (" Here is Dr. King", False),
    ],
)
def test_an_abbreviation_ends_a_sentence_where_a_capital_follows_but_no_title_does(spoken, ends):
    texts = [f" {text}" for text in spoken.split()]
    rows = [
        {"word": text, "start_s": i, "end_s": i + 0.5, "probability": 0.9}
        for i, text in enumerate(texts)
    ]
    figures = {"avg_logprob": -0.2, "no_speech_prob": 0.0, "compression_ratio": 1.2}

    words = words_of({"language": "en", "segments": [{"words": rows, **figures}]})

    (stop,) = [word for word in words if "." in word.text]
    assert ends_sentence(stop.text) == ends
    assert text_of(words) == spoken.strip()


def test_words_are_flat_ordered_and_not_empty():
    """Words of all segments in their order, blank ones left out, starts never before the last."""
    figures = {"avg_logprob": -0.1, "no_speech_prob": 0.0, "compression_ratio": 1.0}
    w = [
        {"word": t, "start_s": s, "end_s": s, "probability": 1.0} for t, s in ((" b", 2), (" ", 3))
    ]
    first = {**figures, "words": w}
    second = {**figures, "words": [{**w[0], "word": " a", "start_s": 1.0}]}

    assert [x.text for x in words_of({"segments": [first, second]})] == [" b", " a"]
    assert [x.start_s for x in words_of({"segments": [first, second]})] == [2.0, 2.0]


def test_pauses_find_their_gap():
    """A pause goes to the gap it fits, two pauses in one gap make one break, the rest is None."""
    words = [
        word(" a", 1.0, 1.3),
        word(" b", 1.4, 1.7),
        word(" c.", 1.75, 2.0),
        word(" d", 3.0, 3.5),
    ]

    breaks = breaks_around(words, [(0.0, 1.0), (2.1, 2.4), (2.5, 3.0)], [], 4.0)

    assert breaks[0] == Break((0.0, 1.0), (0.0, 1.0))
    assert breaks[1] is None and breaks[2] is None
    assert breaks[3] == Break((2.1, 2.4), (2.5, 3.0))
    assert breaks[4] == Break((4.0, 4.0), (4.0, 4.0))


def test_quiet_follows_the_room():
    """The limit lies between room and voice, and never more than 40 dB under the voice."""
    levels = np.concatenate([np.full(200, -60), np.full(800, -20)]).astype(np.float32)
    speech = np.arange(1000) >= 200

    room_db, limit_db = quiet_below_db(levels, speech)
    _, dry_limit_db = quiet_below_db(np.where(speech, -20, -85).astype(np.float32), speech)

    assert room_db == -60
    assert limit_db == pytest.approx(-48)
    assert dry_limit_db == pytest.approx(-60)


def test_what_is_louder_between_words_than_under_them_is_not_the_room():
    """10 s of voice at -20 with dips to -60, music at -25 around it: what is quiet is told from the
    dips. Noise that goes on under the voice at -45 is the room, wherever it is measured."""
    voice = np.tile(np.repeat([-20.0, -60.0], [80, 20]), 10)
    music, noise = np.full(2000, -25.0), np.full(2000, -45.0)
    beside, under = (
        np.concatenate([around, np.maximum(voice, floor_db), around]).astype(np.float32)
        for around, floor_db in ((music, -90.0), (noise, -45.0))
    )

    loud, even = (envelope(levels, [(20.0, 30.0)], []) for levels in (beside, under))

    assert loud.room_db[2500] == pytest.approx(-60, abs=0.1)
    assert len(quiet_runs(loud.quiet, 0.1)) == 10
    assert even.room_db[2500] == pytest.approx(-45, abs=0.1)


def test_muted_spans_are_no_pause():
    """Where somebody was silenced by force, nobody paused."""
    levels = np.full(300, -20, np.float32)
    levels[:30], levels[100:200] = -60, -120

    sound = envelope(levels, [(0.3, 3.0)], [(1.0, 2.0)])

    assert quiet_runs(sound.quiet, 0.1) == [(0.0, pytest.approx(0.3))]


def test_little_quiet_beside_a_muted_span_is_a_pause_and_elsewhere_a_closure():
    """60 ms after the mute, which lasts from 1 to 2 s, and 60 ms in the midst of the voice."""
    levels = np.full(300, -20, np.float32)
    levels[:30], levels[100:206], levels[250:256] = -60, -120, -60
    levels[200:206] = -60

    sound = envelope(levels, [(0.3, 3.0)], [(1.0, 2.0)])

    assert quiet_runs(sound.quiet, 0.1, [(1.0, 2.0)], 0.05) == [
        (0.0, pytest.approx(0.3)),
        (pytest.approx(2.01), pytest.approx(2.06)),
    ]


def test_packing_prefers_no_loss():
    """Of 11 s, 1 s, 6 s the short one joins the last, for it does not fit the first."""
    lengths = [11.0, 1.0, 6.0]

    def cost(run):
        total = sum(lengths[run.first : run.last + 1])
        return None if total > 11.5 else 1000.0 * total if total < 2 else abs(total - 7) / 7

    assert pack([Run(0, 0), Run(1, 1), Run(2, 2)], cost) == [Run(0, 0), Run(1, 2)]


def ten_letters_each(count):
    """Words of 10 letters, 0.4 s each, with 0.1 s of quiet before, between and after them."""
    words = [word(" abcdefghij", i * 0.5 + 0.1, i * 0.5 + 0.5) for i in range(count)]
    quiet = [(i * 0.5, i * 0.5 + 0.1) for i in range(count + 1)]
    return Speech(words, [Break(span, span) for span in quiet], 0.2)


def test_clips_hold_no_more_than_the_trainers_symbols():
    """510 symbols are some 318 spoken letters: with long clips allowed, they are the limit."""
    speech = ten_letters_each(90)
    sentences_of_ten = [Run(i, i + 9) for i in range(0, 90, 10)]

    packed = pack(sentences_of_ten, lambda run: clip_cost(speech, run, 2.0, 60.0, 1.0))

    assert packed == [Run(0, 29), Run(30, 59), Run(60, 89)]


def test_a_sentence_with_too_many_symbols_is_cut_at_its_pauses():
    """As one that is too long in seconds is."""
    parts = list(pieces(ten_letters_each(60), Run(0, 59), 60.0, 2.0))

    assert [parts[0].first, parts[-1].last] == [0, 59]
    assert all(ten_letters_each(60).letters(part) <= MOST_LETTERS for part in parts)


def test_reads_what_it_says():
    """The fingerprint covers every artefact that is read."""
    assert set(segment_audio.READS) == {
        "download_audio",
        "isolate_speakers",
        "enhance_audio",
        "transcribe_audio",
    }


def test_a_floor_under_the_voice_is_quiet_although_the_pauses_between_turns_are_quieter():
    """A noise gate: -44 dB between words, -70 dB between turns; without, soft sounds stay sound."""
    chance = np.random.default_rng(3)
    speech = np.tile([-20.0] * 40 + [-44.0] * 12, 20) + chance.uniform(-1, 1, 1040)
    gated = np.concatenate((np.full(500, -70.0), speech, np.full(500, -70.0))).astype(np.float32)
    fading = np.tile([*[-20.0] * 40, *np.linspace(-30, -60, 12)], 20)
    clean = np.concatenate((np.full(500, -70.0), fading, np.full(500, -70.0))).astype(np.float32)

    with_floor = envelope(gated, [(5.0, 15.4)], [])
    without = envelope(clean, [(5.0, 15.4)], [])

    assert len(quiet_runs(with_floor.quiet[500:1540], 0.1)) == 20
    assert not quiet_runs(without.quiet[500:1540], 0.1)


def test_what_is_long_and_no_voice_is_no_release_after_a_closure():
    """0.14 s of quiet, 2.5 s of somebody else, quiet: the break goes over all of it."""
    words = [word(" known.", 4.1, 4.6), word(" Hold", 9.0, 9.3)]
    runs = [(4.8, 5.1), (5.3, 5.44), (8.0, 8.6)]

    breaks = breaks_around(words, runs, [(4.0, 4.9), (8.9, 9.9)], 12.0)

    assert breaks[1] == Break((4.8, 5.1), (8.0, 8.6))


def test_a_short_silence_in_another_voices_turn_is_no_closure_of_ours():
    """0.5 s of quiet, another's turn with a closure of his own, 1.3 s: both pauses are ours,
    whether it is known that somebody speaks there or not."""
    words = [word(" reciter.", 4.0, 4.6), word(" She", 12.1, 12.4)]
    runs = [(4.7, 5.2), (9.95, 10.06), (10.12, 10.4), (10.8, 12.1)]
    voiced = [(4.0, 4.7), (12.1, 13.0)]

    beside = breaks_around(words, runs, voiced, 14.0, [(5.6, 9.9)])
    unknown = breaks_around(words, runs, voiced, 14.0)

    assert beside[1] == Break((4.7, 5.2), (10.8, 12.1))
    assert unknown[1] == Break((4.7, 5.2), (10.8, 12.1))


def test_a_drum_far_from_any_voice_is_no_release_after_a_closure():
    """Eight beats 0.1 s apart between two sentences: the break begins in the pause before them."""
    words = [word(" themselves.", 1.0, 2.0), word(" The", 9.0, 9.3)]
    beats = [(3.0 + 0.2 * k, 3.1 + 0.2 * k) for k in range(8)]
    runs = [(2.1, 2.4), *beats, (5.0, 6.0), (8.5, 8.9)]

    breaks = breaks_around(words, runs, [(1.0, 2.05), (8.95, 9.4)], 12.0)

    assert breaks[1] == Break((2.1, 2.4), (8.5, 8.9))


def test_every_clip_has_one_speaker_and_his_number(tmp_path):
    """Two wanted voices by turns: cut at the change, also within what reads as one sentence."""
    take = Take().pause(0.4).say(SENTENCES[0]).pause(0.3).say("And then he said to me")
    first_ends_s = take.time_s
    take.pause(0.3).say("that all was well.").pause(0.3).say(SENTENCES[1]).pause(0.5)
    item = take.item(tmp_path)
    path = item.path("isolate_speakers", "spans.json")
    spans = json.loads(path.read_text())
    spans["target"] = [[0.4, first_ends_s, 0.88, 0], [first_ends_s + 0.3, take.time_s, 0.88, 1]]
    path.write_text(json.dumps(spans))

    document, _ = segmented(item, tmp_path)

    assert [(clip["text"], clip["speaker"]) for clip in document["clips"]] == [
        (f"{SENTENCES[0]} And then he said to me", 0),
        (f"that all was well. {SENTENCES[1]}", 1),
    ]
