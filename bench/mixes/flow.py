"""The pipeline's own stages over a few files, in this process: no state, no dataset.

In:  files and settings. Out: a `Done` for each file: clips, what was rejected, the stages' facts.
Models stay loaded from one job to the next; otherwise it is what the runner does.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.config import Settings, params_for
from pipeline.flow import FLOW
from pipeline.item import Item, Reject

STEPS = [s.name for s in FLOW if s.name not in ("download_audio.unique", "build_dataset")]


@dataclass
class Done:
    """What became of one file."""

    name: str
    folder: Path  # where the clips lie
    clips: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    dropped: str = ""  # the reason


@dataclass
class Stages:
    """The stages with their models, loaded once."""

    device: str = "cpu"
    _loaded: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def run(self, files: Sequence[Path], out: Path, settings: Settings) -> list[Done]:
        """Take files through all stages up to the clips; Unusable as the stages raise it."""
        items, dropped = self.through(STEPS, files, out, settings)
        kept = {item.source: item for item in items}
        return [_done(path, kept.get(path.name), dropped.get(path.name, "")) for path in files]

    def through(
        self, steps: Sequence[str], files: Sequence[Path], out: Path, settings: Settings
    ) -> tuple[list[Item], dict[str, str]]:
        """Return the items that went through `steps`, and the reasons of the others."""
        items = [_item(path, out) for path in files]
        dropped: dict[str, str] = {}
        for step in steps:
            module = importlib.import_module(f"pipeline.stages.{step}")
            params = module.Params(**params_for(module.Params, settings))
            models = self._models(step, module, params)
            alive = [item for item in items if item.source not in dropped]
            if getattr(module, "COLLECTIVE", False):
                items = _together(step, module, alive, out, params, models, dropped)
            else:
                items = [_alone(step, module, item, out, params, models, dropped) for item in alive]
        return [item for item in items if item.source not in dropped], dropped

    def _models(self, step: str, module: Any, params: Any) -> Any:
        if step not in self._loaded or self._loaded[step][0] != params:
            self._loaded[step] = (params, module.load(params, self.device))
        return self._loaded[step][1]


def _item(path: Path, out: Path) -> Item:
    scratch = out / "scratch" / path.stem
    scratch.mkdir(parents=True)
    return Item(path.name, path.stem, str(path), scratch=str(scratch))


def _alone(
    step: str, module: Any, item: Item, out: Path, params: Any, models: Any, dropped: dict[str, str]
) -> Item:
    folder = out / step / item.name
    folder.mkdir(parents=True)
    try:
        result = module.process(item, folder, params, models)
    except Reject as err:
        dropped[item.source] = f"{step}: {err}"
        return item
    return _with(item, step, folder, result.facts)


def _together(
    step: str,
    module: Any,
    items: Sequence[Item],
    out: Path,
    params: Any,
    models: Any,
    dropped: dict[str, str],
) -> list[Item]:
    folder = out / step / "all"
    folder.mkdir(parents=True)
    result = module.process(items, folder, params, models)
    dropped |= {source: f"{step}: {reason}" for source, reason in result.drops.items()}
    return [_with(item, step, folder, result.facts) for item in items]


def _with(item: Item, step: str, folder: Path, facts: Any) -> Item:
    return replace(
        item,
        folders={**item.folders, step: str(folder)},
        facts={**item.facts, step: dict(facts)},
    )


def _done(path: Path, item: Item | None, reason: str) -> Done:
    if item is None:
        return Done(path.stem, path.parent, dropped=reason)
    document = item.load_json("segment_audio", "clips.json")
    return Done(
        item.name,
        Path(item.folders["segment_audio"]),
        document["clips"],
        document["rejected"],
        item.facts,
    )
