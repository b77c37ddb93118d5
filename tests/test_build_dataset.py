"""build_dataset: from hand-made segment artefacts to a folder that a trainer takes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.item import Item, Unusable
from pipeline.stages import build_dataset
from pipeline.stages.build_dataset import Models, Params
from pipeline.stages.build_dataset.lists import Clip
from pipeline.stages.build_dataset.overview import processing, top_rules
from pipeline.stages.build_dataset.recordings import (
    Candidate,
    Recording,
    Rejected,
    gaps,
    read_recordings,
    seconds_by_rule,
)
from pipeline.stages.build_dataset.split import val_ids
from pipeline.validate import validate

RATE_HZ = 24_000
LONG_S = 2.0


@pytest.fixture(scope="module")
def models() -> Models:
    return build_dataset.load(Params(), "cpu")


def clip(text: str, duration_s: float = LONG_S, **more: Any) -> dict[str, Any]:
    return {"text": text, "duration_s": duration_s, **more}


def segmented(
    folder: Path,
    name: str,
    clips: Sequence[dict[str, Any]],
    rejected: Sequence[dict[str, Any]] = (),
    language: str = "en",
    tail_s: float = 1.0,
) -> Item:
    """Return an item whose segment artefact has `clips` one after the other, then `rejected`."""
    artefact = folder / "segment_audio" / name
    (artefact / "clips").mkdir(parents=True)
    rows, cursor_s = [], 0.5
    for index, one in enumerate(clips):
        clip_id = f"{name}-{index:04d}"
        tone(artefact / "clips" / f"{clip_id}.wav", one["duration_s"])
        end_s = round(cursor_s + one["duration_s"], 3)
        rows.append(
            {
                "id": clip_id,
                "file": f"clips/{clip_id}.wav",
                "start_s": cursor_s,
                "end_s": end_s,
                "similarity": 0.91,
                "scores": {"dnsmos": 3.2, "snr_db": 31.5},
                **one,
            }
        )
        cursor_s = end_s
    duration_s = max([cursor_s, *(span["end_s"] for span in rejected)]) + tail_s
    found = {"duration_s": duration_s, "language": language, "clips": rows}
    found |= {"rejected": list(rejected), "non_speech_s": 0.5 + tail_s}
    (artefact / "clips.json").write_text(json.dumps(found), encoding="utf-8")
    return item(f"{name}.wav", name, {"segment_audio": str(artefact)})


def item(source: str, name: str, folders: dict[str, str], **more: Any) -> Item:
    return Item(source=source, name=name, origin=f"/recordings/{source}", folders=folders, **more)


def tone(path: Path, duration_s: float, silence_s: float = 0.1) -> None:
    """Write a 220 Hz tone with silence at both ends, 24 kHz mono 16 bit."""
    samples = 0.3 * np.sin(2 * np.pi * 220 * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)
    edge = round(silence_s * RATE_HZ)
    samples[:edge] = samples[-edge:] = 0.0
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")


def sentences(count: int) -> list[dict[str, Any]]:
    return [clip(f"This is sentence number {index} of the story.") for index in range(count)]


def build(items: Sequence[Item], out: Path, models: Models, **changed: Any) -> dict[str, Any]:
    out.mkdir()
    return dict(build_dataset.process(items, out, Params(**changed), models).facts)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(path)]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_everything_that_is_promised_is_in_the_folder(tmp_path: Path, models: Models) -> None:
    """The folder has exactly the files of 'What comes out', and validate finds no error."""
    items = [segmented(tmp_path, name, sentences(6)) for name in ("b-2", "a-1")]

    facts = build(items, tmp_path / "out", models)

    found = {name for name in contents(tmp_path / "out") if not name.startswith("wavs/")}
    lists = {f"{t}/{n}_list.txt" for t in ("kokoro", "styletts2") for n in ("train", "val")}
    pages = {"README.md", "report.html", "rejected.jsonl", "metadata.csv", "metadata.jsonl"}
    pages |= {"speakers.json", "spectrograms.js", "kokoro/reference.wav", "kokoro/reference.txt"}
    splits = {f"huggingface/{name}/metadata.jsonl" for name in ("train", "validation")}
    splits |= {name for name in found if name.startswith("huggingface/") and name.endswith(".wav")}
    assert found == lists | pages | splits | {"styletts2/OOD_texts.txt"}
    assert len(list((tmp_path / "out/wavs").iterdir())) == facts["clips"] == 12
    assert [p.rule for p in validate(tmp_path / "out")] == ["fewer_rows_than_batch"] * 2


def test_lines_have_the_trainers_form(tmp_path: Path, models: Models) -> None:
    """Lists are wav|phonemes|0, metadata.csv is id|text|normalized text; nothing is quoted."""
    items = [segmented(tmp_path, "a-1", [clip('He said "5 o\'clock", or so.'), *sentences(1)])]

    build(items, tmp_path / "out", models)

    first = lines(tmp_path / "out/metadata.csv")[0]
    assert first == 'a-1-0000|He said "5 o\'clock", or so.|He said "five o\'clock", or so.'
    kokoro = lines(tmp_path / "out/kokoro/train_list.txt")
    assert kokoro == ["wavs/a-1-0000.wav|hˌi sˈɛd “fˈIv əklˈɑk”, ɔɹ sˌO.|0"]
    styletts2 = lines(tmp_path / "out/styletts2/train_list.txt")
    assert styletts2 == ['wavs/a-1-0000.wav|hiː sˈɛd "fˈaɪv əklˈɑːk" , ɔːɹ sˈoʊ .|0']


def test_speakers_keep_their_numbers(tmp_path: Path, models: Models) -> None:
    """In the lists' third field, in metadata.jsonl, and in speakers.json with their seconds."""
    clips = [clip("Good day to you.", speaker=0), clip("And to you.", speaker=1)] * 2

    out = tmp_path / "out"

    build([segmented(tmp_path, "a-1", clips)], out, models)

    listed = [*lines(out / "kokoro/train_list.txt"), *lines(out / "kokoro/val_list.txt")]
    assert sorted(line.rpartition("|")[2] for line in listed) == ["0", "0", "1", "1"]
    assert [row["speaker"] for row in rows(out / "metadata.jsonl")] == [0, 1, 0, 1]
    assert "4 clips of 2 speakers (`speakers.json`)" in (out / "README.md").read_text()
    known = json.loads((out / "speakers.json").read_text())["speakers"]
    assert [(one["id"], one["clips"], one["recordings"]) for one in known] == [
        (0, 2, ["a-1.wav"]),
        (1, 2, ["a-1.wav"]),
    ]


def test_metadata_jsonl_says_where_a_clip_is_from(tmp_path: Path, models: Models) -> None:
    """Each row has text, phonemes, speaker, scores, and its place in the recording."""
    build([segmented(tmp_path, "a-1", sentences(2))], tmp_path / "out", models)

    row = rows(tmp_path / "out/metadata.jsonl")[1]
    assert row.pop("phonemes").startswith("ðˌɪs ɪz")
    assert row == {
        "file_name": "wavs/a-1-0001.wav",
        "text": "This is sentence number 1 of the story.",
        "normalized_text": "This is sentence number one of the story.",
        "speaker": 0,
        "duration": 2.0,
        "scores": {"similarity": 0.91, "dnsmos": 3.2, "snr_db": 31.5},
        "source": "a-1.wav",
        "start": 2.5,
        "end": 4.5,
    }


def test_same_input_gives_the_same_bytes(tmp_path: Path, models: Models) -> None:
    """Two builds, the items in another order the second time: every file is the same."""
    items = [segmented(tmp_path, name, sentences(4)) for name in ("a-1", "b-2", "c-3")]

    build(items, tmp_path / "one", models)
    build(items[::-1], tmp_path / "two", build_dataset.load(Params(), "cpu"))

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_no_recording_is_in_both_lists(tmp_path: Path, models: Models) -> None:
    """With several recordings, val is whole recordings; the seed chooses which."""
    items = [segmented(tmp_path, f"r-{i}", sentences(3)) for i in range(8)]

    chosen = set()
    for seed in range(4):
        out = tmp_path / f"out{seed}"
        build(items, out, models, seed=seed)
        val = {line.split("-00")[0] for line in lines(out / "kokoro/val_list.txt")}
        train = {line.split("-00")[0] for line in lines(out / "kokoro/train_list.txt")}
        assert len(val) == 1 and not val & train
        chosen |= val

    assert len(chosen) > 1


def test_recordings_that_join_move_few_between_the_lists():
    """Of 40 recordings 4 are held back; at most one of them is trained on once 5 more are there."""

    def held_back(names: Sequence[str]) -> set[str]:
        ids = [(f"{name}-{k}", name) for name in names for k in range(10)]
        clips = [Candidate(one, Path(), source, 0.0, 1.0, 1.0, "", {}) for one, source in ids]
        return {one.rpartition("-")[0] for one in val_ids(clips, 10.0, seed=0)}

    before = held_back([f"take {k}" for k in range(40)])
    after = held_back([f"take {k}" for k in range(40)] + [f"more {k}" for k in range(5)])
    assert len(before) == 4
    assert len(before - after) <= 1


def test_one_recording_is_split_at_its_end(tmp_path: Path, models: Models) -> None:
    """With a single recording the last clips are the val list."""
    build([segmented(tmp_path, "a-1", sentences(20))], tmp_path / "out", models, val_percent=10)

    val = [line.split("|")[0] for line in lines(tmp_path / "out/styletts2/val_list.txt")]
    assert val == ["wavs/a-1-0018.wav", "wavs/a-1-0019.wav"]


def test_every_second_is_accounted_for(tmp_path: Path, models: Models) -> None:
    """Clips and rejected rows of a recording cover it without gap or overlap."""
    noisy = {"start_s": 6.5, "end_s": 9.0, "rule": "snr", "reason": "8 dB is below 15 dB"}
    noisy |= {"value": 8.0, "threshold": 15.0, "text": "Noise | here."}
    items = [segmented(tmp_path, "a-1", [*sentences(2), clip("你好 there.")], [noisy])]

    build(items, tmp_path / "out", models)

    used = [(r["start"], r["end"], "used") for r in rows(tmp_path / "out/metadata.jsonl")]
    rest = rows(tmp_path / "out/rejected.jsonl")
    spans = sorted([*used, *((r["start"], r["end"], r["rule"]) for r in rest)])
    assert spans == [
        (0.0, 0.5, "non_speech"),
        (0.5, 2.5, "used"),
        (2.5, 4.5, "used"),
        (4.5, 6.5, "foreign_letters"),
        (6.5, 9.0, "snr"),
        (9.0, 10.0, "non_speech"),
    ]
    assert rest[2] == {
        "source": "a-1.wav", "start": 6.5, "end": 9.0, "rule": "snr",
        "reason": "8 dB is below 15 dB", "value": 8.0, "threshold": 15.0, "text": "Noise , here.",
    }  # fmt: skip


moments = st.integers(0, 20_000).map(lambda ms: ms / 1000)
stretches = st.tuples(moments, moments).map(sorted)


@settings(max_examples=300)
@given(st.lists(stretches, max_size=6), st.lists(stretches, max_size=6), st.integers(0, 3))
def test_seconds_add_up_whatever_the_spans(
    clips: list[list[float]], rejected: list[list[float]], faulty: int
) -> None:
    """used + rejected + non-speech = the duration, also where spans touch, overlap or are empty,
    and where clips are rejected in the end."""
    candidates = [
        Candidate(str(i), Path("x"), "a.wav", a, b, b - a, "text", {})
        for i, (a, b) in enumerate(clips)
    ]
    known = [Rejected("a.wav", a, b, "snr", "") for a, b in rejected]
    known += [Rejected("a.wav", c.start_s, c.end_s, "language", "") for c in candidates[:faulty]]
    recording = Recording("a.wav", 20.0, "en", "", candidates, known)

    everything = [*known, *gaps(recording, known)]

    assert sum(seconds_by_rule(recording, everything).values()) == pytest.approx(20.0, abs=0.01)


def test_dropped_and_failed_recordings_are_listed(tmp_path: Path, models: Models) -> None:
    """A dropped recording is rejected as a whole; a failed one has no known end."""
    known = {"download_audio": {"duration_s": 12.5}}
    reason = "duplicate: same content as a-1.wav"
    items = [
        segmented(tmp_path, "a-1", sentences(2)),
        item("copy.wav", "copy", {}, dropped=reason, facts=known),
        item("bad.mp3", "bad", {}, dropped="download_audio: cannot read bad.mp3: no audio stream"),
    ]

    build(items, tmp_path / "out", models)

    found = rows(tmp_path / "out/rejected.jsonl")
    spans = [(r["source"], r["start"], r["end"], r["rule"], r["reason"]) for r in found[-2:]]
    assert spans == [
        ("bad.mp3", 0.0, None, "download_audio", "cannot read bad.mp3: no audio stream"),
        ("copy.wav", 0.0, 12.5, "duplicate", "same content as a-1.wav"),
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty_text"),
        ("♪ … 😀", "empty_text"),
        ("שלום עולם", "foreign_letters"),
        ("This is, as ever, a rather lengthy sentence. " * 14, "too_many_phonemes"),
    ],
)
def test_clips_that_no_trainer_takes_are_rejected(
    tmp_path: Path, models: Models, text: str, rule: str
) -> None:
    """They are in rejected.jsonl by their rule, and in no list."""
    items = [segmented(tmp_path, "a-1", [*sentences(2), clip(text)])]

    facts = build(items, tmp_path / "out", models)

    found = [r for r in rows(tmp_path / "out/rejected.jsonl") if r["rule"] != "non_speech"]
    assert [r["rule"] for r in found] == [rule]
    assert facts["clips"] == 2


def test_hostile_texts_stay_on_their_line(tmp_path: Path, models: Models) -> None:
    """Separators, line ends, markup and quotes in a text break neither list nor page."""
    hostile = [
        "a|b|c, said he.",
        'tab\there\r\nand "there"\u2028now.',
        "<script>alert(1)</script> x.",
    ]
    items = [segmented(tmp_path, "a-1", [*map(clip, hostile), *sentences(2)])]

    build(items, tmp_path / "out", models)

    assert all(line.count("|") == 2 for line in lines(tmp_path / "out/metadata.csv"))
    assert len(lines(tmp_path / "out/metadata.csv")) == 5
    assert "<script>alert" not in (tmp_path / "out/report.html").read_text(encoding="utf-8")


def test_clips_under_a_second_are_rejected(tmp_path: Path, models: Models) -> None:
    """The trainer would skip their whole batch."""
    items = [segmented(tmp_path, "a-1", [*sentences(2), clip("Yes.", 0.8)])]

    build(items, tmp_path / "out", models)

    last = rows(tmp_path / "out/rejected.jsonl")[1]
    assert (last["rule"], last["value"], last["threshold"]) == ("too_short_for_trainer", 0.8, 1.0)


def test_the_dominant_language_wins(tmp_path: Path, models: Models) -> None:
    """With language auto, recordings of another language are rejected and named."""
    items = [
        segmented(tmp_path, "a-1", [clip("Hola, amigo mío.")], language="es"),
        segmented(tmp_path, "b-2", sentences(3)),
    ]

    facts = build(items, tmp_path / "out", models)

    first = rows(tmp_path / "out/rejected.jsonl")[1]
    assert facts["language"] == "en"
    assert (first["source"], first["rule"]) == ("a-1.wav", "language")


def test_a_spanish_dataset(tmp_path: Path) -> None:
    """Other languages of Kokoro go through espeak-ng, and are valid too."""
    texts = [clip("Hola, ¿qué tal? Tengo 21 años."), clip("El niño come una manzana roja.")]
    items = [segmented(tmp_path, "a-1", texts, language="es")]

    facts = build(items, tmp_path / "out", build_dataset.load(Params(language="es"), "cpu"))

    kokoro = lines(tmp_path / "out/kokoro/train_list.txt")
    assert facts["language"] == "es"
    assert kokoro == ["wavs/a-1-0000.wav|ˈola, kˈe tˈal? tˈɛŋɡo βAntjˈun ˈaɲos.|0"]


def test_the_card_says_what_the_phonemes_are(tmp_path: Path, models: Models) -> None:
    """misaki's English; for a language that Kokoro does not speak, that it does not."""
    texts = [clip("Guten Tag, mein Freund."), clip("Der Wald ist dunkel und still.")]
    german = [segmented(tmp_path, "d-1", texts, language="de")]
    english = [segmented(tmp_path, "a-1", sentences(2))]

    build(german, tmp_path / "de", build_dataset.load(Params(language="de"), "cpu"))
    build(english, tmp_path / "en", models)

    card = (tmp_path / "de/README.md").read_text(encoding="utf-8")
    assert "`kokoro/`: Kokoro-82M does not speak de: these are espeak-ng's phonemes" in card
    assert "`styletts2/`: espeak-ng's IPA, voice de." in card
    card = (tmp_path / "en/README.md").read_text(encoding="utf-8")
    assert "`kokoro/`: American English by misaki" in card


def test_japanese_says_what_is_missing() -> None:
    """A language whose phonemes need more packages stops the stage, and a run before its start."""
    with pytest.raises(Unusable, match=r"Japanese \(ja\).*choose another --language"):
        build_dataset.load(Params(language="ja"), "cpu")
    with pytest.raises(ValueError, match=r"Japanese \(ja\).*choose another --language"):
        build_dataset.check(Params(language="ja"))


def test_a_dataset_of_nothing_is_an_error_that_says_why(tmp_path: Path, models: Models) -> None:
    """The message names the rules that took most seconds, and what helps."""
    noisy = {"start_s": 0.5, "end_s": 9.0, "rule": "snr", "reason": "8 dB is below 15 dB"}
    items = [segmented(tmp_path, "a-1", [], [noisy])]

    with pytest.raises(
        ValueError, match=r"0 clips passed.*: snr: 8\.5 s in 1 place \(8 dB.*--min-snr-db"
    ):
        build(items, tmp_path / "out", models)


def test_the_example_of_a_rule_is_the_reason_that_took_most_seconds() -> None:
    """An empty file is no example of what took 30 s."""
    rejected = [
        Rejected("a.wav", 0.0, None, "download_audio", "it is empty"),
        Rejected("b.wav", 0.0, 30.0, "download_audio", "same sound as c.wav"),
        Rejected("d.wav", 0.0, 0.5, "download_audio", "shorter than 1 s"),
    ]

    assert top_rules(rejected) == ["download_audio: 30.5 s in 3 places (same sound as c.wav)"]


def test_guessed_words_are_named(tmp_path: Path, models: Models) -> None:
    """Words that no dictionary knows are in the facts and on the report."""
    items = [segmented(tmp_path, "a-1", [clip("The Zyxquar flew to Blorptown."), *sentences(1)])]

    facts = build(items, tmp_path / "out", models)

    assert facts["guessed_most"] == "Blorptown Zyxquar"
    assert "Zyxquar" in (tmp_path / "out/report.html").read_text(encoding="utf-8")


def test_words_that_may_be_said_wrong_are_on_the_report(tmp_path: Path) -> None:
    """Those that nobody can say, whose clips are rejected by name, and the foreign ones."""
    texts = ["J'aime beaucoup le football.", "Il fait très beau.", "Voici le mot ꜩꜩ, enfin."]
    items = [segmented(tmp_path, "f-1", [clip(text) for text in texts], language="fr")]

    facts = build(items, tmp_path / "out", build_dataset.load(Params(language="fr"), "cpu"))

    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "Words without phonemes" in page and "ꜩꜩ" in page.split("Words without phonemes")[1]
    assert "<p>football</p>" in page
    bad = [r for r in rows(tmp_path / "out/rejected.jsonl") if r["rule"] == "unpronounceable"]
    assert [r["reason"] for r in bad] == ["no phonemes for 'ꜩꜩ'"]
    assert (facts["foreign_words"], facts["unpronounceable_words"]) == (1, 1)


def test_what_a_person_excluded_is_rejected_by_hand_and_seconds_still_add_up(
    tmp_path: Path, models: Models
) -> None:
    """The clip is in no list; its seconds are counted under a rule of their own."""
    item = segmented(tmp_path, "a-1", sentences(3))
    full = build([item], tmp_path / "full", models)
    facts = build([replace(item, excluded=("a-1-0001",))], tmp_path / "out", models)

    assert [r["file_name"][-8:-4] for r in rows(tmp_path / "out/metadata.jsonl")] == [
        "0000",
        "0002",
    ]
    (bad,) = [r for r in rows(tmp_path / "out/rejected.jsonl") if r["rule"] == "excluded_by_hand"]
    assert (bad["source"], bad["text"]) == ("a-1.wav", "This is sentence number 1 of the story.")
    assert facts["used_s"] + bad["end"] - bad["start"] == pytest.approx(full["used_s"])
    assert "excluded by hand (excluded.txt)" in (tmp_path / "out/report.html").read_text()


def test_no_copy_comes_in_for_a_clip_that_a_person_took_out(tmp_path: Path, models: Models) -> None:
    """Of two clips of one sound one is in the dataset; without it none is."""
    same = clip("The very same words are said here.")
    items = [segmented(tmp_path, name, [same, *sentences(2)]) for name in ("a-1", "b-2")]
    bursts = np.repeat(np.random.default_rng(0).uniform(0, 0.5, 40), round(LONG_S * RATE_HZ / 40))
    sound = bursts * np.random.default_rng(1).uniform(-1, 1, len(bursts))
    for name in ("a-1", "b-2"):
        path = tmp_path / f"segment_audio/{name}/clips/{name}-0000.wav"
        soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")

    def ids(out: Path) -> set[str]:
        return {Path(row["file_name"]).stem for row in rows(out / "metadata.jsonl")}

    build(items, tmp_path / "full", models)
    (one,) = ids(tmp_path / "full") & {"a-1-0000", "b-2-0000"}
    taken_out = [replace(item, excluded=(one,)) if one[:3] in item.name else item for item in items]
    build(taken_out, tmp_path / "out", models)

    assert ids(tmp_path / "out") == ids(tmp_path / "full") - {one}
    rules = {row["rule"] for row in rows(tmp_path / "out/rejected.jsonl")}
    assert rules == {"non_speech", "duplicate", "excluded_by_hand"}


def test_what_became_of_processing_is_counted(tmp_path: Path) -> None:
    """A clip with a choice was kept processed or not; music that stayed is named."""
    undone, kept = {"scores": {"unprocessed": 1.0}}, {"scores": {"unprocessed": 0.0}}
    texts = [
        {**one, **scores} for one, scores in zip(sentences(3), (undone, kept, {}), strict=True)
    ]
    noisy, music = (segmented(tmp_path, name, texts) for name in ("a-1", "b-2"))
    left = segmented(tmp_path, "c-3", sentences(2))
    music = replace(music, facts={"isolate_speakers": {"separated": True, "separator": "spleeter"}})
    wanted = {"separation_wanted": True, "separated": False}
    left = replace(left, facts={"isolate_speakers.survey": wanted})
    recordings = read_recordings([noisy, music, left])
    clips = [Clip(made, "", "", "") for recording in recordings for made in recording.clips]

    assert processing(recordings, clips) == {
        "rows": [("noise reduction", 1, 1), ("separation from music", 1, 1)],
        "separators": ["spleeter"],
        "music_left": ["c-3.wav"],
    }


def test_wavs_are_links_where_possible(tmp_path: Path, models: Models) -> None:
    """Clips take no second place on the disk."""
    items = [segmented(tmp_path, "a-1", sentences(2))]

    build(items, tmp_path / "out", models)

    made = tmp_path / "segment_audio/a-1/clips/a-1-0000.wav"
    assert (tmp_path / "out/wavs/a-1-0000.wav").stat().st_ino == made.stat().st_ino


@pytest.mark.parametrize(("probability", "expected"), [(0.73, "about 27 in 100"), (0.88, "")])
def test_how_many_words_are_wrong_is_guessed_where_they_are_many(
    tmp_path: Path, models: Models, probability: float, expected: str
) -> None:
    """Told by whisper's own mean probability; clear English has more, and no such remark."""
    scores = {"word_probability": probability}
    items = [segmented(tmp_path, "a-1", [one | {"scores": scores} for one in sentences(3)])]

    advice = build(items, tmp_path / "out", models)["advice"]

    assert bool(advice) == bool(expected)
    assert expected in advice
    assert ("unsure of the words" in (tmp_path / "out/README.md").read_text()) == bool(expected)


@pytest.mark.parametrize(("highest_hz", "is_said"), [(3937.5, True), (7900.0, False)])
def test_the_card_says_that_most_clips_are_like_a_telephone(
    tmp_path: Path, models: Models, highest_hz: float, is_said: bool
) -> None:
    """Two clips of three have no sound above `highest_hz`; one has the whole band."""
    bands = (highest_hz, highest_hz, 11_000.0)
    clips = [
        one | {"scores": {"bandwidth_hz": band}}
        for one, band in zip(sentences(3), bands, strict=True)
    ]

    build([segmented(tmp_path, "a-1", clips)], tmp_path / "out", models)

    card = (tmp_path / "out/README.md").read_text()
    assert ("- most clips have nothing above 3938 Hz, like a telephone" in card) == is_said


@pytest.mark.parametrize("added", [0, 3])
def test_the_card_says_in_how_many_clips_speech_halts(
    tmp_path: Path, models: Models, added: int
) -> None:
    """One clip of three has words that whisper left out; one was made before these were counted."""
    scores = ({"added_words": added}, {"added_words": 0}, {})
    clips = [one | {"scores": each} for one, each in zip(sentences(3), scores, strict=True)]

    build([segmented(tmp_path, "a-1", clips)], tmp_path / "out", models)

    card = (tmp_path / "out/README.md").read_text()
    assert ('- 1 of 3 clips hold words that whisper leaves out ("um"' in card) == bool(added)


def test_clips_of_one_recording_are_said_to_be_so_where_more_came_in(
    tmp_path: Path, models: Models
) -> None:
    """The card counts two recordings; it must not say that there is one."""
    nothing = {"start_s": 0.5, "end_s": 2.5, "rule": "snr", "reason": "8 dB is below 15 dB"}
    items = [segmented(tmp_path, "a-1", sentences(3)), segmented(tmp_path, "b-2", [], [nothing])]

    build(items, tmp_path / "out", models)

    card = (tmp_path / "out/README.md").read_text()
    assert "in 2 recordings came in" in card
    assert "All clips are of one recording: its last ones are the val list." in card


def test_recordings_that_are_broken_off_are_named_five_of_them(
    tmp_path: Path, models: Models
) -> None:
    """Six files hold less than they promise: used as far as they go, and said in the card, also of
    one that is dropped."""
    whole = segmented(tmp_path, "whole", sentences(2))
    cut = [
        replace(one, facts={"download_audio": {"truncated": True}})
        for one in (segmented(tmp_path, f"cut-{k}", sentences(1)) for k in range(6))
    ]

    dropped = replace(cut[0], dropped="non_speech: no speech found")

    build([whole, dropped, *cut[1:]], tmp_path / "out", models)

    card = (tmp_path / "out/README.md").read_text()
    named = ", ".join(f"cut-{k}.wav" for k in range(5))
    assert f"- broken off, with sound missing at the end: {named} and 1 more" in card
