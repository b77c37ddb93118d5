"""How fast and how right transcription with words is: this pipeline against its peers.

In:  a folder of short clips with transcripts.txt (`id|text`, LJ Speech style).
Out: a table of medians: word error rate, how far it is from the first row's (points, and where 95%
     of the differences lie over clips drawn anew), time per second of sound, and times as fast as
     openai-whisper's own command line (its defaults: beam 5, best of 5) and greedy transcribe().
The clips are joined into recordings with known pauses, so that the spans of speech are known to
this pipeline; whisper and faster-whisper look for it themselves, as they are used. All runs have
the same weights and threads, and take turns, so that a busy machine slows all of them alike.
What stands beside a clip moves its words, too: 115 clips of LJ Speech in two orders have 3.8 and
3.2% wrong (base). --orders joins them several times over.

    python bench/asr.py ../lj --clips 40 --model base --repeat 3
    python bench/asr.py ../lj --only openai-whisper --batch 1 4 8 16
    python bench/asr.py ../lj --clips 115 --orders 3 --only openai-whisper faster-whisper
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.wrong_words import Counts, interval, rate, wrong_words
from pipeline import audio, executors, models
from pipeline.item import Item, write_json
from pipeline.stages import transcribe_audio

RATE_HZ = 24_000
NOISE_DB = -70.0  # of the pauses: digital silence would be too easy
CLI = "whisper, its command line's defaults"
GREEDY = "whisper.transcribe, greedy"


@dataclass(frozen=True)
class Recording:
    """Clips joined to one file, and what is said when."""

    item: Item
    clips: dict[str, str]  # name -> what is said, in the order of the sound
    duration_s: float

    @property
    def path(self) -> Path:
        return self.item.path("isolate_speakers", "audio.flac")


@dataclass
class Side:
    """One row of the table: what gives the text of a recording, and how it went."""

    name: str
    text: Callable[[Recording], str]
    texts: dict[str, str] = field(default_factory=dict)
    walls_s: list[float] = field(default_factory=list)  # a round
    cpus_s: list[float] = field(default_factory=list)

    def run(self, recordings: Sequence[Recording]) -> None:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        self.texts = {one.item.source: self.text(one) for one in recordings}
        self.walls_s.append(time.perf_counter() - wall_s)
        self.cpus_s.append(time.process_time() - cpu_s)


def main() -> None:
    """Print the table."""
    args = _parsed()
    executors.tame_threads()
    with tempfile.TemporaryDirectory() as temp:
        recordings = _recordings(args, Path(temp))
        sides = [side for side in _sides(args, Path(temp)) if _is_wanted(side.name, args.only)]
        for side in sides:  # what is compiled and allocated at first use
            side.text(recordings[0])
        for number in range(args.repeat):
            for side in random.Random(number).sample(sides, len(sides)):
                side.run(recordings)
    _print(sides, recordings, args)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="clips and transcripts.txt")
    parser.add_argument("--clips", type=int, default=40, help="how many, chosen by the seed")
    parser.add_argument("--per-recording", type=int, default=20, help="clips joined to one")
    parser.add_argument("--orders", type=int, default=1, help="joined so often, beside others")
    parser.add_argument("--pause", type=float, nargs=2, default=(0.4, 3.0), help="from and to, s")
    parser.add_argument("--spans", choices=("known", "silero"), default="known")
    parser.add_argument("--model", default="base")
    parser.add_argument("--beam-size", type=int, default=transcribe_audio.Params.beam_size)
    parser.add_argument("--batch", type=int, nargs="+", default=[8], help="windows at a time")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--ct2-folder", type=Path, help="model and tokenizer.json for the package faster-whisper"
    )
    parser.add_argument("--repeat", type=int, default=1, help="rounds")
    parser.add_argument("--only", nargs="*", default=[], help="rows whose name begins so")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="print what is wrong")
    return parser.parse_args()


def _is_wanted(name: str, only: Sequence[str]) -> bool:
    return not only or any(name.startswith(start) for start in only)


def _recordings(args: argparse.Namespace, temp: Path) -> list[Recording]:
    lines = (args.folder / "transcripts.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines if line]
    chosen = random.Random(args.seed).sample(rows, min(args.clips, len(rows)))
    groups, size = [], args.per_recording
    for order in range(args.orders):
        # subtle: the first one as it was drawn, so that figures of one order stay comparable
        clips = random.Random(order).sample(chosen, len(chosen)) if order else chosen
        groups += [clips[i : i + size] for i in range(0, len(clips), size)]
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
    return Recording(item, {row[0]: row[-1] for row in rows}, len(samples) / RATE_HZ)


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


def _sides(args: argparse.Namespace, temp: Path) -> list[Side]:
    model = models.load_whisper(models.resolve_whisper(args.model, args.device), args.device)
    # what whisper's command line passes when nothing is asked for but words: cli() in transcribe.py
    fallback = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    defaults = {"temperature": fallback, "beam_size": 5, "best_of": 5}
    sides = [
        Side(CLI, _whisper(model, **defaults)),
        Side(GREEDY, _whisper(model, condition_on_previous_text=False)),
    ]
    for engine in ("openai-whisper", "faster-whisper"):
        for batch in args.batch:
            sides.append(Side(f"{engine}, batch {batch}", _ours(engine, batch, args, temp)))
    return [*sides, *_faster_whisper(args)]


def _whisper(model: Any, **options: Any) -> Callable[[Recording], str]:
    def text(recording: Recording) -> str:
        samples = audio.read_at(recording.path, 16_000)
        fixed = {"language": "en", "word_timestamps": True, "fp16": models.is_half(model)}
        return str(model.transcribe(samples, **fixed, **options)["text"])

    return text


def _ours(
    engine: Any, batch: int, args: argparse.Namespace, temp: Path
) -> Callable[[Recording], str]:
    params = transcribe_audio.Params(
        whisper_model=args.model,
        asr_engine=engine,
        language="en",
        beam_size=args.beam_size,
        transcribe_batch=batch,
    )
    loaded = transcribe_audio.load(params, args.device)

    def text(recording: Recording) -> str:
        transcribe_audio.process(recording.item, temp, params, loaded)
        item = Item("", "", "", folders={"transcribe_audio": str(temp)})
        found = item.load_json("transcribe_audio", "transcript.json")["segments"]
        return " ".join(segment["text"] for segment in found)

    return text


def _faster_whisper(args: argparse.Namespace) -> list[Side]:
    """Return the package faster-whisper itself, as it is used by default and in batches."""
    if args.ct2_folder is None:
        return []
    import faster_whisper
    import torch

    model = faster_whisper.WhisperModel(
        str(args.ct2_folder),
        device=args.device,
        compute_type="int8" if args.device == "cpu" else "int8_float16",
        cpu_threads=torch.get_num_threads(),
    )
    batched = faster_whisper.BatchedInferencePipeline(model)

    def text(run: Callable[..., Any], **options: Any) -> Callable[[Recording], str]:
        def one(recording: Recording) -> str:
            samples = audio.read_at(recording.path, 16_000)
            found, _ = run(samples, language="en", word_timestamps=True, **options)
            return " ".join(segment.text for segment in found)

        return one

    return [
        Side("peer faster_whisper, defaults", text(model.transcribe)),
        Side("peer faster_whisper, batched, greedy", text(batched.transcribe, beam_size=1)),
    ]


def _print(
    sides: Sequence[Side], recordings: Sequence[Recording], args: argparse.Namespace
) -> None:
    import torch

    counts = [_counts(recordings, side, args.verbose) for side in sides]
    total_s = sum(recording.duration_s for recording in recordings)
    digest = models.whisper_digest(models.resolve_whisper(args.model, args.device))[:12]
    print(
        f"{args.model} ({digest}), {args.clips} clips, {total_s:.0f} s, {args.spans} spans, "
        f"{torch.get_num_threads()} threads on {os.cpu_count()} cores, medians of {args.repeat}"
    )
    print(
        f"{'':40}{'WER %':>8}{'difference':>22}{'wall/s':>9}{'cpu/s':>9}{'x CLI':>8}{'x greedy':>9}"
    )
    walls = {side.name: statistics.median(side.walls_s) for side in sides}
    for side, wrong in zip(sides, counts, strict=True):
        low, high = interval(wrong, counts[0])
        apart = f"{rate(wrong) - rate(counts[0]):+.2f} ({low:+.2f} {high:+.2f})"
        wall, cpu = walls[side.name] / total_s, statistics.median(side.cpus_s) / total_s
        cli, greedy = (
            f"{walls[peer] / walls[side.name]:.1f}" if peer in walls else ""
            for peer in (CLI, GREEDY)
        )
        print(
            f"{side.name:40}{rate(wrong):8.2f}{apart:>22}{wall:9.4f}{cpu:9.4f}{cli:>8}{greedy:>9}"
        )


def _counts(recordings: Sequence[Recording], side: Side, verbose: bool) -> list[Counts]:
    """Return (words wrong, words said) of each clip, in all recordings that it is in."""
    found: dict[str, Counts] = {}
    for one in recordings:
        heard = side.texts[one.item.source]
        if verbose:
            print(f"{side.name}, recording {one.item.source}: {heard}")
        counts = wrong_words(list(one.clips.values()), heard)
        for (name, clip), (wrong, words) in zip(one.clips.items(), counts, strict=True):
            before = found.get(name, (0, 0))
            found[name] = (before[0] + wrong, before[1] + words)
            if verbose and wrong:
                print(f"  {wrong} of {words} wrong: {clip}")
    return [found[name] for name in sorted(found)]


if __name__ == "__main__":
    main()
