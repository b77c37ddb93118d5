"""Progress: what a run says of how far it is, on a terminal, in a log, and by the numbers."""

import logging
import os
import re
import sys

import pexpect
import pytest

from pipeline.estimate import Rates
from pipeline.progress import Progress
from tests.cheap import FLOW
from tests.forked import COMMON, run, texts
from tests.test_runner import ROOT

TAKE, SHOUT, BOOK = FLOW


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


class KnownRates(Rates):
    """Rates of earlier runs: seconds of a worker a second of sound."""

    def __init__(self, **rates: float) -> None:
        self.rates = rates
        self.learned: dict[str, tuple[float, float]] = {}

    def of(self, step: str) -> float:
        return self.rates[step]

    def learn(self, step: str, audio_s: float, worker_s: float) -> None:
        self.learned[step] = (audio_s, worker_s)


@pytest.fixture
def said(caplog) -> pytest.LogCaptureFixture:
    top = logging.getLogger("pipeline")
    top.handlers.clear()  # of runs before
    top.propagate = True
    caplog.set_level(logging.DEBUG, "pipeline")
    return caplog


def job(clock: Clock) -> tuple[Progress, KnownRates]:
    rates = KnownRates(take=0.01, shout=0.1, book=0.02)
    return Progress(FLOW, rates, mode="plain", now=clock), rates


def at_a_tenth(workers: int, slower: float) -> tuple[float, float]:
    """Return (seconds said to be left, seconds in truth) after a tenth of the work: 200 recordings
    of 100 s; taking costs 0.01, shouting 0.1, binding 0.02 s a second of sound; here all are
    `slower` than in earlier runs."""
    clock = Clock()
    progress, _ = job(clock)
    sizes = {f"{k}": 100.0 for k in range(200)}
    whole_s = slower * 20000 * ((0.01 + 0.1) / workers + 0.02)
    for step, rate in ((TAKE, 0.01), (SHOUT, 0.1)):
        progress.begin(step, sizes, {}, workers)
        for done, source in enumerate(sizes, 1):
            if done % workers == 0:
                clock.s += slower * 100 * rate
            progress.end(step, source, "done", 100.0)
            if clock.s >= whole_s / 10:
                return progress.left_s(), whole_s - clock.s
        progress.finish(step)
    raise AssertionError("never reached")


@pytest.mark.parametrize("slower", [0.3, 1.3, 3.0])
@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_tenth_of_the_work_what_is_left_is_right_within_20_percent(workers, slower):
    """Also on a machine that is busier, or faster, than in earlier runs."""
    left_s, truth_s = at_a_tenth(workers, slower)

    assert left_s == pytest.approx(truth_s, rel=0.2)


def test_a_line_has_files_sound_speed_time_left_and_failures():
    clock = Clock()
    progress, _ = job(clock)
    progress.begin(TAKE, {"a": 60.0, "b": 60.0, "c": 120.0}, {}, 1)
    clock.s = 10.0
    progress.end(TAKE, "a", "done", 60.0)
    clock.s = 20.0
    progress.end(TAKE, "b", "failed", 60.0)

    line, whole = progress.lines()
    assert line == "take: 2 of 3 files, 2:00 of 4:00, 6.0x real time, 0:20 left, 1 failed"
    # 20, and 240 * (0.1 + 0.02) at the pace of (20 + 10) / (1.2 + 10): 2.7 times slower than told
    assert whole == "all: about 1:37 left"


def test_a_file_that_takes_longer_than_told_is_not_said_to_have_no_time_left():
    """60 s of sound were told to take 1.2 s in the last step; after 5 s nobody knows."""
    clock = Clock()
    progress, _ = job(clock)
    for step in (TAKE, SHOUT):
        progress.begin(step, {}, {}, 1)
    progress.begin(BOOK, {"*": 60.0}, {}, 1)
    clock.s = 5.0
    during = progress.lines()
    progress.end(BOOK, "*", "done", 60.0)

    assert during == ["book: 0 of 1 files, 0:00 of 1:00", "all: nearly done"]
    assert progress.lines()[0] == "book: 1 of 1 files, 1:00 of 1:00, 12.0x real time, 0:00 left"


def test_where_a_step_is_late_the_whole_takes_more_than_what_is_to_come():
    """60 s of sound were told to take 0.6 s in the first step; the two to come 7.2 s."""
    clock = Clock()
    progress, _ = job(clock)
    progress.begin(TAKE, {"a": 60.0}, {}, 1)
    clock.s = 5.0

    assert progress.lines() == ["take: 0 of 1 files, 0:00 of 1:00", "all: more than 0:07 left"]


def test_before_anything_is_decoded_bytes_tell_how_far_it_is():
    clock = Clock()
    progress, _ = job(clock)
    progress.begin(TAKE, {"a": None, "b": None}, {"a": 100, "b": 300}, 1)
    clock.s = 5.0
    progress.end(TAKE, "a", "done", 50.0)

    assert progress.lines()[0] == "take: 1 of 2 files, 0:50 of 3:20, 10.0x real time, 0:15 left"


def test_without_a_terminal_a_line_comes_after_5_percent_or_30_s_and_never_a_flood(said):
    clock = Clock()
    progress, _ = job(clock)
    progress.begin(TAKE, {f"{k}": 1.0 for k in range(1000)}, {}, 1)
    for k in range(1000):
        clock.s += 0.2  # 200 s in all: 5% are 10 s
        progress.end(TAKE, f"{k}", "done", 1.0)
    lines = [record.getMessage() for record in said.records]

    assert 18 <= len(lines) <= 20
    assert lines[0].startswith("⏳ take: 50 of 1000 files, 0:50 of 16:40")
    assert all(record.levelno == logging.INFO for record in said.records)


def test_rates_are_learned_for_the_next_job():
    clock = Clock()
    progress, rates = job(clock)
    progress.begin(TAKE, {"a": 60.0, "b": 60.0, "c": 60.0}, {}, 2)
    clock.s = 9.0
    for source in "abc":
        progress.end(TAKE, source, "done", 60.0)
    progress.finish(TAKE)

    assert rates.learned == {"take": (180.0, 18.0)}  # two workers for 9 s


def on_terminal(tmp_path, columns: int = 80, **environment: str) -> str:
    """Return all that a job with one slow file writes on a terminal."""
    (tmp_path).mkdir(exist_ok=True)
    texts(tmp_path / "in", a="one", b="hold", c="boom")
    variables = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment}
    variables.pop("COLUMNS", None)  # what a test runner sets would hide the terminal's own
    words = ["-m", "tests.cheap", *COMMON, "in"]
    terminal = pexpect.spawn(
        sys.executable, words, cwd=str(tmp_path), env=variables, dimensions=(24, columns),
        encoding=None, timeout=60,
    )  # fmt: skip
    terminal.expect_exact(b"1 of 3 fil")
    before = terminal.before + terminal.after
    (tmp_path / "in/b.go").touch()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 3
    return (before + terminal.before).decode("utf-8")


def plain(text: str) -> list[str]:
    """Return lines without escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "\n").split("\n")


def test_on_a_terminal_the_line_is_repainted_and_messages_stay_word_for_word(tmp_path):
    written = on_terminal(tmp_path)

    lines = plain(written)
    assert any(re.match(r"take: 1 of 3 files", line) for line in lines)
    assert {"🚀 Starting pipeline...", "📥 Taking: b.wav", "❌ Failed: c.wav: it says boom"} <= set(
        lines
    )
    assert "\x1b[?25l" not in written  # a killed run leaves the cursor where it is seen
    log = (tmp_path / "out/pipeline.log").read_text(encoding="utf-8")
    assert "Taking: b.wav" in log and "\x1b" not in log


def test_no_color_is_respected(tmp_path):
    colours = re.compile(r"\x1b\[[0-9;]*m")

    assert colours.search(on_terminal(tmp_path / "a"))
    assert not re.search(r"\x1b\[[0-9;]*3\d", on_terminal(tmp_path / "b", NO_COLOR="1"))


def test_a_narrow_terminal_gets_one_line_a_step(tmp_path):
    lines = plain(on_terminal(tmp_path, columns=30))

    painted = [line for line in lines if line.startswith("take: ")]
    assert painted and all(len(line) <= 30 for line in painted)


def test_a_terminal_that_is_not_utf_8_gets_plain_words(tmp_path):
    written = on_terminal(tmp_path, columns=50, PYTHONIOENCODING="ascii", LC_ALL="C")

    assert written.isascii()
    assert "Taking: b.wav" in plain(written)


def test_progress_can_be_switched_off(tmp_path):
    texts(tmp_path / "in", a="one")
    code, said = run(tmp_path, *COMMON, "in", "--progress", "off")

    assert code == 0
    assert "⏳" not in said and "\x1b" not in said


def test_the_summary_adds_up_and_tells_what_was_skipped(tmp_path):
    texts(tmp_path / "in", a="one", b="drop", c="boom", d="two")
    run(tmp_path, *COMMON, "in")
    texts(tmp_path / "in", e="three")
    code, said = run(tmp_path, *COMMON, "in", "--resume")

    rows = {line.split()[0]: line.split()[1:5] for line in said.splitlines() if "  " in line}
    assert code == 3
    assert rows["stage"] == ["done", "skipped", "dropped", "failed"]
    assert rows["take"] == ["1", "2", "1", "1"]
    assert rows["shout"] == ["1", "2", "0", "0"]
