"""The table of docs/checkpointing.md, "Starting, resuming, restarting": every call, with every kind
of checkpoint, with a terminal and without one. And what else is said before the work begins."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from pipeline import job
from pipeline.checkpoint import STATE_FILE, Checkpoint
from pipeline.dispatch import LowDisk
from tests.forked import COMMON, files, run, texts
from tests.test_promises import in_hand
from tests.test_runner import ROOT

QUESTION = "Existing checkpoint found. Resume? (y/n)"
AGAIN = "and begin anew? (y/n)"
KINDS = ("none", "begun", "finished", "damaged")
FRESH, GOES_ON, NOTHING, ANEW, REFUSED = range(5)
CALLS = {
    #                                none      begun     finished  damaged
    "in":                           (FRESH,    REFUSED,  REFUSED,  REFUSED),
    "--resume":                     (REFUSED,  GOES_ON,  NOTHING,  NOTHING),
    "in --resume":                  (FRESH,    GOES_ON,  NOTHING,  NOTHING),
    "--force-restart":              (REFUSED,  ANEW,     ANEW,     ANEW),
    "in --force-restart":           (FRESH,    ANEW,     ANEW,     ANEW),
    "in --resume --force-restart":  (REFUSED,  REFUSED,  REFUSED,  REFUSED),
}  # fmt: skip
ROWS = [
    (call, kind, ends) for call, row in CALLS.items() for kind, ends in zip(KINDS, row, strict=True)
]
WORDS = {  # what is refused says why, and what to do
    "in": "holds a checkpoint; --resume goes on with it, --force-restart discards it",
    "--resume": "nothing to resume in ",
    "--force-restart": "no input is given, and none is stored in ",
    "in --resume --force-restart": "--resume and --force-restart contradict each other",
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> Path:
    """Folders in/ and out/ for each kind of checkpoint."""
    root = tmp_path_factory.mktemp("calls")
    here = root / "here"  # always the same: its path stands in the configuration
    for kind in KINDS:
        texts(here / "in", a="one", b="two", c="three", d="four")
        if kind == "begun":
            assert run(here, *COMMON, "in", before=in_hand(here / "out"))[0] < 0
        elif kind != "none":
            assert run(here, *COMMON, "in")[0] == 0
        if kind == "damaged":
            (here / "out" / STATE_FILE).write_bytes(b"\x00damaged")
        here.rename(root / kind)
    return root


@pytest.fixture
def here(checkpoints) -> Iterator[Path]:
    """Where a checkpoint is put."""
    yield checkpoints / "here"
    shutil.rmtree(checkpoints / "here")


def put(checkpoints: Path, kind: str, here: Path) -> None:
    shutil.copytree(checkpoints / kind, here)


def call(here: Path, words: str, on_terminal: bool) -> tuple[int, str]:
    """Return (exit code, output) of a call; nothing is typed."""
    if not on_terminal:
        return run(here, *COMMON, *words.split())
    terminal = spawn(here, words)
    terminal.expect([pexpect.EOF, "\\(y/n\\)"])
    if terminal.after is not pexpect.EOF:
        said = terminal.before + terminal.after
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
        terminal.close()
        return terminal.exitstatus, said
    terminal.close()
    return terminal.exitstatus, terminal.before.replace("\r", "")


def spawn(here: Path, words: str) -> pexpect.spawn:
    arguments = ["-m", "tests.cheap", *COMMON, *words.split()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return pexpect.spawn(
        sys.executable, arguments, cwd=str(here), env=environment, encoding="utf-8", timeout=60
    )


@pytest.mark.parametrize(
    ("words", "kind", "ends", "on_terminal"),
    # a terminal matters where something may be asked; two rows show that nothing else is
    [(*row, on) for row in ROWS for on in (False, True) if not on or row[0] in ("in", "--resume")],
    ids=str,
)
def test_every_call_does_what_the_table_says(checkpoints, here, words, kind, ends, on_terminal):
    put(checkpoints, kind, here)
    before = files(here / "out") if (here / "out").exists() else {}

    code, said = call(here, words, on_terminal)
    taken = said.count("📥 Taking: ")
    if ends == REFUSED and words == "in" and on_terminal:
        assert (code, QUESTION in said) == (130, True)
    elif ends == REFUSED:
        assert (code, taken) == (2, 0), said
        assert WORDS[words] in said
    else:
        assert (code, taken) == (0, {FRESH: 4, GOES_ON: 1, NOTHING: 0, ANEW: 4}[ends]), said
        assert ("📂 Resuming from checkpoint..." in said) == (ends in (GOES_ON, NOTHING)), said
    assert ("(y/n)" in said) == (ends == REFUSED and words == "in" and on_terminal), said
    if ends == REFUSED and before:
        assert files(here / "out").items() >= before.items()


@pytest.mark.parametrize(
    ("keys", "code", "taken"),
    [
        (["y"], 0, 1),
        (["yes"], 0, 1),
        (["", "what?", "Y"], 0, 1),  # asked again until it is an answer
        (["n", "n"], 2, 0),
        (["n", "y"], 0, 4),
        (["\x03"], 130, 0),
        (["n", "\x03"], 130, 0),
        (["\x04", "\x04"], 2, 0),
    ],
)
def test_what_is_typed_decides(checkpoints, here, keys, code, taken):
    put(checkpoints, "begun", here)
    before = files(here / "out")
    terminal = spawn(here, "in")
    terminal.expect_exact(QUESTION)
    for number, key in enumerate(keys):
        if key in ("\x03", "\x04"):
            terminal.send(key)
        else:
            terminal.sendline(key)
        if number < len(keys) - 1:
            terminal.expect_exact(AGAIN if keys[number] in ("n", "\x04") else QUESTION)
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == code
    assert "Traceback" not in terminal.before
    assert terminal.before.count("📥 Taking: ") == taken
    if code:
        assert files(here / "out").items() >= before.items()


@pytest.mark.parametrize("stdin", ["closed", "/dev/null", "a pipe that never says anything"])
def test_without_a_terminal_no_answer_is_waited_for(checkpoints, here, stdin):
    """As cron, CI and `docker run` without -t start it."""
    put(checkpoints, "finished", here)
    reading, writing = os.pipe()
    done = subprocess.run(
        [sys.executable, "-m", "tests.cheap", *COMMON, "in"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin={"/dev/null": subprocess.DEVNULL, "closed": None}.get(stdin, reading),
        preexec_fn=(lambda: os.close(0)) if stdin == "closed" else None,
        capture_output=True,
        text=True,
        timeout=60,
    )
    os.close(reading)
    os.close(writing)

    assert done.returncode == 2, done.stdout + done.stderr
    assert WORDS["in"] in done.stdout + done.stderr
    assert "(y/n)" not in done.stdout + done.stderr


@pytest.mark.parametrize("variable", ["KOKORO_CHECKPOINT_INTERVAL", "KOKORO_LOCK_TIMEOUT"])
@pytest.mark.parametrize("value", ["abc", "0", "-3", "", "1.5", "nan", "inf", "1e3", " "])
def test_a_bad_environment_is_refused_by_name_and_nothing_is_touched(
    tmp_path, monkeypatch, variable, value
):
    texts(tmp_path / "in", a="one")
    monkeypatch.setenv(variable, value)

    code, said = run(tmp_path, *COMMON, "in")
    assert code == 2
    assert f"❌ {variable}={value!r}: give a whole number, at least 1" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--workers 0", "--workers 0: a whole number, at least 1, or auto"),
        ("--workers -3", "--workers -3: a whole number, at least 1, or auto"),
        ("--workers two", "--workers two: a whole number, at least 1, or auto"),
        ("--workers 1.5", "--workers 1.5: a whole number, at least 1, or auto"),
        ("--min-free-gb nan", "--min-free-gb nan: give a finite number"),
        ("--min-free-gb -1", "--min-free-gb -1.0: at least 0"),
        ("--max-failures-in-a-row 0", "--max-failures-in-a-row 0: at least 1"),
        ("--on-lock sometimes", "argument --on-lock: invalid choice: 'sometimes'"),
        ("--no-such-flag", "unrecognized arguments: --no-such-flag; --help lists the flags"),
        ("--minclip-s=3", "--minclip-s=3; did you mean --min-clip-s?"),
        ("--device gpu", "--device gpu"),
    ],
)
def test_a_bad_value_is_refused_by_the_flags_name(tmp_path, words, message):
    texts(tmp_path / "in", a="one")
    code, said = run(tmp_path, "in", "--output", "out", *words.split())

    assert code == 2, said
    assert message in said
    assert "Traceback" not in said


def test_verbose_says_saves_validation_skips_locks_and_transitions(checkpoints, here):
    put(checkpoints, "begun", here)
    _, said = run(here, *COMMON, "--resume", "in", "--verbose")

    for line in (
        "💾 Saved: take d.wav in ",
        "📂 take of a.wav: as recorded",
        "⏭️ Already taken: a.wav",
        "⏭️ a.wav: same bytes, settings and version as when it was taken",
        "🔁 d.wav: ",
        "🔒 Locked ",
        "📊 shout has 4 files to do",
        "📊 take is complete after ",
        "📊 the dataset is published in ",
    ):
        assert line in said


def test_without_verbose_a_resumed_run_prints_what_is_promised(checkpoints, here):
    put(checkpoints, "begun", here)
    said = run(here, *COMMON, "--resume", "in")[1].splitlines()

    assert said[2:14] == [
        "🚀 Starting pipeline...",
        "📂 Resuming from checkpoint...",
        "📋 Recordings: 1 new, 3 unchanged",
        "⚠️ Validating checkpoint files...",
        "✅ Checkpoint validated and cleaned",
        "✅ Completed stages: []",
        "🔄 Resuming from: take",
        "⏭️ Already taken: a.wav",
        "⏭️ Already taken: b.wav",
        "⏭️ Already taken: c.wav",
        "📥 Taking: d.wav",
        "📣 Shouting: a.wav",
    ]


def test_no_traceback_reaches_the_terminal_unless_it_is_asked_for(tmp_path):
    """The log has it all the same."""
    texts(tmp_path / "in", a="boom", b="two")
    said = run(tmp_path, *COMMON, "in")[1]
    assert "❌ Failed: a.wav: " in said
    assert "Traceback" not in said
    assert "Traceback" in (tmp_path / "out/pipeline.log").read_text()
    assert "Traceback" in Checkpoint.peek(tmp_path / "out").records["take", "a.wav"].traceback

    assert "Traceback" in run(tmp_path, *COMMON, "--resume", "in", "--verbose")[1]


def test_keep_temp_keeps_what_is_removed_without_it(tmp_path):
    texts(tmp_path / "in", a="one")
    run(tmp_path, *COMMON, "in", "--keep-temp")
    assert list((tmp_path / "out/work").rglob("*.txt"))

    run(tmp_path, *COMMON, "--resume")
    assert not list((tmp_path / "out/work").rglob("*.txt"))
    assert "Nothing to do" in run(tmp_path, *COMMON, "--resume")[1]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_prompt_touches_nothing(checkpoints, here, signum):
    put(checkpoints, "begun", here)
    before = files(here / "out")
    terminal = spawn(here, "in")
    terminal.expect_exact(QUESTION)
    terminal.kill(signum)
    terminal.expect(pexpect.EOF)
    terminal.close()

    ended = terminal.exitstatus if terminal.exitstatus is not None else 128 + terminal.signalstatus
    assert ended == 128 + signum
    assert files(here / "out").items() >= before.items()


def test_a_sub_command_that_is_nearly_one_is_named(tmp_path):
    code, said = run(tmp_path, "statsu", "out")

    assert code == 2
    assert said.endswith("where the dataset goes; did you mean 'dataset-pipeline status'?\n")


def test_an_end_without_a_dataset_is_said_once(tmp_path):
    """Once, and not of a file called *."""
    texts(tmp_path / "in", a="drop")
    code, said = run(tmp_path, *COMMON, "in", before=_no_dataset)

    assert code == 1
    assert said.count("nothing is left") == 1
    assert "❌ book: nothing is left" in said
    assert "Failed: *" not in said


def _no_dataset() -> None:
    from tests.cheap import book

    def process(*_: object) -> None:
        raise ValueError("nothing is left")

    book.process = process


def no_room(*_: object) -> None:
    raise LowDisk("make room")


def test_a_run_that_was_refused_for_want_of_room_can_be_called_again(tmp_path):
    """The message says what to try: that is a call without --resume, also with fewer inputs."""
    texts(tmp_path / "in", a="one", b="two")
    refused, said = run(
        tmp_path, "in", *COMMON, before=lambda: setattr(job, "_require_room", no_room)
    )
    assert refused == 1, said
    assert "make room" in said

    code, said = run(tmp_path, "in/a.wav", *COMMON)
    assert code == 0, said
    assert len(list((tmp_path / "out/wavs").iterdir())) == 1
