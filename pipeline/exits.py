"""Exit codes, and the error of a call that contradicts itself."""

FINISHED, FAILED, WRONG_USE, SOME_FAILED, LOCKED = 0, 1, 2, 3, 4
INTERRUPTED = 128  # plus the signal's number; resumable


class WrongUse(ValueError):
    """What was asked for contradicts itself or what is stored; nothing was touched."""
