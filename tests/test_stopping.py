"""Signals, crashed workers and orphans: real signals to real processes."""

import contextlib
import functools
import os
import signal
import subprocess
import threading
import time
from concurrent.futures.process import _ExecutorManagerThread
from pathlib import Path

import psutil
import pytest

from pipeline import executors
from pipeline.checkpoint import Checkpoint
from pipeline.executors import Task
from pipeline.executors.pool import Pool
from pipeline.item import Item
from pipeline.lock import LOCK_FILE, Lock
from pipeline.stopping import PATIENCE_S
from tests.sessions import start as start_forked
from tests.test_limits import wait_until
from tests.test_runner import COMMAND, ROOT, dataset, run, start, taken_up, texts

HUGE = 200 << 30  # bytes of a sparse file: hashing it takes minutes


def is_in_hand(out: Path, name: str) -> bool:
    """Return whether a worker has read the text `name` and holds."""
    return bool(list(out.glob(f"work/take/.tmp-{name}-*/started")))


def holds_open(process: subprocess.Popen, path: Path) -> bool:
    return str(path) in {file.path for file in psutil.Process(process.pid).open_files()}


def children(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def ended_amid(tmp_path: Path, text: str, within_s: float = 20) -> Path:
    """Return the output folder of a run that was stopped with one file in hand."""
    inputs, out = texts(tmp_path / "in", a=text), tmp_path / "out"
    process = start(inputs, "--output", out)
    wait_until(lambda: list(out.glob("work/take/.tmp-a-*/started")))
    process.terminate()

    assert process.wait(timeout=within_s) == 143
    return out


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


# --- a stop ------------------------------------------------------------------------------------


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_of_the_whole_group_counts_no_crash(tmp_path, signum):
    """As Ctrl-C and job control do: the workers get it too."""
    inputs = texts(tmp_path / "in", a="hold", b="hold", c="three")
    out = tmp_path / "out"
    process = start(inputs, "--output", out, "--workers", 2, start_new_session=True)
    wait_until(lambda: is_in_hand(out, "a") and is_in_hand(out, "b"))
    os.killpg(process.pid, signum)

    said = process.communicate(timeout=20)[0]
    assert process.returncode == 128 + signum, said
    assert "🛑 Stopped by" in said
    assert Checkpoint.peek(out).attempts == {}
    assert not (out / LOCK_FILE).exists()


def test_a_stop_amid_one_long_call_into_c_is_no_crash_and_leaves_no_lock(tmp_path):
    """A model computes and cannot be interrupted; three such stops must not set the file aside."""
    out = ended_amid(tmp_path, "compute")

    assert Checkpoint.peek(out).attempts == {}
    assert not (out / LOCK_FILE).exists()


def test_a_stop_that_a_library_swallows_is_a_stop_and_no_failure_of_the_file(tmp_path):
    """torch, amid loading weights, reports "could not determine the shape of object type"."""
    out = ended_amid(tmp_path, "swallow")

    assert Checkpoint.peek(out).failures() == {}
    assert Checkpoint.peek(out).attempts == {}


def test_a_stage_that_goes_on_after_a_stop_is_ended_and_is_no_crash(tmp_path):
    out = ended_amid(tmp_path, "stubborn", within_s=PATIENCE_S + 3)

    assert Checkpoint.peek(out).attempts == {}
    assert not (out / LOCK_FILE).exists()


def test_a_stop_before_the_lock_is_taken_leaves_the_stale_one_as_it_was(tmp_path):
    inputs, out = texts(tmp_path / "in", a="one"), tmp_path / "out"
    out.mkdir()
    (out / LOCK_FILE).write_text("pid: 999999\n")

    def stop_first() -> None:
        plain = Lock.acquire

        def acquire(lock: Lock) -> object:
            os.kill(os.getpid(), signal.SIGTERM)
            return plain(lock)

        Lock.acquire = acquire

    words = [inputs, "--output", out, "--min-free-gb", 0]
    stopped = start_forked("tests.cheap", words, tmp_path / "log", prepare=stop_first)
    assert stopped.wait(20.0) == 143
    assert (out / LOCK_FILE).read_text() == "pid: 999999\n"
    assert "🔒 Found stale lock file (PID: 999999 not running)" in run(*words).stdout
    assert not (out / LOCK_FILE).exists()


def test_a_second_interrupt_leaves_even_a_long_call_into_c_at_once(tmp_path):
    """Earlier than the first would by itself."""
    inputs, out = texts(tmp_path / "in", a="compute"), tmp_path / "out"
    process = start(inputs, "--output", out)
    wait_until(lambda: list(out.glob("work/take/.tmp-a-*/started")))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    while process.poll() is None and time.monotonic() - began < PATIENCE_S / 2:
        time.sleep(0.4)
        process.send_signal(signal.SIGINT)

    assert process.wait(timeout=20) == 130
    assert time.monotonic() - began < PATIENCE_S
    assert not (out / LOCK_FILE).exists()


def test_the_double_signal_of_timeout_is_one_stop(tmp_path):
    """timeout(1) signals the process, then its group: the run hears it twice."""
    inputs, out = texts(tmp_path / "in", a="hold"), tmp_path / "out"
    words = ["timeout", "600", *COMMAND, str(inputs), "--output", str(out)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: is_in_hand(out, "a"))
    process.terminate()

    said = process.communicate(timeout=20)[0]
    assert "🛑 Stopped by SIGTERM" in said
    assert not (out / LOCK_FILE).exists()


def test_two_signals_in_the_same_instant_are_one_stop(tmp_path):
    """As a wrapper and a terminal send them; the kernel does not merge two different ones."""
    inputs, out = texts(tmp_path / "in", a="hold", b="hold"), tmp_path / "out"
    process = start(inputs, "--output", out, "--workers", 2)
    wait_until(lambda: is_in_hand(out, "a") and is_in_hand(out, "b"))
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGHUP)

    said = process.communicate(timeout=20)[0]
    assert process.returncode in (143, 129), said
    assert "🛑 Stopped by SIG" in said
    assert not (out / LOCK_FILE).exists()
    assert Checkpoint.peek(out).attempts == {}


def test_a_stop_while_the_inputs_are_read_is_graceful(tmp_path):
    """Terabytes of recordings are hashed before the first is taken up."""
    inputs, out = texts(tmp_path / "in", a="one"), tmp_path / "out"
    os.truncate(inputs / "a.wav", HUGE)
    process = start(inputs, "--output", out)
    wait_until(lambda: holds_open(process, inputs / "a.wav"))
    process.terminate()

    said = process.communicate(timeout=20)[0]
    assert process.returncode == 143, said
    assert "🛑 Stopped by SIGTERM" in said
    assert not (out / LOCK_FILE).exists()


def test_a_stop_while_results_are_verified_is_graceful_and_forgets_none(tmp_path):
    inputs, out = texts(tmp_path / "in", a="one"), tmp_path / "out"
    assert run(inputs, "--output", out, "--keep-temp").returncode == 0
    large = next(out.glob("work/take/a-*/taken.txt"))
    os.truncate(large, HUGE)
    with Checkpoint.open(out, views={}) as checkpoint:
        checkpoint.save(checkpoint.get("take", "a.wav")._replace(bytes=HUGE))
    known = set(Checkpoint.peek(out).records)
    process = start("--resume", "--output", out, "--keep-temp", "--verify")
    wait_until(lambda: holds_open(process, large))
    process.terminate()

    said = process.communicate(timeout=20)[0]
    assert process.returncode == 143, said
    assert "🛑 Stopped by SIGTERM" in said
    assert not (out / LOCK_FILE).exists()
    assert set(Checkpoint.peek(out).records) == known


def test_a_stop_while_another_run_is_waited_for_is_graceful(tmp_path):
    inputs, out = texts(tmp_path / "in", a="hold"), tmp_path / "out"
    first = start(inputs, "--output", out)
    wait_until(lambda: is_in_hand(out, "a"))
    second = start(inputs, "--resume", "--output", out, "--on-lock", "wait")
    assert any("Waiting for the other run" in line for line in second.stdout)
    began = time.monotonic()
    second.terminate()

    assert second.wait(timeout=20) == 143
    assert time.monotonic() - began < PATIENCE_S
    assert (out / LOCK_FILE).exists()
    first.kill()
    first.wait()


def test_nohup_means_what_it_says(tmp_path):
    inputs, out = texts(tmp_path / "in", a="hold"), tmp_path / "out"
    words = ["nohup", *COMMAND, str(inputs), "--output", str(out)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: is_in_hand(out, "a"))
    process.send_signal(signal.SIGHUP)
    (inputs / "a.go").touch()

    assert process.wait(timeout=30) == 0
    assert len(dataset(out)) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stopped_and_continued_run_goes_on(tmp_path, workers):
    """SIGSTOP and SIGCONT, as Ctrl-Z and a laptop's lid do."""
    inputs = texts(tmp_path / "in", a="one", b="hold", c="three")
    run(texts(tmp_path / "calm-in", a="one", b="hold", c="three"), *calm_words(tmp_path))
    out = tmp_path / "out"
    process = start(inputs, "--output", out, "--workers", workers)
    wait_until(lambda: is_in_hand(out, "b"))
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
    (inputs / "b.go").touch()
    process.send_signal(signal.SIGCONT)

    assert process.wait(timeout=30) == 0
    assert dataset(out) == dataset(tmp_path / "calm")


def calm_words(folder: Path) -> tuple[object, ...]:
    (folder / "calm-in/b.go").touch()
    return "--output", folder / "calm"


# --- workers that die ---------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["die", "segv"])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_of_many_files_only_the_culprit_is_set_aside(tmp_path, workers, word):
    """P5: three attempts for the culprit; of the others at most those beside it are tried again."""
    inputs = texts(tmp_path / "in", **{f"x{k:02}": f"text {k}" for k in range(20)}, x07b=word)
    out = tmp_path / "out"
    said, code = "", -1
    while code < 0:  # in the run's own process the culprit ends the run
        done = run(inputs, "--resume", "--output", out, "--workers", workers)
        said, code = said + done.stdout, done.returncode

    assert code == 3, said
    set_aside = {"x07b.wav": "take: set aside after 3 crashed attempts"}
    assert Checkpoint.peek(out).failures() == set_aside
    assert len(dataset(out)) == 21
    times = [taken_up(said).count(f"x{k:02}.wav") for k in range(20)]
    assert taken_up(said).count("x07b.wav") == 3
    assert max(times) <= 2
    assert sum(times) - 20 <= workers - 1
    name = "SIGSEGV" if word == "segv" else "SIGKILL"
    assert name in Checkpoint.peek(out).records["take", "x07b.wav"].traceback


def test_a_pool_that_cannot_start_blames_no_file(tmp_path, monkeypatch):
    """A worker that dies before it begins says nothing about the file that waits for it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, os\nif '--multiprocessing-fork' in sys.argv: os._exit(9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    item = Item("a.wav", "a", str(tmp_path / "a.wav"))
    (tmp_path / "out").mkdir()
    task = Task("tests.cheap.take", (item,), "a.wav", str(tmp_path / "out"), {})

    crew = executors.LocalCrew(["cpu"])
    for outcome in (crew.alone(task), next(crew.in_pool(2, [task]))):
        assert outcome.status == "halted"
        assert outcome.reason == "no worker process can start (exit code 9)"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_killed_while_it_starts_costs_nothing(tmp_path, monkeypatch, workers):
    """It imports for seconds: an out-of-memory killer may well find it there. Once."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, os, pathlib\n"
        "if '--multiprocessing-fork' in sys.argv:\n"
        f"    try: pathlib.Path({str(tmp_path / 'killed')!r}).touch(exist_ok=False)\n"
        "    except FileExistsError: pass\n"
        "    else: os.kill(os.getpid(), 9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    tasks = []
    for name in "abc":
        (tmp_path / f"{name}.wav").write_text("text")
        (tmp_path / name).mkdir()
        item = Item(f"{name}.wav", name, str(tmp_path / f"{name}.wav"))
        tasks.append(Task("tests.cheap.take", (item,), item.source, str(tmp_path / name), {}))

    with contextlib.closing(executors.LocalCrew(["cpu"])) as crew:
        outcomes = list(crew.in_pool(workers, tasks))
    assert (tmp_path / "killed").exists()
    assert sorted((o.task.source, o.status) for o in outcomes) == [
        (f"{name}.wav", "done") for name in "abc"
    ]


def test_a_worker_killed_while_it_starts_is_not_the_fault_of_a_file_in_anothers_hands(
    tmp_path, monkeypatch
):
    """The first one has begun a file as the second dies, importing."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, os, pathlib, time\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "if '--multiprocessing-fork' in sys.argv and not (here / 'killed').exists():\n"
        "    try: (here / 'first').touch(exist_ok=False)\n"
        "    except FileExistsError:\n"
        "        while not (here / 'a/started').exists(): time.sleep(0.01)\n"
        "        (here / 'killed').touch()\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    tasks = []
    for name, text in (("a", "hold"), ("b", "text")):
        (tmp_path / f"{name}.wav").write_text(text)
        (tmp_path / name).mkdir()
        item = Item(f"{name}.wav", name, str(tmp_path / f"{name}.wav"))
        tasks.append(Task("tests.cheap.take", (item,), item.source, str(tmp_path / name), {}))

    # subtle: the pool may not look at a worker that it has just started before another is done
    release = threading.Timer(2.0, (tmp_path / "a.go").touch)
    with contextlib.closing(executors.LocalCrew(["cpu"])) as crew:
        release.start()
        outcomes = [(one.task.source, one.status) for one in crew.in_pool(2, tasks)]
    release.join()
    assert (tmp_path / "killed").exists()
    assert sorted(outcomes) == [("a.wav", "done"), ("b.wav", "done")]


def pool_workers() -> list[psutil.Process]:
    """Return the processes of this one's pools that are alive."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):  # it has just ended
            if "--multiprocessing-fork" in process.cmdline():
                found.append(process)
    return found


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_pool_that_was_stopped_as_it_started_leaves_no_process(monkeypatch):
    """A signal may come after its workers were started, before the thread that minds them was."""

    def start(_thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_ExecutorManagerThread, "start", start)
    pool = Pool(2, ("cpu",))
    with pytest.raises(KeyboardInterrupt):
        next(pool.outcomes(iter([Task("tests.cheap.where", (), "a", "nowhere", {})])))
    assert pool_workers()

    pool.kill()

    assert not pool_workers()


def test_workers_stay_for_the_next_step_and_one_killed_in_between_costs_nothing(tmp_path):
    """Each start imports torch anew. Killed between two steps, no file was in its hands."""
    with contextlib.closing(executors.LocalCrew(["cpu"])) as crew:
        found = []
        for step in range(3):
            tasks = []
            for name in ("a", "b"):
                out = tmp_path / f"{step}{name}"
                out.mkdir()
                tasks.append(Task("tests.cheap.where", (Item(name, name, ""),), name, str(out), {}))
            outcomes = list(crew.run(2, tasks))
            assert [outcome.status for outcome in outcomes] == ["done", "done"]
            workers = pool_workers()
            found.append({worker.pid for worker in workers})
            if step == 1:
                workers[0].kill()
                wait_until(functools.partial(has_ended, workers[0]))

    assert len(found[0]) == 2
    assert found[0] == found[1]
    assert not found[1] & found[2]
    assert not any(psutil.pid_exists(pid) for pids in found for pid in pids)


def test_a_closed_pool_has_nothing_in_hand(tmp_path):
    """The lock is given back after it: nobody must still write then."""
    (tmp_path / "a.wav").write_text("hold")
    (tmp_path / "b.wav").write_text("two")
    tasks = []
    for name in "ab":
        (tmp_path / name).mkdir()
        item = Item(f"{name}.wav", name, str(tmp_path / f"{name}.wav"))
        tasks.append(Task("tests.cheap.take", (item,), item.source, str(tmp_path / name), {}))
    running = executors.LocalCrew(["cpu"]).in_pool(2, tasks)
    assert next(running).task.source == "b.wav"
    wait_until((tmp_path / "a/started").exists)
    workers = [p for p in psutil.Process().children() if "--multiprocessing-fork" in p.cmdline()]
    assert workers

    running.close()
    assert not any(worker.is_running() for worker in workers)


# --- orphans ------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [2, 3])
def test_kill_9_of_the_driver_leaves_no_worker_and_no_lock(tmp_path, workers):
    inputs = texts(tmp_path / "in", **{f"x{k}": "hold" for k in range(workers)})
    out = tmp_path / "out"
    process = start(inputs, "--output", out, "--workers", workers)
    wait_until(lambda: all(is_in_hand(out, f"x{k}") for k in range(workers)))
    family = children(process)
    assert len(family) > workers - 1

    for child in family:  # nobody but the driver holds the lock or an output file
        targets = {str(fd.readlink()) for fd in Path(f"/proc/{child.pid}/fd").iterdir()}
        assert not any(target.startswith(str(out)) for target in targets), child.cmdline()
    process.kill()
    process.wait()
    wait_until(lambda: are_gone(family))

    for path in inputs.glob("*.wav"):
        path.with_suffix(".go").touch()
    again = run("--resume", "--output", out, "--workers", workers)
    assert again.returncode == 0, again.stdout
    assert len(dataset(out)) == workers + 1
