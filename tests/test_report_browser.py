"""The report in a real browser: it opens at once, sorts, filters and plays, and nothing complains.

Skipped where there is no Chromium (Debian: apt-get install chromium).
"""

import shlex
from collections.abc import Iterator
from urllib.parse import unquote

import numpy as np
import pytest

from pipeline import audio
from pipeline.exclusions import read_ids
from pipeline.report import render_report
from tests.browser import CHROMIUM, Browser
from tests.test_limits import wait_until
from tests.test_report import VIEW

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here: the report is not opened")
CLIPS = 5000
TOOLS = """
const column = (n) =>
  [...document.querySelectorAll("#clips tbody tr")].map((row) => row.cells[n + 1].textContent);
const head = (key) => document.querySelector(`th[data-key=${key}]`).click();
const box = (id) => document.querySelector(`tr input[data-clip="${id}"]`);
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
    folder = tmp_path_factory.mktemp("it's a report")
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


def test_ticked_clips_are_collected_into_a_file_that_exclude_takes(page, tmp_path):
    """Ticked in two views, one unticked again; the file has ids alone, the command names OUT."""
    page.download_to(tmp_path)
    for number in ("0012", "0013", "4321"):
        page.evaluate(f"filter('a-{number}'), box('a-{number}').click()")
    page.evaluate("filter('a-0013'), box('a-0013').click(), filter('')")
    assert page.evaluate("[$('count').textContent, $('how').hidden]") == [
        "2 clips are ticked",
        False,
    ]
    page.evaluate("$('collect').click()")
    saved = tmp_path / "ids.txt"
    wait_until(lambda: saved.exists() and saved.stat().st_size > 0)

    assert read_ids(saved) == ["a-0012", "a-4321"]
    folder = unquote(page.evaluate("location.pathname")).rpartition("/")[0]
    command = shlex.split(page.evaluate("$('command').textContent"))
    assert command == ["dataset-pipeline", "exclude", folder, "ids.txt"]


def test_ticks_outlive_the_page_and_can_be_seen_and_taken_back_together(page):
    page.evaluate("$('untick').click(), filter('a-0100'), box('a-0100').click()")
    page.open(page.evaluate("location.href"))
    page.evaluate(TOOLS)

    assert page.evaluate("$('ticked-only').click(), column(1)") == ["a-0100"]
    assert page.evaluate("$('untick').click(), [column(1).length, $('collect').disabled]") == [
        0,
        True,
    ]
    assert page.evaluate("$('ticked-only').click(), column(1).length") == 100


def test_the_key_x_ticks_the_clip_that_is_heard(page):
    press = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'x', bubbles: true}))"
    page.evaluate("filter('a-0200'), document.querySelector('#clips tbody button').click()")

    assert page.evaluate(f"{press}, [box('a-0200').checked, $('count').textContent]") == [
        True,
        "1 clip is ticked",
    ]
    assert page.evaluate(f"{press}, filter(''), $('count').textContent") == "No clip is ticked"


def test_texts_stay_texts(page):
    assert page.evaluate("document.querySelectorAll('#clips i').length") == 0


def test_the_console_is_empty(page):
    assert page.complaints == []
