"""--force-restart: remove what the run before made, and nothing else; whole, also after a crash.

In:  an output folder that we own, the configuration wanted. Out: a folder with that alone.
How: the wish is put down first, in pipeline_restart.yaml, and becomes pipeline_config.yaml last.
Left out: whether a restart is wanted, and whether its inputs are there (`job.py`).
"""

import contextlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.checkpoint import (
    CLEANED_MARK,
    RECORD_FILE,
    STATE_FILE,
    Checkpoint,
    NewerVersion,
    read_record,
)
from pipeline.console import LOG_FILE
from pipeline.dataset import PARTIAL, WORK
from pipeline.disk import Disk
from pipeline.plan import ALL, ALL_NAME
from pipeline.stored import CONFIG_FILE, write_configuration

log = logging.getLogger(__name__)

RESTART_FILE = "pipeline_restart.yaml"  # the configuration of a restart that was begun


def begin_restart(out: Path, configuration: Mapping[str, Any], disk: Disk) -> None:
    """Put down what is wanted; from here on there is no way back."""
    write_configuration(out / RESTART_FILE, configuration, disk)


def finish_restart(out: Path, steps: Sequence[str], disk: Disk) -> None:
    """Where a restart was begun, remove what the run before it made; then its configuration holds.

    `steps`: by name, the one that makes the dataset last.

    A crash on the way leaves a restart that was begun: whatever starts next finishes it first.
    """
    if (out / RESTART_FILE).exists():
        _discard(out, steps, disk)
        disk.rename(out / RESTART_FILE, out / CONFIG_FILE)


def made_in_work(out: Path, steps: Collection[str] = ()) -> Iterator[Path]:
    """Yield what runs have put into OUT/work; anything else there is somebody's own.

    A step that is none of `steps`, as another version had one, is known by its records.
    """
    for path in (out / WORK).glob("*"):
        is_known = path.name in (*steps, PARTIAL, CLEANED_MARK)
        if is_known or any(path.glob(f"*/{RECORD_FILE}")):
            yield path


def _discard(out: Path, steps: Sequence[str], disk: Disk) -> None:
    """Remove what an earlier run made in `out`, and nothing else; its configuration stays."""
    try:
        record = Checkpoint.peek(out).records.get((steps[-1], ALL))
    except NewerVersion:
        record = read_record(out / WORK / steps[-1] / ALL_NAME)
    published = [Path(name) for name, _ in record.sizes()] if record else []
    for name in published:
        disk.remove(out / name)
    folders = {folder for name in published for folder in name.parents} - {Path()}
    for folder in sorted(folders, reverse=True):  # the inner ones first
        with contextlib.suppress(OSError):  # somebody's own files are in it
            disk.remove_folder(out / folder)
    # subtle: what names the published files goes after them, or a crash between would leave them
    for kept in out.glob(f"{STATE_FILE}*"):
        disk.remove(kept)
    disk.remove(out / LOG_FILE)
    for made in made_in_work(out, steps):
        disk.remove_tree(made)
    with contextlib.suppress(OSError):
        disk.remove_folder(out / WORK)
    log.info("🧹 Removed the earlier run's files in %s", out)
