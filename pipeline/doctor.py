"""What this machine has and lacks for a run; each lack with its remedy.

In:  an output folder, there or not. Out: `Finding`s. Nothing is installed, fetched or left behind.
Left out: the recordings (a run names what is wrong with each).
"""

import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.executors.hardware import gpu_count
from pipeline.ffmpeg import find_ffmpeg
from pipeline.item import Unusable
from pipeline.models import PRESETS, cache_dir, is_cached

NEEDED, OPTIONAL = "needed", "optional"
PATIENCE_S = 5.0
LEAST_FREE_GB = 1.0  # --min-free-gb: a run stops below it
WEIGHTS_NEEDED = ("base", "campplus", "segmentation-3.0")  # base: whisper auto on a CPU
HUB = "https://openaipublic.azureedge.net/"  # where whisper's own weights are


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `kind`: needed, or optional; `remedy`: "" where all is well."""

    what: str
    is_well: bool
    found: str
    kind: str = NEEDED
    remedy: str = ""


def findings(out: Path, needed_bytes: int = 0) -> Iterator[Finding]:
    """Yield what was found, the needed things first. `needed_bytes`: what the job needs in `out`,
    0 where no job is known."""
    yield _python()
    yield _ffmpeg()
    yield _torch()
    for name in PRESETS:
        yield _weights(name)
    yield _writing(out)
    yield _space(out, needed_bytes)
    yield _gpu()
    yield _hub()
    yield _engine()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    is_well = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Finding("Python", is_well, version, remedy="use 3.11 or 3.12: PYTHON=… ci/setup")


def _ffmpeg() -> Finding:
    try:
        path = find_ffmpeg()
        line = _first_line([path, "-version"])
    except (Unusable, OSError, subprocess.SubprocessError) as err:
        line, path = "", str(err)
    return Finding("ffmpeg", bool(line), line or path, remedy="install imageio-ffmpeg or ffmpeg")


def _torch() -> Finding:
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return Finding("torch", False, "not installed", remedy="ci/setup installs it")
    return Finding("torch", True, version)


def _gpu() -> Finding:
    count = gpu_count()
    found = f"{count} for CUDA" if count else "none that torch can use: the CPU works"
    remedy = "with an NVIDIA GPU: its driver, and a CUDA build of torch (ci/setup chooses it)"
    return Finding("GPU", bool(count), found, OPTIONAL, remedy)


def _weights(name: str) -> Finding:
    kind = NEEDED if name in WEIGHTS_NEEDED else OPTIONAL
    there = is_cached(name)
    found = f"in {cache_dir()}" if there else "not there; fetched on first use, if a hub answers"
    return Finding(
        f"weights of {name}", there, found, kind, f"dataset-pipeline models fetch {name}"
    )


def _writing(out: Path) -> Finding:
    folder = _nearest(out)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
    except OSError as err:
        found = f"{folder}: {err.strerror}"
        return Finding("writing", False, found, remedy="choose a folder that you may write in")
    return Finding("writing", True, f"{folder} can be written")


def _space(out: Path, needed_bytes: int) -> Finding:
    free_gb, needed_gb = shutil.disk_usage(_nearest(out)).free / 1e9, needed_bytes / 1e9
    job = f", the job needs about {needed_gb:.2f} GB" if needed_bytes else ""
    remedy = (
        f"make room, or name a folder on another disk: a run does not begin if less than "
        f"{LEAST_FREE_GB:g} GB would be left (--min-free-gb)"
    )
    is_well = free_gb > LEAST_FREE_GB + needed_gb
    return Finding("disk", is_well, f"{free_gb:.1f} GB free{job}", remedy=remedy)


def _hub() -> Finding:
    try:
        with urllib.request.urlopen(HUB, timeout=PATIENCE_S):
            found = "answers"
    except urllib.error.HTTPError:
        found = "answers"  # an error of its own is an answer
    except OSError as err:
        found = f"{HUB} cannot be reached: {getattr(err, 'reason', err)}"
    remedy = "weights that are in the cache are enough; others: --whisper-model FILE.pt"
    return Finding("hub of weights", found == "answers", found, OPTIONAL, remedy)


def _engine() -> Finding:
    for engine in ("docker", "podman"):
        if shutil.which(engine) and (version := _engine_version(engine)):
            return Finding("container engine", True, f"{engine} {version}", OPTIONAL)
    remedy = "not needed: make run works in .venv; else install docker or podman and start it"
    return Finding("container engine", False, "none answers", OPTIONAL, remedy)


def _engine_version(engine: str) -> str:
    try:
        return _first_line([engine, "info", "--format", "{{.ServerVersion}}"]) or "?"
    except (OSError, subprocess.SubprocessError):
        return ""


def _first_line(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    return done.stdout.partition("\n")[0].strip()


def _nearest(path: Path) -> Path:
    """Return the folder itself, or the closest one above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
