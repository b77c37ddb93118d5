"""What the length of enhance_audio's pieces costs and changes, against one pass over everything.

    .venv/bin/python bench/blocks.py SPEECH [--minutes 8] [--noise-db -40]

Speech of a folder in pink noise is high-passed and gated as the stage does it, in pieces of several
lengths and with several contexts. Each row: CPU seconds a minute of sound, how far the memory of a
process of its own grows, and the largest difference to one pass, in dB of full scale (what is below
-138 is lost in 24 bits).
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for running it as a script

from bench.mixes import sounds  # noqa: E402
from bench.separation import read_speech  # noqa: E402
from pipeline import audio  # noqa: E402
from pipeline.audio import OUTPUT_HZ, Samples  # noqa: E402
from pipeline.executors import tame_threads  # noqa: E402
from pipeline.stages.enhance_audio import PROP_DECREASE, cleaning  # noqa: E402

PIECES_S = (5, 10, 30, 60, 120)
CONTEXTS_S = (0.1, 0.25, 0.5, 1.0, 2.0)
HIGH_PASS_HZ = 60.0  # the stage's default
NOISE_S = 10.0  # of the profile


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("speech", type=Path, help="a folder of clips")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--noise-db", type=float, default=-40.0, help="of full scale")
    parser.add_argument("--one", type=float, nargs=2, default=(), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(_measured(args.speech, *args.one)))
        return
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        _write(args, folder)
        _table(folder, args.minutes)


def _table(folder: Path, minutes: float) -> None:
    whole = _in_a_process(folder, 60 * minutes + 1, 1.0)
    reference = np.load(folder / "found.npy")
    default = cleaning.PIECE / OUTPUT_HZ, cleaning.CONTEXT / OUTPUT_HZ
    print(f"{minutes:g} minutes; default: pieces of {default[0]:.1f} s, {default[1]:.2f} s around")
    print(f"{'piece s':>8}{'around s':>10}{'cpu s/min':>11}{'MB more':>9}{'difference dB':>15}")
    print(f"{'all':>8}{'-':>10}{whole['cpu_s'] / minutes:11.3f}{whole['mb']:9.0f}{'-':>15}")
    sizes = [(piece, default[1]) for piece in PIECES_S]
    sizes += [(default[0], context) for context in CONTEXTS_S]
    for piece_s, context_s in sizes:
        one = _in_a_process(folder, piece_s, context_s)
        off = float(np.max(np.abs(np.load(folder / "found.npy") - reference)))
        off_db = 20 * float(np.log10(max(off, 1e-12)))
        print(
            f"{piece_s:8.1f}{context_s:10.2f}{one['cpu_s'] / minutes:11.3f}{one['mb']:9.0f}"
            f"{off_db:15.0f}",
            flush=True,
        )


def _in_a_process(folder: Path, piece_s: float, context_s: float) -> dict[str, float]:
    command = [sys.executable, __file__, str(folder), "--one", str(piece_s), str(context_s)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _measured(folder: Path, piece_s: float, context_s: float) -> dict[str, float]:
    """Clean the recording of a folder into found.npy; return CPU seconds and growth of memory."""
    tame_threads()
    noise = np.load(folder / "noise.npy")
    plan = cleaning.Cleaning(HIGH_PASS_HZ, PROP_DECREASE["balanced"], noise)
    cleaning.clean(noise, plan)  # imports and first calls are nobody's
    # subtle: whole hops, as the stage has them
    cleaning.PIECE = round(piece_s * OUTPUT_HZ / cleaning.HOP) * cleaning.HOP
    cleaning.CONTEXT = round(context_s * OUTPUT_HZ / cleaning.HOP) * cleaning.HOP
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    found = list(cleaning.cleaned(folder / "audio.flac", plan))
    cpu_s = time.process_time() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    np.save(folder / "found.npy", np.concatenate(found))
    return {"cpu_s": cpu_s, "mb": grown / 1000 - sum(map(len, found)) * 4 / 1e6}


def _write(args: argparse.Namespace, folder: Path) -> None:
    """Write the recording, and the profile of its noise."""
    speech = read_speech(args.speech, 60 * args.minutes, OUTPUT_HZ)
    noise = _pink(len(speech) + round(NOISE_S * OUTPUT_HZ), args.noise_db)
    audio.write(folder / "audio.flac", speech + noise[: len(speech)], OUTPUT_HZ)
    np.save(folder / "noise.npy", noise[len(speech) :])


def _pink(samples: int, level_db: float) -> Samples:
    found = sounds.pink(samples / OUTPUT_HZ + 1, np.random.default_rng(0))
    found = audio.resample(found, sounds.RATE_HZ, OUTPUT_HZ)[:samples]
    gain_db = level_db - audio.level_db(found)
    return np.asarray(found * 10 ** (gain_db / 20), np.float32)


if __name__ == "__main__":
    main()
