"""The lock: exactly one run in an output folder."""

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from pipeline.lock import LOCK_FILE, Lock, Locked, LostLock, Owner, describe_self, parse_owner

HOLDER = """
import sys, time
from pathlib import Path
from pipeline.lock import Lock
Lock(Path(sys.argv[1]), "holder").acquire()
print("held", flush=True)
time.sleep(60)
"""

RACER = """
import sys, time
from pathlib import Path
from pipeline.lock import Lock, Locked
folder = Path(sys.argv[1])
print("ready", flush=True)
while not (folder / "go").exists():
    pass
try:
    Lock(folder, "racer").acquire()
    print("won", flush=True)
    sys.stdin.read()
except Locked:
    print("lost", flush=True)
"""


def start(script: str, folder) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    return process


def test_a_second_run_is_refused_and_told_who_holds_the_lock(tmp_path):
    holder = start(HOLDER, tmp_path)

    with pytest.raises(Locked) as refused:
        Lock(tmp_path, "second").acquire()
    assert refused.value.owner.pid == holder.pid
    assert refused.value.owner.is_alive_here()
    holder.kill()
    holder.wait()


def test_a_killed_run_leaves_a_stale_lock_that_the_next_takes_over(tmp_path):
    holder = start(HOLDER, tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()

    lock = Lock(tmp_path, "next")
    stale = lock.acquire()
    assert stale is not None
    assert stale.pid == holder.pid
    assert not stale.is_alive_here()
    lock.release()
    assert not (tmp_path / LOCK_FILE).exists()


def test_a_lock_that_was_removed_by_hand_still_keeps_others_out(tmp_path):
    """rm .pipeline_running while it runs: the folder's own lock holds, and the owner notices."""
    lock = Lock(tmp_path, "first")
    lock.acquire()
    (tmp_path / LOCK_FILE).unlink()

    with pytest.raises(LostLock, match="was removed"):
        lock.check()
    second = start(RACER, tmp_path)
    (tmp_path / "go").touch()
    assert second.stdout.readline() == "lost\n"
    lock.release()


def test_a_lock_file_that_was_replaced_is_noticed_and_not_removed(tmp_path):
    lock = Lock(tmp_path, "first")
    lock.acquire()
    (tmp_path / LOCK_FILE).rename(tmp_path / "old")
    (tmp_path / LOCK_FILE).write_text("pid: 1\n")

    with pytest.raises(LostLock, match="was replaced"):
        lock.check()
    lock.release()
    assert (tmp_path / LOCK_FILE).read_text() == "pid: 1\n"


def test_the_lock_file_names_pid_host_and_command_first(tmp_path):
    lock = Lock(tmp_path, "dataset-pipeline ./audio")
    lock.acquire()

    owner = yaml.safe_load((tmp_path / LOCK_FILE).read_text())
    assert next(iter(owner)) == "pid"
    assert owner["pid"] == os.getpid()
    assert owner["command"] == "dataset-pipeline ./audio"
    lock.release()


def test_a_bare_number_in_the_lock_file_is_a_pid():
    assert parse_owner(b"12345\n") == Owner(pid=12345)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[1", b"nothing", b"pid: no\n"])
def test_rubbish_in_the_lock_file_names_nobody(data):
    assert parse_owner(data) is None


def test_a_reused_pid_is_not_the_owner():
    """Equal PID, another start: another process."""
    me = describe_self("")
    assert me.is_alive_here()
    assert not Owner(**{**me.__dict__, "start_ticks": me.start_ticks - 5000}).is_alive_here()


def test_a_folder_or_dangling_link_in_the_place_of_the_lock_is_named(tmp_path):
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(OSError, match="not a plain file"):
        Lock(tmp_path, "x").acquire()
    (tmp_path / LOCK_FILE).rmdir()
    (tmp_path / LOCK_FILE).symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError, match="not a plain file"):
        Lock(tmp_path, "x").acquire()


def test_workers_do_not_inherit_the_lock(tmp_path):
    """A child that outlives us holds nothing."""
    lock = Lock(tmp_path, "first")
    lock.acquire()
    code = "import time; print('started', flush=True); time.sleep(30)"
    child = subprocess.Popen(
        [sys.executable, "-c", code], close_fds=False, stdout=subprocess.PIPE, text=True
    )
    child.stdout.readline()
    lock.release()

    again = Lock(tmp_path, "second")
    again.acquire()
    again.release()
    child.kill()
    child.wait()


def test_time_is_not_needed_to_decide(tmp_path):
    """A lock file from the future or the past is stale all the same: flock decides."""
    (tmp_path / LOCK_FILE).write_text("pid: 1\nstarted: 99999999999.0\n")
    os.utime(tmp_path / LOCK_FILE, (time.time() + 1e6,) * 2)

    lock = Lock(tmp_path, "x")
    assert lock.acquire().pid == 1
    lock.release()
