"""One task: a file in one step. Done wherever it may be, it never raises; it has an outcome.

In:  a `Task`, plain data. Out: an `Outcome`, plain data, with its files on the device.
What an error says is decided here: something about the file, about the machine, or neither.
"""

import errno
import importlib
import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.digest import folder_digest
from pipeline.disk import Disk
from pipeline.disk_errors import explain
from pipeline.item import Facts, Item, Reject, Result, Unusable
from pipeline.packed import few_or_packed

log = logging.getLogger(__name__)

# These errors say something about the machine, nothing about the file in hand.
_MACHINE_ERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EFBIG,
    errno.EMFILE,
    errno.ENFILE,
)
DEVICE_OF_WORKER = "KOKORO_WORKER_DEVICE"  # set in a pool's workers only
_TRACEBACK_CHARS = 1500  # what is kept of a traceback: its last lines say what went wrong
_models: dict[tuple[str, str, str], Any] = {}  # of this process: one stage's at a time
# torch.OutOfMemoryError and CTranslate2's are RuntimeErrors: "CUDA out of memory", "CUDA failed
# with error out of memory"; cuBLAS and cuDNN say CUBLAS_STATUS_ALLOC_FAILED and the like
_GPU_FULL = re.compile("out of memory|_ALLOC_FAILED")
# After these CUDA gives a process the same error for whatever it asks next (cudaError_t in NVIDIA's
# documentation: "the process must be terminated and relaunched"), also for other files.
_GPU_LOST = re.compile(
    "illegal memory access|illegal instruction|misaligned address|device-side assert|"
    "launch failure|launch timed out|invalid program counter|hardware stack error|uncorrectable ECC"
)
_lost: set[str] = set()  # the GPUs that this process can use no more
LOST_GPU = 71  # a worker's exit code then; EX_OSERR of sysexits.h
_PROBE_BYTES = 1 << 16  # more than a file system keeps in reserve for the end of a file


class _GpuFull(Exception):
    """A GPU's memory did not suffice."""


@dataclass(frozen=True)
class Task:
    """One file in one step, as plain data."""

    module: str  # of the step, by its full name
    items: Sequence[Item]  # one; all of them for a collective step
    source: str  # what the result is recorded under
    out: str  # a private empty folder
    params: Mapping[str, Any]
    device: str = "cpu"


@dataclass(frozen=True)
class Outcome:
    """What became of a task. `status`: done, dropped, failed; crashed: the process died with it,
    or its GPU was lost, or its memory was too small for all that was at work; halted: the machine
    or the stage cannot work, which says nothing about the file."""

    task: Task
    status: str
    output: str = ""
    files: Sequence[tuple[str, int]] = ()  # (name, bytes), the main file first
    digest: str = ""
    seconds: float = 0.0
    facts: Facts = field(default_factory=dict)
    drops: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    traceback: str = ""


def run_one(task: Task) -> Outcome:
    """Do one task and say what became of it. Never raises: a file is isolated from the next.

    What a GPU has no memory for is done on the CPU, from its beginning. A worker that has lost its
    GPU ends instead, and its crew starts another one.
    """
    if DEVICE_OF_WORKER in os.environ and _device(task) in _lost:
        os._exit(LOST_GPU)
    began = time.monotonic()
    try:
        return _outcome_on(_device(task), task, began)
    except _GpuFull:
        pass  # subtle: its frames hold what fills the GPU, and are gone behind this line
    log.warning("%s: the GPU has no memory left for it; it is done on the CPU", task.source)
    unload()
    empty(task)
    return _outcome_on("cpu", task, began)


def _outcome_on(device: str, task: Task, began: float) -> Outcome:
    """Return the outcome of a task done on a device. Raises _GpuFull."""
    try:
        module = importlib.import_module(task.module)
        params = module.Params(**task.params)
        models = load(task.module, json.dumps(task.params, sort_keys=True), device)
    except (Exception, SystemExit) as err:  # noqa: BLE001 - it is the stage's, not the file's
        _check_gpu(err, device)
        return _ended(task, began, "halted", err)
    try:
        subject = task.items if getattr(module, "COLLECTIVE", False) else task.items[0]
        result = module.process(subject, Path(task.out), params, models)
        return _done(task, began, result)
    except Reject as err:
        return replace(_ended(task, began, "dropped", err), facts=err.facts)
    except Unusable as err:
        return _ended(task, began, "halted", err)
    except (Exception, SystemExit) as err:  # noqa: BLE001 - not the next file's
        _check_gpu(err, device)
        if _said(err, _GPU_LOST, device):
            _lost.add(device)
            return _ended(task, began, "crashed", err)
        return _broken(task, began, err)


def load(name: str, params: str, device: str) -> Any:
    """Return a stage's models, the same ones as long as nothing else is asked for."""
    key = (name, params, device)
    if key not in _models:
        unload()  # subtle: before the next ones come; there may be no room for both
        module = importlib.import_module(name)
        _models[key] = module.load(module.Params(**json.loads(params)), device)
    return _models[key]


def empty(task: Task) -> None:
    """Remove what a try that was broken off has left in the task's folder."""
    for path in list(Path(task.out).iterdir()):
        Disk().remove_tree(path)


def unload() -> None:
    """Let the models of this process go, and the GPU memory that torch keeps: others share it."""
    _models.clear()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _device(task: Task) -> str:
    return os.environ.get(DEVICE_OF_WORKER, task.device)


def _done(task: Task, began: float, result: Result) -> Outcome:
    out, disk = Path(task.out), Disk()
    names = sorted(_files_in(task.out))
    if result.output not in names:
        raise ValueError(f"{task.module} did not write the file it names: {result.output}")
    names.sort(key=lambda name: name != result.output)
    for name in names:
        disk.sync_file(out / name)
    return Outcome(
        task,
        "done",
        output=result.output,
        files=few_or_packed((name, (out / name).stat().st_size) for name in names),
        digest=folder_digest(out, names),
        seconds=time.monotonic() - began,
        facts=dict(result.facts),
        drops=dict(result.drops),
    )


def _files_in(out: str) -> Iterator[str]:
    """Yield the files below a folder, relative to it. No Path: rglob keeps each, 1 KB a clip."""
    for folder, _, names in os.walk(out):
        inside = os.path.relpath(folder, out)
        for name in names:
            if os.path.isfile(os.path.join(folder, name)):  # noqa: PTH113, PTH118
                yield os.path.normpath(os.path.join(inside, name))  # noqa: PTH118


def _broken(task: Task, began: float, error: BaseException) -> Outcome:
    """Return the outcome of an error in a stage, by what it says something about."""
    if any(_is_out_of_memory(one) for one in _chain(error)):
        # beside others there was no room for it; alone there may be
        return _ended(task, began, "crashed", error, "out of memory")
    if fault := _machine_fault(error, Path(task.out)):
        return _ended(task, began, "halted", error, explain(fault, task.out))
    return _ended(task, began, "failed", error)


def _ended(
    task: Task, began: float, status: str, error: BaseException, reason: str = ""
) -> Outcome:
    reason = reason or str(error) or type(error).__name__
    if status == "failed" and not isinstance(error, ValueError | OSError):
        reason = f"{type(error).__name__}: {reason}"
    trace = "" if status == "dropped" else _last_lines(traceback.format_exception(error))
    seconds = time.monotonic() - began
    return Outcome(task, status, reason=reason, traceback=trace, seconds=seconds)


def _last_lines(pieces: Sequence[str]) -> str:
    text = "".join(pieces)
    if len(text) <= _TRACEBACK_CHARS:
        return text
    end = text[-_TRACEBACK_CHARS:]
    return "…\n" + (end.partition("\n")[2] or end)


def _machine_fault(error: BaseException, out: Path) -> OSError | None:
    """Return what keeps every file from being done; None if it may be this one alone."""
    for one in _chain(error):
        if isinstance(one, OSError) and one.errno in _MACHINE_ERRORS:
            return one
    try:  # libraries hide errno, and an EIO may be the input's
        Disk().write_file(out / ".probe", [bytes(_PROBE_BYTES)])
        (out / ".probe").unlink()
    except FileNotFoundError:  # the stage removed its folder: its own fault
        return None
    except OSError as err:
        return err
    return None


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or getattr(error, "errno", 0) == errno.ENOMEM


def _check_gpu(error: BaseException, device: str) -> None:
    """Raise _GpuFull if the error is that a GPU's memory did not suffice, by the words of CUDA and
    its libraries."""
    if _said(error, _GPU_FULL, device):
        raise _GpuFull


def _said(error: BaseException, words: re.Pattern[str], device: str) -> bool:
    """Return whether CUDA or its libraries said such words of a GPU."""
    said = [str(one) for one in _chain(error) if isinstance(one, RuntimeError)]
    return device.startswith("cuda") and any(words.search(text) for text in said)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
