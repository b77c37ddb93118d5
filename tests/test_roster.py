"""Recordings, their stamps and what is to be done with them, packed: the same, in less memory."""

import tracemalloc
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checkpoint.table import Table
from pipeline.decisions import Decision, Decisions
from pipeline.sources import Roster, Source, Stamp, Stamps
from tests.test_column import usual_record

ANY_TEXT = st.text(st.characters(), max_size=6)  # also what is no Unicode, and NUL
SOURCES = st.builds(
    lambda key, name, root, inside, own: Source(key, name, root + key if inside else own),
    ANY_TEXT, ANY_TEXT, ANY_TEXT, st.booleans(), ANY_TEXT,
)  # fmt: skip
DIGESTS = st.one_of(st.sampled_from(["", "f0" * 32, "F0" * 32, "no digest", "f0"]), ANY_TEXT)
NUMBERS = st.one_of(st.integers(0, 2**40), st.sampled_from([-1, 2**63 - 1, 2**63, 2**70]))
STAMPS = st.one_of(st.none(), st.builds(Stamp, NUMBERS, NUMBERS, DIGESTS))


@given(st.lists(st.tuples(SOURCES, STAMPS), unique_by=lambda pair: pair[0].key), ANY_TEXT)
def test_a_roster_says_what_was_put_in_and_finds_it_by_key(pairs, other):
    pairs = sorted(pairs, key=lambda pair: pair[0].key)
    sources, by_key = [source for source, _ in pairs], {s.key: stamp for s, stamp in pairs}

    roster = Roster(iter(sources))
    stamps = Stamps(roster, (stamp for _, stamp in pairs))

    assert (list(roster), roster[:], len(roster)) == (sources, sources, len(sources))
    assert [roster[n] for n in range(-len(sources), len(sources))] == sources + sources
    assert [roster.find(source.key) for source in sources] == list(range(len(sources)))
    assert (roster.find(other) is not None) == (other in by_key)
    there = {key: stamp for key, stamp in by_key.items() if stamp}
    assert (dict(stamps), len(stamps)) == (there, len(there))
    assert list(stamps.sizes()) == [stamp.bytes for stamp in there.values()]
    assert [stamps.get(key) for key in by_key] == list(by_key.values())
    assert stamps.get(other) == by_key.get(other)


@pytest.mark.parametrize("keys", ["ba", "aa"])
def test_a_roster_takes_recordings_in_the_order_of_their_keys_only(keys):
    with pytest.raises(ValueError, match=f"not in the order of their keys: {keys[1]} behind"):
        Roster(Source(key, key, "") for key in keys)


def test_what_is_no_number_of_a_recording_is_an_index_error():
    with pytest.raises(IndexError):
        Roster([Source("a", "a", "")])[1]


WHYS = st.sampled_from(["", "no record", "it failed before"])


@given(st.lists(st.tuples(WHYS, st.booleans(), st.integers(0, 3))))
def test_decisions_come_as_they_went_in_chosen_and_in_any_order(made):
    sources = [Source(f"{n:03}.wav", f"n-{n}", f"/in/{n}") for n in range(2 * len(made))]
    decisions, expected = Decisions(sources), []
    for number, (why, stands, _) in enumerate(made):
        one, digest = sources[2 * number], f"{number:064x}"  # each second recording was lost
        decisions.add(2 * number, digest, why, stands)
        expected.append(Decision(one.key, one.name, one.origin, digest, why, stands))
    ranks = array("d", (rank for _, _, rank in made))

    todo = decisions.chosen(lambda one: one.why != "")
    in_order = decisions.in_order(ranks)
    assert (list(decisions), decisions[:]) == (expected, expected)
    assert list(todo) == [one for one in expected if one.why]
    assert list(in_order) == [expected[n] for n in sorted(range(len(made)), key=ranks.__getitem__)]
    assert list(in_order.without({"000.wav"})) == [d for d in in_order if d.source != "000.wav"]
    assert [todo[n] for n in range(len(todo))] == list(todo)


def test_numbers_of_a_stage_are_those_that_its_records_had_then():
    table = Table()
    for number in range(4):
        record = usual_record(number)
        facts = {} if number == 1 else {"duration_s": number + 0.5}
        table[record.stage, record.source] = record._replace(facts=facts)
    first, _, third, fourth = (usual_record(number) for number in range(4))
    del table[third.stage, third.source]

    found = table.numbers(first.stage, "duration_s")
    later = usual_record(9)._replace(facts={"duration_s": 9.5})
    table[later.stage, later.source] = later
    assert dict(found) == {first.source: 0.5, fourth.source: 3.5}
    assert (len(found), found.get(later.source), found.get(third.source)) == (2, None, None)
    assert dict(table.numbers("no stage", "duration_s")) == {}


def test_a_recording_needs_a_quarter_of_a_kilobyte_before_it_is_done():
    """What it is, its stamp, and what is to be done with it; as objects it would be 1 KB."""
    count = 2000

    def named(number: int) -> Source:
        key = f"interviews/recording {number:06}.mp3"
        return Source(key, f"recording-{number:06}-{number:08x}", f"/home/me/audio/{key}")

    tracemalloc.start()
    roster = Roster(map(named, range(count)))
    stamps = Stamps(roster, (Stamp(n, 10**18 + n, f"{n:064x}") for n in range(count)))
    decisions = Decisions(roster)
    for number in range(count):
        decisions.add(number, f"{number:064x}", "no record", stands=False)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(stamps) == len(decisions) == count
    assert used / count < 256
