"""The report in a real browser: it opens at once, sorts, filters and plays, and nothing complains.

Skipped where there is no Chromium (Debian: apt-get install chromium).
"""

from collections.abc import Iterator

import numpy as np
import pytest

from pipeline import audio
from pipeline.report import render_report
from tests.browser import CHROMIUM, Browser
from tests.test_report import VIEW

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here: the report is not opened")
CLIPS = 5000
TOOLS = """
const column = (n) =>
  [...document.querySelectorAll("#clips tbody tr")].map((row) => row.cells[n].textContent);
const head = (key) => document.querySelector(`th[data-key=${key}]`).click();
const filter = (words) => { $("filter").value = words; $("filter").oninput(); };
"""


def clip(k: int) -> dict:
    snr_db = 5 if k == 77 else 30 + k % 10
    return {
        "id": f"a-{k:04d}", "wav": "wavs/a.wav", "list": "train", "source": "a.wav",
        "duration_s": 2 + k / 1000, "text": f"This is <i>number</i> {k}.", "normalized": "this",
        "kokoro": "ðˌɪs", "scores": {"snr_db": snr_db, "word_probability": 0.9},
    }  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator[Browser]:
    """A report of 5,000 clips, opened from its file."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "wavs").mkdir()
    audio.write(folder / "wavs/a.wav", np.zeros(36_000, np.float32), 24_000)
    text = render_report({**VIEW, "clips": [clip(k) for k in range(CLIPS)], "clip_count": CLIPS})
    (folder / "report.html").write_text(text, encoding="utf-8")
    browser = Browser(folder / "profile")
    browser.open((folder / "report.html").as_uri())
    browser.evaluate(TOOLS)
    yield browser
    browser.close()


def test_the_most_doubtful_clip_is_first_and_rows_come_by_the_hundred(page):
    assert page.evaluate("[column(1)[0], column(1).length]") == ["a-0077", 100]
    assert page.evaluate("$('more').click(), column(1).length") == 200


def test_a_click_on_a_heading_sorts_and_another_turns_it_round(page):
    assert page.evaluate("head('duration_s'), column(3)[0]") == "2.00"
    assert page.evaluate("head('duration_s'), column(3)[0]") == "7.00"


def test_the_filter_finds_words(page):
    assert page.evaluate("filter('number 4321'), column(1)") == ["a-4321"]
    assert page.evaluate("filter('nobody said this'), column(1)") == []
    assert page.evaluate("filter(''), column(1).length") == 100


def test_a_clip_is_played_from_the_folder_beside_the_page(page):
    script = """new Promise((done) => {
        $("player").addEventListener("ended", () => done($("player").duration), {once: true});
        document.querySelector("#clips tbody button").click();
    })"""

    assert page.evaluate(script) == pytest.approx(1.5)


def test_texts_stay_texts(page):
    assert page.evaluate("document.querySelectorAll('#clips i').length") == 0


def test_the_console_is_empty(page):
    assert page.complaints == []
