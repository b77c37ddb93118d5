"""Kills a job at random moments and at every save point until it is through; compares every byte.

    .venv/bin/python bench/crash_campaign.py --rounds 300 --seed 1
    .venv/bin/python bench/crash_campaign.py --rounds 20 --seed 1 --real data/sample/letter.wav

Cheap stages on the real runner, or with --real the real stages on the recordings given. A round:
a new output; the driver, a worker or all at once get SIGKILL (the driver sometimes SIGTERM) at a
save point or a random time; resume; until the job ends. At every kill: the state is valid YAML,
what it calls done is never taken up again, at most one file a worker is lost, no process stays
behind. At the end: a further run has nothing to do, every byte of the dataset and of the artefacts
is that of an undisturbed run, and no temp file or lock is left.

Runs are forked from a process that has imported everything; each tenth round (of real stages each
twentieth) is started with `python -m` instead. Exit code 1 on any breach: it is printed with its
round, whose folder is kept, and `--seed S --only ROUND` plays it again.
"""

import argparse
import dataclasses
import functools
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for running it as a script

from bench.campaign.checks import contents  # noqa: E402
from bench.campaign.figures import summary  # noqa: E402
from bench.campaign.rounds import PATIENCE_S, Job, Round, play  # noqa: E402
from bench.campaign.watching import KINDS, Watch  # noqa: E402
from pipeline.executors import tame_threads  # noqa: E402
from tests.sessions import preload, start  # noqa: E402

TEXTS = 10  # recordings of the cheap job, and one that is dropped


def main() -> None:
    """Play the rounds; print what came of them."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="crash-campaign-"))
    job = undisturbed(real_job(folder, options) if options.real else cheap_job(folder, options))
    began = time.monotonic()
    numbers = range(options.rounds) if options.only is None else [options.only]
    rounds = play_all(job, numbers, options.jobs)
    print("\n".join(summary(job, rounds, time.monotonic() - began)))
    breached = any(each.breaches for each in rounds)
    if not breached:
        shutil.rmtree(folder)
    sys.exit(1 if breached else 0)


def cheap_job(folder: Path, options: argparse.Namespace) -> Job:
    """Return the job of text files and cheap stages."""
    texts = folder / "texts"
    texts.mkdir()
    for number in range(TEXTS):
        (texts / f"text {number:02}.wav").write_text(f"this is number {number}")
    (texts / "left out.wav").write_text("drop this one")
    words = (str(texts),)
    return Job(
        folder, "tests.cheap", words, options.seed,
        most_shots=4, two_workers_each=9, exec_each=1 if options.exec else 10,
    )  # fmt: skip


def real_job(folder: Path, options: argparse.Namespace) -> Job:
    """Return the job of the real stages on the recordings given."""
    words = (*(str(Path(name).absolute()) for name in options.real), "--whisper-model", "tiny.en")
    return Job(  # a pool's workers, and python -m, import torch each time: seconds
        folder, "pipeline", words, options.seed,
        most_shots=3, two_workers_each=11, exec_each=1 if options.exec else 20,
    )  # fmt: skip


def undisturbed(job: Job) -> Job:
    """Return the job with what two undisturbed runs have made and done: one by `python -m`, whose
    output is what all rounds are held against, and a forked one, which is watched."""
    _run(job, job.calm, by_exec=True)
    tame_threads()
    preload(job.command)
    began = time.monotonic()
    points = _run(job, job.folder / "watched", by_exec=False)
    seconds = time.monotonic() - began
    if contents(job.calm) != contents(job.folder / "watched"):
        raise RuntimeError(f"two undisturbed runs differ: see {job.folder}")
    return dataclasses.replace(job, calm_s=seconds, points=points)


def play_all(job: Job, numbers: range | list[int], jobs: int) -> list[Round]:
    """Return the rounds, played `jobs` at a time."""
    # subtle: fork, so that what was imported is shared; nothing has been computed, no thread runs
    context = multiprocessing.get_context("fork")
    rounds = []
    with ProcessPoolExecutor(jobs, context) as pool:
        for each in pool.map(functools.partial(play, job), numbers):
            rounds.append(each)
            if each.breaches:
                print(f"round {each.number}: BREACH {each.breaches[0]}", flush=True)
    return rounds


def _run(job: Job, out: Path, by_exec: bool) -> dict[str, int]:
    """Run the job undisturbed; return its changes in `out` by kind."""
    out.mkdir()
    watch = Watch(out)
    words = [*job.words, "--output", out]
    run = start(job.command, words, out.with_suffix(".log"), prepare=job.prepare, by_exec=by_exec)
    counts = Counter(watch.changes(run.pidfd, PATIENCE_S))
    watch.close()
    if run.wait(0.0) != 0:
        raise RuntimeError(f"an undisturbed run failed: see {run.said}")
    return {kind: counts[kind] for kind in KINDS}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="play this round alone")
    parser.add_argument("--real", nargs="*", default=[], help="recordings for the real stages")
    parser.add_argument("--jobs", type=int, default=1, help="rounds at a time")
    parser.add_argument("--exec", action="store_true", help="every run through python -m")
    return parser.parse_args()


if __name__ == "__main__":
    main()
