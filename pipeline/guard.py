"""How a command ends: with one message that says what, which, why and what next, and an exit code.

A traceback is for the log, and for the terminal only with --verbose.
"""

import logging
import signal
from collections.abc import Callable

from pipeline.exits import FAILED, INTERRUPTED, LOCKED, WRONG_USE, RunFailed, WrongUse

log = logging.getLogger(__name__)


def guarded(command: Callable[[], int]) -> int:
    """Run a command; return its exit code, or that of the error it ended with, which is said."""
    try:
        return command()
    except KeyboardInterrupt:  # at a prompt, or while watching
        return INTERRUPTED + signal.SIGINT
    except Exception as err:  # noqa: BLE001 - whatever it is, a person reads it
        code, message = explained(err)
        log.error("❌ %s", message)
        return code
    except BaseException as err:
        if not hasattr(err, "exit_code"):  # Interrupted has one
            raise
        return int(err.exit_code)


def explained(err: Exception) -> tuple[int, str]:
    """Return (exit code, message) of an error that ended a command."""
    from pipeline.checkpoint import NewerVersion  # what errors need is imported when there is one
    from pipeline.disk_errors import explain
    from pipeline.dispatch import LowDisk
    from pipeline.lock import Locked, LostLock

    if isinstance(err, Locked):
        return LOCKED, f"{err.strerror}, {err.owner}; {err.filename} says more"
    # subtle: a ValueError of its own class is wrong use only by accident (JSON, Unicode)
    if type(err) is ValueError or isinstance(err, WrongUse | NewerVersion):
        return WRONG_USE, str(err)
    if isinstance(err, RunFailed | LowDisk | LostLock):
        return FAILED, str(err)
    if isinstance(err, OSError):
        return FAILED, explain(err)
    log.debug("unexpected error", exc_info=err)
    return FAILED, _unexpected(err)


def _unexpected(err: Exception) -> str:
    what = f"{type(err).__name__}: {err}" if str(err) else type(err).__name__
    return (
        f"unexpected {what}; this is a fault of the program, not of your files. What is done is "
        "saved: --resume goes on. --verbose shows where it happened, and so does pipeline.log"
    )
