"""The packed lines of a state: the same lines in the same order as a plain dict would hold them,
whatever comes, goes and changes; in a third of the memory."""

import copy
import hashlib
import tempfile
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checkpoint import Record, State
from pipeline.checkpoint.column import LINES_IN_A_BLOCK, Column
from pipeline.checkpoint.lines import encode
from pipeline.checkpoint.spill import Spill
from pipeline.checkpoint.table import Table

BLOCKS = 3
RECORDINGS = st.integers(0, BLOCKS * LINES_IN_A_BLOCK)
STEPS = st.tuples(st.sampled_from(["put", "put", "put", "remove"]), RECORDINGS)


def line(number: int, version: int = 0) -> bytes:
    return encode({"source": f"take {number}.wav", "version": version})


def usual_record(number: int, stage: str = "enhance_audio") -> Record:
    """Return a record whose digests are as unlike each other as real ones."""
    digest, other = (hashlib.sha256(f"{number}{salt}".encode()).hexdigest() for salt in "ab")
    return Record(
        stage,
        f"interviews/recording {number}.mp3",
        "done",
        digest,
        f"work/{stage}/{other[:2]}/recording-{number}-{other[:8]}/audio.flac",
        90_000 + number,
        other,
        seconds=3.1,
        facts={"gain_db": number / 7, "lufs_in": -25.5, "lufs_out": -23.0, "reduced": True},
        boot="c8e58d0e-6ad8-4b64-8b57-9b0f1e2d4a3b",
    )


def filled(count: int, spilled: bool = False) -> Column:
    column = Column(Spill(Path(tempfile.gettempdir()), memory=0) if spilled else None)
    for number in range(count):
        column.put(number, line(number))
    return column


@given(st.lists(STEPS, max_size=40), st.integers(0, BLOCKS * LINES_IN_A_BLOCK), st.booleans())
def test_a_column_holds_what_a_dict_would_in_the_same_order(steps, before, spilled):
    column, model = filled(before, spilled), {number: line(number) for number in range(before)}
    for version, (what, number) in enumerate(steps):
        if what == "put":
            column.put(number, line(number, version))
            model[number] = line(number, version)
        elif number in model:
            column.remove(number)
            del model[number]

    assert list(column.items()) == list(model.items())
    assert list(column.lines()) == list(model.values())
    assert list(column.numbers()) == list(model)
    assert len(column) == len(model)
    assert [column.get(n) for n in range(before + 1)] == [model.get(n) for n in range(before + 1)]


def test_each_line_of_a_column_can_be_changed():
    count = 2 * LINES_IN_A_BLOCK + 3
    column = filled(count)
    column.remove(5)
    column.remove(count - 1)

    column.change(lambda one: one.replace(b'"version": 0', b'"version": 1'))

    left = [number for number in range(count) if number not in (5, count - 1)]
    assert list(column.items()) == [(n, line(n, 1).replace(_crc(n, 1), _crc(n, 0))) for n in left]


def _crc(number: int, version: int) -> bytes:
    return line(number, version)[-11:]


@pytest.mark.parametrize("spilled", [False, True])
def test_who_looks_at_all_lines_sees_them_as_they_were_then(spilled):
    count = LINES_IN_A_BLOCK + 5
    column = filled(count, spilled)

    lines, numbers = column.lines(), column.numbers()
    for number in range(count):
        column.put(number, line(number, 1))
        column.put(count + number, line(count + number))

    assert list(lines) == [line(number) for number in range(count)]
    assert list(numbers) == list(range(count))


def test_records_go_and_come_back_while_one_looks_at_all():
    table = Table()
    for number in range(2 * LINES_IN_A_BLOCK):
        record = usual_record(number)
        table[record.stage, record.source] = record

    seen = 0
    for key in table:
        again = table.pop(key)
        table[key] = again
        seen += 1

    assert seen == len(table) == 2 * LINES_IN_A_BLOCK


@pytest.mark.parametrize("key", [("enhance_audio", "b"), ("nowhere", "a"), ("take", "a")])
def test_what_is_not_in_a_table_is_a_key_error(key):
    table = Table()
    for stage, source in (("enhance_audio", "a"), ("take", "b")):
        table[stage, source] = Record(stage, source, "done")

    assert table.get(key) is None
    with pytest.raises(KeyError):
        table[key]
    with pytest.raises(KeyError):
        del table[key]
    assert len(table) == 2


def test_a_copy_of_a_state_shares_its_lines_and_goes_its_own_way():
    state, count = State(), 40 * LINES_IN_A_BLOCK
    for number in range(count):
        state.add(usual_record(number))

    tracemalloc.start()
    other = copy.deepcopy(state)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    first, second, *_ = list(state.records)
    other.apply({"event": "cleaned"})
    del other.records[first]

    assert used / count < 100  # names of recordings and where they are, no line
    assert not state.records[second].cleaned
    assert other.records[second].cleaned
    assert (len(state.records), len(other.records)) == (count, count - 1)


def test_a_record_needs_less_than_270_bytes_a_step():
    """As its line it would be 650, decoded 2,000."""
    table, count = Table(), 60 * LINES_IN_A_BLOCK
    stages = ("enhance_audio", "transcribe_audio")

    tracemalloc.start()
    for stage in stages:
        for number in range(count):
            record = usual_record(number, stage)
            table[stage, record.source] = record
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(table) == len(stages) * count
    assert used / len(table) < 270


def test_a_line_with_a_line_break_inside_is_none_of_ours():
    """Its checksum is right; as one of a block it would be read as two."""
    body = b'{"stage": "take", "source": "a\rb", "status": "done"}'
    line = b'- %s, "crc": "%08x"}\n' % (body[:-1], zlib.crc32(body))
    table = Table()

    assert not table.take_line(line)
    assert table.take_line(encode(Record("take", "a\rb", "done").to_event()))
    assert list(table) == [("take", "a\rb")]
