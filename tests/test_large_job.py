"""A large job: its artefacts are spread over folders, whatever it was before and is afterwards; in
memory it needs little for each recording."""

import gc
import hashlib
import json
import pickle
import re
import tracemalloc
from pathlib import Path

import pytest

from pipeline import artefacts, plan
from pipeline.artefacts import Artefacts
from pipeline.checkpoint import STATE_FILE, Record
from pipeline.checkpoint.lines import decode, encode
from pipeline.digest import folder_digest
from pipeline.executors import Outcome, Task, local
from pipeline.item import Item, Items
from pipeline.packed import FEW_FILES, PACKED_TOGETHER, Packed
from tests.forked import COMMON, run, texts
from tests.test_incremental import dataset, fresh
from tests.test_promises import taken

WORDS = {letter: f"this is {letter}" for letter in "abcdef"}


def small_is_large() -> None:
    """Make this process take three recordings for many."""
    artefacts.FLAT_UP_TO = 2


def places(out: Path) -> list[str]:
    """Return where the artefacts are, their digests as dots."""
    found = sorted(path.parent.relative_to(out / "work") for path in out.rglob("record.json"))
    return [re.sub(r"-\w{8}$", "-…", re.sub(r"/\w\w/", "/../", path.as_posix())) for path in found]


@pytest.fixture
def here(tmp_path) -> Path:
    """A finished output of six recordings, made as a large job."""
    texts(tmp_path / "in", **WORDS)
    assert run(tmp_path, *COMMON, "in", before=small_is_large)[0] == 0
    return tmp_path


def test_artefacts_of_a_large_job_are_spread_by_their_digest(here):
    found = places(here / "out")

    assert found[0] == "book/all"
    assert sorted(found[1:]) == sorted(f"{s}/../{a}-…" for s in ("take", "shout") for a in WORDS)
    folder = next((here / "out/work/take").glob("*/a-*"))
    assert folder.name.startswith(f"a-{folder.parent.name}")
    assert dataset(here / "out") == fresh(here)


@pytest.mark.parametrize("before", [small_is_large, lambda: None], ids=["large", "small"])
def test_a_large_job_resumes_as_a_small_one_too(here, before):
    texts(here / "in", g="this is g")

    code, said = run(here, *COMMON, "--resume", "in", before=before)

    assert (code, taken(said)) == (0, ["g.wav"])
    assert dataset(here / "out") == fresh(here)


def test_a_job_that_grows_large_keeps_what_it_has_where_it_is(tmp_path):
    texts(tmp_path / "in", a="one", b="two")
    assert run(tmp_path, *COMMON, "in")[0] == 0
    texts(tmp_path / "in", c="three")

    code, said = run(tmp_path, *COMMON, "--resume", "in", before=small_is_large)

    assert (code, taken(said)) == (0, ["c.wav"])
    shouted = [place for place in places(tmp_path / "out") if place.startswith("shout")]
    assert sorted(shouted) == ["shout/../c-…", "shout/a-…", "shout/b-…"]
    assert dataset(tmp_path / "out") == fresh(tmp_path)


def test_a_lost_state_is_rebuilt_from_spread_artefacts(here):
    (here / "out" / STATE_FILE).unlink()

    code, said = run(here, *COMMON, "--resume", "in", before=small_is_large)

    assert (code, taken(said)) == (0, [])
    assert "13 results were taken from the artefacts' own records" in said
    assert dataset(here / "out") == fresh(here)


def test_what_is_redone_leaves_no_second_artefact(here):
    texts(here / "in", a="another text")

    code, said = run(here, *COMMON, "--resume", "in")

    assert (code, taken(said)) == (0, ["a.wav"])
    assert len(list((here / "out/work/take").rglob("a-*"))) == 1
    assert dataset(here / "out") == fresh(here)


def test_names_find_their_place_in_jobs_of_any_size(tmp_path):
    small, large = Artefacts(tmp_path), Artefacts(tmp_path)
    large.expect(artefacts.FLAT_UP_TO + 1)

    assert small.folder("take", "a-1f3a09bc") == tmp_path / "work/take/a-1f3a09bc"
    assert large.folder("take", "a-1f3a09bc") == tmp_path / "work/take/1f/a-1f3a09bc"
    assert large.folder("book", "all") == tmp_path / "work/book/all"


def items_alive() -> list[Item]:
    gc.collect()
    # subtle: isinstance would ask each object, and a dead weakref.proxy of others raises then
    return [one for one in gc.get_objects() if type(one) is Item]


def items_are_counted() -> None:
    """Make this process say, at each task, how many recordings it gets and how many are alive."""
    before, of_other_tests = local.run_one, items_alive()

    def run_one(task: Task) -> Outcome:
        alive = len(items_alive()) - len(of_other_tests)
        print(f"{len(task.items)} of {alive} items")
        return before(task)

    local.run_one = run_one


def test_what_a_step_reads_is_gathered_as_a_file_is_handed_out(tmp_path):
    """All of it beforehand would be some KB a recording."""
    texts(tmp_path / "in", **WORDS)

    code, said = run(tmp_path, *COMMON, "--workers", "1", "in", before=items_are_counted)

    counts = re.findall(r"(\d+) of (\d+) items", said)
    assert code == 0, said
    assert len(counts) == 2 * len(WORDS) + 1
    assert {int(alive) for given, alive in counts if given == "1"} <= {1, 2}  # the one before, too
    assert counts[-1] == (str(len(WORDS)), "0")  # each of a step over all as it comes to it


@pytest.mark.parametrize("count", [0, 1, PACKED_TOGETHER, 2 * PACKED_TOGETHER + 1])
def test_the_items_of_a_collective_step_are_a_sequence_that_crosses_processes(count):
    made = [
        Item(f"ü {i}.wav", f"u-{i}", "", {"take": "x"}, {"take": {"n": i}}) for i in range(count)
    ]

    items = pickle.loads(pickle.dumps(Items(iter(made))))

    assert (len(items), list(items), items[:]) == (count, made, made)
    assert [items[i] for i in range(-count, count)] == made + made
    assert (items[1:40:3], list(reversed(items))) == (made[1:40:3], made[::-1])
    with pytest.raises(IndexError):
        items[count]


def test_the_items_of_a_collective_step_need_a_tenth_of_their_memory():
    """As they are, they are 4 KB each, with six steps that say ten things each."""
    steps, count = [f"step_{number}" for number in range(6)], 50 * PACKED_TOGETHER

    def made(number: int) -> Item:
        folders = {step: f"/somewhere/out/work/{step}/{number:x}/a-{number}" for step in steps}
        facts = {s: {f"fact_{s}_{i}": number / (i + 7) for i in range(10)} for s in steps}
        return Item(f"a {number}.wav", f"a-{number}", "", folders, facts)

    tracemalloc.start()
    items = Items(made(number) for number in range(count))
    used, _ = tracemalloc.get_traced_memory()
    plain = [made(number) for number in range(count)]
    used_plain = tracemalloc.get_traced_memory()[0] - used
    tracemalloc.stop()

    assert len(items) == len(plain)
    assert used < used_plain / 10


@pytest.mark.parametrize("reads", [[], [["a", "f00"]], [["a", "f00"], ["ü\ud800", "", "x"]]])
def test_a_fingerprint_made_piece_by_piece_is_that_of_the_whole(reads):
    whole = json.dumps(["take", 2, {"b": 1.5, "a": None}, reads], sort_keys=True)

    made = plan._fingerprint("take", 2, {"b": 1.5, "a": None}, iter(reads))
    assert made == hashlib.sha256(whole.encode()).hexdigest()


def test_a_digest_made_piece_by_piece_is_that_of_the_whole(tmp_path):
    texts = {"b.wav": "two", "a é.wav": "one", 'c "x".json': ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    digests = {n: hashlib.sha256(text.encode()).hexdigest() for n, text in texts.items()}
    whole = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()

    assert folder_digest(tmp_path, iter(texts)) == whole
    assert folder_digest(tmp_path, []) == hashlib.sha256(b"{}").hexdigest()


def a_dataset_of(files: int, packed: bool) -> Record:
    """Return the record of one; its files as a tuple unless they are `packed`."""
    names = (
        (f"wavs/ü-{number:06}-{hash(number) % 7919:08x}.wav", number) for number in range(files)
    )
    kept = Packed(names) if packed else tuple(names)
    return Record("book", "*", "done", "f0", "work/book/all/metadata.jsonl", 5, "f1", kept)


@pytest.mark.parametrize("files", [0, 1, FEW_FILES, FEW_FILES + 1, 2 * FEW_FILES])
def test_the_record_of_many_files_is_the_same_line_and_says_the_same(files):
    plain, packed = a_dataset_of(files, packed=False), a_dataset_of(files, packed=True)

    line = encode(plain.to_event())
    again = Record.from_event(decode(line[:-1])[0])
    assert encode(packed.to_event()) == line or not files  # none are not said, packed or not
    assert list(again.sizes()) == list(plain.sizes()) == list(packed.sizes())
    assert isinstance(again.files, Packed) == (files > FEW_FILES)
    assert again == (plain if files <= FEW_FILES else packed)


HARD = '"files": [["a", 1]], \\"files": [", "crc": "01234567"}'


@pytest.mark.parametrize(
    "event",
    [
        {"facts": {"why": HARD * 2000}, "files": [["a", 1], ["b", 2]]},
        {"files": [], "reason": HARD * 2000},
        {"facts": {"files": [["a", 1]]}, "reason": HARD * 2000},
        {"files": [["a", 1]], "facts": {"files": [["b", 1]]}, "reason": HARD * 2000},
        {"files": "none", "reason": HARD * 2000},
    ],
)
def test_a_long_line_says_the_same_as_by_json_as_a_whole(event):
    line = encode(event)

    said, is_intact = decode(line[:-1])
    assert is_intact
    assert {key: list(v) if isinstance(v, Packed) else v for key, v in said.items()} == event


@pytest.mark.parametrize("cut", [1, 40, 20_000])
def test_a_long_line_that_is_cut_is_a_value_error(cut):
    line = encode(a_dataset_of(2 * FEW_FILES, packed=True).to_event())

    with pytest.raises(ValueError):
        decode(line[: -1 - cut])


def test_the_record_of_a_dataset_needs_little_memory_for_each_file():
    """Its line has 45 bytes a file, and is held thrice as it is made; with its files as tuples, and
    lists for JSON, it would be 1 KB a file."""
    count = 4 * FEW_FILES
    record = a_dataset_of(count, packed=True)

    tracemalloc.start()
    line = encode(record.to_event())
    _, written = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    again = Record.from_event(decode(line[:-1])[0])
    _, read = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(again.files) == line.count(b"wavs/") == count
    assert written / count < 200
    assert read / count < 300
