"""Which recordings there are: utterances by speaker, some with text; conversations with turns.

In:  a folder with manifest.tsv (`path<TAB>speaker<TAB>text`, paths relative to it; text may be
empty), or without one: folders of an LJ Speech kind (transcripts.txt or metadata.csv, `id|text`),
files of a LibriSpeech kind (`speaker-chapter-number.flac`), and turns.rttm beside conversations.
Out: a `Corpus`. Left out: samples are read when they are used.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TEXTS = ("transcripts.txt", "metadata.csv")
SOUNDS = (".flac", ".wav", ".mp3", ".ogg")

Turn = tuple[float, float, str]  # start_s, end_s, speaker


@dataclass(frozen=True)
class Utterance:
    """One sentence or so of one speaker."""

    path: Path
    speaker: str
    text: str = ""


@dataclass
class Corpus:
    """What mixes are made of."""

    utterances: list[Utterance] = field(default_factory=list)
    conversations: dict[Path, list[Turn]] = field(default_factory=dict)

    def by_speaker(self) -> dict[str, list[Utterance]]:
        found: dict[str, list[Utterance]] = {}
        for each in self.utterances:
            found.setdefault(each.speaker, []).append(each)
        return found

    def readers(self) -> list[str]:
        """Return the speakers with text, who have most first."""
        spoken = {name: sum(bool(u.text) for u in all_) for name, all_ in self.by_speaker().items()}
        return sorted((name for name, n in spoken.items() if n), key=lambda name: -spoken[name])

    def talkers(self, least: int) -> list[str]:
        """Return the speakers with at least `least` utterances, whether there is text or not."""
        return sorted(name for name, all_ in self.by_speaker().items() if len(all_) >= least)


def read(folder: Path) -> Corpus:
    """Return what is in a folder; ValueError if there is nothing to build mixes from."""
    manifest = folder / "manifest.tsv"
    corpus = _from_manifest(manifest) if manifest.is_file() else _from_names(folder)
    if not corpus.readers():
        raise ValueError(
            f"{folder}: no utterance with text; write {manifest} with lines of path, speaker "
            "and text, separated by tabs"
        )
    return corpus


def _from_manifest(manifest: Path) -> Corpus:
    corpus = Corpus()
    with manifest.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
            if not row:
                continue
            path = manifest.parent / row[0]
            if len(row) < 2 or not path.is_file():
                raise ValueError(f"{manifest}:{number}: want path, speaker and text; got {row}")
            corpus.utterances.append(Utterance(path, row[1], row[2] if len(row) > 2 else ""))
    corpus.conversations = _conversations(manifest.parent)
    return corpus


def _from_names(folder: Path) -> Corpus:
    corpus = Corpus(conversations=_conversations(folder))
    for inner in sorted(path for path in [folder, *folder.rglob("*")] if path.is_dir()):
        texts = next((inner / name for name in TEXTS if (inner / name).is_file()), None)
        if texts:
            corpus.utterances += _lines(texts, inner.name)
            continue
        for path in sorted(path for path in inner.iterdir() if path.suffix in SOUNDS):
            if path not in corpus.conversations and "-" in path.stem:
                corpus.utterances.append(Utterance(path, path.stem.partition("-")[0]))
    return corpus


def _lines(texts: Path, speaker: str) -> Iterator[Utterance]:
    sounds = {p.stem: p for p in texts.parent.rglob("*") if p.suffix in SOUNDS}
    for line in texts.read_text(encoding="utf-8").splitlines():
        name, _, text = line.partition("|")
        if name in sounds:
            yield Utterance(sounds[name], speaker, text.rpartition("|")[2])


def _conversations(folder: Path) -> dict[Path, list[Turn]]:
    found: dict[Path, list[Turn]] = {}
    for rttm in sorted(folder.rglob("*.rttm")):
        for line in rttm.read_text(encoding="utf-8").splitlines():
            part = line.split()
            sounds = [rttm.parent / f"{part[1]}{end}" for end in SOUNDS]
            path = next((each for each in sounds if each.is_file()), None)
            if path:
                start_s = float(part[3])
                found.setdefault(path, []).append((start_s, start_s + float(part[4]), part[7]))
    return found
