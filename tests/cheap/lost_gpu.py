"""Loses its GPU with one file, as a process does: from then on every call says the same."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Item, Result

VERSION = 1
READS: tuple[str, ...] = ()
ON_GPU = True
ILLEGAL = "CUDA error: an illegal memory access was encountered"


@dataclass(frozen=True)
class Params:
    pass


def load(params: Params, device: str) -> list[str]:  # noqa: ARG001
    return []


def process(item: Item, out: Path, params: Params, models: list[str]) -> Result:  # noqa: ARG001
    if item.source == "bad.wav":
        models.append("lost")
    if models:
        raise RuntimeError(ILLEGAL)
    (out / "done.txt").write_text("done", encoding="utf-8")
    return Result("done.txt")
