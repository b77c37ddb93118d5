"""P2, by replay: a run's operations on the disk are recorded; then every disk that a crash at any
of them may have left is made, and held against what the state on it says.

By default all are loaded and a seeded sample is resumed from. All of it, in some minutes:
KOKORO_WRITE_LOG=all python -m pytest tests/test_write_log.py
"""

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from pipeline.artefacts import Artefacts
from pipeline.checkpoint import STATE_FILE, Checkpoint
from pipeline.stored import CONFIG_FILE
from tests.forked import COMMON, files, run, texts
from tests.writelog import Operation, RecordingDisk, images, read_log

ALL = os.environ.get("KOKORO_WRITE_LOG") == "all"
RESUMED = 1.0 if ALL else 0.01  # share of the images
CUTS = 40 if ALL else 6  # power cuts at each place
TEXTS = {"a": "one", "b": "two", "c": "drop it"}


@pytest.fixture(scope="module")
def here(in_memory) -> Path:
    """Always the same folder: its path stands in the configuration."""
    return in_memory / "run"


@pytest.fixture(scope="module")
def recorded(here) -> tuple[list[Operation], dict[str, bytes]]:
    """The operations of a run, and the files that it left."""
    texts(here / "in", **TEXTS)
    log = here.with_name("log")
    code, said = run(here, *COMMON, "in", disk=RecordingDisk(here / "out", log))
    assert code == 0, said
    return read_log(log), files(here / "out")


def put(out: Path, image: dict[str, bytes]) -> None:
    """Make a folder of an image, in the place of what was there."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, data in image.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_the_log_says_all_that_the_run_did(here, recorded):
    """Replayed to its end it makes the very same files, but for those that no `Disk` writes."""
    operations, calm = recorded
    *_, (_, _, last) = images(operations, seed=0, cuts=0)

    put(here / "replayed", last)
    others = {"pipeline.log"}
    assert files(here / "replayed") == {n: d for n, d in calm.items() if n not in others}


def test_after_any_crash_all_that_the_state_calls_done_is_there_and_what_was_saved_is_in_it(
    here, recorded
):
    """P2, at KOKORO_CHECKPOINT_INTERVAL=1: a save that has returned is never lost."""
    operations, calm = recorded
    out = here / "out"
    rng = random.Random(1)
    saved: set[tuple[str, str]] = set()
    synced = 0
    tried = resumed = 0
    for n, how, image in images(operations, seed=2, cuts=CUTS):
        while synced < n:  # all operations before the n-th are over
            saved |= saved_by(operations, synced)
            synced += 1
        is_torn = how.startswith("a write") and not operations[n].path.endswith(STATE_FILE)
        if is_torn and rng.random() > RESUMED:  # all temp files are alike
            continue
        tried += 1
        put(out, image)
        done = hold(out, how, n)
        assert saved <= done, (n, how, saved - done)
        if rng.random() < RESUMED or (how == "kill -9" and n % 4 == 0):
            resumed += 1
            code, said = run(here, *COMMON, "--resume", "in")
            assert code == 0, (n, how, said)
            assert "Traceback" not in said
            found = {k: v for k, v in files(out).items() if "corrupt-" not in k}
            assert found == calm, (n, how)
    assert tried >= resumed > 40


def hold(out: Path, how: str, n: int) -> set[tuple[str, str]]:
    """Return what is done in an image; fail where its files are not as recorded."""
    state = Checkpoint.peek(out)
    done = {key: record for key, record in state.records.items() if record.status == "done"}
    artefacts = Artefacts(out)
    for key, record in done.items():
        if not record.cleaned:
            assert not artefacts.problems(record, deep=True), (n, how, key)
    return set(state.records)


def saved_by(operations: list[Operation], n: int) -> set[tuple[str, str]]:
    """Return what is known to be saved once the n-th operation is over: a line of the journal that
    was synced."""
    if operations[n].name != "sync" or operations[n].path != STATE_FILE:
        return set()
    line = operations[n - 1].data.strip()
    event = json.loads(line[2:])
    return {(event["stage"], event["source"])} if event["event"] == "file" else set()


def test_the_settings_are_whole_or_not_there(recorded):
    operations, _ = recorded
    seen = {
        image[CONFIG_FILE]
        for _, _, image in images(operations, seed=3, cuts=CUTS)
        if CONFIG_FILE in image
    }

    assert len(seen) == 1
