"""Exit codes, and the errors of a call that contradicts itself and of a run that cannot go on."""

FINISHED, FAILED, WRONG_USE, SOME_FAILED, LOCKED = 0, 1, 2, 3, 4
INTERRUPTED = 128  # plus the signal's number; resumable


class WrongUse(ValueError):
    """What was asked for contradicts itself or what is stored; nothing was touched."""


class RunFailed(RuntimeError):
    """The run cannot go on; the checkpoint is sound, and --resume works once the cause is gone."""
