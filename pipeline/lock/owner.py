"""Who holds a lock, as its file tells: for people, for messages, and for killing.

In:  the bytes of a lock file, or this process. Out: an `Owner`.
Left out: who may work; nothing that stands here decides that on a file system with flock.
"""

import contextlib
import functools
import os
import re
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))  # left by docker, by podman
_ENGINE_FOLDER = re.compile(r"/([0-9a-f]{64})/\S*hostname /etc/hostname ")
_ID_DIGITS = 12  # as docker ps and podman ps show them


@dataclass(frozen=True)
class Owner:
    """Who holds a lock, as far as its file tells."""

    pid: int = 0
    run_id: str = ""
    host: str = ""
    boot_id: str = ""
    pid_namespace: int = 0
    start_ticks: int = 0
    container: str = ""
    started: float = 0.0  # seconds since the epoch
    command: str = ""

    def __str__(self) -> str:
        place = (
            f"container {self.container}" if self.container else f"host {self.host or 'unknown'}"
        )
        if not isinstance(self.started, float) or not self.started:
            return f"on {place}"
        return f"on {place}, for {(time.time() - self.started) / 60:.0f} min"

    def is_alive_here(self) -> bool:
        """Return whether this very process runs: same boot, same PID namespace, same start."""
        return self._lived_here() and self.pid > 0 and self.start_ticks == _start_ticks(self.pid)

    def is_dead_here(self) -> bool:
        """Return whether this very process ran here and does so no more.

        Boot ids and PID namespaces repeat from container to container; so the container and the
        host's name must be ours, too.
        """
        me = describe_self("")
        same_place = (self.host, self.container) == (me.host, me.container)
        return same_place and self._lived_here() and self.pid > 0 and not self.is_alive_here()

    def _lived_here(self) -> bool:
        return (self.boot_id, self.pid_namespace) == (boot_id(), _pid_namespace())


def read_owner(path: Path) -> Owner | None:
    """Return who stands in a lock file; None where there is none or it is empty."""
    try:
        return parse_owner(path.read_bytes())
    except OSError:
        return None


def parse_owner(data: bytes) -> Owner | None:
    """Return the owner that the bytes of a lock file name; a bare number is a PID."""
    try:
        values = yaml.safe_load(data.decode())
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if isinstance(values, int):
        return Owner(pid=values)
    return _owner(values) if isinstance(values, dict) else None


def _owner(values: Mapping[str, Any]) -> Owner | None:
    known = {key: values[key] for key in Owner.__dataclass_fields__ if key in values}
    return Owner(**known) if type(known.get("pid")) is int else None


def as_bytes(owner: Owner) -> bytes:
    """Return the content of a lock file: YAML, the PID first."""
    return yaml.safe_dump(asdict(owner), sort_keys=False, allow_unicode=True).encode()


def describe_self(command: str) -> Owner:
    """Return this process as an owner."""
    return Owner(
        pid=os.getpid(),
        run_id=str(uuid.uuid4()),
        host=socket.gethostname(),
        boot_id=boot_id(),
        pid_namespace=_pid_namespace(),
        start_ticks=_start_ticks(os.getpid()),
        container=_container(),
        started=round(time.time(), 1),
        command=command,
    )


@functools.cache  # asked for once a record on a resume
def boot_id() -> str:
    """Return an id that changes with every boot of the machine; "" where there is none."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _pid_namespace() -> int:
    with contextlib.suppress(OSError):
        return Path("/proc/self/ns/pid").stat().st_ino
    return 0


def _start_ticks(pid: int) -> int:
    """Return the start time of a process: a PID is used again, the pair is not. 0: no process,
    or one that is dead and only waits for its parent to hear of it."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return round(process.create_time() * 100)
    return 0


def _container() -> str:
    """Return the container that we are in, by the name or id that its engine knows; "" outside."""
    if name := os.environ.get("KOKORO_CONTAINER", ""):  # set by who started us: ci/launch, a pod
        return name
    if not any(mark.exists() for mark in _MARKS) and "KUBERNETES_SERVICE_HOST" not in os.environ:
        return ""
    # subtle: not the host name first; on the host's network it is the host's. Engines mount
    # /etc/hostname from a folder named by the id, with any cgroup version.
    with contextlib.suppress(OSError):
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
        if found := _ENGINE_FOLDER.search(mounts):
            return found[1][:_ID_DIGITS]
    return socket.gethostname()  # of a pod: its name
