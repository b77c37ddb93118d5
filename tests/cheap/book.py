"""Binds all clips."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Item, Result

VERSION = 1
READS = ("take", "shout")
COLLECTIVE = True
BY_HAND = True
HEARS = bool(os.environ.get("BOOK_HEARS"))  # an upgrade, for tests


@dataclass(frozen=True)
class Params:
    pass


def load(params: Params, device: str) -> None:  # noqa: ARG001
    return None


def process(items: Sequence[Item], out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    (out / "wavs").mkdir()
    (out / "huggingface/train").mkdir(parents=True)
    with (out / "metadata.jsonl").open("w", encoding="utf-8") as index:
        for item in items:
            if not item.dropped:
                name = item.load_json("shout", "clips.json")[0]
                if item.excluded:
                    continue
                for folder in ("wavs", "huggingface/train"):
                    shutil.copyfile(item.path("shout", name), out / folder / name)
                index.write(json.dumps({"file_name": f"wavs/{name}", "source": item.source}) + "\n")
    clips = sum(not item.dropped for item in items)
    return Result("metadata.jsonl", {"clips": clips, "minutes": 0.0})
