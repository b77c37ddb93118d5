"""What the tests of isolate_speakers share: items made by hand, and the sample as FLAC."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg

from pipeline import audio
from pipeline.item import Item
from pipeline.stages.isolate_speakers import survey

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
SURVEY, AGREE = "isolate_speakers.survey", "isolate_speakers.agree"


def sample_item(folder: Path, name: str) -> Item:
    """A recording of the sample, as download_audio leaves it."""
    target = folder / name / "download_audio" / "audio.flac"
    target.parent.mkdir(parents=True)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(SAMPLE / name)]
    subprocess.run([*command, "-vn", "-ac", "1", str(target)], check=True)
    return Item(name, name.replace(".", "-"), "", {"download_audio": str(target.parent)})


def sound_item(folder: Path, samples: audio.Samples, rate_hz: int = 16_000) -> Item:
    """A recording of given samples, as download_audio leaves it."""
    folder = folder / "download_audio"
    folder.mkdir(parents=True)
    audio.write(folder / "audio.flac", samples, rate_hz)
    return Item("given.flac", "given-flac", "", {"download_audio": str(folder)})


def surveyed(item: Item, params: survey.Params, models: survey.Models, tag: str = "survey") -> Item:
    """The item after its survey."""
    out = Path(item.folders["download_audio"]).parent / tag
    out.mkdir()
    result = survey.process(item, out, params, models)
    return replace(
        item,
        folders={**item.folders, SURVEY: str(out)},
        facts={**item.facts, SURVEY: result.facts},
    )


def agreed(item: Item, folder: Path) -> Item:
    """The item with the agreement that lies in `folder`."""
    return replace(item, folders={**item.folders, AGREE: str(folder)})


def truth(name: str, speaker: str) -> list[tuple[float, float]]:
    """When a speaker speaks in a recording of the sample."""
    recordings = json.loads((SAMPLE / "truth.json").read_text())["recordings"]
    (found,) = [r for r in recordings if r["file"] == name]
    return [(s["start_s"], s["end_s"]) for s in found["sentences"] if s["speaker"] == speaker]


def overlap_s(spans: Sequence[Sequence], others: Sequence[Sequence]) -> float:
    """How many seconds two lists of disjoint spans share."""
    return sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in spans for b in others)


def total_s(spans: Sequence[Sequence]) -> float:
    return sum(span[1] - span[0] for span in spans)
