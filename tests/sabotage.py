"""Ways to break the promises of the checkpoint, one each: to see that the campaign notices.

Each is called in the child of a run before its `main`, and changes the code there.
"""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pipeline.plan
from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Checkpoint, Record
from pipeline.dataset import Dataset
from pipeline.disk import Disk
from pipeline.lock import Lock
from pipeline.runner import Runner
from tests.cheap import shout


def forget_what_is_done() -> None:
    """Every file looks as if its input had changed."""
    pipeline.plan._why = lambda _record, _fingerprint: "again"


def write_other_bytes() -> None:
    """A clip depends on the process that made it."""
    plain = shout.process

    def process(item: Any, out: Path, params: Any, models: Any) -> Any:
        result = plain(item, out, params, models)
        (out / f"{item.name}.wav").write_text(f"made by {os.getpid()}")
        return result

    shout.process = process


def keep_the_lock() -> None:
    """The lock file is not removed at the end."""
    Lock.release = lambda _self: None


def save_every_fifth() -> None:
    """The interval governs writing: four results of five are in memory only."""
    plain = Checkpoint.save
    held: list[Record] = []

    def save(self: Checkpoint, record: Record) -> None:
        held.append(record)
        if len(held) == 5 or record.stage == "book":
            for each in held:
                plain(self, each)
            held.clear()
        else:
            self.state.add(record)

    Checkpoint.save = save


def write_in_halves() -> None:
    """A line of the state takes two writes, with a pause between them."""
    plain = Disk.write

    def write(self: Disk, fd: int, data: bytes) -> int:
        half = len(data) // 2
        written = plain(self, fd, data[:half])
        time.sleep(0.002)
        return written + plain(self, fd, data[half:])

    Disk.write = write


def leave_a_process() -> None:
    """A child of the driver outlives it."""
    subprocess.Popen(["sleep", "30"], stdin=subprocess.DEVNULL)


def blame_a_stop_on_the_file() -> None:
    """What was in hand at SIGTERM counts as crashed."""
    Checkpoint.drop_hands = lambda _self: None


def clean_up_once() -> None:
    """Sound files are removed at the end of a run, and never by the one after it."""
    Dataset.is_half_cleaned = lambda _self: False


def leave_temp_folders() -> None:
    """The temp folder of an interrupted artefact stays, beside the one of the next attempt."""
    plain = Artefacts.new_folder
    Artefacts.sweep = lambda _self: None

    def new_folder(self: Artefacts, step: str, name: str) -> Path:
        plain(self, step, f"{os.getpid()}-{name}").rmdir()
        temp = self.out / "work" / step / f".tmp-{os.getpid()}-{name}"
        temp.mkdir()
        return temp

    Artefacts.new_folder = new_folder


def publish_half() -> None:
    """One clip of the dataset is left out where a run was resumed."""
    plain = Runner._finish

    def finish(self: Runner) -> None:
        resumed = (self._artefacts.out / "pipeline.log").read_text().count("Starting pipeline") > 1
        plain(self)
        if resumed:
            next((self._artefacts.out / "wavs").iterdir()).unlink()

    Runner._finish = finish
