"""What is asked on a terminal, on a real one (pty)."""

import sys
from pathlib import Path

import pexpect
import pytest

from tests.test_runner import ROOT, dataset, run, start, taken_up, texts, wait_for_start


@pytest.fixture
def finished(tmp_path) -> Path:
    """The output of a finished job; its inputs are in "in" beside it."""
    run(texts(tmp_path / "in", a="one"), "--output", tmp_path / "out")
    return tmp_path / "out"


def on_terminal(*words: object) -> pexpect.spawn:
    arguments = ["-m", "tests.cheap", *map(str, words)]
    return pexpect.spawn(sys.executable, arguments, cwd=str(ROOT), encoding="utf-8", timeout=30)


def end(terminal: pexpect.spawn) -> tuple[int, str]:
    """Wait for the end; return (exit code, what was said since the last prompt)."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus, terminal.before


def test_yes_resumes(finished):
    terminal = on_terminal(finished.parent / "in", "--output", finished)
    terminal.expect_exact("Existing checkpoint found. Resume? (y/n)")
    terminal.sendline("y")

    code, said = end(terminal)
    assert code == 0
    assert "Nothing to do" in said


def test_no_asks_once_more_before_anything_is_discarded(finished):
    before = dataset(finished)
    terminal = on_terminal(finished.parent / "in", "--output", finished)
    terminal.expect_exact("Resume? (y/n)")
    terminal.sendline("n")
    terminal.expect_exact("begin anew? (y/n)")
    terminal.sendline("n")

    code, said = end(terminal)
    assert code == 2
    assert "nothing was done" in said
    assert dataset(finished) == before


def test_no_and_yes_begins_anew(finished):
    terminal = on_terminal(finished.parent / "in", "--output", finished)
    terminal.expect_exact("Resume? (y/n)")
    terminal.sendline("n")
    terminal.expect_exact("begin anew? (y/n)")
    terminal.sendline("y")

    code, said = end(terminal)
    assert code == 0
    assert taken_up(said.replace("\r", "")) == ["a.wav"]


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 2)])
def test_leaving_a_prompt_by_ctrl_c_or_ctrl_d_touches_nothing(finished, key, code):
    terminal = on_terminal(finished.parent / "in", "--output", finished)
    terminal.expect_exact("Resume? (y/n)")
    terminal.send(key)
    if key == "\x04":
        terminal.expect_exact("begin anew? (y/n)")
        terminal.send(key)

    found, said = end(terminal)
    assert found == code
    assert "Traceback" not in said


@pytest.mark.parametrize(("key", "code"), [("q", 4), ("k", 0)])
def test_another_run_can_be_left_alone_or_killed(tmp_path, key, code):
    inputs = texts(tmp_path / "in", a="wait")
    first = start(inputs, "--output", tmp_path / "out")
    wait_for_start(tmp_path / "out")
    (inputs / "a.wav").write_text("go")
    terminal = on_terminal(inputs, "--resume", "--output", tmp_path / "out")
    terminal.expect_exact(f"Pipeline already running (PID: {first.pid}). Wait or kill?")
    terminal.sendline(key)

    found, said = end(terminal)
    assert found == code, said
    if key == "q":
        first.terminate()
    assert first.wait() == 143
