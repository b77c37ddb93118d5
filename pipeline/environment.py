"""What the environment says to a run, checked."""

import os

from pipeline.exits import WrongUse

INTERVAL = "KOKORO_CHECKPOINT_INTERVAL"
LOCK_TIMEOUT = "KOKORO_LOCK_TIMEOUT"


def checkpoint_interval() -> int:
    """Return on every how manieth file the state is synced: KOKORO_CHECKPOINT_INTERVAL, else 1."""
    return _whole_number(INTERVAL, 1)


def lock_timeout_s() -> int:
    """Return how long --on-lock wait waits: KOKORO_LOCK_TIMEOUT, else an hour."""
    return _whole_number(LOCK_TIMEOUT, 3600)


def _whole_number(variable: str, default: int) -> int:
    """Return the value of a variable; WrongUse unless it is a whole number, at least 1."""
    text = os.environ.get(variable, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise WrongUse(f"{variable}={text!r}: give a whole number, at least 1")
    return int(text)
