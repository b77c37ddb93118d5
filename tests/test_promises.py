"""The ten promises of docs/checkpointing.md, one test each, on the real runner with cheap stages.

Each promise is held at more places elsewhere; the table in the document names them.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.checkpoint import STATE_FILE, Checkpoint, Record
from pipeline.disk import Disk
from tests.forked import COMMON, files, run, texts
from tests.sessions import start
from tests.writelog import RecordingDisk, images, read_log

TEXTS = {"a": "one", "b": "two", "c": "three", "d": "drop it"}


@pytest.fixture
def here(tmp_path) -> Path:
    """A folder with recordings in in/."""
    texts(tmp_path / "in", **TEXTS)
    return tmp_path


@pytest.fixture
def calm(here) -> dict[str, bytes]:
    """The files of an undisturbed run there."""
    assert run(here, *COMMON, "in")[0] == 0
    found = files(here / "out")
    shutil.rmtree(here / "out")
    return found


def resume(here: Path, *words: str, code: int = 0) -> str:
    ended, said = run(here, *COMMON, "--resume", "--verbose", "in", *words)
    assert ended == code, said
    return said


def taken(said: str) -> list[str]:
    """Return the recordings that a run took up in the first step."""
    lines = (line.partition("Taking: ") for line in said.splitlines())
    return [name for _, found, name in lines if found]


def in_hand(out: Path) -> Callable[[], None]:
    """Return what makes a process kill itself once it has three results."""

    def arm() -> None:
        plain = Checkpoint.start

        def begin(self: Checkpoint, stage: str, source: str) -> None:
            plain(self, stage, source)
            if len(self.state.records) == 3:
                os.kill(os.getpid(), signal.SIGKILL)

        Checkpoint.start = begin

    assert not out.exists()
    return arm


def test_p1_a_killed_and_resumed_run_ends_with_the_bytes_of_an_undisturbed_one(here, calm):
    assert run(here, *COMMON, "in", before=in_hand(here / "out"))[0] == -signal.SIGKILL

    resume(here)
    assert files(here / "out") == calm


@pytest.mark.parametrize("interval", ["1", "10", "1000"])
def test_p2_kill_9_loses_no_finished_file_at_any_interval(here, calm, monkeypatch, interval):
    monkeypatch.setenv("KOKORO_CHECKPOINT_INTERVAL", interval)
    assert run(here, *COMMON, "in", before=in_hand(here / "out"))[0] == -signal.SIGKILL

    assert len(Checkpoint.peek(here / "out").records) == 3
    assert taken(resume(here)) == ["d.wav"]
    assert files(here / "out") == calm


def test_p3_what_is_done_is_done_again_only_if_its_input_changed_and_the_log_says_so(here):
    resume(here)
    (here / "in/b.wav").write_text("another")

    said = resume(here)
    assert taken(said) == ["b.wav"]
    assert "🔁 b.wav: " in said


def test_p4_a_bad_file_stops_nothing_is_named_and_tried_again(here, calm):
    texts(here / "in", b="boom")
    said = resume(here, code=3)
    assert "❌ Failed: b.wav: " in said
    failed = Checkpoint.peek(here / "out").records["take", "b.wav"]
    assert "Traceback" in failed.traceback
    assert len(list((here / "out/wavs").iterdir())) == 2

    texts(here / "in", **TEXTS)
    assert taken(resume(here)) == ["b.wav"]
    assert files(here / "out") == calm


def test_p5_a_file_that_kills_the_process_is_set_aside_and_the_rest_is_finished(here):
    texts(here / "in", b="die")
    codes = [run(here, *COMMON, "--resume", "in")[0] for _ in range(2)]

    assert codes == [-signal.SIGKILL, 3]  # then in a process of its own
    out = here / "out"
    assert Checkpoint.peek(out).failures() == {"b.wav": "take: set aside after 3 crashed attempts"}
    assert len(list((out / "wavs").iterdir())) == 2


def test_p6_of_eight_starters_at_once_one_works(here):
    texts(here / "in", a="hold")
    words = [here / "in", "--output", here / "out", "--min-free-gb", 0, "--resume"]
    runs = [start("tests.cheap", words, here / f"log-{number}") for number in range(8)]
    until = time.monotonic() + 60
    while len(losers := [each for each in runs if each.wait(0.05) is not None]) < 7:
        assert time.monotonic() < until
    (here / "in/a.go").touch()

    assert [each.code for each in losers] == [4] * 7
    (winner,) = set(runs) - set(losers)
    assert winner.wait(60.0) == 0


def test_p7_the_state_is_valid_yaml_after_every_operation_of_a_run(here):
    log = here / "log"
    run(here, *COMMON, "in", disk=RecordingDisk(here / "out", log))

    seen = {
        image[STATE_FILE]
        for _, how, image in images(read_log(log), seed=0, cuts=0)
        if how == "kill -9" and STATE_FILE in image
    }
    assert len(seen) > 20
    for data in seen:
        values = yaml.safe_load(data.decode())
        assert {"version", "completed_stages", "stage_timings", "taken_files"} <= values.keys()


class CountingDisk(Disk):
    """Counts operations and bytes."""

    operations = size = 0

    def perform(self, name: str, path: Path, call: Callable, *args: object) -> object:
        self.operations += 1
        self.size += len(args[1]) if name == "write" else 0
        return super().perform(name, path, call, *args)


def test_p8_a_save_costs_the_same_at_any_size(tmp_path, monkeypatch):
    """In operations and bytes; bench/checkpoint.py has the seconds."""
    monkeypatch.setattr("pipeline.checkpoint.SNAPSHOT_SHARE", 10**9)
    costs = []
    for size in (10, 10_000):
        disk = CountingDisk()
        with Checkpoint.open(tmp_path, views={}, disk=disk) as checkpoint:
            for number in range(size):
                checkpoint.state.add(Record("take", f"{number:06}", "done"))
            checkpoint.snapshot()
            disk.operations = disk.size = 0
            for number in range(size, size + 100):
                checkpoint.save(Record("take", f"{number:06}", "done"))
            costs.append((disk.operations, disk.size // 5000))  # but for the padding
        (tmp_path / STATE_FILE).unlink()

    assert costs[0] == costs[1]


@pytest.mark.parametrize("damage", [None, b"", b"\x00" * 99, b"files: 3"])
def test_p9_a_damaged_or_deleted_state_loses_nothing(here, calm, damage):
    resume(here)
    state = here / "out" / STATE_FILE
    state.unlink() if damage is None else state.write_bytes(damage)

    said = resume(here)
    assert not taken(said)
    assert "results were taken from the artefacts' own records" in said
    kept = {n: d for n, d in files(here / "out").items() if "corrupt-" not in n}
    assert kept == calm


def test_p10_an_output_can_be_moved_and_resumed_elsewhere(here, calm):
    assert run(here, *COMMON, "in", before=in_hand(here / "out"))[0] == -signal.SIGKILL
    elsewhere = here / "another place"
    elsewhere.mkdir()
    for name in ("in", "out"):
        (here / name).rename(elsewhere / name)

    assert taken(resume(elsewhere)) == ["d.wav"]
    found = files(elsewhere / "out")
    assert found.keys() == calm.keys()
    assert all(found[name] == calm[name] for name in calm if name != "pipeline_config.yaml")
