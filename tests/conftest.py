"""What all tests share."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pipeline.executors import tame_threads

tame_threads()  # before any test imports torch
# a busy machine is slow now and then: that is no fault of what is tested
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# Files of many seconds, the longest first: begun late, one would keep a worker busy alone. First
# those that fork: a process that has loaded no model yet is forked in a fraction of the time.
LONG = (
    "campaign", "faults", "damage", "any_interleaving", "write_log", "runner", "calls",
    "workers", "pipeline", "transcribe_audio", "stopping", "ray", "separation", "isolate_speakers",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; --no-loadscope-reorder leaves them there."""
    place = {f"test_{name}": number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))


SHM = Path("/dev/shm")
LEAST_BYTES = 500_000_000  # a test takes 100 MB at most; containers often have 64 in all


@pytest.fixture(scope="module")
def in_memory() -> Iterator[Path]:
    """A folder in memory, where syncs cost nothing, half of the time of a cheap run; on disk where
    memory has no room. What a killed process leaves is the same; power cuts are replayed
    (test_write_log)."""
    has_room = os.access(SHM, os.W_OK) and shutil.disk_usage(SHM).free > LEAST_BYTES
    folder = Path(tempfile.mkdtemp(prefix="tests-", dir=SHM if has_room else None))
    yield folder
    shutil.rmtree(folder)
