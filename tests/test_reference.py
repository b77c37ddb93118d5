"""kokoro/reference.wav: the best 20 to 30 s of one voice, with their words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from pipeline.stages import build_dataset
from pipeline.stages.build_dataset import Models, Params
from pipeline.stages.build_dataset.lists import Clip
from pipeline.stages.build_dataset.recordings import Candidate
from pipeline.stages.build_dataset.reference import best_clips
from pipeline.validate import validate
from tests.test_build_dataset import build, clip, lines, segmented, sentences


@pytest.fixture(scope="module")
def models() -> Models:
    return build_dataset.load(Params(), "cpu")


def made(number: int, duration_s: float = 5.0, text: str = "So it is.", **more: Any) -> Clip:
    """Return clip `number` of a.wav, at 10 s x number."""
    speaker = more.pop("speaker", 0)
    start_s = 10.0 * number
    where = ("a.wav", start_s, start_s + duration_s, duration_s)
    one = Candidate(f"a-{number:02d}", Path("x.wav"), *where, text, more, speaker)
    return Clip(one, text, "", "")


def numbers(clips: list[Clip]) -> list[int]:
    return [int(one.made.id[2:]) for one in clips]


def test_the_best_clips_are_taken_until_there_are_20_s_in_the_order_of_the_recording():
    """Ten clips of 5 s; 7, 1, 4 and 2 have the best scores."""
    good = {7: 4.0, 1: 3.9, 4: 3.8, 2: 3.7}
    clips = [made(k, mos_ovrl=good.get(k, 2.0 + k / 100), snr_db=30.0) for k in range(10)]

    assert numbers(best_clips(clips)) == [1, 2, 4, 7]


def test_every_score_has_a_say_and_one_that_some_clips_lack_has_none():
    clips = [made(k, duration_s=11.0, mos_ovrl=3.0 + k % 2, snr_db=20.0 + k) for k in range(4)]
    clips[0] = made(0, duration_s=11.0, mos_ovrl=3.0, snr_db=20.0, similarity=1.0)

    assert numbers(best_clips(clips)) == [1, 3]  # 3 is best in both, 1 second in DNSMOS alone


def test_a_clip_that_does_not_end_a_sentence_comes_last():
    clips = [made(0, 12.0, "and then he", mos_ovrl=5.0), made(1, 12.0), made(2, 12.0)]
    clips = [Clip(c.made, c.normalized, "", "") for c in clips]

    assert numbers(best_clips(clips)) == [1, 2]


def test_it_is_never_longer_than_30_s_where_clips_are_shorter():
    clips = [made(0, 19.0, mos_ovrl=5.0), made(1, 12.0, mos_ovrl=4.0), made(2, 6.0, mos_ovrl=3.0)]

    assert numbers(best_clips(clips)) == [0, 2]
    assert numbers(best_clips([made(0, 40.0), made(1, 35.0)])) == [1]  # the shortest, whole


def test_of_several_speakers_it_is_the_one_with_most_sound():
    clips = [*(made(k, speaker=0) for k in range(3)), *(made(k, speaker=1) for k in range(3, 9))]

    assert {one.made.speaker for one in best_clips(clips)} == {1}


def test_the_files_hold_the_chosen_clips_sound_and_words(tmp_path, models):
    """Six clips of 4 s: five of them are 20 s; the one with the worst room is left out."""
    texts = [f"This is sentence number {k} of the story." for k in range(6)]
    clips = [
        clip(text, 4.0, scores={"snr_db": 10.0 if k == 2 else 30.0}) for k, text in enumerate(texts)
    ]
    facts = build([segmented(tmp_path, "a-1", clips)], tmp_path / "out", models)

    out = tmp_path / "out"
    samples, rate_hz = soundfile.read(out / "kokoro/reference.wav", dtype="int16")
    expected = [soundfile.read(out / f"wavs/a-1-000{k}.wav", dtype="int16")[0] for k in range(6)]
    assert rate_hz == 24_000 and facts["reference_s"] == 20.0
    assert np.array_equal(samples, np.concatenate([expected[k] for k in (0, 1, 3, 4, 5)]))
    assert lines(out / "kokoro/reference.txt") == [
        "This is sentence number zero of the story. This is sentence number one of the story. "
        "This is sentence number three of the story. This is sentence number four of the story. "
        "This is sentence number five of the story."
    ]
    assert "| `kokoro/reference.wav` | 20.0 s of the best clips for tools" in "\n".join(
        lines(out / "README.md")
    )
    assert not [p for p in validate(out) if p.rule.startswith("reference")]


def test_where_there_are_less_than_20_s_all_are_taken_and_it_is_said(tmp_path, models):
    facts = build([segmented(tmp_path, "a-1", sentences(3))], tmp_path / "out", models)

    assert facts["reference_s"] == 6.0
    said = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert "kokoro/reference.wav: 6.0 s, tools that make a voice of it want 20 to 30 s" in said
    assert [p.severity for p in validate(tmp_path / "out") if p.rule == "reference_length"] == [
        "warning"
    ]


def test_a_reference_without_words_or_at_another_rate_is_an_error(tmp_path, models):
    build([segmented(tmp_path, "a-1", sentences(12))], tmp_path / "out", models)
    (tmp_path / "out/kokoro/reference.txt").write_text(" \n")
    soundfile.write(tmp_path / "out/kokoro/reference.wav", np.zeros(25 * 16_000), 16_000)

    found = {p.rule: p.file for p in validate(tmp_path / "out") if p.severity == "error"}
    assert found["reference_without_text"] == "kokoro/reference.txt"
    assert found["wrong_rate"] == found["silent_wav"] == "kokoro/reference.wav"
