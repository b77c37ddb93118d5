"""What a second worker is worth, stage by stage: the same recordings with 1, 2, … workers, in turn.

    .venv/bin/python bench/workers.py INPUT [--workers 1 2] [--repeat 3] [-- --whisper-model base]

Prints the median seconds of each stage and the ratio to the first number of workers, and fails if
the datasets differ in one byte. Give as many recordings as the most workers have use for, and a
machine with nothing else to do; what follows `--` are the pipeline's own flags. One worker alone
has a thread for every core: with OMP_NUM_THREADS=1 set, each has one, however many they are.
"""

import argparse
import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
NOT_THE_DATASET = ("pipeline.log", "pipeline_state.yaml", "pipeline_config.yaml")
WHOLE = "whole run"


def main() -> None:
    """Run the pipeline in turn; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("input", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=3)
    options, flags = _split(parser, sys.argv[1:])
    took: dict[int, list[Mapping[str, float]]] = {workers: [] for workers in options.workers}
    digests = set()
    for _ in range(options.repeat):
        for workers in options.workers:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                out = Path(folder) / "out"
                took[workers].append(_run(options.input, out, workers, flags))
                digests.add(_digest(out))
    _print(took)
    if len(digests) != 1:
        sys.exit(f"the datasets are {len(digests)} different ones")
    print("\nall datasets are the same, byte by byte")


def _split(
    parser: argparse.ArgumentParser, words: Sequence[str]
) -> tuple[argparse.Namespace, Sequence[str]]:
    """Return our options, and what follows `--`: argparse takes no such rest behind options."""
    at = words.index("--") if "--" in words else len(words)
    return parser.parse_args(words[:at]), words[at + 1 :]


def _run(inputs: Path, out: Path, workers: int, flags: Sequence[str]) -> Mapping[str, float]:
    """Return the seconds by stage, and those of the whole process."""
    words = [str(inputs), "--output", str(out), "--workers", str(workers), "--progress", "off"]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words, *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    whole_s = time.monotonic() - began
    state = yaml.safe_load((out / "pipeline_state.yaml").read_text(encoding="utf-8"))
    print(f"{workers} workers: {whole_s:.1f} s", flush=True)
    return {**state["stage_timings"], WHOLE: whole_s}


def _digest(out: Path) -> str:
    """Return the sha256 of every byte of the dataset."""
    digest = hashlib.sha256()
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out)
        if path.is_file() and name.parts[0] not in ("work", *NOT_THE_DATASET):
            digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _print(took: Mapping[int, Sequence[Mapping[str, float]]]) -> None:
    first = next(iter(took))
    medians = {
        workers: {stage: statistics.median(run[stage] for run in runs) for stage in runs[0]}
        for workers, runs in took.items()
    }
    print(f"\n{'seconds, medians':<20}" + "".join(f"{w:>4} workers       " for w in took))
    for stage in medians[first]:
        row = [(found[stage], medians[first][stage] / found[stage]) for found in medians.values()]
        print(f"{stage:<20}" + "".join(f"{s:>8.1f}{ratio:>7.2f}x   " for s, ratio in row))


if __name__ == "__main__":
    main()
