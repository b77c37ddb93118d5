"""Takes a text in."""

import contextlib
import ctypes
import hashlib
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.item import Item, Reject, Result, Unusable
from tests.cheap import PAUSE_S

VERSION = 1
READS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Params:
    pass


def load(params: Params, device: str) -> None:  # noqa: ARG001
    return None


def process(item: Item, out: Path, params: Params, models: None) -> Result:  # noqa: ARG001
    text = Path(item.origin).read_text(encoding="utf-8")
    if "drop" in text:
        raise Reject("it says drop", "unwanted")
    if "boom" in text:
        raise ValueError("it says boom")
    if "halt" in text:
        raise Unusable("it says halt")
    if "die" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "segv" in text:
        ctypes.string_at(0)
    if "hog" in text:
        sys.stderr.write(f"{sum(len(mb) for mb in [b'x' * (1 << 20) for _ in range(2000)])}")
    if "exit" in text:
        sys.exit(7)
    if "compute" in text:
        (out / "started").touch()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 30_000_000)  # one call into C, some 15 s
    if "wait" in text or "hold" in text:
        (out / "started").touch()
    if "stubborn" in text:
        (out / "started").touch()
        for _ in range(10):
            with contextlib.suppress(BaseException):
                time.sleep(10)
    if "swallow" in text:
        (out / "started").touch()
        with contextlib.suppress(BaseException):
            time.sleep(10)
        raise ValueError("an error that is none of the file's")
    while "hold" in text and not Path(item.origin).with_suffix(".go").exists():
        time.sleep(0.01)
    time.sleep(10 if "wait" in text else PAUSE_S)
    (out / "taken.txt").write_text(text, encoding="utf-8")
    return Result("taken.txt", {"duration_s": float(len(text))})
