"""What a separator's settings cost in time and in quality: how far its segments overlap.

    .venv/bin/python bench/separation.py SPEECH [--seconds 60] [--music-db -10] [--weights FOLDER]

Speech of a folder is mixed with generated music. Each row: CPU seconds a second of sound, SDR of
the voices against the clean speech, and against what the most overlap gives (the reference: how
much of the result is the setting's doing). htdemucs where its weights are at hand, else Spleeter.
Segments have the length that the networks were trained on.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # for running it as a script

from bench.mixes import sounds  # noqa: E402
from pipeline import audio, models  # noqa: E402
from pipeline.audio import Samples  # noqa: E402
from pipeline.executors import tame_threads  # noqa: E402
from pipeline.stages.isolate_speakers import demucs_model, spleeter  # noqa: E402
from pipeline.stages.isolate_speakers.separate import Separator, overlap_add  # noqa: E402

SHARES = (0.5, 0.25, 0.1, 0.05, 0.0)  # of a segment; the first is the reference
BLOCK_S = 5.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("speech", type=Path, help="a folder of clips")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--music-db", type=float, default=-10.0, help="against the speech")
    parser.add_argument("--weights", default="", help="of htdemucs, as --separation-weights")
    args = parser.parse_args()
    tame_threads()
    separator = _separator(args.weights)
    clean = read_speech(args.speech, args.seconds, separator.rate_hz)
    mixture = clean + _music(clean, args.music_db, separator.rate_hz)
    print(f"{separator.name}, segments of {separator.segment / separator.rate_hz:.1f} s, ", end="")
    print(f"{args.seconds:.0f} s, music {args.music_db:+.0f} dB, default overlap ", end="")
    print(f"{separator.overlap / separator.segment:.2f}; mixture {sdr_db(clean, mixture):.2f} dB")
    print(f"{'overlap':>8}{'cpu/s':>9}{'SDR dB':>9}{'to reference dB':>17}")
    reference: Samples | None = None
    for share in SHARES:
        voices, cpu_s = _separated(separator, mixture, share)
        reference = voices if reference is None else reference
        print(
            f"{share:8.2f}{cpu_s / args.seconds:9.4f}{sdr_db(clean, voices):9.2f}"
            f"{sdr_db(reference, voices):17.2f}",
            flush=True,
        )


def sdr_db(wanted: Samples, found: Samples) -> float:
    """Return the power of what is wanted over that of the error; infinite where there is none.

    >>> sdr_db(np.ones(8, np.float32), np.full(8, 1.1, np.float32)).__round__()
    20
    """
    error = np.sum(np.square(found - wanted, dtype=np.float64))
    power = np.sum(np.square(wanted, dtype=np.float64))
    return float(10 * np.log10(power / error)) if error else float("inf")


def _separated(separator: Separator, mixture: Samples, share: float) -> tuple[Samples, float]:
    """Return the voices, and the CPU seconds they took, with segments that overlap so far."""
    deviation = np.float32(mixture.std())
    chosen = replace(separator, overlap=int(separator.segment * share))
    began = time.process_time()
    parts = overlap_add(_blocks(mixture / deviation, separator.rate_hz), chosen)
    voices = np.concatenate(list(parts)) * deviation
    return voices, time.process_time() - began


def _blocks(samples: Samples, rate_hz: int) -> Iterator[Samples]:
    size = round(BLOCK_S * rate_hz)
    return (samples[i : i + size] for i in range(0, len(samples), size))


def _separator(weights: str) -> Separator:
    try:
        return demucs_model.load(weights, "cpu")
    except models.MissingWeights as err:
        print(f"no htdemucs ({str(err).splitlines()[0]})")
        return spleeter.load(models.path_of("spleeter-2stems"), "cpu")


def read_speech(folder: Path, seconds: float, rate_hz: int) -> Samples:
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".flac", ".wav"))
    random.Random(0).shuffle(paths)
    parts: list[Samples] = []
    while sum(map(len, parts)) < seconds * rate_hz:
        parts.append(audio.read_at(paths[len(parts) % len(paths)], rate_hz))
    return np.concatenate(parts)[: round(seconds * rate_hz)]


def _music(speech: Samples, level_db: float, rate_hz: int) -> Samples:
    music = sounds.music(len(speech) / rate_hz + 1, np.random.default_rng(0))
    music = audio.resample(music, sounds.RATE_HZ, rate_hz)[: len(speech)]
    gain_db = audio.level_db(speech) + level_db - audio.level_db(music)
    return np.asarray(music * 10 ** (gain_db / 20), np.float32)


if __name__ == "__main__":
    main()
