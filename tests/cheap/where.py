"""Says which device it was given, and how many threads torch has there, if it is to be asked."""

import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Item, Result

VERSION = 1
READS: tuple[str, ...] = ()
ON_GPU = True


@dataclass(frozen=True)
class Params:
    torch: bool = False


def load(params: Params, device: str) -> str:  # noqa: ARG001
    return device


def process(item: Item, out: Path, params: Params, models: str) -> Result:  # noqa: ARG001
    time.sleep(0.1)
    (out / "device.txt").write_text(models, encoding="utf-8")
    return Result("device.txt", {"device": models, "threads": _threads() if params.torch else None})


def _threads() -> int:
    import torch

    return torch.get_num_threads()
