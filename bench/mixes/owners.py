"""Whose voice is kept: speaker isolation alone, on many dialogues, without whisper.

In:  a corpus, how many others, a seed. Out: a table. Each reader with enough utterances is the
target of a dialogue with every other speaker: as it is, by telephone, with noise, and by telephone
with a clear clip (and all of them by how alike the two voices are: two of one sex mostly are more);
conversations with known turns; and `--speakers all` on readers by threes and by fours (rows of
numbers, not of files).
`kept` is the share of the target's speech, `pure` that of kept speech that is the target's, `worst`
the least of that, `impure` how many recordings have less than 98% of it.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio
from pipeline.config import Settings
from pipeline.item import Item
from pipeline.stages import isolate_speakers
from pipeline.stages.isolate_speakers import reference, survey, telephone
from pipeline.stages.isolate_speakers.groups import centroid
from pipeline.stages.isolate_speakers.labels import TARGET, Piece
from pipeline.stages.isolate_speakers.voices import Embeddings, unit

from . import mixing, scenarios
from .corpus import Corpus, Utterance
from .flow import STEPS, Stages
from .mixing import Mix
from .scoring import FRAME_S, speech_by
from .sounds import RATE_HZ, Chance, Samples

TURNS = 4  # of each speaker in a dialogue
PURE = 0.98  # the least that a voice is trained from
NOISE_DB = 20.0
ALIKE = (-1.0, 0.2, 0.4, 0.6, 1.0)  # by telephone two voices are 0.3-0.6 alike
TOGETHER = (3, 4)  # speakers of a recording for `--speakers all`
ENOUGH_S = 20.0  # of a voice in all recordings together, to be somebody

Change = Callable[[Mix, Chance], Mix]
CHANGES: dict[str, Change] = {
    "clean": lambda mix, _: mix,
    "telephone": lambda mix, _: mixing.telephone(mix, mix.name),
    "pink 20 dB": lambda mix, chance: mixing.with_bed(mix, mix.name, "pink", NOISE_DB, chance),
}
# of the dialogue, and of the clip
PAIRS = {name: (change, change) for name, change in CHANGES.items()} | {
    "by clear clip": (CHANGES["telephone"], CHANGES["clean"])
}


@dataclass(frozen=True)
class Kept:
    """Seconds of one recording."""

    spoken_s: float  # the target's
    kept_s: float  # of them
    others_s: float  # somebody else's that were kept
    alike: float = 0.0  # how much the target and the others are in it

    @property
    def purity(self) -> float:
        return self.kept_s / max(1e-9, self.kept_s + self.others_s)


def table(corpus: Corpus, others: int, seed: int) -> str:
    """Return the rows: dialogues, conversations, everybody."""
    params, out = survey.Params(), ["{:16}{:>8}{:>8}{:>8}{:>8}{:>8}".format(
        "", "files", "kept%", "pure%", "worst%", "impure")]  # fmt: skip
    models = survey.load(params, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        listen = Listening(Path(folder), params, models)
        pairs: list[Kept] = []
        for name, (change, of_clip) in PAIRS.items():
            found = [listen.kept(mix, who, clip) for mix, who, clip in
                     dialogues(corpus, others, seed, change, of_clip)]  # fmt: skip
            out.append(_row(name, found))
            pairs += found
        for low, high in itertools.pairwise(ALIKE):
            some = [kept for kept in pairs if low <= kept.alike < high]
            out += [_row(f"alike {low:.1f}-{high:.1f}", some)] if some else []
        found = [listen.kept(mix, who, clip) for mix, who, clip in _conversations(corpus, seed)]
        out += [_row("conversations", found)] if found else []
        for together in TOGETHER:
            found = everybody(corpus, seed, together, Path(folder) / f"all-{together}")
            out.append(_row(f"all, by {together}", found))
    return "\n".join(out)


@dataclass(frozen=True)
class Listening:
    """The survey's networks, and a folder for what they read."""

    folder: Path
    params: survey.Params
    models: survey.Models

    def kept(self, mix: Mix, who: str, clip: Samples) -> Kept:
        """Return what isolation keeps of a mix, given a clip of the wanted voice."""
        audio.write(self.folder / "clip.wav", clip, RATE_HZ)
        heard_in_clip = reference.heard_in([self.folder / "clip.wav"], "cpu")
        path = mix.write(self.folder)
        spans = survey.find_speech(path, self.params, self.models)
        by_line = telephone.is_by_telephone(path, spans)
        wanted = heard_in_clip.by_telephone if by_line else heard_in_clip.clear
        found: dict[str, Any] = survey.find_voices(path, spans, self.params, self.models)
        heard, embeddings = {**found, "speech": spans}, unit(found["embeddings"])
        params = isolate_speakers.Params()
        pieces = isolate_speakers.owned(heard, embeddings, wanted[None], params)
        alike = likeness(mix, who, found["windows"], embeddings)
        return replace(counted(mix, who, pieces), alike=alike)


def likeness(
    mix: Mix, who: str, windows: Sequence[tuple[float, float]], embeddings: Embeddings
) -> float:
    """Return the similarity of the windows in the target's turns to those in the others'."""
    mine = [(said.start_s, said.end_s) for said in mix.of(who)]
    middles = [(start_s + end_s) / 2 for start_s, end_s in windows]
    inside = np.array([any(a <= at_s < b for a, b in mine) for at_s in middles], bool)
    return float(centroid(embeddings[inside]) @ centroid(embeddings[~inside]))


def counted(mix: Mix, who: str, pieces: list[Piece]) -> Kept:
    """Return the seconds in which the target alone, or anybody else, is loud, and kept."""
    mine, others = speech_by(mix, who)
    kept = np.zeros(len(mine), bool)
    for piece in pieces:
        if piece.rule == TARGET:
            kept[round(piece.start_s / FRAME_S) : round(piece.end_s / FRAME_S)] = True
    alone = mine & ~others
    seconds = (alone, alone & kept, others & kept)
    return Kept(*(float(np.count_nonzero(each)) * FRAME_S for each in seconds))


def dialogues(
    corpus: Corpus, others: int, seed: int, change: Change, of_clip: Change
) -> Iterator[tuple[Mix, str, Samples]]:
    """Yield a mix, its target and a clip of the target, for each pair of speakers."""
    by_speaker = corpus.by_speaker()
    for who in corpus.talkers(2 * TURNS):
        strangers = sorted(name for name in by_speaker if name != who)
        drawn = np.random.default_rng([seed, *who.encode()]).permutation(len(strangers))
        for other in (strangers[i] for i in drawn.tolist()[:others]):
            chance = np.random.default_rng([seed, *who.encode(), *other.encode()])
            mine = [by_speaker[who][i] for i in chance.permutation(len(by_speaker[who])).tolist()]
            turns = _by_turns(mine[:TURNS], by_speaker[other][:TURNS])
            mix = change(mixing.joined("dialogue", turns, (0.15, 1.0), chance), chance)
            longest = max(mine[TURNS:], key=lambda each: audio.info(each.path).duration_s)
            clip = of_clip(mixing.joined("clip", [longest], (0.1, 0.1), chance), chance)
            yield mix, who, clip.sound


def everybody(corpus: Corpus, seed: int, together: int, folder: Path) -> list[Kept]:
    """Return what each number of `--speakers all` has of the reader that it has most of.

    One job of a recording for every `together` readers in the order of names, who take turns. A
    reader whose number changed from one recording to the next has less than all under each.
    """
    readers, mixes = corpus.talkers(2 * TURNS), []
    for i in range(len(readers)):
        chance = np.random.default_rng([seed, i, together])
        some = [corpus.by_speaker()[readers[(i + k) % len(readers)]] for k in range(together)]
        turns = [voice[k] for k in range(2 * TURNS) for voice in some]
        mixes.append(mixing.joined(f"all-{i}", turns, (0.15, 1.0), chance))
    folder.mkdir()
    files = [mix.write(folder) for mix in mixes]
    settings = Settings(speakers="all", min_speaker_s=ENOUGH_S)
    steps = STEPS[: STEPS.index("isolate_speakers") + 1]
    items, _ = Stages().through(steps, files, folder / "work", settings)
    sounds = {mix.name: mix for mix in mixes}
    pieces = [(sounds[item.name], _spans(item)) for item in items]
    numbers = sorted({piece.speaker for _, found in pieces for piece in found})
    return [
        max((_sum(pieces, number, who) for who in readers), key=lambda kept: kept.kept_s)
        for number in numbers
    ]


def _sum(pieces: Sequence[tuple[Mix, list[Piece]]], number: int, who: str) -> Kept:
    """Return what the number has of a reader over all recordings."""
    found = [counted(mix, who, [p for p in all_ if p.speaker == number]) for mix, all_ in pieces]
    return Kept(
        *(sum(getattr(k, name) for k in found) for name in ("spoken_s", "kept_s", "others_s"))
    )


def _spans(item: Item) -> list[Piece]:
    spans = item.load_json("isolate_speakers", "spans.json")["target"]
    return [Piece(start_s, end_s, alike, TARGET, who) for start_s, end_s, alike, who in spans]


def _by_turns(mine: list[Utterance], others: list[Utterance]) -> list[Utterance]:
    pairs = [[each, *others[i : i + 1]] for i, each in enumerate(mine)]
    return [each for pair in pairs for each in pair]


def _conversations(corpus: Corpus, seed: int) -> Iterator[tuple[Mix, str, Samples]]:
    for name, build in scenarios.jobs(corpus, 1, seed).items():
        if name.rpartition(" ")[0] in {path.stem for path in corpus.conversations}:
            job = build()
            if job.reference and job.target:
                clip = audio.read_at(job.reference.path, RATE_HZ)
                yield job.mixes[0], job.target, clip


def _row(name: str, found: list[Kept]) -> str:
    spoken, kept = sum(k.spoken_s for k in found), sum(k.kept_s for k in found)
    pure = kept / max(1e-9, kept + sum(k.others_s for k in found))
    worst = min(k.purity for k in found)
    impure = sum(k.purity < PURE for k in found)
    return (
        f"{name:16}{len(found):>8}{100 * kept / spoken:>8.1f}{100 * pure:>8.2f}"
        f"{100 * worst:>8.1f}{impure:>8}"
    )
