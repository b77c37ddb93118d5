"""The script that one writes first: each library after the other, with its defaults, file by file.

    python bench/race/naive.py IN OUT --model base --times times.json

htdemucs on everything (overlap 0.25, one shift), noisereduce (non-stationary), whisper with what
its command line passes (beam 5, best of 5, fallback) and word times, clips by whisper's segments
at 24 kHz, phonemes by misaki. It checks nothing, and cannot go on after a crash.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # for running it as a script

FALLBACK = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # whisper's cli() in transcribe.py
BEGAN = time.perf_counter()
wall_s: dict[str, float] = defaultdict(float)
cpu_s: dict[str, float] = defaultdict(float)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Add what the block takes to the part called `name`."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        wall_s[name] += time.perf_counter() - wall
        cpu_s[name] += time.process_time() - cpu


def main() -> None:
    """Make the clips and a list of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="base")
    parser.add_argument("--times", type=Path, required=True)
    args = parser.parse_args()
    with timed("start"):
        tools = _tools(args.model)
    (args.out / "wavs").mkdir(parents=True)
    with (args.out / "train_list.txt").open("w", encoding="utf-8") as listing:
        for path in sorted(args.folder.iterdir()):
            for line in _recording(path, args.out, *tools):
                listing.write(line)
    whole = {
        "wall": {"whole_s": time.perf_counter() - BEGAN, "parts_s": wall_s},
        "cpu": {"whole_s": time.process_time(), "parts_s": cpu_s},
    }
    args.times.write_text(json.dumps(whole), encoding="utf-8")


def _tools(model: str) -> tuple[Any, Any, Any]:
    """Return separator, whisper and misaki; weights come from the pipeline's cache."""
    import noisereduce  # noqa: F401

    from bench.race import separator
    from pipeline import models
    from pipeline.stages.build_dataset.english_g2p import English
    from pipeline.stages.build_dataset.pronunciation import Pronunciation

    separator.hand_on()
    return (
        separator.network(),
        models.load_whisper(model, "cpu"),
        English("american", Pronunciation()),
    )


def _recording(path: Path, out: Path, demucs: Any, whisper: Any, g2p: Any) -> Iterator[str]:
    import noisereduce
    import soundfile
    import soxr
    import torch
    from demucs.apply import apply_model

    with timed("read, write, resample"):
        samples, rate = soundfile.read(path, dtype="float32")
        stereo = torch.from_numpy(soxr.resample(samples, rate, demucs.samplerate)).expand(1, 2, -1)
    with timed("separation"):
        found = apply_model(demucs, stereo)[0, demucs.sources.index("vocals")].mean(0).numpy()
    with timed("noise"):
        clean = noisereduce.reduce_noise(y=found, sr=demucs.samplerate)
    with timed("read, write, resample"):
        heard = soxr.resample(clean, demucs.samplerate, 16_000)
        voice = soxr.resample(clean, demucs.samplerate, 24_000)
    with timed("transcription"):
        options = {"temperature": FALLBACK, "beam_size": 5, "best_of": 5, "fp16": False}
        said = whisper.transcribe(heard, word_timestamps=True, **options)
    for number, segment in enumerate(said["segments"]):
        name = f"wavs/{path.stem}-{number}.wav"
        with timed("read, write, resample"):
            clip = voice[int(segment["start"] * 24_000) : int(segment["end"] * 24_000)]
            soundfile.write(out / name, clip, 24_000)
        with timed("phonemes"):
            phonemes, _ = g2p.speak(segment["text"].strip())
        yield f"{name}|{phonemes}|0\n"


if __name__ == "__main__":
    main()
