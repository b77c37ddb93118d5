"""Where clips begin and end within a pause: in what is no louder than the room."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.stages.segment_audio.edges import Break, Margin
from pipeline.stages.segment_audio.envelope import Envelope, envelope
from pipeline.stages.segment_audio.margins import settled
from tests.test_segment_audio import SENTENCES, Take, rules, segmented, texts

NOISE_DB, BREATH_DB = -48, -44  # together -42.5: 5 dB over the room, 20 dB under the voice


def still(seconds, *sounds, swells=()):
    """An envelope: all still but for `sounds`, and the room but for them and the `swells`."""
    quiet, room = (np.ones(round(seconds * 100), bool) for _ in range(2))
    for flags, spans in ((quiet, sounds), (room, [*sounds, *swells])):
        for start_s, end_s in spans:
            flags[round(start_s * 100) : round(end_s * 100)] = False
    levels = np.full(len(quiet), -60, np.float32)
    return Envelope(levels, levels, quiet, quiet, room)


@pytest.mark.parametrize(
    "sounds, tail, head",
    [
        ([], (1.2, 0.18), (1.8, 0.18)),
        # a release after a closure of 0.12 s stays with the word before it
        ([(1.12, 1.18)], (1.3, 0.1), (1.8, 0.18)),
        # a breath 0.1 s before the word after it is in no clip; one beside it is in that clip
        ([(1.75, 1.88)], (1.2, 0.18), (1.9, 0.08)),
        ([(1.75, 1.91)], (1.2, 0.18), (1.93, 0.05)),
        ([(1.75, 2.0)], (1.2, 0.18), (1.63, 0.1)),
    ],
)
def test_a_clip_is_cut_in_the_first_stillness_beside_its_voice(sounds, tail, head):
    """A pause from 1 to 2 s, 0.2 s of quiet wanted, at least 0.1 s of it still."""
    (gap,) = settled([Break((1.0, 2.0), (1.0, 2.0))], still(3, *sounds), [], 0.2)

    found = [gap.tail.cut_s, gap.tail.still_s, gap.head.cut_s, gap.head.still_s]
    assert found == pytest.approx([*tail, *head])


def test_a_breath_that_swells_is_cut_before_it_is_heard():
    """Stillness from 1 to 2 s; from 1.15 to 1.85 s it is a breath's beginning and end."""
    (gap,) = settled([Break((1.0, 2.0), (1.0, 2.0))], still(3, swells=[(1.15, 1.85)]), [], 0.2)
    (never,) = settled([Break((1.0, 2.0), (1.0, 2.0))], still(3, swells=[(0.9, 2.1)]), [], 0.2)

    assert (gap.tail.cut_s, gap.head.cut_s) == pytest.approx((1.13, 1.87))
    assert (never.tail.cut_s, never.head.cut_s) == pytest.approx((1.2, 1.8))


def test_what_only_a_mean_tells_from_the_room_is_left_out_where_the_pause_is_long_enough():
    """A pause from 1 to 2 s, all still: a voice dies away until 1.3 s, from 1.7 to 1.9 s there is
    a breath 3 dB over the room."""
    sound = still(3)
    levels = sound.levels_db.copy()
    levels[100:130] += np.linspace(6, 0, 30)
    levels[170:190] += 3
    heard = replace(sound, levels_db=levels)

    (gap,) = settled([Break((1.0, 2.0), (1.0, 2.0))], heard, [], 0.2)

    assert 1.3 <= gap.tail.cut_s <= 1.4
    assert 1.59 <= gap.head.cut_s <= 1.62


def test_what_is_far_under_the_voice_is_still_and_only_the_room_is_the_room():
    """A room at -66 dB, a voice at -20; a breath's beginning at -58 is still beside the voice."""
    chance = np.random.default_rng(1)
    levels = np.concatenate((np.full(200, -66.0), -20 - 40 * chance.random(500) ** 3))
    levels = np.concatenate((levels, np.full(200, -66.0))).astype(np.float32)
    levels[100:120] = -58

    sound = envelope(levels, [(2.0, 7.0)], [])

    assert sound.still[:195].all()
    assert sound.room[:98].all() and not sound.room[100:120].any()


def test_a_pause_without_stillness_is_not_proven_and_the_end_of_a_recording_is():
    noisy = Break((1.0, 2.0), (1.0, 2.0))
    end = Break((3.0, 3.0), (3.0, 3.0))
    cut = Break((3.0, 3.0), (3.0, 3.0), is_cut=True)

    found = settled([noisy, None, end, cut], still(3, (0.9, 2.1)), [], 0.2)

    assert found == [noisy, None, end, cut]
    assert [gap.can_end for gap in found if gap] == [False, True, False]
    assert [gap.can_begin for gap in found if gap] == [False, True, False]


def test_no_clip_reaches_over_somebody_else():
    """Stillness behind another's turn is none of this clip's, nor that before it of the next's."""
    gap = Break((1.0, 1.2), (1.8, 2.0))

    (alone,) = settled([gap], still(3, (1.0, 1.3), (1.7, 2.0)), [], 0.2)
    (beside,) = settled([gap], still(3, (1.0, 1.3), (1.7, 2.0)), [(1.25, 1.75)], 0.2)

    assert alone.can_end and alone.can_begin
    assert not beside.can_end and not beside.can_begin


def test_each_side_of_somebody_elses_turn_is_judged_by_its_own_pause():
    """A clip may end in the pause before a turn though the next one has none to begin in."""
    gap = Break((1.0, 1.3), (2.0, 2.0), is_turn=True)

    (found,) = settled([gap], still(3, (1.3, 2.5)), [(1.35, 2.0)], 0.2)

    assert found.can_end and not found.can_begin


def test_what_is_too_short_of_stillness_gets_digital_silence():
    """80 ms still: 40 ms each side, and silence up to 0.2 s, at least 0.1 s of it at the end."""
    gap = Break((1.0, 1.08), (1.0, 1.08))

    (short,) = settled([gap], still(3), [], 0.2)
    late = Break((1.0, 1.3), (1.0, 1.3), tail=Margin(1.3, 0.04), head=Margin(1.0, 0.3))

    assert (short.tail_end_s, short.head_start_s) == pytest.approx((1.04, 1.04))
    assert short.tail_pad_s(0.2) == pytest.approx(0.16)
    assert (late.tail_pad_s(0.2), late.head_pad_s(0.2)) == pytest.approx((0.06, 0.0))


def test_steady_noise_is_still_and_a_breath_in_it_is_not():
    """Noise at -42 dB that varies by 1 dB; a breath 5 dB over it is quiet beside a voice."""
    chance = np.random.default_rng(1)
    levels = np.concatenate(
        (np.full(300, -42.0), chance.uniform(-44, -16, 700), np.full(300, -42.0))
    )
    levels = (levels + chance.normal(0, 1, len(levels))).astype(np.float32)
    levels[100:110] += 5

    sound = envelope(levels, [(3.0, 10.0)], [])

    outside = np.r_[0:95, 115:295, 1005:1300]
    assert sound.quiet[np.r_[0:300, 1000:1300]].all()
    assert sound.still[outside].mean() > 0.99
    assert not sound.still[101:109].any()
    assert sound.still[305:995].mean() < 0.05


def take_with(before_s, breath_s, after_s):
    """Two sentences in noise; in the pause between them a breath (None: as long as the pause)."""
    take = Take(room_db=NOISE_DB).pause(1.0).say(" ".join(SENTENCES[:3])).pause(before_s)
    take._add(breath_s, BREATH_DB)
    take.breath = (take.time_s - breath_s, take.time_s)
    return take.pause(after_s).say(" ".join(SENTENCES[3:])).pause(1.0)


def test_no_clip_begins_or_ends_in_a_breath_that_is_quiet_beside_the_voice(tmp_path):
    """0.3 s, a breath 5 dB over the noise, 0.15 s: the cut lies in the noise on either side."""
    take = take_with(0.3, 0.12, 0.15)

    document, _ = segmented(take.item(tmp_path), tmp_path, min_snr_db=10.0)

    assert len(document["clips"]) == 2
    (first, second), (start_s, end_s) = document["clips"], take.breath
    assert first["end_s"] <= start_s + 0.01 and second["start_s"] >= end_s - 0.01


def test_a_clip_whose_pause_is_all_breath_is_dropped_with_its_reason(tmp_path):
    """The whole pause is a breath: what would begin or end in it is no clip."""
    take = take_with(0.0, 1.2, 0.0)

    document, _ = segmented(take.item(tmp_path), tmp_path, min_snr_db=10.0)

    assert texts(document) == []
    assert rules(document) == {"edge_sound"}
    reason = document["rejected"][0]["reason"]
    assert "never as still as the room for 50 ms" in reason
