"""The lock where flock does not decide: shared folders, file systems without it, PID namespaces."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bench.lock_races import KINDS, races
from pipeline.lock import LOCK_FILE, Lock, Locked, LostLock, Pace, describe_self
from pipeline.lock.places import file_system, may_be_shared
from tests.test_limits import call, wait_until
from tests.test_runner import COMMAND, ROOT, texts

PACE = Pace(beat_s=0.05, watch_s=1.0, settle_s=0.05)
HOLDER = """
import sys
from pathlib import Path
from pipeline.lock import Lock, LostLock, Pace
from bench.lock_races import KINDS
import pipeline.lock
pipeline.lock.may_be_shared = lambda folder: True
lock = Lock(Path(sys.argv[1]), "holder", KINDS[sys.argv[2]](), 3600.0, Pace(0.05, 0.2, 0.05))
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
try:
    lock.check()
    print("still ours", flush=True)
except LostLock as err:
    print(err, flush=True)
sys.stdin.readline()
"""


def hold(folder: Path, kind: str) -> subprocess.Popen:
    """Start a process that holds the lock of a folder, on a kind of file system."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), kind],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    return process


def ask(process: subprocess.Popen) -> str:
    """Return what a holder says of its lock."""
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


@pytest.fixture
def contender(tmp_path, monkeypatch):
    """Makes a lock on a kind of file system, all of which may be shared."""
    monkeypatch.setattr("pipeline.lock.may_be_shared", lambda _folder: True)

    def make(kind: str, timeout_s: float = 3600.0) -> Lock:
        return Lock(tmp_path, "contender", KINDS[kind](), timeout_s, PACE)

    return make


@pytest.mark.parametrize(
    ("kind", "rounds"), [("flock", 30), ("no flock", 10), ("granted to all", 6)]
)
def test_of_eight_starters_on_a_stale_lock_exactly_one_wins(tmp_path, kind, rounds):
    """P6. More rounds: bench/lock_races.py --rounds 1000."""
    assert races(tmp_path, kind, rounds, starters=8) == [1] * rounds


# --- flock is granted to everybody --------------------------------------------------------------


@pytest.mark.parametrize("kind", ["no flock", "granted to all"])
def test_an_owner_that_gives_signs_of_life_keeps_others_out(tmp_path, contender, kind):
    holder = hold(tmp_path, kind)

    with pytest.raises(Locked) as refused:
        contender(kind).acquire()
    assert refused.value.owner.pid == holder.pid
    assert ask(holder) == "still ours"
    holder.kill()
    holder.wait()


def test_an_owner_that_gives_none_is_taken_over(tmp_path, contender):
    holder = hold(tmp_path, "granted to all")
    holder.kill()
    holder.wait()

    lock = contender("granted to all")
    assert lock.acquire().pid == holder.pid
    lock.check()
    lock.release()
    assert not list(tmp_path.iterdir())


def test_an_owner_that_slept_through_it_notices_before_its_next_save(tmp_path, contender):
    """SIGSTOP and SIGCONT, as a laptop's lid and a paused virtual machine do."""
    holder = hold(tmp_path, "granted to all")
    holder.send_signal(signal.SIGSTOP)
    lock = contender("granted to all")
    assert lock.acquire().pid == holder.pid

    holder.send_signal(signal.SIGCONT)
    assert "was taken over while this run was working" in ask(holder)
    holder.communicate("\n")
    lock.check()  # what it left as it ended is ours
    lock.release()


# --- there is no flock --------------------------------------------------------------------------


def test_without_flock_an_owner_that_died_here_is_taken_over_at_once(tmp_path, contender):
    holder = hold(tmp_path, "no flock")
    holder.kill()
    holder.wait()

    lock = contender("no flock")
    assert lock.acquire().pid == holder.pid
    lock.release()
    assert not list(tmp_path.iterdir())


def test_without_flock_an_owner_elsewhere_is_believed_until_the_timeout(tmp_path, contender):
    elsewhere = replace(describe_self("x"), host="another", pid=4242)
    lock_file = tmp_path / LOCK_FILE
    lock_file.write_text(yaml.safe_dump(elsewhere.__dict__))
    with pytest.raises(Locked, match="PID: 4242"):
        contender("no flock", timeout_s=60.0).acquire()
    assert list(tmp_path.iterdir()) == [lock_file]

    os.utime(lock_file, (time.time() - 61,) * 2)
    lock = contender("no flock", timeout_s=60.0)
    assert lock.acquire().pid == 4242
    lock.release()


def test_without_flock_signs_of_life_keep_a_lock_from_ageing(tmp_path, contender):
    owner = contender("no flock", timeout_s=0.5)
    owner.acquire()
    text = (tmp_path / LOCK_FILE).read_text()  # as if it ran on another host
    (tmp_path / LOCK_FILE).write_text(text.replace("host: ", "host: not-"))

    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        with pytest.raises(Locked):
            contender("no flock", timeout_s=0.5).acquire()
    owner.release()


def test_a_takeover_that_a_crash_left_half_done_is_done_by_the_next(tmp_path, contender):
    for name in (LOCK_FILE, f"{LOCK_FILE}.takeover"):
        (tmp_path / name).write_text("pid: 4242\n")
        os.utime(tmp_path / name, (1.0, 1.0))

    lock = contender("no flock", timeout_s=60.0)
    assert lock.acquire().pid == 4242
    lock.release()
    assert not list(tmp_path.iterdir())


def test_a_lock_that_is_lost_without_flock_is_not_removed(tmp_path, contender):
    lock = contender("no flock")
    lock.acquire()
    (tmp_path / LOCK_FILE).write_text("pid: 4242\n")

    with pytest.raises(LostLock, match="was taken over"):
        lock.check()
    lock.release()
    assert (tmp_path / LOCK_FILE).read_text() == "pid: 4242\n"


# --- where a folder lies ------------------------------------------------------------------------

MOUNTS = r"""
22 1 0:20 / / rw,relatime shared:1 - overlay overlay rw
23 22 0:21 / /data rw shared:2 - nfs4 server:/export rw
24 23 0:22 / /data/local rw - ext4 /dev/sdb rw
25 22 0:23 / /my\040audio rw - virtiofs mount0 rw
26 22 0:24 / /twice rw - ext4 /dev/sdc rw
27 22 0:25 / /twice rw - fuse.sshfs host: rw
28 22 0:26 / /broken
""".splitlines()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "overlay"),
        ("/database", "overlay"),
        ("/data/voice", "nfs4"),
        ("/data/local/voice", "ext4"),
        ("/my audio/voice", "virtiofs"),
        ("/twice/voice", "fuse.sshfs"),
        ("/broken/voice", "overlay"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_mount(path, kind):
    assert file_system(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(("kind", "shared"), [("ext4", False), ("9p", True), ("new", True)])
def test_what_may_be_shared_or_is_unknown_is_not_trusted(tmp_path, kind, shared):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 0:20 / / rw - {kind} x rw\n")

    assert may_be_shared(tmp_path, mounts) is shared
    assert not may_be_shared(tmp_path, tmp_path / "none, as on macOS")


def test_on_a_real_shared_mount_a_stale_lock_is_watched_before_it_is_taken(tmp_path):
    """FUSE, whose locks are its server's affair."""
    if shutil.which("bindfs") is None:
        pytest.skip("bindfs is not installed")
    inner, folder = tmp_path / "inner", tmp_path / "mount"
    inner.mkdir()
    folder.mkdir()
    call("bindfs", inner, folder)
    try:
        assert may_be_shared(folder)
        (folder / LOCK_FILE).write_text("pid: 4242\n")
        lock = Lock(folder, "x", pace=PACE)
        began = time.monotonic()
        assert lock.acquire().pid == 4242
        assert time.monotonic() - began >= PACE.watch_s
        with pytest.raises(Locked):
            Lock(folder, "y", pace=PACE).acquire()
        lock.release()
        assert not (inner / LOCK_FILE).exists()
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


# --- two containers, as PID namespaces ----------------------------------------------------------

IN_NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def start_in_namespace(*words: object) -> subprocess.Popen:
    command = [*IN_NAMESPACE, *COMMAND, *map(str, words)]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_two_containers_on_one_output_are_told_apart_although_both_are_pid_1(tmp_path):
    """P6: the second is refused, also where it wants to kill; after kill -9 the next takes over."""
    call(*IN_NAMESPACE, "true")
    inputs, out = texts(tmp_path / "in", a="hold", b="two"), tmp_path / "out"
    words = [inputs, "--output", out, "--resume"]
    first = start_in_namespace(*words)
    wait_until(lambda: list(out.glob("work/take/.tmp-a-*/started")))
    assert yaml.safe_load((out / LOCK_FILE).read_text())["pid"] == 1

    second = start_in_namespace(*words)
    assert "Pipeline already running (PID: 1)" in second.communicate(timeout=60)[0]
    assert second.returncode == 4
    third = start_in_namespace(*words, "--on-lock", "kill")
    assert "PID 1 cannot be proven to be the owner from here" in third.communicate(timeout=60)[0]
    assert third.returncode == 4
    assert first.poll() is None

    first.kill()  # and with it, all of its namespace
    first.communicate()
    (inputs / "a.go").touch()
    fourth = start_in_namespace(*words)
    said = fourth.communicate(timeout=60)[0]
    assert "🔒 Found stale lock file (PID: 1 not running)" in said
    assert fourth.returncode == 0
