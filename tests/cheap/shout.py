"""Makes a clip of a text: the text in capitals."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Item, Result, write_json
from tests.cheap import PAUSE_S

VERSION = int(os.environ.get("SHOUT_VERSION", "1"))  # an upgrade, for tests
READS = ("take",)


@dataclass(frozen=True)
class Params:
    seed: int = 0


def load(params: Params, device: str) -> None:  # noqa: ARG001
    return None


def process(item: Item, out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    time.sleep(PAUSE_S)
    text = item.path("take", "taken.txt").read_text(encoding="utf-8").upper()
    if "LATE" in text and "MENDED" not in os.environ:
        raise ValueError("it says late")
    (out / f"{item.name}.wav").write_text(f"{text}{params.seed}", encoding="utf-8")
    write_json(out / "clips.json", [f"{item.name}.wav"])
    return Result("clips.json", {"letters": len(text)})
