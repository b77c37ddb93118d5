"""The report: one page, self-contained, every text escaped."""

import re
from typing import Any

from pipeline.report import clock, histogram, render_report, seconds_bar
from pipeline.report.doubt import doubts

VIEW: dict[str, Any] = {
    "language": "en",
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
    "rules": [{"rule": "snr", "count": 1, "seconds": 2.5, "example": "8 dB < 15 dB"}],
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
            "scores": {"dnsmos": 3.1},
        }
    ],
    "clip_count": 1,
    "train_count": 0,
    "val_count": 1,
    "clip_s": 2.0,
    "durations": [2.0],
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


def test_durations_become_bars() -> None:
    """One bar a second, also for seconds without a clip; the highest fills the chart."""
    bars = histogram([2.1, 2.9, 4.0])

    assert [(bar["second"], bar["count"], bar["height"]) for bar in bars] == [
        (2, 2, 140.0),
        (3, 0, 0.0),
        (4, 1, 70.0),
    ]
    assert histogram([]) == []


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
