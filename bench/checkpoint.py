"""What a save and a load cost at any size of the state, against three usual ways to keep one.

    .venv/bin/python bench/checkpoint.py [--sizes 1000 10000 100000 1000000]

    ours        one line appended to pipeline_state.yaml, and synced
    YAML        the whole state written anew as YAML, by the C dumper: the textbook way
    SQLite      one row in WAL mode with synchronous=FULL
    files       one JSON file a record: written, synced, renamed, its folder synced

All in one run, on the disk of the current folder; saves are medians of calls taken in turn. Writing
1,000,000 records as YAML needs some 15 GB and minutes: sizes over --yaml-up-to are left out there.
"""

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for running it as a script

from pipeline.checkpoint import STATE_FILE, Checkpoint, Record  # noqa: E402
from pipeline.disk import Disk  # noqa: E402

SAVES = 200  # measured at each size, of each way but YAML
VIEWS = {"enhance_audio": "enhanced_files"}
MOST_IN_A_FOLDER = 1000  # a folder of a million files is slow for reasons of its own


def main() -> None:
    """Print two tables, a row a size: saves, loads."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = [1_000, 10_000, 100_000, 1_000_000]
    parser.add_argument("--sizes", type=int, nargs="+", default=default)
    parser.add_argument("--yaml-up-to", type=int, default=100_000)
    options = parser.parse_args()
    measured = []
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as folder:
            with_yaml = size <= options.yaml_up_to
            measured.append((size, *measure(Path(folder), size, with_yaml)))
            print(f"{size:,} records measured", flush=True)
    _print("a save, median", "ms", [(size, saves) for size, saves, _, _ in measured])
    _print("a load", "s", [(size, loads) for size, _, loads, _ in measured])
    print("\na snapshot of ours, at most 1% of a run's time:")
    for size, _, _, snapshot_s in measured:
        print(f"{size:>11,}{snapshot_s:>10.2f} s")
    first, last = measured[0], measured[-1]
    ratio = last[1]["ours"] / first[1]["ours"]
    print(f"\na save at {last[0]:,} records costs {ratio:.2f} times one at {first[0]:,}")


def measure(
    folder: Path, size: int, with_yaml: bool
) -> tuple[dict[str, float], dict[str, float], float]:
    """Return (seconds of a save, seconds of a load, by way; seconds of a snapshot of ours)."""
    records = [record(number) for number in range(SAVES)]
    with Checkpoint.open(folder, views=VIEWS) as checkpoint, database(folder, size) as rows:
        for number in range(size):
            checkpoint.state.add(record(SAVES + number))
        snapshot_s = seconds(checkpoint.snapshot)
        files = folder_of_files(folder, size)
        times: dict[str, list[float]] = {"ours": [], "SQLite": [], "files": []}
        for one in records:
            times["ours"].append(seconds(checkpoint.save, one))
            times["SQLite"].append(seconds(insert, rows, one))
            times["files"].append(seconds(write_file, files, one))
        saves = {way: statistics.median(values) for way, values in times.items()}
        if with_yaml:
            saves["YAML"] = seconds(rewrite, folder / "all.yaml", checkpoint)
    return saves, loads(folder, size, with_yaml), snapshot_s


def loads(folder: Path, size: int, with_yaml: bool) -> dict[str, float]:
    """Return the seconds of loading what was saved, by way."""
    if len(Checkpoint.peek(folder).records) != size + SAVES:
        raise RuntimeError(f"{folder / STATE_FILE} does not hold what was saved")
    found = {
        "ours": seconds(Checkpoint.peek, folder),
        "SQLite": seconds(read_rows, folder),
        "files": seconds(read_files, folder),
    }
    if with_yaml:
        found["YAML"] = seconds(read_yaml, folder / "all.yaml")
    return found


# --- the other ways ----------------------------------------------------------------------------


def rewrite(path: Path, checkpoint: Checkpoint) -> None:
    """Write all records as one YAML document, by the C dumper where there is one."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    files = [plain(one) for one in checkpoint.state.records.values()]
    Disk().replace_file(path, [yaml.dump({"files": files}, Dumper=dumper).encode()])


def read_yaml(path: Path) -> object:
    """Read all records back."""
    return yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def database(folder: Path, size: int) -> sqlite3.Connection:
    """Return a database in WAL mode with `size` rows; leaving it closes the transaction."""
    rows = sqlite3.connect(folder / "state.db", isolation_level=None)
    rows.execute("PRAGMA journal_mode=WAL")
    rows.execute("PRAGMA synchronous=FULL")
    rows.execute("CREATE TABLE files (stage, source, event, PRIMARY KEY (stage, source))")
    rows.execute("BEGIN")
    values = (row(record(SAVES + number)) for number in range(size))
    rows.executemany("INSERT INTO files VALUES (?, ?, ?)", values)
    rows.execute("COMMIT")
    return rows


def insert(rows: sqlite3.Connection, one: Record) -> None:
    """Save one record; it is durable when this returns."""
    rows.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", row(one))


def read_rows(folder: Path) -> dict[tuple[str, str], object]:
    """Read all records back."""
    rows = sqlite3.connect(folder / "state.db")
    found = rows.execute("SELECT stage, source, event FROM files")
    return {(stage, source): json.loads(event) for stage, source, event in found}


def folder_of_files(folder: Path, size: int) -> Path:
    """Return a folder with `size` files of one record each, not synced."""
    for number in range(size):
        path = _file_of(folder / "files", record(SAVES + number))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(plain(record(SAVES + number))), encoding="utf-8")
    return folder / "files"


def write_file(files: Path, one: Record) -> None:
    """Save one record; it is durable when this returns."""
    path = _file_of(files, one)
    path.parent.mkdir(parents=True, exist_ok=True)
    Disk().replace_file(path, [json.dumps(plain(one)).encode()])


def read_files(folder: Path) -> list[object]:
    """Read all records back."""
    return [json.loads(path.read_bytes()) for path in (folder / "files").rglob("*.json")]


def _file_of(files: Path, one: Record) -> Path:
    number = int(one.source.rpartition(" ")[2].removesuffix(".mp3"))
    return files / str(number // MOST_IN_A_FOLDER) / f"{number}.json"


# --- records, times, tables --------------------------------------------------------------------


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


def plain(one: Record) -> dict[str, object]:
    """Return a record as lists and mappings."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in one.to_event().items()}


def row(one: Record) -> tuple[str, str, str]:
    """Return a record as a row of the database."""
    return one.stage, one.source, json.dumps(plain(one))


def seconds(function: Callable[..., object], *arguments: object) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - began


def _print(what: str, unit: str, rows: Sequence[tuple[int, dict[str, float]]]) -> None:
    ways = ("ours", "YAML", "SQLite", "files")
    print(f"\n{what}\n{'records':>11}" + "".join(f"{f'{way}, {unit}':>14}" for way in ways), end="")
    print("".join(f"{f'{way}/ours':>13}" for way in ways[1:]))
    factor = 1e3 if unit == "ms" else 1.0
    for size, found in rows:
        cells = [f"{found[w] * factor:>14,.3f}" if w in found else f"{'-':>14}" for w in ways]
        ratios = [
            f"{found[w] / found['ours']:>13,.1f}" if w in found else f"{'-':>13}" for w in ways[1:]
        ]
        print(f"{size:>11,}" + "".join(cells + ratios))


if __name__ == "__main__":
    main()
