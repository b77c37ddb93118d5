"""What is done in an output folder, what runs, what failed, how long it will take.

In:  an output folder, also while a run works in it. Out: a `Status`, as plain data.
Reads the state without taking the lock, and changes nothing: safe at any moment, also for cron.
Left out: how it is shown (page.py), Prometheus (metrics.py).
"""

import datetime
import shutil
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.checkpoint import ALL, STATE_FILE, Checkpoint, State
from pipeline.estimate import Rates, StepFigures, figures, seconds_left
from pipeline.exits import WrongUse
from pipeline.lock import LOCK_FILE, Owner, describe_self, read_owner


@dataclass(frozen=True)
class Status:
    """The facts. `state`: running, complete, interrupted, crashed, or elsewhere (a run on another
    machine or in another container holds the folder, or has died holding it)."""

    out: Path
    state: str
    owner: Owner | None
    steps: Sequence[StepFigures]
    left_s: Mapping[str, float]  # by step
    failures: Mapping[str, str]  # source -> "stage: reason"
    dataset: Mapping[str, Any]  # facts of the dataset that was built last
    published: bool
    warnings: Sequence[str]
    free_bytes: int
    recordings: int
    audio_s: float

    @property
    def eta_s(self) -> float | None:
        """Seconds until all is done; None where nothing is known of the recordings yet."""
        if self.published:
            return 0.0
        return sum(self.left_s.values()) if self.audio_s else None


def status_of(
    out: Path, steps: Sequence[str], collective: Set[str], models: Path, device: str
) -> Status:
    """Return the status of an output folder; WrongUse if nothing of ours is in it.

    `models`: where weights are, and the rates of earlier runs beside them.
    """
    if not (out / STATE_FILE).exists() and not (out / "work").is_dir():
        raise WrongUse(f"{out} holds no state: no run has begun there; is it the output folder?")
    state = Checkpoint.peek(out)
    owner = read_owner(out / LOCK_FILE)
    found = figures(state, steps, collective)
    rates = Rates(models, {**state.configuration.get("settings", {}), "device": device})
    workers = max(1, *(len(one.in_hand) for one in found))
    last = state.records.get((steps[-1], ALL))
    return Status(
        out=out,
        state=_state(state, owner),
        owner=owner,
        steps=found,
        left_s=seconds_left(found, rates, workers),
        failures=state.failures(),
        dataset=dict(last.facts) if last else {},
        published=state.published,
        warnings=state.warnings,
        free_bytes=shutil.disk_usage(out).free,
        recordings=found[0].recordings,
        audio_s=found[0].audio_s + found[0].left_audio_s,
    )


def _state(state: State, owner: Owner | None) -> str:
    if owner is None:
        return "complete" if state.published else "interrupted"
    if owner.is_alive_here():
        return "running"
    me = describe_self("")
    here = (owner.boot_id, owner.pid_namespace) == (me.boot_id, me.pid_namespace)
    rebooted = owner.host == me.host and owner.boot_id != me.boot_id
    return "crashed" if here or rebooted else "elsewhere"


def since(owner: Owner) -> str:
    """Return when a run began, as ISO 8601 in UTC; "" if it is not known."""
    if not isinstance(owner.started, int | float) or not owner.started:
        return ""
    moment = datetime.datetime.fromtimestamp(owner.started, datetime.UTC)
    return moment.isoformat(timespec="seconds")


def as_json(status: Status) -> dict[str, Any]:
    """Return what `status --json` prints; keys stay, new ones may come."""
    owner = status.owner
    return {
        "version": 1,
        "output": str(status.out),
        "state": status.state,
        "published": status.published,
        "owner": None
        if owner is None
        else {
            "pid": owner.pid,
            "host": owner.host,
            "container": owner.container,
            "since": since(owner),
            "command": owner.command,
        },
        "recordings": status.recordings,
        "audio_hours": round(status.audio_s / 3600, 4),
        "eta_s": None if status.eta_s is None else round(status.eta_s),
        "finished_at": _finished_at(status),
        "steps": [_step(one, status.left_s[one.step]) for one in status.steps],
        "failures": [
            {"source": source, "step": why.partition(": ")[0], "reason": why.partition(": ")[2]}
            for source, why in status.failures.items()
        ],
        "dataset": dict(status.dataset),
        "free_bytes": status.free_bytes,
        "warnings": list(status.warnings),
    }


def _finished_at(status: Status) -> str | None:
    if status.state != "running" or status.eta_s is None:
        return None
    moment = datetime.datetime.fromtimestamp(time.time() + status.eta_s, datetime.UTC)
    return moment.isoformat(timespec="seconds")


def _step(one: StepFigures, left_s: float) -> dict[str, Any]:
    speed = one.times_real_time
    return {
        "step": one.step,
        "recordings": one.recordings,
        "done": one.done,
        "dropped": one.dropped,
        "failed": one.failed,
        "left": one.left,
        "in_hand": list(one.in_hand),
        "audio_hours": round(one.audio_s / 3600, 4),
        "worker_seconds": round(one.worker_s, 1),
        "times_real_time": round(speed, 2) if speed else None,
        "eta_s": round(left_s),
    }
