"""Word times that cannot be are put right by the neighbours and the sound.

'Speech' is bursts of noise at known times; whisper's times are made wrong on purpose.
"""

import pytest

from pipeline.stages.segment_audio.envelope import FRAME_S
from pipeline.stages.segment_audio.times import repaired
from pipeline.stages.segment_audio.words import Word
from tests.test_segment_audio import Take, segmented, texts

FIRST = "The old bridge was built in"
SECOND = "Nobody had seen it coming before that day."
NUMBER_S = 1.3


def take():
    """A number of 1.3 s, a pause of 0.5 s, another sentence; then two ordinary ones."""
    made = Take().pause(0.6).say(FIRST).pause(0.03).say("1865.", word_s=NUMBER_S)
    made.pause(0.5).say(SECOND).pause(0.8).say("All of the old clocks in the house stopped.")
    return made.pause(0.6)


def without_time(made, index, at):
    """Give a word no time, and its sound to the word before (at=1) or after (at=0)."""
    words = list(made.words)
    text, start_s, end_s = words[index]
    moment_s = (start_s, end_s)[at]
    words[index] = (text, moment_s, moment_s)
    if at:
        words[index - 1] = (*words[index - 1][:2], moment_s)
    else:
        words[index + 1] = (words[index + 1][0], moment_s, words[index + 1][2])
    made.words = words
    return made


@pytest.mark.parametrize("at", [0, 1])
def test_a_number_without_time_gets_the_sound_that_is_its_own(tmp_path, at):
    true_s = take().words[6][1:]
    made = without_time(take(), 6, at)

    document, _ = segmented(made.item(tmp_path), tmp_path, max_clip_s=4.5)

    assert texts(document)[:2] == [f"{FIRST} 1865.", SECOND]
    assert document["clips"][0]["end_s"] == pytest.approx(true_s[1] + 0.2, abs=0.06)
    assert document["clips"][1]["start_s"] == pytest.approx(true_s[1] + 0.5 - 0.2, abs=0.06)


@pytest.mark.parametrize("at", [0, 1])
def test_the_number_is_where_it_is_spoken(tmp_path, at):
    true_s = take().words[6][1:]

    word = repaired(*heard(without_time(take(), 6, at), tmp_path))[6]

    assert (word.start_s, word.end_s) == pytest.approx(true_s, abs=0.2)


def test_a_word_that_is_stretched_over_a_pause_ends_where_its_sound_does(tmp_path):
    made = Take().pause(0.6).say(FIRST).pause(3.0).say(SECOND).pause(0.6)
    text, start_s, end_s = made.words[5]
    made.words[5] = (text, start_s, end_s + 2.8)

    word = repaired(*heard(made, tmp_path))[5]

    assert (word.start_s, word.end_s) == pytest.approx((start_s, end_s), abs=0.03)


def test_times_that_can_be_stay_as_they_are(tmp_path):
    words, sound = heard(take(), tmp_path)

    assert repaired(words, sound) == words


def test_words_stay_in_order_and_inside_their_neighbours(tmp_path):
    made = take()
    for index in (2, 6, 9, 15):
        without_time(made, index, index % 2)
    words, sound = heard(made, tmp_path)

    found = repaired(words, sound)

    assert [word.text for word in found] == [word.text for word in words]
    edges = [edge for word in found for edge in (word.start_s, word.end_s)]
    assert all(b >= a - FRAME_S for a, b in zip(edges, edges[1:], strict=False))


def heard(made, folder):
    """Return the words with their times as they are in `made`, and the envelope of its sound."""
    from pipeline.stages.segment_audio import Params, recording

    sound = recording(made.item(folder), Params()).sound
    return [Word(text, a, b, 0.9, -0.2, 0.01, 1.2) for text, a, b in made.words], sound
