"""The three steps together: survey each recording, agree on one voice, keep only that one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pipeline.stages.isolate_speakers as last
from pipeline import audio
from pipeline.item import Item, Reject, Unusable
from pipeline.stages.isolate_speakers import agree, survey, voices
from tests.isolating import (
    AGREE,
    SAMPLE,
    SURVEY,
    agreed,
    overlap_s,
    sample_item,
    sound_item,
    surveyed,
    total_s,
    truth,
)


@pytest.fixture(scope="module")
def networks() -> survey.Models:
    return survey.load(survey.Params(), "cpu")


@pytest.fixture(scope="module")
def interview(tmp_path_factory, networks) -> Item:
    """rms asks 10 s, slt answers 35 s; surveyed."""
    item = sample_item(tmp_path_factory.mktemp("interview"), "interview.m4a")
    return surveyed(item, survey.Params(), networks)


def fresh(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return tmp_path / name


def isolated(item: Item, folder: Path, target_speaker: str = "") -> tuple[dict, audio.Samples]:
    """spans.json and the sound, after agreeing on this one recording and isolating."""
    params = agree.Params(target_speaker=target_speaker)
    agree.process([item], fresh(folder, "agree"), params, agree.load(params, "cpu"))
    out = fresh(folder, "out")
    result = last.process(agreed(item, folder / "agree"), out, last.Params(), last.Models())
    assert result.output == "audio.flac"
    return json.loads((out / "spans.json").read_text()), audio.read(out / "audio.flac")[0]


def kept_share(sound: audio.Samples, before: audio.Samples, spans: list, rate_hz: int) -> float:
    """How much of the sound in the spans is still there: the share of its 10 ms frames."""
    inside = np.zeros(len(sound), bool)
    for start, end in spans:
        inside[round(start * rate_hz) : round(end * rate_hz)] = True
    return float(np.mean(sound[inside & (before != 0)] != 0))


@pytest.mark.parametrize(("clip", "target", "other"), [("", "slt", "rms"), ("rms", "rms", "slt")])
def test_the_target_stays_and_the_other_is_silent(interview, tmp_path, clip, target, other):
    """The voice that speaks most, or that of a clip: 95% of its time kept, of the other's muted."""
    path = interview.path("download_audio", "audio.flac")
    before, rate_hz = audio.read(path)
    if clip:
        clip = str(tmp_path / "clip.wav")
        start, end = truth("interview.m4a", "rms")[0]
        audio.write(Path(clip), audio.read(path, start, end)[0], rate_hz)

    spans, sound = isolated(interview, tmp_path, clip)

    mine, others = truth("interview.m4a", target), truth("interview.m4a", other)
    assert audio.info(tmp_path / "out" / "audio.flac") == audio.info(path)
    assert overlap_s(spans["target"], mine) > 0.95 * total_s(mine)
    assert overlap_s(spans["others"], others) > 0.95 * total_s(others)
    assert kept_share(sound, before, mine, rate_hz) > 0.95
    assert kept_share(sound, before, others, rate_hz) < 0.05
    assert {rule for *_, rule in spans["others"]} == {"other_speaker"}


def test_all_speakers_are_kept_and_numbered_by_how_much_they_speak(interview, tmp_path):
    """Two voices: 0 is slt with 35 s, 1 is rms with 10 s; each keeps 95% of its turns."""
    params = agree.Params(speakers="all", min_speaker_s=5.0)
    result = agree.process([interview], fresh(tmp_path, "agree"), params, agree.Models(None))
    out = fresh(tmp_path, "out")

    last.process(agreed(interview, tmp_path / "agree"), out, last.Params(), last.Models())

    spans = json.loads((out / "spans.json").read_text())
    assert result.facts["voices"] == 2
    for number, name in enumerate(("slt", "rms")):
        mine = [span for span in spans["target"] if span[3] == number]
        assert overlap_s(mine, truth("interview.m4a", name)) > 0.95 * total_s(
            truth("interview.m4a", name)
        )
        other = truth("interview.m4a", ("rms", "slt")[number])
        assert overlap_s(mine, other) < 0.05 * total_s(other)


def test_all_speakers_and_a_clip_of_one_exclude_each_other():
    with pytest.raises(ValueError, match="leave --target-speaker out"):
        agree.check(agree.Params(speakers="all", target_speaker="clip.wav"))


def test_with_all_speakers_somebody_must_speak_long_enough(interview, tmp_path):
    params = agree.Params(speakers="all", min_speaker_s=500.0)

    with pytest.raises(Unusable, match="no voice speaks for 500 s: the longest has"):
        agree.process([interview], fresh(tmp_path, "agree"), params, agree.Models(None))


def test_what_is_kept_is_kept_bit_for_bit(interview, tmp_path):
    """Pauses and the target's speech do not change; only others' speech does."""
    before = audio.read(interview.path("download_audio", "audio.flac"))[0]

    spans, sound = isolated(interview, tmp_path)

    same = np.ones(len(before), bool)
    for start, end, *_ in spans["others"]:
        same[round(start * 48_000) : round(end * 48_000)] = False
    np.testing.assert_array_equal(sound[same], before[same])


def test_the_same_recording_gives_the_same_bytes(interview, networks, tmp_path):
    """Survey and isolation are free of chance."""
    again = surveyed(interview, survey.Params(), networks, "again")
    isolated(interview, fresh(tmp_path, "one"))
    isolated(again, fresh(tmp_path, "two"))

    for name in ("survey.json", "embeddings.npy"):
        assert interview.path(SURVEY, name).read_bytes() == again.path(SURVEY, name).read_bytes()
    for name in ("agree/target.json", "out/spans.json", "out/audio.flac"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_silent_recording_is_dropped_with_its_reason(networks, tmp_path):
    """No speech: the survey says so, and the last step drops it; nothing fails."""
    item = sound_item(tmp_path, np.zeros(32_000, np.float32))

    item = surveyed(item, survey.Params(), networks)

    assert item.facts[SURVEY]["voices"] == item.facts[SURVEY]["speech_s"] == 0
    with pytest.raises(Reject, match="no speech found") as nothing:
        isolated(item, tmp_path)
    assert nothing.value.facts == {"rule": "non_speech"}


def made(folder: Path, source: str, *heard: tuple[float, tuple[float, ...]]) -> Item:
    """An item whose survey has voices of given seconds and directions."""
    folder = folder / source
    folder.mkdir()
    found = [
        {"seconds": s, "embedding": np.pad(voices.unit(np.array(e)), (0, voices.SIZE - 3)).tolist()}
        for s, e in heard
    ]
    survey = {"voices": found, "windows": [], "turns": []}
    (folder / "survey.json").write_text(json.dumps(survey))
    np.save(folder / "embeddings.npy", np.zeros((0, voices.SIZE), np.float16))
    return Item(source, source, "", {SURVEY: str(folder)})


A, B, C = (1.0, 0.2, 0.0), (0.2, 1.0, 0.0), (0.0, 0.2, 1.0)


def agree_on(items: list[Item], out: Path, **settings):
    params = agree.Params(**settings)
    return agree.process(items, out, params, agree.Models(None))


def test_the_dominant_voice_is_found_over_all_recordings(tmp_path):
    """A speaks most in the job, though B does in two recordings of three; the third is dropped."""
    items = [
        made(tmp_path, "one", (60, A)),
        made(tmp_path, "two", (5, A), (20, B)),
        made(tmp_path, "three", (15, B)),
    ]

    result = agree_on(items, fresh(tmp_path, "out"))

    assert result.facts["chosen_by"] == "dominant"
    assert (result.facts["share"], result.facts["voices"]) == (0.65, 2)
    assert result.drops == {"three": "target speaker not found: best similarity 0.38 is below 0.50"}


def test_the_order_of_recordings_does_not_matter(tmp_path):
    """The same set of recordings: the same bytes."""
    items = [
        made(tmp_path, f"r{i}", (10 + i, (1, 0.2 + i / 50, 0)), (3, (i / 40, 1, 0.1)))
        for i in range(9)
    ]

    agree_on(items, fresh(tmp_path, "a"))
    agree_on(items[::-1], fresh(tmp_path, "b"))

    first = (tmp_path / "a" / "target.json").read_bytes()
    assert first == (tmp_path / "b" / "target.json").read_bytes()


def test_no_dominant_voice_stops_and_asks_for_a_clip(tmp_path):
    """55 s against 45 s: what was heard where, and both ways out; a setting goes on."""
    items = [made(tmp_path, "one", (55, A)), made(tmp_path, "two", (45, B))]
    said = (
        r"no voice is clearly dominant: 55 s \(most of it in one\), 45 s \(most of it in two\) "
        r"of 100 s of speech.*Give --target-speaker clip.wav.*--unclear-target longest"
    )

    with pytest.raises(Unusable, match=said):
        agree_on(items, fresh(tmp_path, "stop"))

    result = agree_on(items, fresh(tmp_path, "go"), unclear_target="longest")
    assert list(result.drops) == ["two"]


def test_one_speaker_is_never_unclear(tmp_path):
    """One voice in every recording, or none anywhere: nothing to ask."""
    alone = [made(tmp_path, f"r{i}", (10, A)) for i in range(3)]
    nobody = [made(tmp_path, "empty")]

    assert agree_on(alone, fresh(tmp_path, "a")).facts["share"] == 1.0
    assert agree_on(nobody, fresh(tmp_path, "b")).drops == {}


def test_dropped_and_failed_recordings_have_no_say(tmp_path):
    """Whatever an earlier step dropped does not vote."""
    items = [
        replace(made(tmp_path, "bad", (900, B)), dropped="download_audio: no audio stream"),
        made(tmp_path, "good", (10, A)),
        Item("failed", "failed", ""),
    ]

    assert agree_on(items, fresh(tmp_path, "out")).facts["voices"] == 1


def test_a_recording_whose_turns_are_all_others_is_dropped(interview, tmp_path):
    """Agreement let it through, the turns do not: dropped with both numbers."""
    out = fresh(tmp_path, "agree")
    nobody = [0.0] * (voices.SIZE - 1) + [1.0]
    (out / "target.json").write_text(json.dumps({"embedding": nobody}))

    with pytest.raises(Reject, match=r"best similarity -?0\.\d\d is below 0.55") as other:
        last.process(agreed(interview, out), fresh(tmp_path, "out"), last.Params(), last.Models())
    assert other.value.facts == {"rule": "other_speaker"}


def test_a_voice_of_another_network_is_refused(interview, tmp_path):
    """An output folder from before keeps its agreement; its numbers say nothing here."""
    out = fresh(tmp_path, "agree")
    (out / "target.json").write_text(json.dumps({"embedding": [1.0] + [0.0] * 255}))

    with pytest.raises(Unusable, match="256 numbers, needs 192; begin in a new output folder"):
        last.process(agreed(interview, out), fresh(tmp_path, "out"), last.Params(), last.Models())


def test_the_vocals_are_used_where_there_are_some(interview, tmp_path):
    """A separated recording goes on as its vocals, and the facts say by what."""
    folder = Path(interview.folders[SURVEY])
    before, rate_hz = audio.read(interview.path("download_audio", "audio.flac"))
    audio.write(folder / "vocals.flac", before * np.float32(0.5), rate_hz)
    facts = {**interview.facts[SURVEY], "separated": True, "separator": "spleeter"}
    item = replace(interview, facts={SURVEY: facts})
    agree_on([item], fresh(tmp_path, "agree"))

    out = fresh(tmp_path, "out")
    result = last.process(agreed(item, tmp_path / "agree"), out, last.Params(), last.Models())

    assert (result.facts["separated"], result.facts["separator"]) == (True, "spleeter")
    assert np.abs(audio.read(out / "audio.flac")[0]).max() <= 0.51 * np.abs(before).max()


def test_the_steps_read_what_they_say():
    """READS names every step whose files are used; the agreement is kept for good."""
    assert survey.READS == ("download_audio",)
    assert agree.READS == (SURVEY,)
    assert last.READS == ("download_audio", SURVEY, AGREE)
    assert agree.COLLECTIVE and agree.STICKY
    assert (SAMPLE / "truth.json").is_file()


@pytest.mark.parametrize(("rate_hz", "least_hz"), [(8000, 5000.0), (16_000, 8001.0)])
def test_a_recording_whose_rate_is_too_low_for_any_clip_is_not_listened_to(
    tmp_path, rate_hz, least_hz
):
    """No network is asked (there is none here); the reason names both numbers and the flag."""
    item = replace(
        sound_item(tmp_path, np.zeros(16_000, np.float32)),
        facts={"download_audio": {"source_rate_hz": rate_hz}},
    )
    reason = f"recorded at {rate_hz} Hz .* above {rate_hz // 2} Hz.* {least_hz:g} Hz; --min-band"

    with pytest.raises(Reject, match=reason) as narrow:
        survey.process(item, tmp_path, survey.Params(min_bandwidth_hz=least_hz), None)
    assert narrow.value.facts == {"rule": "bandwidth"}
    assert survey._require_bandwidth(rate_hz, survey.Params(min_bandwidth_hz=0)) is None
    assert survey._require_bandwidth(16_000, survey.Params()) is None
