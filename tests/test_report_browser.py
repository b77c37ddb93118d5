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
from pipeline.report import render_report, write_spectrograms
from tests.browser import CHROMIUM, Browser
from tests.test_limits import wait_until
from tests.test_report import VIEW

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium here: the report is not opened")
CLIPS, RECORDINGS = 5000, 250
TOOLS = """
const rows = () => [...document.querySelectorAll("#clips tbody tr:not(.more)")];
const column = (n) => rows().map((row) => row.cells[n].textContent);
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


def recording(k: int) -> dict:
    span = {"start_s": 2.0, "end_s": 4.5, "kind": "bad", "what": "snr: 8 dB < 15 dB"}
    row = {"source": f"take {k:04d} <b>.wav", "duration_s": 10.0, "dropped": "", "spans": [span]}
    return {**VIEW["recordings"][0], **row}


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator[Browser]:
    """A report of 5,000 clips, opened from its file."""
    folder = tmp_path_factory.mktemp("it's a report")
    (folder / "wavs").mkdir()
    tone = np.zeros(36_000, np.float32)
    tone[12_000:24_000] = 0.5 * np.sin(2 * np.pi * 3000 * np.arange(12_000) / 24_000)
    audio.write(folder / "wavs/a.wav", tone, 24_000)
    write_spectrograms(folder / "spectrograms.js", [("a-0300", tone)])
    view = {"clips": [clip(k) for k in range(CLIPS)], "clip_count": CLIPS}
    text = render_report({**VIEW, **view, "recordings": [recording(k) for k in range(RECORDINGS)]})
    (folder / "report.html").write_text(text, encoding="utf-8")
    browser = Browser(folder / "profile")
    browser.open((folder / "report.html").as_uri())
    browser.evaluate(TOOLS)
    yield browser
    browser.close()


def test_the_most_doubtful_clip_is_first_and_rows_come_by_the_hundred(page):
    assert page.evaluate("[column(2)[0], column(2).length]") == ["a-0077", 100]
    assert page.evaluate("$('more').click(), column(2).length") == 200


def test_a_click_on_a_heading_sorts_and_another_turns_it_round(page):
    assert page.evaluate("head('duration_s'), column(4)[0]") == "2.00"
    assert page.evaluate("head('duration_s'), column(4)[0]") == "7.00"


def test_the_filter_finds_words(page):
    assert page.evaluate("filter('number 4321'), column(2)") == ["a-4321"]
    assert page.evaluate("filter('nobody said this'), column(2)") == []
    assert page.evaluate("filter(''), column(2).length") == 100


def test_a_clip_is_played_from_the_folder_beside_the_page(page):
    script = """new Promise((done) => {
        $("player").addEventListener("ended", () => done($("player").duration), {once: true});
        document.querySelector("#clips tbody button").click();
    })"""

    assert page.evaluate(script) == pytest.approx(1.5)


def test_a_file_page_cannot_read_its_wavs_so_pictures_come_as_a_script(page):
    """Why spectrograms are not made in the browser; if this fails, they can be."""
    assert page.complaints == []
    fetched = "fetch('wavs/a.wav').then(() => 'read', () => 'refused')"

    assert page.evaluate(fetched) == "refused"
    page.complaints.clear()  # the browser's own words about it


def test_a_spectrogram_is_shown_on_demand_and_plays_from_where_it_is_clicked(page):
    """A tone from 0.5 s to 1 s, at 3 kHz: a dark stretch in the middle third, a quarter up."""
    page.evaluate("filter('a-0300')")
    assert page.evaluate("document.querySelectorAll('canvas').length") == 0
    page.evaluate("document.querySelector('td.act button').click()")
    wait_until(lambda: page.evaluate("document.querySelectorAll('canvas').length") == 1)

    row = "canvas.getContext('2d').getImageData(0, 48, canvas.width, 1).data"
    look = (
        f"const canvas = document.querySelector('canvas'); [canvas.width, canvas.height, ...{row}]"
    )
    width, height, *colours = page.evaluate(f"(() => {{ {look.replace('; [', '; return [')} }})()")
    red = colours[::4]
    paper = red[5]
    assert (width, height) == (61, 64)
    assert [red[k] == paper for k in (2, 15, 25, 30, 35, 45, 58)] == [
        True, True, False, False, False, True, True,
    ]  # fmt: skip
    assert "snr db" in page.evaluate("document.querySelector('.detail').textContent")
    jump = """new Promise((done) => {
        $("player").addEventListener("seeked", () => done($("player").currentTime), {once: true});
        const box = document.querySelector(".picture").getBoundingClientRect();
        const at = {clientX: box.left + box.width * 2 / 3, clientY: box.top + 5, bubbles: true};
        document.querySelector("canvas").dispatchEvent(new MouseEvent("click", at));
    })"""
    at_s = page.evaluate("byId.get('a-0300').duration_s") * 2 / 3
    assert page.evaluate(jump) == pytest.approx(min(at_s, 1.5), abs=0.05)
    page.evaluate("document.querySelector('td.act button').click(), filter('')")
    assert page.evaluate("document.querySelectorAll('canvas').length") == 0


def test_a_clip_without_a_picture_says_so(page):
    page.evaluate("filter('a-0301'), document.querySelector('td.act button').click()")
    wait_until(lambda: "pictures are made" in page.evaluate("$('clips').textContent"))
    page.evaluate("filter('')")


def test_plots_have_words_for_those_who_do_not_see_them(page):
    said = "[...document.querySelectorAll('figure svg')].map((plot) => plot.ariaLabel)"

    assert page.evaluate(said)[0] == "Length, 5000 clips: 2.0 to 7.0 s, median 4.5 s"


@pytest.mark.parametrize("width", [1400, 400])
def test_nothing_sticks_out_of_the_window(page, tmp_path, width):
    page.picture(tmp_path / "page.png", width, 900, "dark")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


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

    assert page.evaluate("$('ticked-only').click(), column(2)") == ["a-0100"]
    assert page.evaluate("$('untick').click(), [column(2).length, $('collect').disabled]") == [
        0,
        True,
    ]
    assert page.evaluate("$('ticked-only').click(), column(2).length") == 100


def test_the_key_x_ticks_the_clip_that_is_heard(page):
    press = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'x', bubbles: true}))"
    page.evaluate("filter('a-0200'), document.querySelector('#clips tbody button').click()")

    assert page.evaluate(f"{press}, [box('a-0200').checked, $('count').textContent]") == [
        True,
        "1 clip is ticked",
    ]
    cut = press.replace("key: 'x'", "key: 'x', ctrlKey: true")
    assert page.evaluate(f"{cut}, box('a-0200').checked")  # Ctrl-X is the browser's
    assert page.evaluate(f"{press}, filter(''), $('count').textContent") == "No clip is ticked"


def test_recordings_come_by_the_hundred_and_are_found_by_name(page):
    """With their time lines; one that was found goes again, and none is lost or twice."""
    names = "[...$('shown-lines').rows].filter((r) => !r.hidden).map((r) => r.dataset.source)"
    find = "(words) => { $('recording').value = words; $('recording').oninput(); }"

    assert len(page.evaluate(names)) == 100
    assert page.evaluate(f"({find})('TAKE 0249'), {names}") == ["take 0249 <b>.wav"]
    title = "$('shown-lines').querySelector('tr.found rect.bad title').textContent"
    assert page.evaluate(title) == "2.0 to 4.5 s: snr: 8 dB < 15 dB"
    assert page.evaluate(f"({find})('take 000'), {names}.length") == 10
    assert page.evaluate("$('lines').textContent") == "10 of 10 that match"
    assert page.evaluate(f"({find})(''), {names}.length") == 100
    seen = page.evaluate(f"$('more-lines').click(), $('more-lines').click(), {names}")
    assert seen == [f"take {k:04d} <b>.wav" for k in range(RECORDINGS)]
    assert page.evaluate("[$('lines').textContent, $('more-lines').hidden]") == ["250 of 250", True]


def test_texts_stay_texts(page):
    assert page.evaluate("document.querySelectorAll('#clips i, td b').length") == 0


def test_the_console_is_empty(page):
    assert page.complaints == []
