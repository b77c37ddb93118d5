"""Says which device and run it is of, and how many threads torch has, if it is to be asked."""

import os
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
    threads = _threads() if params.torch else None
    run = os.environ.get("KOKORO_RUN", "")
    return Result("device.txt", {"device": models, "threads": threads, "run": run})


def _threads() -> int:
    import torch

    return torch.get_num_threads()
