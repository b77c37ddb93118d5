"""The report: one page, self-contained, every text escaped."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report import clock, doubts, render_report, seconds_bar, write_spectrograms
from pipeline.report.plots import (
    FOOT,
    HEAD,
    HEIGHT,
    MOST_BARS,
    distribution,
    phonemes_per_s,
    plots,
)
from pipeline.report.sounds import coverage, inventories
from pipeline.report.spectrogram import levels, packed
from pipeline.validate import unknown_symbols

VIEW: dict[str, Any] = {
    "language": "en",
    "accent": "american",
    "languages": [("en", 1)],
    "phonemes": {"kokoro": "by misaki", "styletts2": "by espeak-ng"},
    "alphabets": {"own": ["es"], "missing": ["ja"]},
    "processing": {"rows": [], "separators": [], "music_left": []},
    "recordings": [
        {
            "source": "<b>take</b>.wav",
            "duration_s": None,
            "dropped": "download_audio: no audio stream",
            "clips": 0,
            "used_s": 0.0,
            "rejected_s": 0.0,
            "non_speech_s": 0.0,
            "by_rule": [("snr", 2.5)],
            "spans": [],
        }
    ],
    "rules": [
        {"rule": "snr", "count": 1, "seconds": 2.5, "example": "8 dB < 15 dB", "remedy": "hush"}
    ],
    "clips": [
        {
            "id": "a-0",
            "wav": "wavs/a-0.wav",
            "list": "val",
            "source": "<b>take</b>.wav",
            "duration_s": 2.0,
            "text": 'Say "5" & <go>',
            "normalized": "Say five and go",
            "kokoro": "sˈA",
            "scores": {"mos_ovrl": 3.1},
        }
    ],
    "clip_count": 1,
    "train_count": 0,
    "val_count": 1,
    "clip_s": 2.0,
    "input_s": 0.0,
    "used_s": 0.0,
    "guessed": [("Zyxquar", 2)],
    "warnings": ["only <one>"],
}


def test_texts_are_escaped_and_nothing_is_loaded() -> None:
    """No markup of a text gets into the page, and the page asks for nothing from elsewhere."""
    page = render_report(VIEW)

    assert "<b>take" not in page and "<go>" not in page and "<one>" not in page
    assert "&lt;b&gt;take" in page
    assert not re.findall(r"https?://|<script src|<link|@import", page)


def test_the_same_numbers_give_the_same_page() -> None:
    """No clock, no chance."""
    assert render_report(VIEW) == render_report(VIEW)


def test_numbers_become_bars_of_round_width() -> None:
    """Each number is in one bar, the highest fills the chart, the axis has round numbers."""
    plot = distribution("Length", "s", [2.1, 2.2, 2.9, 4.0, 4.5, 9.9])
    assert plot is not None

    assert plot.summary == "6 clips: 2.1 to 9.9 s, median 3.5 s"
    assert [words for *_, words in plot.bars] == [
        "2 to 4 s: 3 clips",
        "4 to 6 s: 2 clips",
        "8 to 10 s: 1 clip",
    ]
    room = HEIGHT - HEAD - FOOT
    assert [height for *_, height, _ in plot.bars] == [
        room,
        pytest.approx(room * 2 / 3, abs=0.01),
        pytest.approx(room / 3, abs=0.01),
    ]
    assert plot.ticks == [(14.0, "2"), (97.0, "4"), (180.0, "6"), (263.0, "8"), (346.0, "10")]
    assert plot.median_x == pytest.approx(14 + 83 * 1.45 / 2, abs=0.1)
    assert distribution("Length", "s", []) is None


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=200))
def test_no_number_is_lost_or_drawn_outside(values: list[float]) -> None:
    """Whatever the numbers: the bars hold them all, within the picture."""
    plot = distribution("x", "", values)
    assert plot is not None

    assert sum(int(words.split()[-2]) for *_, words in plot.bars) == len(values)
    assert all(x >= 13 and x + width <= 347 for x, _, width, _, _ in plot.bars)
    assert len(plot.bars) <= MOST_BARS + 1


def test_only_what_is_known_is_plotted() -> None:
    """A score that no clip has is no plot; the speaking rate counts sounds, not signs."""
    (clip,) = VIEW["clips"]
    titles = [plot.title for plot in plots([clip])]

    assert titles == ["Length", "Speaking rate", "DNSMOS (overall)"]
    assert phonemes_per_s("hˈɛ, lˌoː!", 2.0) == 2.0


def test_sounds_that_the_language_has_and_nobody_says_are_named() -> None:
    """Held against the language's inventory: missing, rare, and those that it does not have."""
    said = coverage(["θɪs ɪz ʒ"] * 6 + ["ɒ"], "en", "american")

    assert {"ð", "ŋ", "ʃ"} <= set(said["missing"])
    assert not {"θ", "ɪ", "s", "z"} & {*said["missing"], *said["rare"]}
    assert ("ɒ", 1) in said["others"]
    assert said["covered"] + len(said["missing"]) == said["size"] == len(said["counts"])
    page = render_report({**VIEW, "clips": [{**VIEW["clips"][0], "kokoro": "θɪs"}]})
    missing = page.split("Missing:")[1].split("</span>")[0]
    assert "ð" in missing and "θ" not in missing


def test_every_inventory_is_in_kokoros_alphabet() -> None:
    """Vowels and consonants of each language, and no sign that the trainer would drop."""
    for language, known in inventories().items():
        found = known.split()
        assert 15 < len(found) < 80, language
        assert not unknown_symbols("".join(found), "kokoro"), language
        assert {"a", "ɑ", "æ", "ə"} & set(found) and {"t", "k", "s"} & set(found), language


def test_the_sounds_of_english_loans_are_not_a_languages_own() -> None:
    """espeak-ng reads "weekend" in French and Vietnamese by the rules of English."""
    known = {language: text.split() for language, text in inventories().items()}

    has_it = [language for language in known if "ɹ" in known[language]]

    assert has_it == ["en-american", "en-british", "ta"]  # Tamil: its own


def test_a_language_without_inventory_shows_what_is_said() -> None:
    """Nothing is called missing where nothing is known."""
    said = coverage(["ab"], "tlh")

    assert (said["known"], said["missing"], said["others"]) == (False, [], [("a", 1), ("b", 1)])


def test_a_tone_is_one_line_in_its_spectrogram() -> None:
    """1 s of 3 kHz: 40 frames and one, loudest in the band 2.8 to 3.1 kHz, silence 75 dB lower."""
    seconds = np.arange(24_000) / 24_000
    tone = (0.5 * np.sin(2 * np.pi * 3000 * seconds)).astype(np.float32)
    found = levels(tone)

    assert found.shape == (41, 64)
    assert set(found[2:-2].argmax(axis=1)) <= {15, 16}
    assert found[2:-2, :10].max() <= 3 and found[2:-2].max(axis=1).min() == 15
    assert not levels(np.zeros(1000, np.float32)).any()


def test_spectrograms_are_packed_as_the_page_unpacks_them(tmp_path) -> None:
    """Two bands a byte, the lower one in the low half; ids are quoted."""
    assert packed(np.array([[1, 2, 15, 0]], np.uint8)).tolist() == [[0x21, 0x0F]]
    write_spectrograms(tmp_path / "s.js", [('a"b', np.zeros(600, np.float32))])
    text = (tmp_path / "s.js").read_text()

    assert text.startswith('takeSpectrograms({\n"a\\"b": "AAAA') and text.endswith("});\n")


def test_what_was_undone_is_counted() -> None:
    """Reduction and separation, each kept and undone; music that stayed for want of weights."""
    rows = [("noise reduction", 3, 1), ("separation from music", 5, 2)]
    done = {"rows": rows, "separators": ["spleeter"], "music_left": ["<band>.mp3"]}
    page = render_report({**VIEW, "processing": done})

    assert '<td>separation from music</td><td class="n">5</td><td class="n">2</td>' in page
    assert "Music stayed in, for want of weights to take it away: &lt;band&gt;.mp3" in page


def test_clock() -> None:
    """Seconds as people read them."""
    assert [clock(s) for s in (None, 5, 65.0, 3725.2)] == ["?", "0:05", "1:05", "1:02:05"]


def test_the_bar_adds_up_to_all_seconds() -> None:
    """Used first, then the rules by length, then what was nobody's."""
    rows = [
        {"used_s": 5.0, "non_speech_s": 1.0, "by_rule": [("snr", 2.0)]},
        {"used_s": 3.0, "non_speech_s": 0.0, "by_rule": [("language", 4.0)]},
    ]
    bar = seconds_bar(rows)

    assert [(part["rule"], part["seconds"], part["before"]) for part in bar] == [
        ("used", 8.0, 0.0),
        ("language", 4.0, 8.0),
        ("snr", 2.0, 12.0),
        ("no speech", 1.0, 14.0),
    ]


def test_the_clip_that_is_worse_in_most_scores_is_the_most_doubtful() -> None:
    """Scores of any name may be there; one that is missing has no say."""
    scores = [
        {"snr_db": 40, "word_probability": 0.9, "peak_db": -1},
        {"snr_db": 10, "word_probability": 0.5},
        {"snr_db": 30},
        {},
    ]

    assert doubts(scores) == [0.0, 0.583, 0.333, 0.0]


def test_the_time_line_says_what_was_not_used_and_why() -> None:
    """A span is drawn at its share of the recording, its reason is shown on hover, escaped."""
    span = {"start_s": 2.0, "end_s": 4.5, "kind": "bad", "what": "snr: 8 dB < 15 dB"}
    row = {**VIEW["recordings"][0], "duration_s": 10.0, "spans": [span]}

    page = render_report({**VIEW, "recordings": [row]})
    drawn = '<rect class="bad" x="200.0" width="250.0" height="14">'
    assert f"{drawn}<title>2.0 to 4.5 s: snr: 8 dB &lt; 15 dB</title>" in page
