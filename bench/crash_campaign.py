"""Kills a job with kill -9 at random moments until it is through, and compares every byte.

    .venv/bin/python bench/crash_campaign.py --rounds 100 --seed 1
    .venv/bin/python bench/crash_campaign.py --rounds 5 --real data/sample/letter.wav

Cheap stages on the real runner, or with --real the real stages on the recordings given. A round:
a new output; the driver, a worker, or both are killed at a random file and moment; resume; until
the job ends; then every byte of the dataset is compared with that of an undisturbed run. Prints
rounds, kills by what was in hand, differences (0 is the promise) and files that were done twice.
Exit code 1 where a round ends with other bytes.
"""

import argparse
import collections
import itertools
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
RECORDINGS = 12  # of the cheap job
PATIENCE_S = 300  # seconds; a run of any round here takes a fraction
MOST_KILLS = 8  # a round; then it may end
DATASET = ("wavs", "kokoro", "styletts2", "metadata.csv", "metadata.jsonl", "rejected.jsonl")
TAKEN_UP = re.compile(
    r"(Taking|Shouting|Binding|Downloading|Looking for duplicates|Listening for voices|Choosing"
    r"|Isolating|Enhancing|Transcribing|Segmenting|Building)[^:]*: (.+)"
)


def main() -> None:
    """Run the rounds; print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", nargs="*", default=[], help="recordings for the real stages")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder), rng, options.real)
        for number in range(options.rounds):
            campaign.round(number)
    print(campaign.summary(options.rounds))
    sys.exit(1 if campaign.differences else 0)


class Campaign:
    """The rounds of one call and what they found."""

    def __init__(self, folder: Path, rng: random.Random, real: list[str]) -> None:
        self.differences: list[str] = []
        self._kills: collections.Counter[str] = collections.Counter()
        self._victims: collections.Counter[str] = collections.Counter()
        self._twice = self._files = 0
        self._folder, self._rng = folder, rng
        if real:
            self._command = ["-m", "pipeline", *map(str, map(Path.absolute, map(Path, real)))]
            self._command += ["--whisper-model", "tiny.en"]
        else:
            self._command = ["-m", "tests.cheap", str(self._texts())]
        calm = folder / "calm"
        if self._start(calm, 1).wait() != 0:
            raise RuntimeError("the undisturbed run failed")
        self._expected = contents(calm)

    def round(self, number: int) -> None:
        """One output, killed again and again, then compared."""
        out = self._folder / f"round-{number}"
        done: list[tuple[str, str]] = []
        for attempt in itertools.count():
            process = self._start(out, self._rng.choice((1, 2)))
            if attempt < MOST_KILLS:
                done += self._kill(process)
            rest = self._rest(process)
            done += TAKEN_UP.findall(rest)
            if process.returncode == 0 and attempt:
                break
            if attempt > 3 * MOST_KILLS:
                self.differences.append(f"round {number}: does not end: {rest[-500:]}")
                return
        self._count(done)
        if contents(out) != self._expected:
            self.differences.append(f"round {number}: other bytes in {out}")

    def summary(self, rounds: int) -> str:
        """Return the figures, readable."""
        lines = [f"{rounds} rounds, {sum(self._victims.values())} kills"]
        lines += [f"  of {who}: {count}" for who, count in sorted(self._victims.items())]
        lines += [f"  while {what}: {count}" for what, count in self._kills.most_common()]
        lines.append(f"files taken up {self._files}, of these again {self._twice}")
        lines.append(f"differences: {len(self.differences)}")
        return "\n".join([*lines, *self.differences])

    def _rest(self, process: subprocess.Popen) -> str:
        """Wait for the end; a run that hangs is a difference, and is killed with all its own."""
        try:
            return str(process.communicate(timeout=PATIENCE_S)[0])
        except subprocess.TimeoutExpired:
            self.differences.append(f"hangs: {process.args}")
            for one in [*psutil.Process(process.pid).children(recursive=True), process]:
                one.kill()
            return str(process.communicate()[0])

    def _kill(self, process: subprocess.Popen) -> list[tuple[str, str]]:
        """Read a random number of files that are taken up, wait a moment, kill."""
        found: list[tuple[str, str]] = []
        wanted = self._rng.randint(1, 10)
        for line in process.stdout or ():
            if match := TAKEN_UP.search(line):
                found.append((match[1], match[2]))
            if len(found) >= wanted:
                break
        time.sleep(self._rng.random() * 0.03)
        self._shoot(process, found[-1][0] if found else "starting")
        return found

    def _shoot(self, process: subprocess.Popen, doing: str) -> None:
        if process.poll() is not None:
            return
        who = self._rng.choice(("the driver", "the driver", "everything", "a worker"))
        victims = [psutil.Process(process.pid)]
        if who != "the driver":
            workers = victims[0].children(recursive=True)
            victims = [*workers, *victims] if who == "everything" or not workers else workers[-1:]
        for victim in victims:
            try:
                victim.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self._victims[who] += 1
        self._kills[doing] += 1

    def _count(self, done: list[tuple[str, str]]) -> None:
        self._files += len(done)
        self._twice += sum(count - 1 for count in collections.Counter(done).values())

    def _start(self, out: Path, workers: int) -> subprocess.Popen:
        words = [*self._command, "--resume", "--output", str(out), "--workers", str(workers)]
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _texts(self) -> Path:
        folder = self._folder / "texts"
        folder.mkdir()
        for number in range(RECORDINGS):
            (folder / f"text {number:02}.wav").write_text(f"this is number {number}")
        return folder


def contents(out: Path) -> dict[str, bytes]:
    """Return every byte of a dataset, by the path in it."""
    found = [path for name in DATASET for path in sorted((out / name).rglob("*")) or [out / name]]
    return {str(path.relative_to(out)): path.read_bytes() for path in found if path.is_file()}


if __name__ == "__main__":
    main()
