"""Which mixes are built, and what is asked of each.

In:  a corpus, a size, a seed. Out: `Job`s: files with their truth, settings, the target.
A job is one run of the pipeline: the target is chosen over all its files.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import audio

from . import breathing, meeting, mixing
from .corpus import Corpus, Utterance
from .mixing import EVERY, Mix, Said
from .sounds import RATE_HZ, Chance, Samples

TEN_MINUTES_S = 660.0  # with room for silence between the sounds
ON_HOLD = ("ringing", "waiting", "breaths", "typing", "singing")
PER_FILE = 10  # utterances of a reader joined to one file
BEDS = {"pink": (40.0, 30.0, 20.0, 10.0, 0.0), "hum": (30.0, 20.0),
        "music": (30.0, 25.0, 20.0, 10.0, 0.0)}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """Files that go through the pipeline together."""

    name: str
    mixes: Sequence[Mix]
    target: str | None = None  # whose voice the clips shall have; None: anybody's counts
    settings: dict[str, Any] = field(default_factory=dict)
    reference: Utterance | None = None  # the clip given as --target-speaker
    asks: bool = False  # the right answer is to ask for a clip


def jobs(corpus: Corpus, clips: int, seed: int) -> dict[str, Callable[[], Job]]:
    """Return the scenarios by name, built when they are called."""
    make = _Maker(corpus, clips, seed)
    return {
        "read": lambda: make.reader("read", (0.3, 1.5)),
        "fast": lambda: make.reader("fast", (0.12, 0.4), tempo=1.35),
        "pink 20 dB": lambda: make.reader("pink20", (0.3, 1.2), bed=("pink", 20.0)),
        "pink 10 dB": lambda: make.reader("pink10", (0.3, 1.2), bed=("pink", 10.0)),
        "music 10 dB": lambda: make.reader("music10", (0.3, 1.2), bed=("music", 10.0)),
        "breaths": lambda: make.beside("breaths", "breath", (0.5, 1.2)),
        "coughs": lambda: make.beside("coughs", "cough", (0.5, 1.0)),
        "laughs": lambda: make.beside("laughs", "laughs", (0.8, 1.4)),
        "interludes": lambda: make.interludes(),
        "telephone": lambda: make.call("telephone", (0.1, 0.8)),
        "two speakers": lambda: make.speakers("two", (1, 1)),
        "three speakers": lambda: make.speakers("three", (1, 1, 1)),
        "unequal": lambda: make.speakers("unequal", (1, 3)),
        "meeting": lambda: make.meeting("meeting", meeting.NEAR, with_text=True),
        "other meeting": lambda: make.meeting("other", meeting.NEAR, with_text=False),
        "far meeting": lambda: make.meeting("far", meeting.FAR, with_text=False),
        "cut out": lambda: make.cut_out(),
        "overlaps": lambda: make.speakers("overlaps", (1, 1), pauses_s=(-1.0, 0.6)),
        "dominant": lambda: make.speakers("dominant", (4, 1), with_clip=False),
        "nobody ahead": lambda: make.speakers("equal", (1, 1), with_clip=False, asks=True),
        "no speech": lambda: make.silence(),
        "ten minutes": lambda: make.ten_minutes(),
        "on hold": lambda: make.call("on hold", (0.2, 12.0), ON_HOLD),
        **{
            f"{path.stem} {who}": lambda path=path, who=who: make.conversation(path, who)
            for path in corpus.conversations
            for who in _main_voice(corpus, path)
        },
    }


@dataclass(frozen=True)
class _Maker:
    corpus: Corpus
    clips: int
    seed: int

    def reader(
        self,
        name: str,
        pauses_s: tuple[float, float],
        tempo: float = 1.0,
        bed: tuple[str, float] | None = None,
    ) -> Job:
        chance, utterances = self._chance(name), self._read(name)
        mixes = []
        for i in range(0, len(utterances), PER_FILE):
            part = utterances[i : i + PER_FILE]
            mix = mixing.joined(f"{name}-{i // PER_FILE}", part, pauses_s, chance, tempo)
            mixes.append(mixing.with_bed(mix, mix.name, *bed, chance) if bed else mix)
        return Job(name, mixes)

    def beside(self, name: str, kind: str, pauses_s: tuple[float, float]) -> Job:
        """Return a reader who breathes, coughs or laughs in the pauses, right beside the words."""
        chance, mixes = self._chance(f"{name} sounds"), self.reader(name, pauses_s).mixes
        return Job(name, [breathing.with_sounds(mix, mix.name, kind, chance) for mix in mixes])

    def interludes(self) -> Job:
        chance, some = self._chance("interludes"), self._read("interludes")[:PER_FILE]
        mix = mixing.joined("interludes", some, (3.0, 7.0), chance)
        kinds = ("laughter", "music", "applause")
        return Job("interludes", [mixing.with_interludes(mix, "interludes", kinds, chance)])

    def call(self, name: str, pauses_s: tuple[float, float], kinds: Sequence[str] = ()) -> Job:
        """Return a telephone dialogue of a reader, who is wanted, and somebody else.

        `kinds` of sounds are in its longer pauses.
        """
        chance, some = self._chance(name), self._read(name)
        other = self._others(chance, some[0].speaker, 1)[0]
        turns = _interleaved([some[: PER_FILE // 2], other], (1, 1), chance)
        mix = mixing.joined(name, turns, pauses_s, chance)
        mix = mixing.with_interludes(mix, name, kinds, chance) if kinds else mix
        line = mixing.telephone(mix, name.replace(" ", "-"))
        alone = mixing.joined("alone", some[-1:], (0.1, 0.1), chance)
        reference = _as_file(mixing.telephone(alone, "reference").sound, some[0].speaker)
        return Job(name, [line], some[0].speaker, {"min_bandwidth_hz": 0.0}, reference)

    def speakers(
        self,
        name: str,
        shares: Sequence[int],
        with_clip: bool = True,
        asks: bool = False,
        pauses_s: tuple[float, float] = (0.15, 1.0),
    ) -> Job:
        """Return two files of speakers by turns; the first one is wanted."""
        chance = self._chance(name)
        voices = self._others(chance, "", len(shares))
        mixes = []
        for i in range(2):
            parts = [voice[i * 4 : i * 4 + 4] for voice in voices]
            turns = _interleaved(parts, shares, chance)
            mixes.append(mixing.joined(f"{name}-{i}", turns, pauses_s, chance))
        reference = voices[0][-1] if with_clip else None
        return Job(name, mixes, voices[0][0].speaker, reference=reference, asks=asks)

    def meeting(self, name: str, room: meeting.Room, with_text: bool) -> Job:
        """Return a meeting of somebody wanted, of whom there is a clip, with everybody else."""
        chance = self._chance(name)
        mine = self._read(name) if with_text else self._others(chance, "", 1)[0]
        who = mine[0].speaker
        others = [u for u in self.corpus.utterances if u.speaker != who]
        drawn = [others[k] for k in chance.permutation(len(others)).tolist()[:PER_FILE]]
        turns = mine[: min(PER_FILE, len(mine) - 1)]
        mix = meeting.meeting(name.replace(" ", "-"), turns, drawn, room, chance)
        return Job(name, [mix], who, reference=mine[-1])

    def cut_out(self) -> Job:
        """Return files that begin and end in the middle of a reader's words."""
        chance, some = self._chance("cut out"), self._read("cut out")
        mixes = []
        for i in range(0, len(some) - 4, 5):
            mix = mixing.joined(f"cut-{i}", some[i : i + 5], (0.2, 1.0), chance)
            places = (meeting.amid(mix.said[k], chance) for k in (0, -1))
            mixes.append(meeting.excerpt(mix, mix.name, *places))
        return Job("cut out", mixes)

    def silence(self) -> Job:
        kinds = ("music", "laughter", "applause", "pink", "hum")
        mixes = [mixing.nothing_said("nothing", kinds, 20.0, self._chance("nothing"))]
        return Job("no speech", mixes)

    def ten_minutes(self) -> Job:
        """Return 10 minutes of what is no speech, every kind of it, and a sentence each minute.

        By the sentences everything knows a voice's level; all else in clips was invented.
        """
        chance, some = self._chance("ten minutes"), self._read("ten minutes")[:PER_FILE]
        mix = mixing.joined("ten", some, (TEN_MINUTES_S / PER_FILE,) * 2, chance)
        kinds = [kind for kind in EVERY if kind not in ("pink", "white")]
        return Job("ten minutes", [mixing.with_interludes(mix, "ten", kinds, chance, each_s=22.0)])

    def conversation(self, path: Path, who: str) -> Job:
        """Return a real recording; its turns are the truth, the longest one alone the clip."""
        samples = audio.read_at(path, RATE_HZ)
        turns = self.corpus.conversations[path]
        said = tuple(Said(a, b, Utterance(path, speaker)) for a, b, speaker in turns)
        mix = Mix(f"{path.stem}-{who}", said, samples, samples)
        return Job(path.stem, [mix], who, reference=_reference(path, turns, who))

    def _chance(self, name: str) -> Chance:
        return np.random.default_rng([self.seed, *name.encode()])

    def _read(self, name: str) -> list[Utterance]:
        reader = self.corpus.readers()[0]
        mine = [u for u in self.corpus.by_speaker()[reader] if u.text]
        order = self._chance(f"{name} reader").permutation(len(mine)).tolist()
        return [mine[i] for i in order[: self.clips]]

    def _others(self, chance: Chance, without: str, count: int) -> list[list[Utterance]]:
        """Return the utterances of some speakers who have enough, in a drawn order."""
        names = [name for name in self.corpus.talkers(9) if name != without]
        names = [name for name in names if name not in self.corpus.readers()] or names
        drawn = chance.permutation(len(names)).tolist()[:count]
        return [self.corpus.by_speaker()[names[i]] for i in drawn]


def _interleaved(
    parts: Sequence[Sequence[Utterance]], shares: Sequence[int], chance: Chance
) -> list[Utterance]:
    """Return turns of `parts`, each speaker `share` utterances in a row, in a drawn order."""
    left, turns = [list(part) for part in parts], []
    most = max(shares)
    while any(left):
        for i in chance.permutation(len(parts)).tolist():
            take = shares[i] if most > 1 else 1
            turns += left[i][:take]
            left[i] = left[i][take:]
        if most > 1 and not all(left):
            break
    return turns


def _main_voice(corpus: Corpus, path: Path) -> Iterator[str]:
    """Yield who speaks longest in a conversation, if that is 10 s at least."""
    seconds: dict[str, float] = {}
    for start_s, end_s, speaker in corpus.conversations[path]:
        seconds[speaker] = seconds.get(speaker, 0.0) + end_s - start_s
    best = max(seconds, key=lambda who: seconds[who])
    if seconds[best] >= 10.0:
        yield best


def _reference(path: Path, turns: Sequence[tuple[float, float, str]], who: str) -> Utterance:
    """Return the longest stretch of a speaker's turns in which nobody else speaks, as a file."""
    mine = [(a, b) for a, b, speaker in turns if speaker == who]
    others = [(a, b) for a, b, speaker in turns if speaker != who]
    alone = [part for span in mine for part in _without(span, others)]
    start_s, end_s = max(alone, key=lambda span: span[1] - span[0])
    samples = audio.read_at(path, RATE_HZ, start_s, min(end_s, start_s + 6.0))
    return _as_file(samples, who)


def _as_file(samples: Samples, who: str) -> Utterance:
    target = Path(tempfile.mkdtemp(prefix="quality-")) / "reference.wav"
    audio.write(target, samples, RATE_HZ)
    return Utterance(target, who)


def _without(
    span: tuple[float, float], others: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    parts, at_s = [], span[0]
    for start_s, end_s in sorted(o for o in others if o[1] > span[0] and o[0] < span[1]):
        parts.append((at_s, start_s))
        at_s = max(at_s, end_s)
    return [(a, b) for a, b in [*parts, (at_s, span[1])] if b > a]
