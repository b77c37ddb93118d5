"""What --verify-with finds, and what it costs: where to put --max-verify-wer.

    .venv/bin/python bench/second_opinion.py FOLDER                base, asked: tiny.en
    .venv/bin/python bench/second_opinion.py FOLDER --second small --clips 50 --noise 10

FOLDER is one of bench/quality.py's. Each utterance with text, as it is and with pink noise, is
heard by both models; truth says whether the first one's text is right. A row a limit: the share of
good texts that a limit on the difference of both drops, and of bad ones that it finds. A text is
good when at most one word in GOOD is wrong: few users would call more a good text.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))  # for running it as a script

from bench.mixes import corpus
from bench.mixes.sounds import pink
from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples
from pipeline.executors import tame_threads
from pipeline.stages.segment_audio.judging import difference
from pipeline.stages.segment_audio.listening import Listener, plain_words

LIMITS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
GOOD = 15  # words
LONGEST_S = 20.0  # readers of LibriSpeech have longer ones, no clip has


@dataclass(frozen=True)
class Heard:
    """One utterance: how wrong the first text is, and how far the second is from it."""

    wrong: float  # share of words
    words: int
    apart: float

    @property
    def is_good(self) -> bool:
        return self.wrong * GOOD <= 1


def main() -> None:
    """Hear everything twice, print the curve."""
    options = _options()
    tame_threads()
    found = corpus.read(options.folder)
    first, second = (Listener(name) for name in (options.model, options.second))
    print(f"{options.model} asked {options.second}; good: at most 1 word in {GOOD} wrong")
    for noise_db in (None, *options.noise):
        heard = list(_heard(_utterances(found, options.clips), noise_db, first, second))
        print(f"\n{'clean' if noise_db is None else f'noise {noise_db:g} dB below'}")
        print(table(heard), flush=True)


def _utterances(found: corpus.Corpus, clips: int) -> list[corpus.Utterance]:
    spoken = [one for one in found.utterances if one.text]
    short = [one for one in spoken if audio.info(one.path).duration_s <= LONGEST_S]
    return short[:: max(1, len(short) // clips)][:clips] if clips else short


def _heard(
    utterances: Sequence[corpus.Utterance],
    noise_db: float | None,
    first: Listener,
    second: Listener,
) -> Iterator[Heard]:
    chance = np.random.default_rng(0)
    sounds = [_with_noise(audio.read_at(u.path, OUTPUT_HZ), noise_db, chance) for u in utterances]
    texts, others = ([text for text, _ in one.texts(sounds, "en")] for one in (first, second))
    for utterance, text, other in zip(utterances, texts, others, strict=True):
        wrong = difference(utterance.text, text, "en")
        yield Heard(wrong, len(plain_words(text, "en")), difference(text, other, "en"))


def _with_noise(samples: Samples, noise_db: float | None, chance: np.random.Generator) -> Samples:
    if noise_db is None:
        return samples
    noise = pink(len(samples) / OUTPUT_HZ, chance)[: len(samples)]
    gain = 10 ** ((audio.level_db(samples) - noise_db) / 20)
    return np.asarray(samples + noise * np.float32(gain), np.float32)


def table(heard: Sequence[Heard]) -> str:
    """Return a row a limit."""
    good = [one for one in heard if one.is_good]
    bad = [one for one in heard if not one.is_good]
    wrong = 100 * sum(h.wrong * h.words for h in heard) / max(1, sum(h.words for h in heard))
    lines = [f"{len(good)} good texts, {len(bad)} bad, {wrong:.1f}% of words wrong",
             "limit   good dropped   bad dropped   words wrong in what is kept"]  # fmt: skip
    for limit in LIMITS:
        kept = [one for one in heard if one.apart <= limit]
        left = 100 * sum(h.wrong * h.words for h in kept) / max(1, sum(h.words for h in kept))
        dropped = f"{_dropped(good, limit):>12}   {_dropped(bad, limit):>11}"
        lines.append(f"{limit:5.2f}   {dropped}   {left:5.1f}%")
    return "\n".join(lines)


def _dropped(heard: Sequence[Heard], limit: float) -> str:
    count = sum(one.apart > limit for one in heard)
    return f"{count} = {100 * count / max(1, len(heard)):.0f}%"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=__doc__.partition("\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="recordings with text")
    parser.add_argument("--model", default="base", help="writes the texts")
    parser.add_argument("--second", default="tiny.en", help="is asked")
    parser.add_argument("--clips", type=int, default=0, help="utterances; 0: all")
    parser.add_argument("--noise", type=float, nargs="*", default=[10.0, 5.0], metavar="DB")
    return parser.parse_args()


if __name__ == "__main__":
    main()
