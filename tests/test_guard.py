"""How commands end: one message and an exit code; a traceback is in the log, and with --verbose."""

import json
from pathlib import Path

import pytest

from pipeline.checkpoint import NewerVersion
from pipeline.dispatch import LowDisk
from pipeline.exits import WrongUse
from pipeline.guard import explained
from pipeline.lock import LostLock
from pipeline.runner import RunFailed, Runner
from tests.forked import COMMON, run, texts

CATALOGUE = [
    (WrongUse("give --output"), 2, "give --output"),
    (ValueError("--val-percent nan: give a finite number"), 2, "--val-percent nan"),
    (NewerVersion("its version is 9"), 2, "its version is 9"),
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
