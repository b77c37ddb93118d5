"""What bench/quality.py counts, on mixes of tones: a benchmark that errs is worse than none."""

from dataclasses import replace

import numpy as np
import pytest

from bench import second_opinion
from bench.mixes import breathing, corpus, meeting, mixing, owners, scoring, sounds, table
from bench.mixes.corpus import Utterance
from bench.mixes.flow import Done
from bench.mixes.mixing import Mix, Said
from bench.mixes.reference import TrueWord, Whisper
from bench.mixes.scoring import Score, Words
from bench.second_opinion import Heard
from pipeline import audio
from pipeline.stages.isolate_speakers.labels import Piece
from tests.test_listening import SAMPLE, SENTENCES

RATE_HZ = sounds.RATE_HZ


@pytest.fixture
def mix(tmp_path):
    """Two utterances of 1 s of tone: 0.6-1.6 s by a, 2.6-3.6 s by b."""
    t = np.arange(RATE_HZ) / RATE_HZ
    spoken = []
    for name, hz in (("a-1", 200), ("b-1", 300)):
        audio.write(
            tmp_path / f"{name}.flac", np.float32(0.1) * np.sin(2 * np.pi * hz * t), RATE_HZ
        )
        spoken.append(Utterance(tmp_path / f"{name}.flac", name[0], "one two"))
    return mixing.joined("mix", spoken, (1.0, 1.0), np.random.default_rng(0))


@pytest.fixture
def clips(tmp_path):
    """A maker of what the pipeline would have made: clips with silence added to their ends."""

    def make(*spans, added_s=0.0):
        entries = []
        for i, (start_s, end_s) in enumerate(spans):
            sound = np.full(round((end_s - start_s) * RATE_HZ), 0.1, np.float32)
            padded = np.pad(sound, round(added_s * RATE_HZ))
            audio.write(tmp_path / f"{i}.wav", padded, RATE_HZ)
            entry = {"id": str(i), "file": f"{i}.wav", "start_s": start_s, "end_s": end_s}
            entries.append({**entry, "text": "good day"})
        return Done("mix", tmp_path, entries)

    return make


def test_times_of_a_mix_are_where_its_sound_is(mix):
    loud = np.flatnonzero(scoring.loud_frames(mix))

    assert [x for s in mix.said for x in (s.start_s, s.end_s)] == pytest.approx(
        [0.6, 1.6, 2.6, 3.6]
    )
    assert set(loud.tolist()) == {*range(60, 160), *range(260, 360)}


def test_rumble_in_an_utterance_is_no_speech_and_its_noise_is_not_anothers(tmp_path):
    """a: a tone from 0.5 to 1 s over a rumble that varies; b: silence and a tone."""
    t = np.arange(RATE_HZ) / RATE_HZ
    tone = np.where(t >= 0.5, np.sin(2 * np.pi * 200 * t), 0)
    rumble = (1 + 0.9 * np.sin(2 * np.pi * 4 * t)) * np.sin(2 * np.pi * 25 * t)
    for name, sound in (("a", 0.1 * tone + 0.03 * rumble), ("b", 0.05 * tone)):
        audio.write(tmp_path / f"{name}-1.flac", sound.astype(np.float32), RATE_HZ)
    spoken = [Utterance(tmp_path / f"{name}-1.flac", name, "one") for name in "ab"]

    found = mixing.joined("two", spoken, (-0.4, -0.4), np.random.default_rng(0))

    loud = np.flatnonzero(scoring.loud_frames(found))
    assert set(range(112, 158)) | set(range(172, 218)) <= set(loud.tolist())
    assert set(loud.tolist()) <= set(range(108, 162)) | set(range(168, 222))


@pytest.mark.parametrize(
    "span, added_s, silent, cut",
    [((0.45, 1.75), 0.0, 2, 0), ((0.55, 1.75), 0.0, 1, 0), ((0.55, 1.75), 0.06, 2, 0),
     ((1.0, 1.75), 0.2, 2, 1)],
)  # fmt: skip
def test_edges_are_judged_by_the_clean_speech(mix, clips, span, added_s, silent, cut):
    found = scoring.score(mix, [], clips(span, added_s=added_s), "a")

    assert (found.edges, found.silent_edges, found.cut_edges) == (2, silent, cut)


def test_what_can_make_a_clip_lies_between_pauses_and_is_long_enough():
    """2 s; 1 s; somebody else right after 2 s; 1 s and 0.8 s with 0.5 s between them."""
    spoken = [(1.0, 3.0), (5.0, 6.0), (8.0, 11.0), (13.0, 14.0), (14.5, 15.3)]
    loud, others = (np.zeros(1700, bool) for _ in range(2))
    for start_s, end_s in spoken:
        loud[round(start_s * 100) : round(end_s * 100)] = True
    others[1005:1100] = True

    able = np.flatnonzero(scoring.able_frames(loud, others))

    assert able.tolist() == [*range(100, 300), *range(1300, 1530)]


def test_an_excerpt_keeps_its_times_and_a_clip_at_its_ends_is_cut(mix, clips):
    """1.1 to 3.1 s: half of a's second, half of b's; a clip that reaches to both ends."""
    part = meeting.excerpt(mix, "part", 1.1, 3.1)

    found = scoring.score(part, [], clips((0.0, 2.0), added_s=0.2), "a")

    assert [x for s in part.said for x in (s.start_s, s.end_s, s.skipped_s)] == pytest.approx(
        [0.0, 0.5, 0.5, 1.5, 2.0, 0.0]
    )
    assert (part.duration_s, found.cut_edges, found.speech_s) == pytest.approx((2.0, 2, 0.5))


def test_a_meeting_has_turns_of_all_in_one_room_and_murmurs_in_those_of_the_wanted(mix):
    """Two turns of a, one of b: each begins where it says, and the room goes on after it."""
    a, b = (said.utterance for said in mix.said)

    found = meeting.meeting("room", [a, a], [b], meeting.NEAR, np.random.default_rng(1))

    speakers = [said.utterance.speaker for said in found.said]
    assert sorted(set(speakers)) == ["a", "b", "mm-hm"] and speakers.count("a") == 2
    assert [said.utterance.text for said in found.said if said.utterance.speaker != "a"] == [""] * (
        len(speakers) - 2
    )
    for said in found.said:
        onset = np.flatnonzero(np.abs(said.samples) > 1e-4)[0] / RATE_HZ
        assert said.end_s - said.start_s > onset + 0.35
    assert scoring.heard_levels_db(found.sound)[:40].mean() == pytest.approx(
        mixing.SPEECH_DB - meeting.NEAR.noise_db, abs=4
    )


def test_an_utterances_own_noise_is_no_speech_in_a_room_either():
    """A tone of 1 s, a pause, a tone; noise 26 dB under them, which the room's end has not."""
    chance, t = np.random.default_rng(1), np.arange(3 * RATE_HZ) / RATE_HZ
    tone = np.where((t < 1) | (t > 2), np.sin(2 * np.pi * 300 * t), 0)
    dry = (0.1 * tone + 0.0035 * chance.standard_normal(len(t))).astype(np.float32)
    one = meeting._placed(Utterance("a", "a"), dry, meeting._answer(meeting.NEAR, chance), 0.6)

    loud = scoring.loud_frames(mixing.placed("room", [one], chance))

    assert loud[np.r_[62:158, 262:358]].all()
    assert not loud[np.r_[:58, 200:258, 400 : len(loud)]].any()


def test_seconds_of_the_target_and_of_others_are_told_apart(mix, clips):
    found = scoring.score(mix, [], clips((0.6, 1.6), (2.6, 3.1)), "a")

    assert found.speech_s == pytest.approx(1.0, abs=0.02)
    assert found.used_s == pytest.approx(1.0, abs=0.02)
    assert found.clip_speech_s == pytest.approx(1.5, abs=0.02)
    assert found.target_s == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("kind", ["breath", "cough", "laughs"])
def test_sounds_beside_words_lie_in_the_pause_and_edges_in_them_are_counted(mix, clips, kind):
    """They are as loud as they are said to be, and nothing else of the mix is changed."""
    chance = np.random.default_rng(2)
    (pause,) = breathing.pauses(mix)

    loud = breathing.with_sounds(mix, kind, kind, chance)
    (start_s, end_s), middle_s = loud.sounds[0], sum(loud.sounds[0]) / 2
    half = scoring.score(loud, [], clips((0.0, middle_s)), None)
    held = scoring.score(loud, [], clips((0.0, 9.0)), None)

    added = loud.sound - mix.sound
    place = slice(*(round(at_s * sounds.RATE_HZ) for at_s in (start_s - 0.02, end_s + 0.02)))
    under_voice_db = audio.level_db(added[place]) - mixing.SPEECH_DB
    least_db, most_db = breathing.KINDS[kind].under_voice_db
    assert pause[0] <= start_s < end_s <= pause[1]
    assert len(loud.sounds) > 1 or not added[: place.start].any() and not added[place.stop :].any()
    assert least_db - 3 <= under_voice_db <= most_db
    assert (half.half_sounds, held.half_sounds) == (1, 0)
    assert (half.held_sounds, held.held_sounds) == (0, len(loud.sounds))


def test_a_clip_where_nobody_speaks_and_a_loop_are_invented(mix, clips):
    nobody, loop = clips((1.7, 2.5)), clips((0.6, 1.6))
    loop.clips[0]["text"] = "and so on " * 4

    assert scoring.score(mix, [], nobody, None).invented == 1
    assert scoring.score(mix, [], loop, None).invented == 1
    assert scoring.score(mix, [], clips((0.6, 1.6)), None).invented == 0


def test_a_limit_on_the_second_opinion_drops_what_lies_above_it():
    """Three good texts, apart by 0, 0.1 and 0.2, and a bad one of as many words, apart by 0.3."""
    good = [Heard(0.0, 10, apart) for apart in (0.0, 0.1, 0.2)]

    rows = second_opinion.table([*good, Heard(0.2, 10, 0.3)]).splitlines()

    assert rows[0] == "3 good texts, 1 bad, 5.0% of words wrong"
    by_limit = {row.split()[0]: row.split()[1:] for row in rows[2:]}
    assert by_limit["0.10"] == ["1", "=", "33%", "1", "=", "100%", "0.0%"]
    assert by_limit["0.30"] == ["0", "=", "0%", "0", "=", "0%", "5.0%"]


def test_errors_are_counted_at_the_edges_and_inside():
    found = scoring.count(["the old red house"], ["an old rat house"])

    assert (found.true, found.wrong, found.edge_true, found.edge_wrong) == (4, 2, 2, 1)
    assert scoring.count([""], ["thank you"]).wrong == 2


def test_a_row_has_the_words_of_texts_and_of_what_is_heard_at_edges_and_inside():
    text, heard = Words(100, 9, 20, 1), Words(100, 20, 20, 4)

    row = table.row("read", Score(4, text, heard))

    cells = [row[at : at + 9].strip() for at in range(table.WIDTH, len(row), 9)]
    told = list(zip(table.COLUMNS, cells, strict=False))[:8]
    assert told == [
        ("clips", "4"), ("text%", "9.00"), ("edge%", "5.0"), ("inner%", "10.0"), ("whole%", ""),
        ("ear%", "20.00"), ("edge%", "20.0"), ("inner%", "20.0"),
    ]  # fmt: skip


def test_all_rows_together_hold_words_against_whispers_and_purity_against_a_wanted_voice():
    """A reader's row, with whisper's own errors, and that of a voice wanted in a meeting."""
    reader = Score(text=Words(100, 4), whole=Words(100, 5), clip_speech_s=50.0, target_s=50.0)
    wanted = Score(text=Words(10, 9), clip_speech_s=10.0, target_s=9.0, speech_s=20.0)

    total = scoring.summable(reader, None) + scoring.summable(wanted, "a")

    assert (total.text, total.whole) == (Words(100, 4), Words(100, 5))
    assert (total.clip_speech_s, total.target_s, total.speech_s) == (10.0, 9.0, 20.0)


def test_what_is_read_in_brackets_is_a_word():
    assert scoring.count(["resemblances (homologies)."], ["resemblances, homologies"]).wrong == 0
    assert scoring.count(["resemblances (homologies)."], ["resemblances"]).wrong == 1


def test_true_words_belong_to_the_clip_in_which_their_middle_lies():
    words = [TrueWord(" one", 0.5, 0.9, "a"), TrueWord(" two", 0.9, 1.4, "a")]

    assert scoring.in_clip(words, (0.0, 1.0)) == "one"
    assert scoring.in_clip(words, (1.0, 2.0)) == "two"


@pytest.mark.parametrize("late_s", [-0.5, 0.0, 0.5])
@pytest.mark.parametrize("first", [0, 1])
def test_a_word_beside_a_cut_is_on_the_side_on_which_it_is_heard(first, late_s):
    """The cut is in the pause before a sentence, whose first word is said to be before it, or the
    last one of the other after it, or all is right."""
    told = Whisper("tiny.en")
    letter = Utterance(SAMPLE / "letter.wav", "slt", " ".join(s["text"] for s in SENTENCES))
    silence = np.zeros(round(14.1 * RATE_HZ), np.float32)
    mix = Mix("letter", (Said(0.0, 14.1, letter),), silence, silence)
    told._aligned[letter.path] = [
        (f" {word}", a + late_s, b + late_s) for one in SENTENCES for word, a, b in evenly(one)
    ]
    cut_s = SENTENCES[first]["start_s"] - 0.2

    words = told.words(mix, [cut_s])

    before, after = (
        " ".join(s["text"] for s in some) for some in (SENTENCES[:first], SENTENCES[first:])
    )
    assert scoring.in_clip(words, (0.0, cut_s)) == before
    assert scoring.in_clip(words, (cut_s, 14.1)) == after


def evenly(sentence):
    """Return the words of a sentence with times of equal length."""
    words = sentence["text"].split()
    at = np.linspace(sentence["start_s"], sentence["end_s"], len(words) + 1).tolist()
    return list(zip(words, at, at[1:], strict=False))


def test_a_bed_has_the_level_that_was_asked_for(mix):
    noisy = mixing.with_bed(mix, "noisy", "pink", 10.0, np.random.default_rng(1))
    bed = noisy.sound - mix.sound * np.float32(noisy.gain / mix.gain)

    assert audio.level_db(bed) == pytest.approx(mixing.SPEECH_DB - 10.0, abs=0.3)


def test_a_manifest_names_speaker_and_text(tmp_path):
    audio.write(tmp_path / "x.wav", np.zeros(10, np.float32), 16_000)
    (tmp_path / "manifest.tsv").write_text("x.wav\tann\tGood day.\n")

    assert corpus.read(tmp_path).utterances == [Utterance(tmp_path / "x.wav", "ann", "Good day.")]
    (tmp_path / "manifest.tsv").write_text("x.wav\tann\tGood day.\ny.wav\tbob\n")
    with pytest.raises(ValueError, match=r"manifest\.tsv:2: want path, speaker and text"):
        corpus.read(tmp_path)


@pytest.mark.parametrize("kind", mixing.EVERY)
def test_every_sound_has_the_length_and_level_that_was_asked_for(kind):
    """0 dB: a mix gives it its level; the same numbers each time."""
    sound, again = (mixing.EVERY[kind](2.5, np.random.default_rng(3)) for _ in range(2))

    assert sound.dtype == np.float32
    assert len(sound) == round(2.5 * RATE_HZ)
    assert audio.level_db(sound) == pytest.approx(0.0, abs=0.1)
    assert np.array_equal(sound, again)


def test_interludes_are_many_in_a_long_pause_and_leave_the_words_alone(mix):
    long = mixing.joined(
        "long", [s.utterance for s in mix.said], (10.0, 10.0), np.random.default_rng(0)
    )

    busy = mixing.with_interludes(
        long, "busy", ("beat", "hum"), np.random.default_rng(1), each_s=4.0
    )

    added = np.abs(busy.sound / np.float32(busy.gain) - long.sound / np.float32(long.gain))
    first, second = long.said
    for said in long.said:
        assert added[round(said.start_s * RATE_HZ) : round(said.end_s * RATE_HZ)].max() < 1e-4
    gap_s = second.start_s - first.end_s
    between = added[round(first.end_s * RATE_HZ) : round(second.start_s * RATE_HZ)]
    loud = audio.frame_levels_db(between, RATE_HZ, 0.1) > -50
    assert 0.6 * gap_s < 0.1 * loud.sum() < gap_s - 1.0


def test_words_at_the_edges_of_clips_are_counted_in_the_uncut_text_too():
    """Of six words clips end at the first, third, fourth and fifth: one of these is wrong."""
    said = ("cat", "dog", "red", "lamp", "tree", "ship")
    words = [TrueWord(f" {word}", i, i + 0.9, "a") for i, word in enumerate(said)]

    found = scoring.uncut(words, [(0, 3), (3, 5)], "cat cow green lamp tree sheep")

    assert (found.true, found.wrong) == (6, 3)
    assert (found.edge_true, found.edge_wrong) == (4, 1)


def test_a_clip_is_loosened_by_what_it_cut_off_and_the_pause_but_by_no_other_word():
    """Sound from 1 to 2 s, from 2.3 to 4 s, and a word at 4.8 s."""
    loud = np.zeros(600, bool)
    loud[100:200] = loud[230:400] = loud[480:500] = True

    assert scoring.loosened(loud, (2.2, 4.1)) == pytest.approx((2.0, 4.6))  # as it should be
    assert scoring.loosened(loud, (2.4, 3.9)) == pytest.approx((2.0, 4.5))  # in both its words
    assert scoring.loosened(loud, (0.2, 5.9)) == pytest.approx((0.0, 6.0))  # at the file's ends


def test_kept_seconds_are_the_targets_or_somebody_elses(mix):
    """Of a (0.6-1.6 s) 0.5 s are kept, of b (2.6-3.6 s) 0.25 s; what is not the target's is not."""
    pieces = [Piece(0.6, 1.1, 0.9, ""), Piece(1.1, 1.6, 0.5, "overlap"), Piece(2.6, 2.85, 0.8, "")]

    kept = owners.counted(mix, "a", pieces)

    assert kept.spoken_s == pytest.approx(1.0, abs=0.03)
    assert kept.kept_s == pytest.approx(0.5, abs=0.03)
    assert kept.others_s == pytest.approx(0.25, abs=0.03)
    assert kept.purity == pytest.approx(2 / 3, abs=0.03)


def test_the_silence_after_anothers_words_is_nobodys(mix):
    """b speaks until 0.7 s and has 0.5 s of silence after it, into a's words from 0.8 to 1.8 s."""
    tone = mix.said[0].samples
    chance = np.random.default_rng(0)
    quiet = np.concatenate([tone[: RATE_HZ // 2], np.zeros(RATE_HZ // 2, np.float32)])
    said = [
        replace(mix.said[1], start_s=0.2, end_s=1.2, samples=quiet),
        replace(mix.said[0], start_s=0.8, end_s=1.8),
    ]

    kept = owners.counted(mixing.placed("close", said, chance), "a", [Piece(0.75, 1.8, 0.9, "")])

    assert kept.spoken_s == pytest.approx(1.0, abs=0.03)
    assert kept.kept_s == pytest.approx(1.0, abs=0.03)
    assert kept.others_s == 0


def test_likeness_is_that_of_the_windows_in_each_ones_turns(mix):
    """Two windows in a's turn (0.6-1.6 s), one in b's, at 60 degrees: 0.5."""
    embeddings = np.array([[1, 0], [1, 0], [0.5, 0.75**0.5]], np.float32)

    alike = owners.likeness(mix, "a", [(0.6, 1.4), (0.8, 1.6), (2.6, 3.6)], embeddings)

    assert alike == pytest.approx(0.5, abs=1e-6)
