"""What is asked on a terminal where another run is at work; of a checkpoint: test_calls."""

import sys

import pexpect
import pytest

from tests.test_runner import ROOT, start, texts, wait_for_start


def on_terminal(*words: object) -> pexpect.spawn:
    arguments = ["-m", "tests.cheap", *map(str, words)]
    return pexpect.spawn(sys.executable, arguments, cwd=str(ROOT), encoding="utf-8", timeout=120)


def end(terminal: pexpect.spawn) -> tuple[int, str]:
    """Wait for the end; return (exit code, what was said since the last prompt)."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus, terminal.before


@pytest.mark.parametrize(("key", "code"), [("q", 4), ("k", 0)])
def test_another_run_can_be_left_alone_or_killed(tmp_path, key, code):
    inputs = texts(tmp_path / "in", a="hold")
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
