"""dataset-pipeline why: what became of a second of a recording."""

import json
from pathlib import Path

import pytest

from pipeline.commands.why import seconds_of
from tests.forked import run


@pytest.fixture
def here(tmp_path) -> Path:
    """A dataset of two recordings, as far as it is asked: 10 s, and one that was dropped whole."""
    out = tmp_path / "out"
    out.mkdir()
    clip = {"file_name": "wavs/a-0.wav", "text": "So it is.", "source": "deep/take 1.mp3"}
    (out / "metadata.jsonl").write_text(json.dumps(clip | {"start": 2.0, "end": 5.5}) + "\n")
    gap = {"source": "deep/take 1.mp3", "start": 0.0, "end": 2.0, "rule": "non_speech"}
    gap |= {"reason": "no speech of the target speaker was found here", "text": ""}
    bad = {"source": "deep/take 1.mp3", "start": 5.5, "end": 10.0, "rule": "snr"}
    bad |= {"reason": "8.2 dB is below 15 dB", "text": "And so on."}
    whole = {"source": "other take.mp3", "start": 0.0, "end": None, "rule": "download_audio"}
    whole |= {"reason": "it is silent", "text": ""}
    rows = "".join(f"{json.dumps(row)}\n" for row in (gap, bad, whole))
    (out / "rejected.jsonl").write_text(rows)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("take 1", "0:02"), "  2.0 s to 5.5 s: used: wavs/a-0.wav: So it is.\n"),
        (("deep/take 1.mp3", "1.99"), "  0.0 s to 2.0 s: not used, non_speech: no speech of"),
        (
            ("take 1", "0:00:07"),
            '  5.5 s to 10.0 s: not used, snr: 8.2 dB is below 15 dB; it says: "And so on."\n',
        ),
        (("other", "1:00:00"), "  0.0 s to its end: not used, download_audio: it is silent\n"),
    ],
)
def test_a_moment_is_in_a_clip_or_has_its_rule_and_reason(here, words, said):
    code, found = run(here, "why", "out", *words)

    assert code == 0
    assert said in found


@pytest.mark.parametrize("typed", ["ÜBER", "\u00fcber größe", "u\u0308ber"])
def test_case_and_the_form_of_an_umlaut_do_not_matter(here, typed):
    """macOS stores ü as u and two dots; whoever types it gives the one letter."""
    row = {"source": "u\u0308ber gro\u0308ße.ogg", "start": 0.0, "end": 9.0, "rule": "snr"}
    with (here / "out/rejected.jsonl").open("a") as rows:
        rows.write(json.dumps(row | {"reason": "8 dB", "text": ""}) + "\n")

    code, said = run(here, "why", "out", typed, "1")
    assert code == 0, said
    assert "0.0 s to 9.0 s: not used, snr: 8 dB" in said


def test_without_a_time_the_whole_recording_is_gone_through_in_order(here):
    said = run(here, "why", "out", "take 1")[1].splitlines()

    assert said[0] == "deep/take 1.mp3"
    assert [line.split(" s to ")[0] for line in said[1:]] == ["  0.0", "  2.0", "  5.5"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("out", "take", "1"), "several recordings are called like 'take'; name one of: deep/take"),
        (("out", "gone.mp3"), "no recording is called like 'gone.mp3'; name one of: deep/take 1"),
        (("out", "take 1", "0:10"), "deep/take 1.mp3 has no 0:10: it ends at 0:10"),
        (("out", "take 1", "soon"), "'soon' is no time: write 1:23, 83 or 1:02:03"),
        (("in", "take 1"), "in holds no metadata.jsonl: is it the output folder"),
    ],
)
def test_what_cannot_be_answered_says_what_can(here, words, said):
    code, found = run(here, "why", *words)

    assert code == 2
    assert said in found


def test_times_are_read_as_people_write_them():
    assert [seconds_of(text) for text in ("83", "1:23", "0:01:23", "83,5", "1:02:03.5")] == [
        83.0,
        83.0,
        83.0,
        83.5,
        3723.5,
    ]
