"""Makes a clip of a text: the text in capitals."""

import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Item, Result, write_json

VERSION = 1
READS = ("take",)


@dataclass(frozen=True)
class Params:
    seed: int = 0


def load(params: Params, device: str) -> None:  # noqa: ARG001
    return None


def process(item: Item, out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    time.sleep(0.005)
    text = item.path("take", "taken.txt").read_text(encoding="utf-8").upper()
    (out / f"{item.name}.wav").write_text(f"{text}{params.seed}", encoding="utf-8")
    write_json(out / "clips.json", [f"{item.name}.wav"])
    return Result("clips.json", {"letters": len(text)})
