"""The report: one page, self-contained, every text escaped."""

import re
from typing import Any

from pipeline.report import clock, histogram, render_report

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
        }
    ],
    "rules": [{"rule": "snr", "count": 1, "seconds": 2.5, "example": "8 dB < 15 dB"}],
    "clips": [
        {
            "id": "a-0",
            "wav": "wavs/a-0.wav",
            "list": "val",
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
    assert not re.findall(r"https?://|<script|<link|@import", page)


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
