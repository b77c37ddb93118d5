"""A status in Prometheus' text format, for the textfile collector of a node exporter.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.status import Status

_PREFIX = "kokoro_pipeline"


def metrics(status: Status) -> str:
    """Return the metrics of one output folder; its path is a label."""
    return "".join(f"{line}\n" for line in _lines(status))


def write_metrics(path: Path, text: str) -> None:
    """Write the file whole or not at all: the collector may read it at any moment."""
    temp = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temp.write_text(text, encoding="utf-8")
    temp.replace(path)


def _lines(status: Status) -> Iterator[str]:
    out = _label("output", str(status.out))
    eta_s = -1.0 if status.eta_s is None else status.eta_s
    single = (
        ("running", "1 while a run works here", float(status.state == "running")),
        ("published", "1 once the dataset stands", float(status.published)),
        ("recordings", "recordings of the job", status.recordings),
        ("audio_seconds", "sound of all recordings, as far as it is known", status.audio_s),
        ("eta_seconds", "work that is left; -1: not known", eta_s),
        ("clips", "clips of the dataset built last", float(status.dataset.get("clips", 0))),
        ("free_bytes", "free on the disk of the output", status.free_bytes),
    )
    for name, what, value in single:
        yield from _head(name, what)
        yield f"{_PREFIX}_{name}{{{out}}} {value:.15g}"
    yield from _head("results", "recordings by what came of them in each step")
    for one in status.steps:
        for end in ("done", "dropped", "failed", "left"):
            labels = f"{out},{_label('step', one.step)},{_label('result', end)}"
            yield f"{_PREFIX}_results{{{labels}}} {getattr(one, end)}"
    yield from _head("worker_seconds", "time of all workers in each step")
    for one in status.steps:
        labels = f"{out},{_label('step', one.step)}"
        yield f"{_PREFIX}_worker_seconds{{{labels}}} {one.worker_s:.15g}"


def _head(name: str, what: str) -> Iterator[str]:
    yield f"# HELP {_PREFIX}_{name} {what}"
    yield f"# TYPE {_PREFIX}_{name} gauge"


def _label(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}="{escaped}"'
