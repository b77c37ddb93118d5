"""dataset-pipeline status FOLDER: what is done, running and failed, and how long it will take."""

import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands.words import Parser
from pipeline.executors.hardware import gpu_count
from pipeline.exits import FINISHED
from pipeline.flow import Step
from pipeline.models import cache_dir
from pipeline.status import Status, as_json, status_of
from pipeline.status.metrics import metrics, write_metrics
from pipeline.status.page import page

log = logging.getLogger(__name__)

EVERY_S = 2.0  # between two looks; reading takes at most a tenth of the time
CLEAR = "\x1b[H\x1b[J"


def run(words: Sequence[str], flow: Sequence[Step]) -> int:
    """Print the status; with --watch again and again until no run works there."""
    parser = Parser("status", "Say what is done in an output folder; a run is not disturbed.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what --output named")
    parser.add_argument("--watch", action="store_true", help="again and again, until the run ends")
    parser.add_argument("--json", action="store_true", help="for programs; keys stay")
    parser.add_argument(
        "--metrics", type=Path, metavar="FILE", help="Prometheus text, also to FILE"
    )
    given = parser.parse(words)
    device = "cuda" if gpu_count() else "cpu"
    while True:
        began = time.monotonic()
        steps, collective = [step.name for step in flow], {s.name for s in flow if s.collective}
        status = status_of(given.folder.absolute(), steps, collective, cache_dir(), device)
        if given.metrics:
            write_metrics(given.metrics, metrics(status))
        _show(status, given.json, given.watch)
        if not given.watch or status.state != "running":
            return FINISHED
        time.sleep(max(EVERY_S, 9 * (time.monotonic() - began)))


def _show(status: Status, as_data: bool, again: bool) -> None:
    if as_data:
        print(json.dumps(as_json(status), ensure_ascii=True), flush=True)
        return
    if again and sys.stdout.isatty():
        sys.stdout.write(CLEAR)
    for line in page(status):
        log.info("%s", line)
