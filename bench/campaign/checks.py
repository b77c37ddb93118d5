"""What must hold right after a kill, and at the end.

In:  an output folder. Out: breaches of what is promised, in words; none is the promise.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from pipeline.checkpoint import RECORD_FILE, STATE_FILE, Checkpoint, State
from pipeline.console import LOG_FILE
from pipeline.lock import LOCK_FILE
from pipeline.stored import CONFIG_FILE
from tests.sessions import members

Key = tuple[str, str]  # (step, recording)

ORPHAN_PATIENCE_S = 20.0  # a worker that is still importing looks for its driver after that
_NOT_COMPARED = (STATE_FILE, CONFIG_FILE, LOG_FILE)  # of other paths, times and processes
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def of_the_state(out: Path) -> list[str]:
    """Return what is wrong with the state and the configuration as files."""
    found = []
    for path in (out / STATE_FILE, out / CONFIG_FILE):
        try:
            values = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
        except FileNotFoundError:
            continue  # killed before its first instant
        except (yaml.YAMLError, ValueError) as err:
            found.append(f"{path.name} is no valid YAML: {str(err)[:300]}")
        else:
            if not isinstance(values, dict) or "version" not in values:
                found.append(f"{path.name} holds no version")
    if (out / STATE_FILE).exists() and Checkpoint.peek(out).damaged:
        found.append("the state is damaged")
    return found


def done(state: State) -> set[Key]:
    """Return what a state calls done."""
    return {key for key, record in state.records.items() if record.status == "done"}


def of_the_end(out: Path, calm: Path) -> list[str]:
    """Return in what a finished output differs from that of an undisturbed run."""
    found = [f"left behind: {path.relative_to(out)}" for path in leftovers(out)]
    ours, theirs = contents(out), contents(calm)
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            found.append(f"not removed: {name}")
        elif ours.get(name) != theirs[name]:
            found.append(f"other bytes: {name}")
    if _facts(Checkpoint.peek(out)) != _facts(Checkpoint.peek(calm)):
        found.append("the state says something else than that of an undisturbed run")
    return found


def contents(out: Path) -> dict[str, bytes]:
    """Return every byte of the dataset and of the artefacts, by the path in the output folder."""
    paths = (path for path in out.rglob("*") if path.is_file())
    return {
        str(path.relative_to(out)): b"" if path.name == RECORD_FILE else path.read_bytes()
        for path in paths
        if path.relative_to(out).parts[0] not in _NOT_COMPARED and not path.name.startswith(".")
    }


def orphans(sessions: Iterable[int]) -> list[str]:
    """Return which processes outlive their drivers by more than the patience."""
    found = []
    for session in sessions:
        until = time.monotonic() + ORPHAN_PATIENCE_S
        while (alive := members(session)) and time.monotonic() < until:
            time.sleep(0.01)
        found += [f"orphan of {session}: PID {pid}, {command}" for pid, command in alive]
    return found


def leftovers(out: Path) -> Iterator[Path]:
    """Yield temp files, locks, and states that were set aside as damaged."""
    for path in out.rglob("*"):
        is_temp = path.name.startswith(".tmp-") or path.name.endswith(".tmp")
        if is_temp or path.name == LOCK_FILE or path.name.startswith(f"{STATE_FILE}."):
            yield path


def _facts(state: State) -> tuple[object, ...]:
    records = {
        key: (r.status, r.fingerprint, r.output, r.bytes, r.digest, r.files, r.facts, r.cleaned)
        for key, r in state.records.items()
    }
    return records, sorted(state.completed), state.published, state.attempts
