"""How commands end: one message and an exit code; a traceback is in the log, and with --verbose."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import audio
from pipeline.checkpoint import NewerVersion
from pipeline.dispatch import LowDisk
from pipeline.exits import RunFailed, WrongUse
from pipeline.guard import explained
from pipeline.lock import LostLock
from pipeline.runner import Runner
from tests.forked import COMMON, run, texts

ROOT = Path(__file__).parent.parent
CATALOGUE = [
    (WrongUse("give --output"), 2, "give --output"),
    (ValueError("--val-percent nan: give a finite number"), 2, "--val-percent nan"),
    (NewerVersion("its version is 9"), 2, "its version is 9"),
    (OSError(17, "File exists", "/out"), 1, "/out: File exists; a file of that name is in the way"),
    (OSError(2, "No such file or directory", "/x/out"), 1, "/x/out: No such file or directory; it"),
    (OSError(13, "Permission denied", "/out"), 1, "/out: Permission denied; let this user write"),
    (RunFailed("no dataset was built"), 1, "no dataset was built"),
    (LowDisk("only 0.1 GB are free"), 1, "only 0.1 GB are free"),
    (LostLock(Path("/out/.pipeline_running"), "was removed"), 1, "the lock file /out/"),
    (OSError(28, "No space left on device", "/out"), 1, "/out: No space left on device"),
    (KeyError("speaker"), 1, "unexpected KeyError: 'speaker'; this is a fault of the program"),
    (json.JSONDecodeError("bad", "{", 0), 1, "unexpected JSONDecodeError"),
]


@pytest.mark.parametrize(("error", "code", "words"), CATALOGUE, ids=lambda value: str(value)[:30])
def test_each_kind_of_error_has_its_code_and_its_words(error, code, words):
    found, message = explained(error)

    assert found == code
    assert message.startswith(words)


def broken(*_: object) -> None:
    raise KeyError("nobody thought of this")


@pytest.mark.parametrize("is_verbose", [False, True])
def test_a_traceback_is_in_the_log_and_on_the_terminal_only_with_verbose(tmp_path, is_verbose):
    texts(tmp_path / "in", a="one")
    words = [*COMMON, "in", *(["--verbose"] if is_verbose else [])]
    code, said = run(tmp_path, *words, before=lambda: setattr(Runner, "run", broken))

    assert code == 1
    assert (
        "❌ unexpected KeyError: 'nobody thought of this'; this is a fault of the program" in said
    )
    assert ("Traceback" in said) == is_verbose
    assert "Traceback" in (tmp_path / "out/pipeline.log").read_text(encoding="utf-8")


def real(folder: Path, *words: str) -> tuple[int, str]:
    """Return (exit code, output) of the command, in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout


# What a user can get wrong, with the real stages: what is said, before any recording is touched.
REFUSED = [
    (("--language", "xx"), "--language xx: whisper knows af, am, ar"),
    (("--language", "ja"), "--language ja: no phonemes for Japanese (ja)"),
    (("--whisper-model", "tiny.en", "--language", "de"), "tiny.en knows English only, not de"),
    (("--whisper-model", "huge"), "whisper model huge: no such file, and none of auto, tiny.en"),
    (("--whisper-model", "notes.pt"), "notes.pt is no whisper checkpoint"),
    (("--verify-with", "foo"), "--verify-with foo: no such file, and none of auto, tiny.en"),
    (("--verify-with", "foo", "--dry-run"), "--verify-with foo: no such file, and none of auto"),
    (("--whisper-model", "smal", "--dry-run"), "whisper model smal: no such file, and none of"),
    (("--window-s", "40"), "--window-s 40.0: from 6 s (5 s and --window-pause-s) to 30 s"),
    (("--min-clip-s", "0.5"), "--min-clip-s 0.5: at least 1 s, and below --max-clip-s (12.0 s)"),
    (("--edge-silence-s", "0.01"), "--edge-silence-s 0.01: trainers need at least 0.1 s"),
    (("--val-percent", "100"), "--val-percent 100: from 0 to below 100"),
    (("--batch-size", "0"), "--batch-size 0: at least 1"),
    (("--target-speaker", "gone.wav"), "/gone.wav: there is no such file"),
    (("--target-speaker", "empty.wav"), "/empty.wav: it is empty (0 bytes); give a clip"),
    (("--target-speaker", "a.wav"), "/a.wav: cannot be read: "),
    (("--target-speaker", "short.wav"), "/short.wav: 0.5 s of sound, needs 1.6 s of speech"),
    (("--device", "tpu"), "--device tpu: choose auto, cpu, cuda or cuda:N"),
    (("gone.mp3",), 'gone.mp3": no such file or folder; check the path'),
    (("--resume", "--force-restart"), "contradict each other: give one of them"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=lambda value: " ".join(value)[:30])
def test_what_cannot_work_is_refused_in_words_before_anything_is_done(tmp_path, words, message):
    """Not after the hours until the stage that minds: one line, exit code 2, no folder."""
    texts(tmp_path, a="no sound")
    (tmp_path / "notes.pt").write_text("no weights")
    (tmp_path / "empty.wav").touch()
    audio.write(tmp_path / "short.wav", np.zeros(8000, np.float32), 16000)

    code, said = real(tmp_path, "a.wav", "--output", "out", *words)
    lines = [line for line in said.splitlines() if not line.startswith("🔍 Dry run")]
    assert (code, len(lines)) == (2, 1), said
    assert lines[0].startswith("❌ ") and message in lines[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("clip", ["empty.wav", "a.wav", "short.wav"])
def test_a_dry_run_refuses_a_clip_as_the_run_does(tmp_path, clip):
    texts(tmp_path, a="no sound")
    (tmp_path / "empty.wav").touch()
    audio.write(tmp_path / "short.wav", np.zeros(8000, np.float32), 16000)

    words = ("a.wav", "--output", "out", "--target-speaker", clip)
    dry, said = real(tmp_path, *words, "--dry-run")
    assert dry == 2
    assert real(tmp_path, *words) == (2, said.splitlines(keepends=True)[-1])


def test_an_output_that_is_a_file_is_named(tmp_path):
    texts(tmp_path, a="no sound")

    code, said = real(tmp_path, "a.wav", "--output", "a.wav")
    assert code == 1
    assert "a.wav: File exists; a file of that name is in the way: name another folder" in said


def test_a_failure_over_all_recordings_is_said_once_and_names_no_star(tmp_path):
    """No clip passes: the step over all recordings fails."""
    texts(tmp_path / "in", a="no sound")

    code, said = real(tmp_path, "in", "--output", "out", "--min-free-gb", "0")
    assert code == 1
    assert said.count("0 clips passed, a train and a val list need 2 or more") == 1
    assert "*" not in said
