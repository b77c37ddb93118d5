"""Checkpoint and resume. As a script (`python tests/test_checkpoint.py`) it shows, readably:
checkpoint creation, resume, force restart, lock protection, state validation."""

import os
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent))  # for running it as a script

from pipeline.checkpoint import STATE_FILE, Checkpoint, NewerVersion, Record
from pipeline.checkpoint.column import LINES_IN_A_BLOCK
from pipeline.checkpoint.lines import PAGE, decode, encode, padding, plain
from pipeline.disk import Disk

VIEWS = {"enhance_audio": "enhanced_files"}


def record(source: str, stage: str = "enhance_audio", status: str = "done", **more) -> Record:
    output = f"work/{stage}/{source}/audio.flac"
    return Record(stage, source, status, "f" * 8, output, 100, "d" * 8, **more)


def open_in(folder: Path, **options) -> Checkpoint:
    return Checkpoint.open(folder, views=VIEWS, **options)


def records_of(folder: Path) -> set[str]:
    return {source for _, source in Checkpoint.peek(folder).records}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=20), json_values, max_size=5))
def test_a_line_reads_the_same_through_json_and_yaml(values):
    """Whatever the values: JSON, PyYAML and libyaml agree on what a line says."""
    line = encode({"event": "file", "values": values})

    event, intact = decode(line.rstrip(b"\n"))
    assert intact
    assert event["values"] == plain(values)
    for loader in {yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)}:
        (read,) = yaml.load(line.decode(), Loader=loader)
        assert read["values"] == plain(values)


@given(st.integers(0, 3 * PAGE), st.integers(1, PAGE))
def test_no_line_crosses_a_page_boundary(size, length):
    """A line that fits a page starts and ends in the same page: kill -9 cannot tear it."""
    start = size + len(padding(size, length))

    assert start // PAGE == (start + length - 1) // PAGE


def test_the_state_is_valid_yaml_after_every_save_and_has_the_documented_keys(tmp_path):
    with open_in(tmp_path) as checkpoint:
        for number in range(20):
            checkpoint.start("enhance_audio", f"{number}.wav")
            assert yaml.safe_load((tmp_path / STATE_FILE).read_text())["version"] == 1
            checkpoint.save(record(f"{number}.wav"))
            assert yaml.safe_load((tmp_path / STATE_FILE).read_text())["version"] == 1
        checkpoint.finish_stage("enhance_audio", 1.5, {"done": 20})

    state = yaml.safe_load((tmp_path / STATE_FILE).read_text())
    assert state["completed_stages"] == ["enhance_audio"]
    assert state["stage_timings"] == {"enhance_audio": 1.5}
    assert state["enhance_audio_result"] == {"done": 20}
    assert len(state["enhanced_files"]) == 20
    assert state["failed_files"] == {}
    assert {"statistics", "configuration", "files", "journal"} <= set(state)


def test_what_was_saved_is_there_after_a_reopen(tmp_path):
    saved = record("a ünï 🎤\n.wav", facts={"duration_s": 1.5}, files=(("x.json", 3),), seconds=0.2)
    with open_in(tmp_path) as checkpoint:
        checkpoint.save(saved)

    assert Checkpoint.peek(tmp_path).records == {(saved.stage, saved.source): saved}


@pytest.mark.parametrize(
    "tamper",
    [
        lambda path: os.truncate(path, 0),
        lambda path: path.write_bytes(b"files: what?"),
        lambda path: path.unlink(),
        lambda path: path.replace(path.with_name("elsewhere")),
    ],
    ids=["emptied", "overwritten", "removed", "moved"],
)
def test_whatever_is_done_to_the_file_during_a_run_the_next_snapshot_says_all(tmp_path, tamper):
    names = {f"{number}.wav" for number in range(2 * LINES_IN_A_BLOCK + 1)}
    with open_in(tmp_path) as checkpoint:
        checkpoint._snapshot_cost_s = 1e9  # none by itself
        for name in sorted(names):
            checkpoint.save(record(name))
        tamper(tmp_path / STATE_FILE)
        checkpoint.save(record("after.wav"))
        checkpoint.finish_stage("enhance_audio", 1.5, {})

    state = Checkpoint.peek(tmp_path)

    assert {source for _, source in state.records} == names | {"after.wav"}
    assert all(one == record(one.source) for one in state.records.values())
    assert (state.damaged, state.warnings) == (False, [])


def test_truncation_at_every_byte_of_the_journal_loses_at_most_the_last_line(tmp_path):
    """P2, P7: whatever a crash leaves of the file, every whole line counts, and none is half."""
    with open_in(tmp_path) as checkpoint:
        head = (tmp_path / STATE_FILE).stat().st_size
        checkpoint.start("enhance_audio", "0.wav")
        for number in range(3):
            checkpoint.save(record(f"{number}.wav"))
    data = (tmp_path / STATE_FILE).read_bytes()
    other = tmp_path / "other"
    other.mkdir()

    for size in range(head, len(data) + 1):
        (other / STATE_FILE).write_bytes(data[:size])
        whole = data[:size].count(b'"event": "file"') - (not data[:size].endswith(b"\n"))
        assert len(records_of(other)) >= max(0, whole)
        with open_in(other, disk=FastDisk()) as checkpoint:
            checkpoint.save(record("after.wav"))
        assert "after.wav" in records_of(other)
        yaml.safe_load((other / STATE_FILE).read_text())


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\x00\xff\xfe" * 50,
        b"- just\n- a list\n",
        b"version: [1",
        b"{}",
        b"version: 1\nfiles: 7\n",
    ],
)
def test_a_damaged_state_is_set_aside_and_rebuilt_from_the_artefacts(tmp_path, damage):
    """P9: nothing that is on disk is lost, and the run says so."""
    kept = record("a.wav")
    folder = tmp_path / "work/enhance_audio/a.wav"
    folder.mkdir(parents=True)
    (folder / "record.json").write_bytes(encode(kept.to_event())[2:])
    (tmp_path / STATE_FILE).write_bytes(damage)

    with open_in(tmp_path) as checkpoint:
        assert checkpoint.get("enhance_audio", "a.wav") == kept
        assert any("own records" in warning for warning in checkpoint.state.warnings)

    assert (tmp_path / f"{STATE_FILE}.corrupt-1").read_bytes() == damage


def test_a_damaged_line_costs_only_its_own_file(tmp_path):
    with open_in(tmp_path) as checkpoint:
        for name in "abc":
            checkpoint.save(record(name))
        checkpoint.snapshot()
    path = tmp_path / STATE_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    number = next(k for k, line in enumerate(lines) if b'"source": "b"' in line)
    lines[number] = lines[number][:40] + b"\n"
    path.write_bytes(b"".join(lines))

    assert records_of(tmp_path) == {"a", "c"}


def test_an_edit_by_hand_is_honoured(tmp_path):
    """A person takes a line out, changes another and the head: that is what counts."""
    with open_in(tmp_path) as checkpoint:
        for name in "abc":
            checkpoint.save(record(name))
        checkpoint.snapshot()
    path = tmp_path / STATE_FILE
    text = path.read_text().replace('"bytes": 100, "digest"', '"bytes": 200, "digest"', 1)
    lines = [line for line in text.splitlines() if '"source": "b"' not in line]
    path.write_text(
        "\n".join(lines).replace("completed_stages: []", "completed_stages: [x]") + "\n"
    )

    state = Checkpoint.peek(tmp_path)
    assert {key[1]: value.bytes for key, value in state.records.items()} == {"a": 200, "c": 100}
    assert state.completed == ["x"]


def test_a_newer_version_is_refused_and_left_untouched(tmp_path):
    text = "version: 99\nfiles: []\njournal:\n"
    (tmp_path / STATE_FILE).write_text(text)

    with pytest.raises(NewerVersion, match="its version is 99"):
        open_in(tmp_path)
    assert (tmp_path / STATE_FILE).read_text() == text


def test_attempts_count_crashes_and_not_stops_on_request(tmp_path):
    """P5: taken up and never ended is a crash; a graceful stop is not, and forgets no crash."""
    with open_in(tmp_path) as checkpoint:
        checkpoint.start("enhance_audio", "a")
    with open_in(tmp_path) as checkpoint:
        checkpoint.start("enhance_audio", "a")
        assert checkpoint.attempts("enhance_audio", "a") == 2
        checkpoint.drop_hands()

    with open_in(tmp_path) as checkpoint:
        assert checkpoint.attempts("enhance_audio", "a") == 1


class FastDisk(Disk):
    """Does not wait for the device: for tests of content, not of durability."""

    def sync(self, fd: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


class FullDisk(Disk):
    """Takes `room` more bytes of appends, then gives a short write."""

    room = 10**9

    def write(self, fd: int, data: bytes) -> int:
        taken = data[: self.room]
        self.room -= len(taken)
        return super().write(fd, taken)


def test_a_short_write_is_cut_back_and_nothing_is_written_after_it(tmp_path):
    """A full disk first shows as a short write; the state on disk stays valid."""
    disk = FullDisk()
    checkpoint = open_in(tmp_path, disk=disk)
    checkpoint.save(record("a"))
    before = (tmp_path / STATE_FILE).read_bytes()
    disk.room = 50

    for _ in range(2):
        with pytest.raises(OSError, match=STATE_FILE):
            checkpoint.save(record("b"))
    assert (tmp_path / STATE_FILE).read_bytes() == before
    assert records_of(tmp_path) == {"a"}


class CountingDisk(Disk):
    """Counts writes and syncs."""

    writes = syncs = 0

    def write(self, fd: int, data: bytes) -> int:
        self.writes += 1
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self.syncs += 1
        super().sync(fd)


@pytest.mark.parametrize(("interval", "syncs"), [(1, 100), (10, 10)])
def test_a_save_is_one_write_and_every_nth_a_sync(tmp_path, monkeypatch, interval, syncs):
    """P8: the cost of a save, as a count of operations, is the same at any size of the state."""
    monkeypatch.setattr("pipeline.checkpoint.SNAPSHOT_SHARE", 10**9)
    disk = CountingDisk()
    checkpoint = open_in(tmp_path, disk=disk, interval=interval)
    disk.writes = disk.syncs = 0

    for number in range(100):
        checkpoint.save(record(str(number)))
    assert (disk.writes, disk.syncs) == (100, syncs)


def test_a_snapshot_drops_no_attempt_and_no_record(tmp_path):
    with open_in(tmp_path) as checkpoint:
        checkpoint.save(record("a"))
        checkpoint.start("enhance_audio", "b")
        checkpoint.snapshot()

    with open_in(tmp_path) as checkpoint:
        assert checkpoint.attempts("enhance_audio", "b") == 1
        assert records_of(tmp_path) == {"a"}


def test_a_guard_that_fails_stops_the_save(tmp_path):
    """A run that lost its lock writes nothing more."""
    checkpoint = open_in(tmp_path)
    before = (tmp_path / STATE_FILE).read_bytes()

    def lost() -> None:
        raise RuntimeError("the lock is lost")

    checkpoint._guard = lost
    with pytest.raises(RuntimeError, match="lost"):
        checkpoint.save(record("a"))
    assert (tmp_path / STATE_FILE).read_bytes() == before


if __name__ == "__main__":
    from tests import demonstration

    demonstration.main()
