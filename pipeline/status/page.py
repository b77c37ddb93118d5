"""A status as a person reads it, on a terminal of any width."""

from collections.abc import Iterator

from pipeline.console import clock, counted, listed, safe, table
from pipeline.estimate import StepFigures
from pipeline.status import Status, since

FEW = 20  # failures that are shown; --json has all
WORDS = {
    "complete": "complete",
    "interrupted": "not running; --resume goes on",
    "crashed": "not running: the last run died; --resume goes on",
}


def page(status: Status) -> Iterator[str]:
    """Yield the lines."""
    yield f"{safe(str(status.out))}: {_headline(status)}"
    many = counted(status.recordings, "recording")
    yield f"{many}, {clock(status.audio_s)} of sound{_time_left(status)}"
    yield from table([HEAD, *(_row(one, status.left_s[one.step]) for one in status.steps)])
    for one in status.steps:
        if one.in_hand:
            more = f" and {len(one.in_hand) - 3} more" if len(one.in_hand) > 3 else ""
            names = ", ".join(safe(source) for source in one.in_hand[:3])
            was = "was " if status.state in WORDS else ""  # a run that died left it so
            yield f"{was}in hand: {one.step}: {names}{more}"
    if status.failures:
        yield f"failed: {len(status.failures)}; --resume tries them again"
        yield from listed(status.failures, FEW)
    if status.dataset:
        clips, minutes = status.dataset.get("clips", 0), status.dataset.get("minutes", 0)
        where = "report.html" if status.published else "not published yet"
        yield f"dataset: {counted(clips, 'clip')}, {minutes} minutes; {where}"
    yield from (f"note: {warning}" for warning in status.warnings)


HEAD = ("step", "done", "dropped", "failed", "of", "sound", "x real time/worker", "left")


def _headline(status: Status) -> str:
    owner = status.owner
    if status.state in WORDS or owner is None:
        many = counted(len(status.failures), "recording")
        failed = f", but {many} failed" if status.failures else ""
        return WORDS.get(status.state, status.state) + (failed if status.published else "")
    where = f"container {owner.container}" if owner.container else f"host {owner.host}"
    began = f", since {since(owner)}" if since(owner) else ""
    who = f"PID {owner.pid} on {where}{began}"
    return f"running ({who})" if status.state == "running" else f"held from elsewhere ({who})"


def _time_left(status: Status) -> str:
    if status.published or status.eta_s is None:
        return ""
    return f"; about {clock(status.eta_s)} of work left"


def _row(one: StepFigures, left_s: float) -> tuple[object, ...]:
    speed = f"{one.times_real_time:.1f}" if one.times_real_time else "-"
    left = clock(left_s) if one.left else "-"
    ends = (one.done, one.dropped, one.failed, one.recordings)
    return (one.step, *ends, clock(one.audio_s), speed, left)
