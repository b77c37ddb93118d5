"""Fails on a GPU as a stage does that finds no memory left there; not on the CPU."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Item, Result, Unusable

VERSION = 1
READS: tuple[str, ...] = ()
ON_GPU = True


@dataclass(frozen=True)
class Params:
    fails_in: str
    words: str


def load(params: Params, device: str) -> str:
    if device != "cpu" and params.fails_in == "load":
        raise RuntimeError(params.words)
    if device != "cpu" and params.fails_in == "load, in the stage's words":
        raise Unusable("this GPU cannot be used") from RuntimeError(params.words)
    return device


def process(item: Item, out: Path, params: Params, models: str) -> Result:  # noqa: ARG001
    (out / f"{models}.txt").write_text("begun", encoding="utf-8")
    if models != "cpu" and params.fails_in == "process":
        raise RuntimeError(params.words)
    (out / f"{models}.txt").rename(out / "device.txt")
    return Result("device.txt", {"device": models})
