"""What to do while another run holds the output: wait, kill it, or give up.

In:  a lock that may be taken, and what the user wants (`--on-lock`).
Out: the lock is ours, or Locked is raised. Nobody is asked where there is no terminal.
Killing is offered only where the owner's process can be proven the same: this boot, this PID
namespace, these start ticks.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable

from pipeline.lock import Lock, Locked, Owner

log = logging.getLogger(__name__)

POLL_S = 0.5
TERM_PATIENCE_S = 30.0  # a run saves its state within 5 s
CHOICES = {"w": "wait", "k": "kill", "q": "fail"}


def claim(
    lock: Lock, on_lock: str, timeout_s: float, ask: Callable[[str], str] | None
) -> Owner | None:
    """Take the lock as `on_lock` says; return the stale owner that was found, if any.

    Raises Locked where the other run keeps it.
    """
    try:
        return lock.acquire()
    except Locked as err:
        log.debug("🔒 %s is held", lock.path)
        choice = _asked(err.owner, ask) if on_lock == "ask" else on_lock
        if choice == "fail":
            raise
        if choice == "kill":
            _kill(err)
            timeout_s = TERM_PATIENCE_S
    return _wait(lock, timeout_s)


def _asked(owner: Owner, ask: Callable[[str], str] | None) -> str:
    if ask is None:
        return "fail"
    words = "(w)ait, (k)ill, (q)uit" if owner.is_alive_here() else "(w)ait, (q)uit"
    while True:
        question = f"Pipeline already running (PID: {owner.pid}). Wait or kill? {words} "
        try:
            choice = CHOICES.get(ask(question).strip().lower()[:1])
        except EOFError:
            return "fail"
        if choice and (choice != "kill" or owner.is_alive_here()):
            return choice


def _wait(lock: Lock, timeout_s: float) -> Owner | None:
    """Try until the lock is ours; Locked once `timeout_s` have passed."""
    log.info("🔒 Waiting for the other run, at most %.0f s", timeout_s)
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        with contextlib.suppress(Locked):
            return lock.acquire()
        time.sleep(POLL_S)
    return lock.acquire()


def _kill(refused: Locked) -> None:
    """Stop the owner: SIGTERM, and SIGKILL if it has not gone after 30 s."""
    owner = refused.owner
    if not owner.is_alive_here():
        log.error("❌ PID %d cannot be proven to be the owner from here, %s", owner.pid, owner)
        log.error("stop it where it runs: docker stop %s", owner.container or "CONTAINER")
        raise refused
    with contextlib.suppress(ProcessLookupError):  # it has just gone by itself
        # subtle: a pidfd names this very process, also if the PID is used again in between
        process = os.pidfd_open(owner.pid)
        try:
            if owner.is_alive_here():
                signal.pidfd_send_signal(process, signal.SIGTERM)
            if not _gone(owner, TERM_PATIENCE_S):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        finally:
            os.close(process)


def _gone(owner: Owner, patience_s: float) -> bool:
    until = time.monotonic() + patience_s
    while owner.is_alive_here() and time.monotonic() < until:
        time.sleep(POLL_S / 5)
    return not owner.is_alive_here()
