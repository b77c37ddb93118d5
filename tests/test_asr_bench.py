"""What bench/asr.py says of words that are wrong, and of how sure it is."""

import pytest

from bench.wrong_words import interval, rate, wrong_words


@pytest.mark.parametrize(
    ("heard", "wrong"),
    [
        ("one red cat. It sat down!", [0, 0]),
        ("One red hat it sat down", [1, 0]),
        ("one cat it sat", [1, 1]),
        ("one red cat meow it sat down now", [1, 1]),  # words too many
        ("well one red cat it sat down", [1, 0]),
        ("", [3, 3]),
    ],
)
def test_each_wrong_word_is_its_clips(heard, wrong):
    assert wrong_words(["One red cat.", "It sat down."], heard) == [(n, 3) for n in wrong]


def test_the_rate_is_that_of_all_words():
    assert rate([(1, 3), (0, 7)]) == 10.0


def test_a_difference_in_one_clip_may_be_chance_and_one_in_all_is_none():
    none = [(0, 10)] * 100

    low, high = interval([(5, 10), *none[1:]], none)
    assert low == 0.0
    assert 0.5 < high < 2.5  # the clip is drawn once, on average, and three times at most
    assert interval([(1, 10)] * 100, none) == (10.0, 10.0)
    assert interval(none, none) == (0.0, 0.0)
