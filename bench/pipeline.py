"""This pipeline against the script that one writes first: the same libraries on the same files.

    .venv/bin/python bench/pipeline.py FOLDER [--files 40] [--join 20] [--model base] [--repeat 3]

Sides, each a process of its own, taken in turn in an order that changes:
    naive          bench/race/naive.py: htdemucs on everything, noisereduce, whisper's defaults
    ours           the whole pipeline as it is by default, which separates where there is music
    ours, all      the same with --separation always, by the same htdemucs
Each library's own time is taken inside the process (bench/race/ours.py), by the wall and of CPUs:
the latter says the same on a machine that others use too. Overhead is what is in no
library, over what is: start-up counts, and is shown alone too, since it comes once a job.
htdemucs has its true size but random weights, and hands its input on as the voices
(bench/race/separator.py): its published weights may be out of reach here.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for running it as a script

from bench.race import separator  # noqa: E402
from pipeline import audio  # noqa: E402
from pipeline.audio import OUTPUT_HZ  # noqa: E402

SOUNDS = {".flac", ".wav", ".mp3", ".ogg", ".m4a"}
PAUSE_S = (0.4, 2.0)  # between joined files, from and to
NOISE_DB = -70.0  # of those pauses: digital silence would be too easy
NAIVE, CLEAN, ALWAYS = "naive", "ours", "ours, all separated"


@dataclass(frozen=True)
class Times:
    """Of one run of one side, by one clock."""

    whole_s: float
    parts_s: Mapping[str, float]

    @property
    def start_s(self) -> float:
        return self.parts_s["start"]

    @property
    def compute_s(self) -> float:
        return sum(self.parts_s.values()) - self.start_s


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="recordings, or short clips to be joined")
    parser.add_argument("--files", type=int, default=40, help="how many, chosen by the seed")
    parser.add_argument("--join", type=int, default=20, help="files joined to one recording")
    parser.add_argument("--model", default="base")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--only", nargs="+", choices=(NAIVE, CLEAN, ALWAYS), default=[])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as name:
        temp = Path(name)
        recordings, total_s = _recordings(args, temp / "in")
        commands = _commands(temp, args)
        wanted = [side for side in commands if side in (args.only or commands)]
        runs: dict[str, list[Mapping[str, Times]]] = {side: [] for side in wanted}
        for number in range(args.repeat):
            for side in random.Random(number).sample(wanted, len(wanted)):
                runs[side].append(_run(commands[side], temp / f"{side} {number}"))
                print(
                    f"round {number + 1}, {side}: {runs[side][-1]['wall'].whole_s:.1f} s",
                    flush=True,
                )
    print(
        f"\n{recordings} recordings, {total_s:.0f} s, {args.model}, {os.cpu_count()} cores, "
        f"medians of {args.repeat}"
    )
    for clock in ("wall", "cpu"):
        _print(clock, {side: [run[clock] for run in runs[side]] for side in wanted}, total_s)


def _recordings(args: argparse.Namespace, folder: Path) -> tuple[int, float]:
    """Write the recordings; return how many there are and how long they are together."""
    folder.mkdir()
    found = sorted(path for path in args.folder.rglob("*") if path.suffix.lower() in SOUNDS)
    chosen = random.Random(args.seed).sample(found, min(args.files, len(found)))
    groups = [chosen[i : i + args.join] for i in range(0, len(chosen), args.join)]
    return len(groups), sum(_joined(g, folder / f"{n:03}.flac") for n, g in enumerate(groups))


def _joined(paths: Sequence[Path], target: Path) -> float:
    """Write files one after the other, with pauses; return the seconds."""
    chance = np.random.default_rng([ord(letter) for letter in paths[0].name])
    samples = 0
    with audio.Writer(target, OUTPUT_HZ) as file:
        for path in paths:
            pause = chance.standard_normal(round(chance.uniform(*PAUSE_S) * OUTPUT_HZ))
            for part in (audio.read_at(path, OUTPUT_HZ), pause * 10 ** (NOISE_DB / 20)):
                file.write(np.asarray(part, np.float32))
                samples += len(part)
    return samples / OUTPUT_HZ


def _commands(temp: Path, args: argparse.Namespace) -> dict[str, list[str]]:
    """Return the command of each side; {} stands for what a run may write to."""
    weights = str(separator.write_folder(temp / "weights"))
    race, folder = ROOT / "bench" / "race", str(temp / "in")
    ours = [sys.executable, str(race / "ours.py"), "{}.json", folder, "--output", "{}"]
    ours += ["--whisper-model", args.model, "--min-free-gb", "0"]
    ours += ["--workers", "1"]  # in the process with the clock; the naive script has one too
    naive = [sys.executable, str(race / "naive.py"), folder, "{}", "--model", args.model]
    return {
        NAIVE: [*naive, "--times", "{}.json"],
        CLEAN: ours,
        ALWAYS: [*ours, "--separation", "always", "--separation-weights", weights],
    }


def _run(command: Sequence[str], out: Path) -> dict[str, Times]:
    """Return what a side took, by each clock."""
    # with it, Python would compile all modules at every start, which users do once
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [word.replace("{}", str(out)) for word in command],
        env={**kept, "OMP_WAIT_POLICY": "passive"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{command[1]} failed: {done.stdout[-1000:]}{done.stderr[-3000:]}")
    found = json.loads(Path(f"{out}.json").read_text(encoding="utf-8"))
    return {clock: Times(**times) for clock, times in found.items()}


def _print(clock: str, runs: Mapping[str, Sequence[Times]], total_s: float) -> None:
    sides = list(runs)
    parts = list(
        dict.fromkeys(part for side in sides for one in runs[side] for part in one.parts_s)
    )
    print(f"\n{clock + ', seconds':<26}" + "".join(f"{side:>22}" for side in sides))
    for part in parts:
        medians = [statistics.median(t.parts_s.get(part, 0.0) for t in runs[s]) for s in sides]
        print(f"{part:<26}" + "".join(f"{seconds:22.2f}" for seconds in medians))
    walls = {side: statistics.median(one.whole_s for one in runs[side]) for side in sides}
    rest = {
        s: statistics.median(t.whole_s - t.start_s - t.compute_s for t in runs[s]) for s in sides
    }
    over = {s: statistics.median(t.whole_s / t.compute_s - 1 for t in runs[s]) for s in sides}
    steady = {s: statistics.median(r / t.compute_s for t in runs[s]) for s, r in rest.items()}
    _row("the rest", rest, "{:.2f}")
    _row("whole run", walls, "{:.2f}")
    _row("a second of sound", {s: wall / total_s for s, wall in walls.items()}, "{:.4f}")
    _row("overhead", over, "{:.1%}")
    _row("overhead without start", steady, "{:.1%}")
    if NAIVE in walls:
        _row("times as fast as naive", {s: walls[NAIVE] / w for s, w in walls.items()}, "{:.2f}")


def _row(name: str, values: Mapping[str, float], form: str) -> None:
    print(f"{name:<26}" + "".join(f"{form.format(value):>22}" for value in values.values()))


if __name__ == "__main__":
    main()
