"""A short pause is a laugh's end where the bursts beside it are alike and what is beyond is not."""

import numpy as np
import pytest

from bench.mixes import breathing
from pipeline.audio import OUTPUT_HZ
from pipeline.stages.segment_audio.laughter import COMPARED_S, difference_db, is_end, spectrum_db

SIZE = round(COMPARED_S * OUTPUT_HZ)


@pytest.fixture(scope="module")
def bursts():
    """The ends of four bursts of a laugh, falling in pitch."""
    laugh = breathing.laughs(0.9, np.random.default_rng(3))
    ends = [round((0.2 * k + 0.11) * OUTPUT_HZ) for k in range(4)]
    return [laugh[end - SIZE : end] for end in ends]


@pytest.fixture(scope="module")
def hiss():
    """What an "s" is: noise above 3 kHz."""
    noise = np.random.default_rng(4).standard_normal(SIZE)
    spectrum = np.fft.rfft(noise)
    spectrum[: round(3_000 * SIZE / OUTPUT_HZ)] = 0
    return np.fft.irfft(spectrum, SIZE).astype(np.float32)


def test_beyond_the_last_burst_is_another_sound(bursts, hiss):
    assert is_end(bursts, hiss)


def test_between_two_bursts_is_no_end(bursts):
    assert not is_end(bursts[1:], bursts[0])


def test_the_end_of_a_word_after_its_closure_is_no_burst_of_a_laugh(bursts, hiss):
    """ "facts" and a laugh: the "s" and the bursts are not one laugh, whatever comes before."""
    hum = np.sin(2 * np.pi * 120 * np.arange(SIZE) / OUTPUT_HZ).astype(np.float32)

    assert is_end(bursts, hum)
    assert not is_end([hiss, *bursts], hum)


def test_sounds_are_compared_whatever_their_levels(bursts):
    burst, quieter = (spectrum_db(bursts[0] * gain) for gain in (1, 0.1))
    assert difference_db(burst, quieter) == pytest.approx(0, abs=0.1)
    assert not is_end(bursts[1:], bursts[0] * 0.1)


def test_a_burst_shorter_than_what_is_compared_is_one_too(bursts, hiss):
    shorter = [burst[-SIZE // 4 :] for burst in bursts]

    assert is_end(shorter, hiss)
    assert not is_end(shorter[1:], shorter[0])
