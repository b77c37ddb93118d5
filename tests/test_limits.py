"""Full disks, read-only mounts, broken file systems, limits of size, files and memory: real ones.

Mounts and memory cgroups need root; where they are not permitted, their tests are skipped.
"""

import contextlib
import errno
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from pipeline.checkpoint import STATE_FILE, Checkpoint, Record
from pipeline.executors import Task, run_one
from pipeline.item import Item
from pipeline.lock import LOCK_FILE
from tests.forked import COMMON, files, run, texts
from tests.test_runner import dataset, run_command, start, taken_up

PAGE = 4096  # bytes; tmpfs gives whole ones
PATIENCE_S = 120.0  # of a test on a busy machine


def call(*words: object) -> None:
    """Run a command of the system; skip the test where it is not permitted."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{' '.join(map(str, words))}: {done.stderr.strip()}")


@contextlib.contextmanager
def mounted(folder: Path, *words: object) -> Iterator[Path]:
    """Mount something on a new folder; unmount it at the end."""
    folder.mkdir(exist_ok=True)
    call("mount", *words, folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def tmpfs(folder: Path, size: int) -> contextlib.AbstractContextManager[Path]:
    return mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs")


def record(source: str) -> Record:
    return Record("take", source, "done", "f" * 64, f"work/take/{source}/x.txt", 100, "d" * 64)


def errors(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("❌")]


def wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def calm(tmp_path) -> dict[str, bytes]:
    """The files of an undisturbed run over a and b, in the folder of the test."""
    texts(tmp_path / "in", a="one", b="two")
    assert run(tmp_path, *COMMON, "in")[0] == 0
    found = files(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    return found


def check_sound(out: Path) -> None:
    """Whatever stopped the run: the state is valid and blames no file."""
    if (out / STATE_FILE).exists():
        assert yaml.safe_load((out / STATE_FILE).read_text(encoding="utf-8"))["version"] == 1
        assert not Checkpoint.peek(out).failures()


# --- full ---------------------------------------------------------------------------------------


def test_a_state_on_a_16_kb_disk_stops_valid_and_goes_on_with_more_room(tmp_path):
    """Appended to until the disk is full: what was saved is there, and named is what is missing."""
    with tmpfs(tmp_path / "out", 4 * PAGE) as out:
        checkpoint = Checkpoint.open(out, views={"take": "taken_files"})
        saved = []
        with pytest.raises(OSError, match=f"cannot write .* bytes.*{STATE_FILE}") as full:
            for number in range(1000):
                checkpoint.save(record(str(number)))
                saved.append(("take", str(number)))
        checkpoint.close()
        assert full.value.errno == errno.ENOSPC
        assert len(saved) > 3
        assert list(Checkpoint.peek(out).records) == saved
        check_sound(out)
        assert [path.name for path in out.iterdir()] == [STATE_FILE], "a temp file was left"

        call("mount", "-o", f"remount,size={64 * PAGE}", out)
        with Checkpoint.open(out, views={"take": "taken_files"}) as again:
            again.save(record("after"))
        assert list(Checkpoint.peek(out).records) == [*saved, ("take", "after")]


def test_however_small_the_disk_a_job_stops_resumable(tmp_path, calm):
    """Full at a journal line, at a snapshot, at an artefact: every size until all of it fits."""
    places, out = set(), tmp_path / "out"
    for pages in range(1, 60):
        with tmpfs(out, pages * PAGE):
            code, said = run(tmp_path, *COMMON, "in", "--resume")
            if code == 0:
                break
            assert code == 1, said
            (error,) = errors(said)
            assert str(out) in error
            assert "bytes are free there" in error
            assert "make room" in error
            places.add(error.partition(str(out))[2].partition(":")[0])
            check_sound(out)

            call("mount", "-o", f"remount,size={200 * PAGE}", out)
            code, said = run(tmp_path, *COMMON, "in", "--resume")
            assert code == 0, said
            assert files(out) == calm
    else:
        pytest.fail("it never fitted")

    assert f"/{STATE_FILE}" in places, "no journal line was the first to find no room"
    assert f"/.{STATE_FILE}.tmp" in places, "no snapshot was"
    assert any(place.startswith("/work/") for place in places), "no artefact was"


def test_an_error_that_hides_a_full_disk_blames_no_file(tmp_path):
    """A library says "cannot"; the disk says why."""
    texts(tmp_path / "in", a="boom")
    item = Item("a.wav", "a", str(tmp_path / "in/a.wav"))
    with tmpfs(tmp_path / "out", 2 * PAGE) as out:
        (out / "ballast").write_bytes(bytes(PAGE))
        outcome = run_one(Task("tests.cheap.take", (item,), "a.wav", str(out), {}))
        assert (outcome.status, outcome.task.source) == ("halted", "a.wav")
        assert "No space left" in outcome.reason

        (out / "ballast").unlink()
    outcome = run_one(Task("tests.cheap.take", (item,), "a.wav", str(tmp_path), {}))
    assert (outcome.status, outcome.reason) == ("failed", "it says boom")


def test_below_the_floor_of_free_space_the_run_stops_resumable(tmp_path):
    """Room goes while the first file is in hand; the second is not begun."""
    texts(tmp_path / "in", a="hold", b="two")
    with tmpfs(tmp_path / "out", 20_000_000) as out:
        process = start(tmp_path / "in", "--output", out, "--min-free-gb", "0.01")
        wait_until(lambda: list(out.glob("work/take/.tmp-a-*/started")))
        (out / "ballast").write_bytes(bytes(15_000_000))
        (tmp_path / "in/a.go").touch()
        said = process.communicate(timeout=30)[0]
        assert process.returncode == 1, said
        (error,) = errors(said)
        assert "the floor is 0.01 GB (--min-free-gb)" in error
        assert str(out) in error
        assert taken_up(said) == ["a.wav"]
        assert not Checkpoint.peek(out).attempts

        (out / "ballast").unlink()
        again = run_command("--resume", "--output", out, "--min-free-gb", "0.001")
        assert again.returncode == 0, again.stdout
        assert taken_up(again.stdout) == ["b.wav"]


# --- read-only and broken -----------------------------------------------------------------------


def test_a_read_only_output_is_named_and_nothing_is_lost(tmp_path, calm):
    """Mounted read-only before the run, root or not."""
    out = tmp_path / "out"
    texts(tmp_path / "in", b="boom")
    assert run(tmp_path, *COMMON, "in")[0] == 3
    texts(tmp_path / "in", b="two")
    with mounted(out, "--bind", out):
        call("mount", "-o", "remount,ro,bind", out)
        code, said = run(tmp_path, *COMMON, "in", "--resume")
    assert code == 1
    (error,) = errors(said)
    assert str(out) in error
    assert "mount it for writing" in error

    code, said = run(tmp_path, *COMMON, "in", "--resume")
    assert code == 0, said
    assert taken_up(said) == ["b.wav"]
    assert files(out) == calm


def test_work_that_turns_read_only_in_the_middle_blames_no_file(tmp_path):
    texts(tmp_path / "in", a="one", b="hold")
    out = tmp_path / "out"
    process = start(tmp_path / "in", "--output", out)
    wait_until(lambda: list(out.glob("work/take/.tmp-b-*/started")))
    with mounted(out / "work", "--bind", out / "work"):
        call("mount", "-o", "remount,ro,bind", out / "work")
        (tmp_path / "in/b.go").touch()
        said = process.communicate(timeout=30)[0]
    assert process.returncode == 1, said
    (error,) = errors(said)
    assert f"{out}/work" in error
    assert "Read-only file system; mount it for writing" in error
    check_sound(out)
    assert not Checkpoint.peek(out).attempts
    assert not (out / LOCK_FILE).exists()

    again = run_command(tmp_path / "in", "--resume", "--output", out)
    assert again.returncode == 0, again.stdout
    assert len(dataset(out)) == 3


def test_a_file_system_that_breaks_under_the_run_stops_it_resumable(tmp_path):
    """ext4 finds an error, and the kernel takes no more writes, also not to what is open."""
    inputs = tmp_path / "in"
    texts(inputs, a="one", b="hold")
    with (tmp_path / "image").open("wb") as image:
        image.truncate(32 << 20)
    call("mkfs.ext4", "-q", tmp_path / "image")
    with mounted(tmp_path / "disk", "-o", "loop,errors=remount-ro", tmp_path / "image") as disk:
        out = disk / "out"
        process = start(inputs, "--output", out, "--min-free-gb", "0")
        wait_until(lambda: list(out.glob("work/take/.tmp-b-*/started")))
        source = subprocess.check_output(["findmnt", "-no", "SOURCE", str(disk)], text=True)
        trigger = Path("/sys/fs/ext4", Path(source.strip()).name, "trigger_fs_error")
        if not trigger.exists():
            process.kill()
            pytest.skip("this kernel's ext4 has no trigger_fs_error")
        trigger.write_text("1")
        (inputs / "b.go").touch()
        said = process.communicate(timeout=30)[0]
        assert process.returncode == 1, said
        (error,) = errors(said)
        assert str(out) in error
        assert "mount it for writing" in error
        check_sound(out)
    subprocess.run(["e2fsck", "-fp", str(tmp_path / "image")], capture_output=True)

    with mounted(tmp_path / "disk", "-o", "loop", tmp_path / "image") as disk:
        again = run_command(inputs, "--resume", "--output", disk / "out", "--min-free-gb", "0")
        assert again.returncode == 0, again.stdout
        assert "Already taken: a.wav" in again.stdout
        assert len(dataset(disk / "out")) == 3


def test_an_input_that_cannot_be_read_for_an_io_error_fails_alone(tmp_path):
    """A bad sector of a recording is not a fault of the output: P4 holds."""
    texts(tmp_path / "in", a="one")
    (tmp_path / "in/bad.wav").symlink_to("/proc/self/mem")  # its first bytes are an EIO
    code, said = run(tmp_path, *COMMON, "in")

    assert code == 3, said
    assert "Failed: bad.wav: [Errno 5]" in said
    assert len(dataset(tmp_path / "out")) == 2


# --- limits of the process ----------------------------------------------------------------------


def limited(what: int, limit: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (limit, resource.getrlimit(what)[1]))


def test_a_limit_of_file_sizes_stops_the_run_resumable(tmp_path, calm):
    ends = set()
    for limit in range(500, 6000, 250):
        before = limited(resource.RLIMIT_FSIZE, limit)
        code, said = run(tmp_path, *COMMON, "in", "--resume", before=before)
        ends.add(code)
        check_sound(tmp_path / "out")
        if code:
            assert code == 1, said
            assert "raise the limit of file sizes (ulimit -f)" in said
            assert str(tmp_path / "out") in errors(said)[0]
        assert run(tmp_path, *COMMON, "in", "--resume")[0] == 0
        assert files(tmp_path / "out") == calm
        shutil.rmtree(tmp_path / "out")

    assert ends == {0, 1}


def test_a_limit_of_open_files_stops_the_run_resumable(tmp_path, calm):
    """Every limit from hopeless to enough: an end with a clear message, or success."""
    ends, used = set(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names of numbers
    for spare in range(14):
        before = limited(resource.RLIMIT_NOFILE, used + spare)
        code, said = run(tmp_path, *COMMON, "in", "--resume", before=before)
        ends.add(code)
        assert "Traceback" not in said, said
        check_sound(tmp_path / "out")
        if code:
            assert code == 1, said
            assert "raise the limit of open files (ulimit -n)" in errors(said)[0]
        assert run(tmp_path, *COMMON, "in", "--resume")[0] == 0
        assert files(tmp_path / "out") == calm
        shutil.rmtree(tmp_path / "out")

    assert ends == {0, 1}


def test_workers_under_a_limit_of_open_files_blame_no_file(tmp_path):
    texts(tmp_path / "in", **{f"x{k}": f"text {k}" for k in range(6)})
    words = (tmp_path / "in", "--resume", "--output", tmp_path / "out", "--workers", "3")
    for limit in (16, 20, 24, 28):
        done = run_command(*words, preexec_fn=limited(resource.RLIMIT_NOFILE, limit))
        if done.returncode:
            assert done.returncode == 1, done.stdout
            assert "raise the limit of open files (ulimit -n)" in errors(done.stdout)[0]
        check_sound(tmp_path / "out")

    assert run_command(*words).returncode == 0
    assert len(dataset(tmp_path / "out")) == 7


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_too_large_for_the_memory_limit_is_set_aside_and_the_rest_is_done(tmp_path, workers):
    """MemoryError says: beside others there was no room. Alone it is tried again, three in all."""
    texts(tmp_path / "in", a="one", b="hog", c="two", d="three")
    done = run_command(
        *(tmp_path / "in", "--output", tmp_path / "out", "--workers", workers),
        preexec_fn=limited(resource.RLIMIT_AS, 1_500_000_000),
    )

    assert done.returncode == 3, done.stdout
    assert done.stdout.count("Taking: b.wav") == 3
    assert "b.wav: out of memory; it is tried by itself" in done.stdout
    set_aside = {"b.wav": "take: set aside after 3 crashed attempts"}
    assert Checkpoint.peek(tmp_path / "out").failures() == set_aside
    assert len(dataset(tmp_path / "out")) == 4

    again = run_command("--resume", "--output", tmp_path / "out")
    assert again.returncode == 0, again.stdout
    assert taken_up(again.stdout) == ["b.wav"]


def is_removed(group: Path) -> bool:
    """Remove a cgroup; False as long as the kernel still counts its dead."""
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()


@contextlib.contextmanager
def memory_group(limit: int) -> Iterator[Path]:
    """A memory cgroup below our own, so that what holds for us holds for it too."""
    own = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    lines = [line.split(":", 2) for line in own]
    path = next((path for _, kinds, path in lines if kinds == "memory"), None)
    group = Path(f"/sys/fs/cgroup/memory{path}/kokoro-test-{os.getpid()}")
    try:
        group.mkdir()
    except OSError as err:
        pytest.skip(f"no memory cgroup can be made here: {err}")
    try:
        (group / "memory.limit_in_bytes").write_text(str(limit))
        yield group
    finally:
        wait_until(lambda: not (group / "cgroup.procs").read_text())
        wait_until(lambda: is_removed(group))


def test_a_worker_that_the_kernel_kills_for_its_memory_is_singled_out(tmp_path):
    """The real out-of-memory killer, in a real cgroup; the rest is finished."""
    texts(tmp_path / "in", b="hog", **{f"x{k}": f"text {k}" for k in range(8)})
    with memory_group(600_000_000) as group:

        def join() -> None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

        done = run_command(
            *(tmp_path / "in", "--output", tmp_path / "out", "--workers", "2"), preexec_fn=join
        )

    assert done.returncode == 3, done.stdout
    set_aside = {"b.wav": "take: set aside after 3 crashed attempts"}
    assert Checkpoint.peek(tmp_path / "out").failures() == set_aside
    assert "SIGKILL: the kernel sends it when memory runs out" in done.stdout
    assert done.stdout.count("Taking: b.wav") == 3
    assert len(dataset(tmp_path / "out")) == 9
