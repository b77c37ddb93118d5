"""What a save and a load cost, against rewriting the whole state as YAML: the textbook way.

    .venv/bin/python bench/checkpoint.py [--sizes 1000 10000 100000]

Both sides in one run, on the disk of the current folder. Prints a table with ratios.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import yaml

from pipeline.checkpoint import STATE_FILE, Checkpoint, Record

SAVES = 200  # measured at each size
VIEWS = {"enhance_audio": "enhanced_files"}


def main() -> None:
    """Print one row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    print("  records   save p50   snapshot       load  full YAML rewrite  rewrite / save")
    for size in parser.parse_args().sizes:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            print(row(Path(folder), size), flush=True)


def row(folder: Path, size: int) -> str:
    """Return the figures of one size."""
    with Checkpoint.open(folder, views=VIEWS) as checkpoint:
        for number in range(size):
            checkpoint.state.add(record(number))
        snapshot_s = seconds(checkpoint.snapshot)
        save_s = statistics.median(seconds(checkpoint.save, record(size + k)) for k in range(SAVES))
        rewrite_s = seconds(rewrite, folder / "all.yaml", checkpoint)
    load_s = seconds(Checkpoint.peek, folder)
    if len(Checkpoint.peek(folder).records) != size + SAVES:
        raise RuntimeError(f"{folder / STATE_FILE} does not hold what was saved")
    return (
        f"{size:9,} {save_s * 1e3:7.3f} ms {snapshot_s * 1e3:7.0f} ms {load_s:8.2f} s "
        f"{rewrite_s * 1e3:15,.0f} ms {rewrite_s / save_s:15,.0f}"
    )


def rewrite(path: Path, checkpoint: Checkpoint) -> None:
    """Write all records as one YAML document, by the C dumper where there is one."""
    everything = {"files": [one.to_event() for one in checkpoint.state.records.values()]}
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    plain = [{k: list(v) if isinstance(v, tuple) else v for k, v in one.items()}
             for one in everything["files"]]  # fmt: skip
    path.write_text(yaml.dump({"files": plain}, Dumper=dumper))


def record(number: int) -> Record:
    """Return a record of usual size."""
    name = f"recording-{number:07}-1f3a09bc"
    return Record(
        "enhance_audio",
        f"interviews/recording {number}.mp3",
        "done",
        "f" * 64,
        f"work/enhance_audio/{name}/audio.flac",
        91_321,
        "d" * 64,
        seconds=3.1,
        facts={"gain_db": 2.5, "lufs_in": -25.5, "lufs_out": -23.0, "reduced": True},
    )


def seconds(function, *arguments) -> float:  # noqa: ANN001, ANN002
    """Return how long a call takes."""
    began = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
