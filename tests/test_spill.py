"""A large state is not held in memory: what is spilled comes back, whatever the disk does."""

import copy
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checkpoint import STATE_FILE, Checkpoint, Record, column, spill
from pipeline.checkpoint.column import LINES_IN_A_BLOCK
from pipeline.checkpoint.lines import encode
from pipeline.checkpoint.names import Names
from pipeline.checkpoint.reading import State
from pipeline.checkpoint.spill import Blocks, Spill
from pipeline.checkpoint.table import Table
from tests.forked import COMMON, run, texts
from tests.test_column import usual_record
from tests.test_incremental import dataset, fresh
from tests.test_promises import taken

BLOCK = b"x" * 1000


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk on which no file grows over `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def blocks_of(spill: Spill, count: int) -> tuple[Blocks, list[bytes]]:
    made = [b"%d" % number + BLOCK for number in range(count)]
    blocks = Blocks(spill)
    for block in made:
        blocks.append(block)
    return blocks, made


@given(st.lists(st.text(st.characters(), max_size=4)))
def test_names_are_numbered_as_they_come_each_once(texts):
    names, model = Names(), dict[str, int]()
    for text in texts:
        assert names.find(text) == model.get(text)
        assert names.add(text) == model.setdefault(text, len(model))

    assert list(names) == list(model)
    assert [names.find(text) for text in model] == list(model.values())


def test_many_names_take_50_bytes_each_and_are_found():
    names = Names()
    numbers = [names.add(f"recording {number:05}.mp3") for number in range(10_000)]

    assert numbers == list(range(10_000))
    assert names.find("recording 09999.mp3") == 9_999
    assert names.find("recording 10000.mp3") is None
    assert sum(len(memoryview(part).tobytes()) for part in vars(names).values()) < 50 * 10_000


def test_what_is_spilled_has_no_name_and_comes_back(tmp_path):
    blocks, made = blocks_of(Spill(tmp_path, memory=3000), 10)
    before, in_memory = blocks.as_now(), len(blocks._here)

    blocks[1], blocks[9] = b"another", b"one more"
    assert list(tmp_path.iterdir()) == []
    assert in_memory == 2  # a third one would have been over 3,000 bytes
    assert [blocks[k] for k in range(10)] == [made[0], b"another", *made[2:9], b"one more"]
    assert [before[k] for k in range(10)] == made


@pytest.mark.parametrize("folder", ["nowhere", None])
def test_where_no_file_can_be_made_all_stays_in_memory(tmp_path, folder):
    blocks, made = blocks_of(Spill(folder and tmp_path / folder, memory=0), 10)

    assert [blocks[k] for k in range(10)] == made
    assert len(blocks._here) == 10


def test_what_a_full_disk_does_not_take_stays_in_memory(tmp_path):
    with files_of_at_most(5500):
        blocks, made = blocks_of(Spill(tmp_path, memory=0), 10)

    assert [blocks[k] for k in range(10)] == made
    assert len(blocks._here) == 5  # also the one of which a half was written


def test_what_the_disk_does_not_give_back_is_an_error_that_names_the_folder(tmp_path):
    spilled = Spill(tmp_path, memory=0)
    blocks, _ = blocks_of(spilled, 10)
    os.ftruncate(spilled._fd, 1500)

    with pytest.raises(OSError, match="what was written is not there") as raised:
        blocks[9]
    assert raised.value.filename == str(tmp_path)


def test_a_copy_of_a_spilled_state_goes_its_own_way(tmp_path):
    state = State(Table(Spill(tmp_path, memory=0)))
    for number in range(3 * LINES_IN_A_BLOCK):
        state.add(usual_record(number))
    other = copy.deepcopy(state)

    other.apply({"event": "cleaned"})
    first, *_ = list(state.records)
    assert not any(record.cleaned for record in state.records.values())
    assert all(record.cleaned for record in other.records.values())
    assert other.records[first] == state.records[first]._replace(cleaned=True)


def test_a_state_that_is_damaged_during_the_run_loses_nothing_of_what_was_spilled(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(spill, "MEMORY", 0)
    records = [usual_record(number) for number in range(3 * LINES_IN_A_BLOCK)]
    with Checkpoint.open(tmp_path, views={}) as checkpoint:
        for record in records:
            checkpoint.save(record)
        (tmp_path / STATE_FILE).write_bytes(b"")
        checkpoint.snapshot()

    lines = list(Checkpoint.peek(tmp_path).records.lines())
    assert lines == [encode(record.to_event()) for record in records]


def all_is_spilled() -> None:
    """Make this process spill every block, of few lines."""
    spill.MEMORY, column.LINES_IN_A_BLOCK = 0, 3


def test_a_job_whose_state_is_spilled_makes_and_resumes_the_same_dataset(tmp_path):
    words = {f"t{number:02}": f"this is {number}" for number in range(8)}
    texts(tmp_path / "in", **words)
    code, _ = run(tmp_path, *COMMON, "in", before=all_is_spilled)
    first = dataset(tmp_path / "out")
    texts(tmp_path / "in", t05="another text")

    again, said = run(tmp_path, *COMMON, "--resume", "in", before=all_is_spilled)

    assert (code, again, taken(said)) == (0, 0, ["t05.wav"])
    assert first != dataset(tmp_path / "out") == fresh(tmp_path)
    assert not list((tmp_path / "out").glob(".pipeline_*.tmp"))


def test_a_nameless_file_that_a_crash_left_a_name_is_swept(tmp_path):
    texts(tmp_path / "in", a="this is a")
    (tmp_path / "out").mkdir()
    left = tmp_path / "out/.pipeline_k2j4.yaml.tmp"
    left.write_bytes(BLOCK)

    assert run(tmp_path, *COMMON, "in")[0] == 0
    assert not left.exists()


def test_a_record_that_is_not_there_is_none_in_a_spilled_state_too(tmp_path):
    table = Table(Spill(tmp_path, memory=0))
    table["take", "a"] = Record("take", "a", "done")

    assert table.get(("take", "b")) is None
    assert table.get(("shout", "a")) is None
    assert ("take", None) not in table
