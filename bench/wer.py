"""How many words are wrong: transcribe_audio against whisper.transcribe, same files, same weights.

In:  a folder of short clips with transcripts.txt (`id|text`, LJ Speech style).
Out: a table: word error rate, time per second of sound, for both, from one run.
The clips are joined into recordings with known pauses, so that the spans of speech are known.

    python bench/wer.py ../lj --clips 40 --model base
"""

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipeline import audio, models
from pipeline.item import Item, write_json
from pipeline.stages import transcribe_audio

RATE_HZ = 24_000
NOISE_DB = -70.0  # of the pauses: digital silence would be too easy


@dataclass(frozen=True)
class Recording:
    """Clips joined to one file, and what is said when."""

    item: Item
    text: str
    duration_s: float

    @property
    def path(self) -> Path:
        return self.item.path("isolate_speakers", "audio.flac")


@dataclass
class Side:
    """One row of the table."""

    name: str
    texts: list[str]
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        yield
        self.wall_s += time.perf_counter() - wall_s
        self.cpu_s += time.process_time() - cpu_s


def main() -> None:
    """Print the table."""
    args = _parsed()
    with tempfile.TemporaryDirectory() as temp:
        recordings = _recordings(args, Path(temp))
        params = transcribe_audio.Params(
            whisper_model=args.model, language="en", beam_size=args.beam_size
        )
        loaded = transcribe_audio.load(params, args.device)
        _warm_up()
        sides = [_peer(recordings, loaded.whisper), _ours(recordings, params, loaded, Path(temp))]
    _print(sides, recordings, args)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="clips and transcripts.txt")
    parser.add_argument("--clips", type=int, default=40, help="how many, chosen by the seed")
    parser.add_argument("--per-recording", type=int, default=10, help="clips joined to one")
    parser.add_argument("--pause", type=float, nargs=2, default=(0.4, 3.0), help="from and to, s")
    parser.add_argument("--spans", choices=("known", "silero"), default="known")
    parser.add_argument("--model", default="base")
    parser.add_argument("--beam-size", type=int, default=transcribe_audio.Params.beam_size)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="print what is wrong")
    return parser.parse_args()


def _recordings(args: argparse.Namespace, temp: Path) -> list[Recording]:
    lines = (args.folder / "transcripts.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines if line]
    chosen = random.Random(args.seed).sample(rows, min(args.clips, len(rows)))
    groups = [chosen[i : i + args.per_recording] for i in range(0, len(chosen), args.per_recording)]
    return [_joined(group, temp / str(n), args) for n, group in enumerate(groups)]


def _joined(rows: Sequence[Sequence[str]], folder: Path, args: argparse.Namespace) -> Recording:
    folder.mkdir()
    chance = random.Random(f"{args.seed} {rows[0][0]}")
    parts, spans, at_s = [_pause(chance.uniform(*args.pause), chance)], [], 0.0
    for name, *_ in rows:
        at_s = sum(map(len, parts)) / RATE_HZ
        parts.append(audio.read_at(_clip(args.folder, name), RATE_HZ))
        spans.append([at_s, at_s + len(parts[-1]) / RATE_HZ, 1.0])
        parts.append(_pause(chance.uniform(*args.pause), chance))
    samples = np.concatenate(parts)
    audio.write(folder / "audio.flac", samples, RATE_HZ)
    if args.spans == "silero":
        spans = _silero(samples)
    write_json(folder / "spans.json", {"target": spans})
    item = Item(folder.name, folder.name, "", folders={"isolate_speakers": str(folder)})
    return Recording(item, " ".join(row[-1] for row in rows), len(samples) / RATE_HZ)


def _clip(folder: Path, name: str) -> Path:
    return next(path for path in sorted(folder.rglob(f"{name}.*")) if path.suffix != ".txt")


def _pause(length_s: float, chance: random.Random) -> audio.Samples:
    noise = np.random.default_rng(chance.getrandbits(32)).standard_normal(round(length_s * RATE_HZ))
    return np.asarray(noise * 10 ** (NOISE_DB / 20), np.float32)


def _silero(samples: audio.Samples) -> list[list[float]]:
    import silero_vad
    import torch

    threads = torch.get_num_threads()
    model = silero_vad.load_silero_vad()
    torch.set_num_threads(threads)  # silero sets one for the whole process
    heard = torch.from_numpy(audio.resample(samples, RATE_HZ, 16_000))
    found = silero_vad.get_speech_timestamps(heard, model, return_seconds=True)
    return [[one["start"], one["end"], 1.0] for one in found]


def _warm_up() -> None:
    """Have numba compile whisper's alignment before the clock runs: seconds, once a process."""
    from whisper.timing import dtw_cpu

    dtw_cpu(np.zeros((2, 2)))


def _peer(recordings: Sequence[Recording], model: Any) -> Side:
    def text(recording: Recording) -> str:
        samples = audio.read_at(recording.path, 16_000)
        result = model.transcribe(
            samples,
            language="en",
            word_timestamps=True,
            fp16=model.device.type == "cuda",
            condition_on_previous_text=False,
        )
        return str(result["text"])

    return _run("whisper.transcribe, greedy", recordings, text)


def _ours(
    recordings: Sequence[Recording],
    params: transcribe_audio.Params,
    loaded: transcribe_audio.Models,
    temp: Path,
) -> Side:
    def text(recording: Recording) -> str:
        transcribe_audio.process(recording.item, temp, params, loaded)
        return " ".join(segment["text"] for segment in _segments(temp))

    return _run(f"transcribe_audio, beam {params.beam_size}", recordings, text)


def _segments(folder: Path) -> list[dict[str, Any]]:
    item = Item("", "", "", folders={"transcribe_audio": str(folder)})
    segments: list[dict[str, Any]] = item.load_json("transcribe_audio", "transcript.json")[
        "segments"
    ]
    return segments


def _run(name: str, recordings: Sequence[Recording], text: Callable[[Recording], str]) -> Side:
    side = Side(name, [])
    for recording in recordings:
        with side.timed():
            side.texts.append(text(recording))
    return side


def _print(
    sides: Sequence[Side], recordings: Sequence[Recording], args: argparse.Namespace
) -> None:
    total_s = sum(recording.duration_s for recording in recordings)
    digest = models.whisper_digest(models.resolve_whisper(args.model, args.device))[:12]
    print(f"{args.model} ({digest}), {args.clips} clips, {total_s:.0f} s, {args.spans} spans")
    print(f"{'':32}{'WER %':>8}{'wall/s':>9}{'cpu/s':>9}")
    for side in sides:
        wer = 100 * _wer(recordings, side, args.verbose)
        wall, cpu = side.wall_s / total_s, side.cpu_s / total_s
        print(f"{side.name:32}{wer:8.2f}{wall:9.3f}{cpu:9.3f}")
    print(f"{'ours / theirs (time)':40}{sides[1].wall_s / sides[0].wall_s:9.2f}")


def _wer(recordings: Sequence[Recording], side: Side, verbose: bool) -> float:
    import jiwer
    from whisper.normalizers import EnglishTextNormalizer

    normal = EnglishTextNormalizer()
    result = jiwer.process_words(
        [normal(recording.text) for recording in recordings], [normal(text) for text in side.texts]
    )
    if verbose:
        print(jiwer.visualize_alignment(result, skip_correct=True))
    return float(result.wer)


if __name__ == "__main__":
    main()
