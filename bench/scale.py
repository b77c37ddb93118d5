"""Is the cost flat: per recording in a job of many, and in memory for a recording of many hours.

    .venv/bin/python bench/scale.py --jobs 1000 10000 100000 [--folder /dev/shm]
    .venv/bin/python bench/scale.py --recording 30m 2h 8h --speech FOLDER [--model tiny.en]

Jobs run on the real command with cheap stages (tests/cheap): what is measured is the driver alone.
A long recording is speech of FOLDER over and over, each time at another level and speed; every step
runs in a process of its own, whose highest memory (VmHWM) is shown. Of a checkpoint of 1,000,000
records: bench/checkpoint.py.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for running it as a script

IN_A_FOLDER = 1000  # of the inputs: large folders are the user's own affair
SECONDS = {"m": 60, "h": 3600}
QUIET = {"CHEAP_PAUSE_S": "0", "PYTHONPATH": str(ROOT)}


@dataclass(frozen=True)
class Run:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def main() -> None:
    """Print a table a question."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[], help="numbers of recordings")
    parser.add_argument("--recording", nargs="+", default=[], help="lengths: 30m, 2h, 8h")
    parser.add_argument("--speech", type=Path, default=ROOT / "data" / "sample")
    parser.add_argument("--model", default="tiny.en", help="whisper's, for --recording")
    parser.add_argument("--until", default="build_dataset", help="the last step of --recording")
    parser.add_argument("--settings", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where to work")
    args = parser.parse_args()
    if args.jobs:
        print(f"{'recordings':>10}{'ms each':>9}{'cpu ms':>8}{'peak MB':>9}{'resume s':>10}"
              f"{'its MB':>8}{'largest folder in work/':>25}")  # fmt: skip
    for count in args.jobs:
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=args.folder) as name:
            _print_job(count, Path(name))
    if args.recording:
        from bench.long_recording import measure

        settings = dict(each.split("=", 1) for each in args.settings)
        settings |= {"whisper_model": args.model}
        lengths = [float(text[:-1]) * SECONDS[text[-1]] for text in args.recording]
        measure(lengths, args.speech, settings, args.folder, args.until)


def _print_job(count: int, folder: Path) -> None:
    _write_inputs(folder / "in", count)
    command = [sys.executable, "-m", "tests.cheap", "in", "--output", "out", "--min-free-gb", "0"]
    first = _run(command, folder)
    again = _run([*command, "--resume"], folder)
    clips = len((folder / "out/metadata.jsonl").read_text(encoding="utf-8").splitlines())
    if clips != count:
        raise RuntimeError(f"{clips} clips came of {count} recordings; {folder}/log says more")
    print(
        f"{count:>10,}{1000 * first.wall_s / count:9.2f}{1000 * first.cpu_s / count:8.2f}"
        f"{first.peak_mb:9.0f}{again.wall_s:10.2f}{again.peak_mb:8.0f}"
        f"{_largest(folder / 'out/work'):25,}",
        flush=True,
    )


def _write_inputs(folder: Path, count: int) -> None:
    for number in range(count):
        inside = folder / f"{number // IN_A_FOLDER:04}"
        inside.mkdir(parents=True, exist_ok=True)
        (inside / f"text-{number:07}.wav").write_text(f"this is number {number}")


def _run(command: Sequence[str], folder: Path) -> Run:
    """Return what a command took; its words go to a file called log."""
    began = time.monotonic()
    log = os.open(folder / "log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    sent = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    at = ["/usr/bin/env", "-C", str(folder), *command]
    pid = os.posix_spawn(at[0], at, {**os.environ, **QUIET}, file_actions=sent)
    _, status, used = os.wait4(pid, 0)
    os.close(log)
    if status:
        words = (folder / "log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{' '.join(command)} failed: {words[-2000:]}")
    cpu_s = used.ru_utime + used.ru_stime
    return Run(time.monotonic() - began, cpu_s, used.ru_maxrss / 1024)


def _largest(folder: Path) -> int:
    """Return the most entries of a folder in `work`, but for the dataset's own."""
    found = (inner for inner in os.walk(folder) if "book" not in Path(inner[0]).parts)
    return max(len(folders) + len(files) for _, folders, files in found)


if __name__ == "__main__":
    main()
