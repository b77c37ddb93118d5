"""A whole job of many small files, first run and resume with nothing to do, against other tools.

    .venv/bin/python bench/noop_job.py [--files 10000] [--runs 3]

The runs with nothing to do are taken in turn, `--runs` times; the table has their medians, as whole
processes. The other tools (bench/peers) get a venv of their own below the system's temp folder.
Snakemake starts a process a job, hours for 20,000, and luigi's scheduler takes time by the square:
their first run is timed on 300 files and marked; for the others the outputs are made beforehand,
and declared done by Snakemake's own --touch.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "bench" / "peers"
FEW = 300  # files of a first run that would take hours
OURS = "this pipeline"
SLOW = ("snakemake", "luigi, all tasks", "luigi, last task")


def main() -> None:
    """Run the jobs; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        commands = _commands(_venv() / "bin")
        first = {tool: _first_run(folder, tool, commands[tool], options.files) for tool in commands}
        again: dict[str, list[float]] = {tool: [] for tool in commands}
        for _ in range(options.runs):
            for tool, command in commands.items():
                again[tool].append(_seconds(folder / tool, command))
    _print(first, {tool: statistics.median(times) for tool, times in again.items()}, options.files)


def _commands(peers: Path) -> dict[str, Sequence[str]]:
    """Return what runs a job in the current folder, by tool."""
    ours = [sys.executable, "-m", "tests.cheap", "in", "--output", "out", "--resume"]
    return {
        OURS: [*ours, "--min-free-gb", "0"],
        "snakemake": [str(peers / "snakemake"), "--cores", "1", "-s", str(PEERS / "Snakefile")],
        "doit": [str(peers / "doit"), "run", "-f", str(PEERS / "dodo.py"), "--dir", "."],
        "luigi, all tasks": [str(peers / "python"), str(PEERS / "luigi_job.py"), "all"],
        "luigi, last task": [str(peers / "python"), str(PEERS / "luigi_job.py"), "last"],
        "joblib.Memory": [str(peers / "python"), str(PEERS / "joblib_job.py")],
    }


def _first_run(folder: Path, tool: str, command: Sequence[str], files: int) -> float:
    """Return the seconds a file of a first run; the job is done afterwards."""
    if tool in SLOW:
        few = _seconds(_inputs(folder / f"few, {tool}", FEW, ".txt"), command)
        _make_outputs(_inputs(folder / tool, files, ".txt"))
        if tool == "snakemake":
            _seconds(folder / tool, [*command, "--touch"])
        return few / FEW
    ending, book = (".wav", "out/metadata.jsonl") if tool == OURS else (".txt", "book.txt")
    seconds = _seconds(_inputs(folder / tool, files, ending), command)
    if len((folder / tool / book).read_text().splitlines()) != files:
        raise RuntimeError(f"{tool} did not do the job")
    return seconds / files


def _inputs(folder: Path, files: int, ending: str) -> Path:
    (folder / "in").mkdir(parents=True)
    for number in range(files):
        (folder / "in" / f"text-{number:06}{ending}").write_text(f"this is number {number}")
    return folder


def _make_outputs(folder: Path) -> None:
    """Make what a run would make, later than its inputs."""
    for name in ("taken", "shouted"):
        shutil.copytree(folder / "in", folder / name, copy_function=shutil.copyfile)
    (folder / "book.txt").touch()


def _seconds(folder: Path, command: Sequence[str]) -> float:
    environment = {**os.environ, "CHEAP_PAUSE_S": "0", "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command} failed: {done.stdout[-1000:]}{done.stderr[-2000:]}")
    return time.monotonic() - began


def _venv() -> Path:
    """Return a venv with the other tools; it is kept for the next time."""
    venv = Path(tempfile.gettempdir()) / "kokoro-bench-peers"
    if not (venv / "done").exists():
        print(f"installing bench/peers/requirements.txt into {venv}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        pip = [venv / "bin" / "pip", "install", "-qq", "-r", PEERS / "requirements.txt"]
        subprocess.run(pip, check=True)
        (venv / "done").touch()
    return venv


def _print(first: Mapping[str, float], again: Mapping[str, float], files: int) -> None:
    print(f"\n{files} files, two steps each and one over all\n")
    print(f"{'':<18}{'first run':>14}{'nothing to do':>15}{'to ours':>9}")
    for tool, seconds in again.items():
        few = f"  (first run: of {FEW} files)" if tool in SLOW else ""
        print(
            f"{tool:<18}{first[tool] * 1e3:>8.1f} ms/file{seconds:>12.2f} s"
            f"{seconds / again[OURS]:>8.2f}x{few}"
        )


if __name__ == "__main__":
    main()
