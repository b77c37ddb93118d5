"""A task on a machine of the cluster, and its files as the driver sees them: over a shared folder.

In:  a task with a folder of its own, in which the driver has left a word. Out: its outcome.
A file that one machine has written is awaited on another: shared folders are seen late.
"""

import contextlib
import dataclasses
import os
import platform
import time
from pathlib import Path

from pipeline import __version__
from pipeline.executors.hardware import keep_few_kernels, sum_in_one_order
from pipeline.executors.ray_connection import ray
from pipeline.executors.task import DEVICE_OF_WORKER, Outcome, Task, run_one

SEEN_S = 30.0  # NFS keeps old folders so long (acdirmin); by then all machines see what was written
TOKEN = ".token"  # what the driver leaves in a task's folder, to be found by the worker


def run_task(task: Task, word: str, version: str) -> Outcome:
    """Do a task in a process of Ray's, on the GPU that Ray has set apart for it."""
    host = platform.node()
    if version != __version__:
        reason = f"{host} has version {__version__} of the pipeline, the driver {version}"
        return Outcome(task, "halted", reason=f"{reason}: install the same")
    if not _finds(Path(task.out) / TOKEN, word):
        reason = f"{host} does not see {task.out}: all machines must share the output folder"
        return Outcome(task, "halted", reason=f"{reason} under the same path; see docs/ray.md")
    keep_few_kernels()
    sum_in_one_order()
    os.environ[DEVICE_OF_WORKER] = "cuda:0" if ray().get_gpu_ids() else "cpu"
    return run_one(task)


def _finds(token: Path, word: str) -> bool:
    """Return whether the driver's word is there; it is removed: the folder is to be empty."""
    until = time.monotonic() + SEEN_S
    while True:
        with contextlib.suppress(OSError):
            if token.read_text(encoding="utf-8") == word:
                token.unlink()
                return True
        if time.monotonic() > until:
            return False
        time.sleep(0.1)


def seen(outcome: Outcome) -> Outcome:
    """Return an outcome once all its files are seen from here, or one that says they are not."""
    out, until = Path(outcome.task.out), time.monotonic() + SEEN_S
    for name, size in outcome.files:
        while not (out / name).is_file() or (out / name).stat().st_size != size:
            if time.monotonic() > until:
                reason = f"{out / name}, written on the cluster, is not seen here; see docs/ray.md"
                return dataclasses.replace(outcome, status="halted", reason=reason)
            time.sleep(0.1)
    return outcome
