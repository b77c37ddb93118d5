"""Every file operation of the run's own process fails, at every place; then the next run heals.

A cheap job runs in a forked child on a `Disk` that does something to its n-th operation: an error,
a short write, the end of the process, a signal. After each the output must be sound, and `--resume`
must end with the files of an undisturbed run. By default every n of a fresh run is tried, in turn
for ENOSPC and for the end of the process, and a seeded sample of the rest. All of it, some 4,000
faults in 10 minutes: KOKORO_FAULTS=all python -m pytest tests/test_faults.py
"""

import errno
import mmap
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipeline.checkpoint import STATE_FILE, Checkpoint
from pipeline.disk import Disk
from pipeline.lock import LOCK_FILE
from pipeline.restart import RESTART_FILE
from pipeline.stored import CONFIG_FILE
from tests.forked import COMMON, files, run, texts

ALL = os.environ.get("KOKORO_FAULTS") == "all"
SAMPLE = 6  # places of each kind that is not tried everywhere
DIED = 77
GROWING = ("open", "write", "pwrite", "mkdir", "link", "copy")
CHANGING = (*GROWING, "rename", "truncate", "rmdir", "remove")


class FaultyDisk(Disk):
    """Does `fault` to its n-th operation, and to all after it what the fault then becomes."""

    def __init__(self, n: int, fault: "Fault") -> None:
        super().__init__()
        self._n, self._count, self._fault = n, 0, fault
        self._was_felt = mmap.mmap(-1, 1)  # shared with the child that runs on it

    @property
    def was_felt(self) -> bool:
        """Whether the n-th operation came; by chance of time a run has a snapshot less."""
        return self._was_felt[0] == 1

    def perform(self, name: str, path: Path, call: Callable, *args: object) -> object:
        if name in self._fault.on:
            self._count += 1
            if self._count == self._n:
                self._was_felt[0] = 1
                return super().perform(name, path, self._fault.do, call, *args)
            if self._count > self._n and self._fault.then:
                return super().perform(name, path, self._fault.then, call, *args)
        return super().perform(name, path, call, *args)


@dataclass(frozen=True)
class Fault:
    """What happens to an operation."""

    name: str
    do: Callable
    codes: tuple[int, ...]  # how the run may end
    on: tuple[str, ...] = (*CHANGING, "sync", "sync_file", "sync_folder", "flock")
    then: Callable | None = None  # what happens to all later ones
    tears: bool = False  # it may leave a torn line, as a power cut does


def raising(number: int) -> Callable:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def shortly(call: Callable, *args: object) -> object:
    """Take half of what is to be written; all else as it is."""
    if call is not os.write:
        return call(*args)
    fd, data = args
    return os.write(fd, data[: len(data) // 2])


def torn(call: Callable, fd: int, data: bytes) -> None:
    call(fd, data[: len(data) // 2])
    os._exit(DIED)


def terminated(call: Callable, *args: object) -> object:
    os.kill(os.getpid(), signal.SIGTERM)
    return call(*args)


EROFS = raising(errno.EROFS)
FAULTS = {
    fault.name: fault
    for fault in (
        Fault("ENOSPC", raising(errno.ENOSPC), (0, 1)),
        Fault("EIO", raising(errno.EIO), (0, 1)),
        Fault("EROFS", raising(errno.EROFS), (0, 1)),
        Fault("EDQUOT", raising(errno.EDQUOT), (0, 1)),
        Fault("short write", shortly, (0,), on=("write",)),
        Fault("full from then on", shortly, (0, 1), on=GROWING, then=raising(errno.ENOSPC)),
        Fault("read-only from then on", raising(errno.EROFS), (0, 1), CHANGING, EROFS),
        Fault("the process ends", lambda *_: os._exit(DIED), (DIED,)),
        Fault("the process ends amid a write", torn, (DIED,), on=("write",), tears=True),
        Fault("SIGTERM", terminated, (0, 143)),
    )
}
IN_TURN = {  # which of two neighbouring places is tried
    ("fresh", "ENOSPC"): 1,
    ("fresh", "the process ends"): 2,
    ("half_cleaned", "the process ends"): 1,
}


# --- jobs --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """A run to disturb: what was there before, and what is asked for."""

    before: Path  # "in" and perhaps "out", copied for each run
    words: tuple[str, ...]

    def copy(self, to: Path) -> None:
        shutil.copytree(self.before, to, dirs_exist_ok=True)


def fresh(before: Path) -> tuple[str, ...]:
    texts(before / "in", a="one", b="two")
    return ("in", "--resume")


def changed(before: Path) -> tuple[str, ...]:
    """A complete output whose dataset is published anew: a clip changed, a clip more, one less."""
    texts(before / "in", a="one", b="two", c="three")
    assert run(before, *COMMON, "in")[0] == 0
    texts(before / "in", b="two changed", c="drop", d="four")
    return ("in", "--resume")


def restarted(before: Path) -> tuple[str, ...]:
    texts(before / "in", a="one", b="two", c="three")
    assert run(before, *COMMON, "in")[0] == 0
    (before / "in/c.wav").unlink()
    return ("in", "--force-restart", "--seed", "7")


def half_cleaned(before: Path) -> tuple[str, ...]:
    """A complete output whose run ended with its first sound file cleaned away."""

    class DiesCleaning(Disk):
        def perform(self, name: str, path: Path, call: Callable, *args: object) -> object:
            result = super().perform(name, path, call, *args)
            if name == "remove" and "work" in path.parts and path.suffix == ".wav":
                os._exit(DIED)
            return result

    texts(before / "in", a="one", b="two")
    assert run(before, *COMMON, "in", disk=DiesCleaning())[0] == DIED
    return ("in", "--resume")


JOBS = {
    "fresh": fresh,
    "changed": changed,
    "restarted": restarted,
    "half_cleaned": half_cleaned,
}


# --- what must hold ----------------------------------------------------------------------------


def check_disturbed(fault: Fault, out: Path, code: int, said: str) -> set[tuple[str, str]]:
    """Hold what a disturbed run left; return what is recorded as done."""
    assert code in fault.codes, said
    assert "Traceback" not in said, said
    if code == 1:
        errors = [line for line in said.splitlines() if line.startswith("❌")]
        assert len(errors) == 1, said
        assert str(out.parent) in errors[0], said
        assert "--resume" in errors[0], said
    if code == 143:
        assert not (out / LOCK_FILE).exists()
    if not out.exists() or not (out / STATE_FILE).exists():
        return set()
    if not fault.tears:
        assert yaml.safe_load((out / STATE_FILE).read_text(encoding="utf-8"))["version"] == 1
    state = Checkpoint.peek(out)
    assert not state.failures()
    if code in (0, 143) or (code == 1 and not fault.then):
        assert not state.attempts, "a stop looks like a crash"
    return {key for key, record in state.records.items() if record.status == "done"}


def check_resumed(one: Job, calm: Path, out: Path, done: set[tuple[str, str]]) -> None:
    """Resume, and hold it against an undisturbed run."""
    words = ("in", "--resume")
    if "--force-restart" in one.words and not has_begun_to_restart(out):
        words = one.words  # nothing was touched
    code, said = run(out.parent, *COMMON, *words)
    assert code == 0, said
    assert "Traceback" not in said, said
    verbs = {"Taking": "take", "Shouting": "shout"}
    again = {
        (stage, line.partition(f"{verb}: ")[2])
        for line in said.splitlines()
        for verb, stage in verbs.items()
        if f"{verb}: " in line
    }
    assert not again & done, said
    assert files(out) == files(calm)
    assert not Checkpoint.peek(out).attempts


def has_begun_to_restart(out: Path) -> bool:
    seed = yaml.safe_load((out / CONFIG_FILE).read_text(encoding="utf-8"))["settings"]["seed"]
    return seed == 7 or (out / RESTART_FILE).exists()


def stale(job: str, folder: Path) -> set[tuple[str, str]]:
    """Return what the run before had done and this one must do again."""
    return (
        set() if job in ("fresh", "half_cleaned") else set(Checkpoint.peek(folder / "out").records)
    )


@pytest.fixture(scope="module", params=JOBS)
def job(request: pytest.FixtureRequest, in_memory: Path) -> tuple[str, Job, Path]:
    """Yield a job's name, the job, and what an undisturbed run makes of it."""
    name = request.param
    here = in_memory / "run"  # always the same: its path stands in the configuration
    words = JOBS[name](here)
    one = Job(here.rename(in_memory / f"{name}-before"), words)
    one.copy(here)
    code, said = run(here, *COMMON, *one.words)
    assert code == 0, said
    return name, one, here.rename(in_memory / f"{name}-calm") / "out"


def places(name: str, fault: Fault, count: int) -> Iterator[int]:
    """Return at which operations to try a fault, of `count` that there are."""
    if ALL:
        return iter(range(1, count + 1))
    if first := IN_TURN.get((name, fault.name)):
        return iter(range(first, count + 1, 2))
    rng = random.Random(f"{name} {fault.name}")
    return iter(sorted(rng.sample(range(1, count + 1), min(SAMPLE, count))))


def count_of(one: Job, fault: Fault, folder: Path) -> int:
    """Return how many operations of a job a fault could hit."""
    one.copy(folder)
    counted = folder / "count"

    class Counting(Disk):
        def perform(self, name: str, path: Path, call: Callable, *args: object) -> object:
            if name in fault.on:
                with counted.open("a") as file:
                    file.write(".")
            return super().perform(name, path, call, *args)

    run(folder, *COMMON, *one.words, disk=Counting())
    count = counted.stat().st_size
    shutil.rmtree(folder)
    return count


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_whatever_fails_the_next_run_heals(job, fault, in_memory):
    name, one, calm = job
    count = count_of(one, fault, in_memory / "run")
    ends, problems = set(), []
    for n in places(name, fault, count):
        folder = in_memory / "run"
        one.copy(folder)
        before = stale(name, folder)
        disk = FaultyDisk(n, fault)
        code, said = run(folder, *COMMON, *one.words, disk=disk)
        ends.add(code)
        try:
            assert disk.was_felt or (code == 0 and n > 0.8 * count), said
            if not disk.was_felt:
                continue
            done = check_disturbed(fault, folder / "out", code, said)
            check_resumed(one, calm, folder / "out", done - before)
        except AssertionError as err:
            problems.append(f"operation {n} of {count}: {err}")
        finally:
            shutil.rmtree(folder)
    assert not problems, f"{len(problems)} places, the first: {problems[0]}"
    assert ends - {0} or fault.codes == (0,), "no fault was felt"
