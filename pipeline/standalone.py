"""One stage by itself, on one recording: how one debugs it.

    python -m pipeline.stages.enhance_audio in.flac out/ --enhancement-mode balanced
    python -m pipeline.stages.segment_audio my-voice/ out/ --source interview.mp3

In:  a sound file, which is then taken as the artefact of every step before; or an output folder
     that was made with --keep-temp, and which of its recordings.
Out: the stage's files in the folder given, its facts on the terminal.
"""

import argparse
import importlib
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import MISSING
from pathlib import Path
from types import ModuleType
from typing import Any

from argparse_dataclass import ArgumentParser

from pipeline import audio
from pipeline.checkpoint import Checkpoint
from pipeline.console import start_logging
from pipeline.executors import tame_threads
from pipeline.item import Item, Reject, Result, Unusable, write_json
from pipeline.plan import ALL

log = logging.getLogger(__name__)


def main(step: str, words: Sequence[str] | None = None) -> None:
    """Run one step by its name and exit: 0 done, 1 failed, 2 wrong use."""
    start_logging(verbose=True)
    tame_threads()
    module = importlib.import_module(f"pipeline.stages.{step}")
    parser = ArgumentParser(module.Params, prog=f"python -m pipeline.stages.{step}")
    parser.add_argument("input", type=Path, help="a sound file, or an output folder with work/")
    parser.add_argument("out", type=Path, help="where the stage's files go")
    parser.add_argument("--source", help="which recording of the output folder")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:N (default: cpu)")
    given = _given(parser, words)
    own = {key: given.pop(key) for key in ("input", "out", "source", "device")}
    params = module.Params(**given)
    try:
        result = _run(module, own, params)
    except (Reject, Unusable, ValueError, OSError) as err:
        log.error("❌ %s: %s", type(err).__name__, err)
        sys.exit(1)
    log.info("%s", json.dumps(dict(result.facts), ensure_ascii=False, indent=1))


def _given(parser: ArgumentParser, words: Sequence[str] | None) -> dict[str, Any]:
    # subtle: the dataclass parser of the parent would not know our own four arguments
    namespace, left = argparse.ArgumentParser.parse_known_args(parser, words)
    if left:
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    return {name: value for name, value in vars(namespace).items() if value is not MISSING}


def _run(module: ModuleType, own: dict[str, Any], params: Any) -> Result:
    own["out"].mkdir(parents=True, exist_ok=True)
    models = module.load(params, own["device"])
    if own["input"].is_dir():
        return _processed(module, _items_of(own["input"], module.READS), own, params, models)
    with tempfile.TemporaryDirectory(prefix="kokoro-standalone-") as folder:
        item = _item_of(own["input"], Path(folder), module.READS)
        return _processed(module, [item], own, params, models)


def _processed(
    module: ModuleType, items: Sequence[Item], own: dict[str, Any], params: Any, models: Any
) -> Result:
    if getattr(module, "COLLECTIVE", False):
        return _checked(module.process(items, own["out"], params, models))
    chosen = [item for item in items if own["source"] in (None, item.source)]
    if len(chosen) != 1:
        raise ValueError(
            f"{own['input']} holds {len(items)} recordings; give --source: "
            + ", ".join(item.source for item in items[:20])
        )
    return _checked(module.process(chosen[0], own["out"], params, models))


def _checked(result: Any) -> Result:
    if not isinstance(result, Result):
        raise TypeError(f"a stage returns a Result, not {type(result).__name__}")
    return result


def _item_of(path: Path, folder: Path, reads: Sequence[str]) -> Item:
    """Return an item whose every step before is the file itself, all of it target speech."""
    if reads:
        info = audio.info(path)
        shutil.copyfile(path, folder / "audio.flac")
        everything = [[0.0, round(info.duration_s, 3), 1.0]]
        spans = {"duration_s": info.duration_s, "target": everything, "others": []}
        write_json(folder / "spans.json", spans)
    return Item(
        source=path.name,
        name="standalone",
        origin=str(path.absolute()),
        folders=dict.fromkeys(reads, str(folder)),
        facts=dict.fromkeys(reads, {}),
        scratch=str(folder / "scratch"),
    )


def _items_of(out: Path, reads: Sequence[str]) -> list[Item]:
    records = Checkpoint.peek(out).records
    sources = sorted({source for _, source in records} - {ALL})
    items = []
    for source in sources:
        found = {step: records.get((step, source)) or records.get((step, ALL)) for step in reads}
        done = {step: record for step, record in found.items() if record}
        name = next((Path(record.folder).name for record in done.values()), "")
        folders = {step: str(out / record.folder) for step, record in done.items()}
        facts = {step: dict(record.facts) for step, record in done.items()}
        items.append(Item(source, name, "", folders, facts))
    return items
