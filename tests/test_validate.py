"""validate: every rule of the trainers, broken once in an otherwise perfect folder."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.validate import describe, errors, symbols, validate
from pipeline.validate.alphabets import indexes

RATE_HZ = 24_000
LONG = "ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps ˌOvəɹ ðə lˈAzi dˈɔɡ ænd ɹˈʌnz"
IPA = "ðə kwˈɪk bɹˈaʊn fˈɑːks dʒˈʌmps ˌoʊvɚ ðə lˈeɪzi dˈɔɡ ænd ɹˈʌnz"
Break = Callable[[Path], None]


def tone(path: Path, duration_s: float = 1.5, silence_s: float = 0.15, rate: int = RATE_HZ) -> None:
    samples = 0.3 * np.sin(2 * np.pi * 220 * np.arange(round(duration_s * rate)) / rate)
    edge = round(silence_s * rate)
    samples[len(samples) - edge :] = 0.0
    soundfile.write(path, samples, rate, subtype="PCM_16")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A small folder with nothing wrong with it."""
    names = [f"a-{index}" for index in range(10)]
    (tmp_path / "wavs").mkdir()
    for name in names:
        tone(tmp_path / "wavs" / f"{name}.wav")
    for trainer, text in (("kokoro", LONG), ("styletts2", IPA)):
        (tmp_path / trainer).mkdir()
        rows = [f"wavs/{name}.wav|{text}|0\n" for name in names]
        (tmp_path / trainer / "train_list.txt").write_text("".join(rows[:9]), encoding="utf-8")
        (tmp_path / trainer / "val_list.txt").write_text(rows[9], encoding="utf-8")
    (tmp_path / "styletts2/OOD_texts.txt").write_text(f"{IPA}|0\n{IPA}|0\n", encoding="utf-8")
    csv = "".join(f"{name}|Hello 1.|Hello one.\n" for name in names)
    (tmp_path / "metadata.csv").write_text(csv, encoding="utf-8")
    rows = [json.dumps({"file_name": f"wavs/{name}.wav", "text": "Hello."}) for name in names]
    (tmp_path / "metadata.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def found(folder: Path) -> list[tuple[str, str, str, int]]:
    return [(p.severity, p.rule, p.file, p.line) for p in validate(folder)]


def change(file: str, old: str, new: str) -> Break:
    """Return a function that replaces the first `old` in a file of the dataset."""

    def apply(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8", newline="")

    return apply


def write(file: str, data: bytes) -> Break:
    return lambda folder: (folder / file).write_bytes(data) and None


def test_a_good_folder_has_no_problem(dataset: Path) -> None:
    """No error, no warning, and the terminal says so. A missing last newline is fine."""
    assert validate(dataset) == []
    assert describe([]) == "valid: a trainer can take this folder"


TRAIN, VAL, OOD = "kokoro/train_list.txt", "kokoro/val_list.txt", "styletts2/OOD_texts.txt"
IPA_TRAIN = "styletts2/train_list.txt"
BROKEN = {
    "two fields": (change(TRAIN, "|0\n", "\n"), ("error", "fields", TRAIN, 1)),
    "four fields": (change(TRAIN, "ðə k", "ðə|k"), ("error", "fields", TRAIN, 1)),
    "empty line": (change(TRAIN, "|0\n", "|0\n\n"), ("error", "fields", TRAIN, 2)),
    "speaker name": (change(TRAIN, "|0\n", "|anna\n"), ("error", "speaker", TRAIN, 1)),
    "speaker 00": (change(TRAIN, "|0\n", "|00\n"), ("error", "speaker", TRAIN, 1)),
    "no phonemes": (change(TRAIN, LONG, " "), ("error", "empty_text", TRAIN, 1)),
    "stranger": (change(TRAIN, "ðə", "ðǂ"), ("error", "unknown_symbols", TRAIN, 1)),
    "kokoro's symbol": (change(IPA_TRAIN, "ðə", "ðᵊ"), ("error", "unknown_symbols", IPA_TRAIN, 1)),
    "padding sign": (change(IPA_TRAIN, "ðə", "ð$"), ("error", "unknown_symbols", IPA_TRAIN, 1)),
    "511 symbols": (change(TRAIN, LONG, "a" * 511), ("error", "too_many_phonemes", TRAIN, 1)),
    "twice": (change(TRAIN, "a-1.", "a-0."), ("error", "duplicate_row", TRAIN, 2)),
    "in both": (change(VAL, "a-9", "a-3"), ("error", "in_train_and_val", VAL, 1)),
    "no such wav": (change(TRAIN, "a-0.", "b-0."), ("error", "missing_wav", TRAIN, 1)),
    "outside": (change(TRAIN, "wavs/", "../wavs/"), ("error", "missing_wav", TRAIN, 1)),
    "quoted": (change(TRAIN, "wavs/a-0", '"wavs/a-0'), ("error", "quoted", TRAIN, 1)),
    "empty list": (write(VAL, b""), ("error", "empty_list", VAL, 0)),
    "few rows": (write(TRAIN, b"wavs/a-0.wav|a|0"), ("warning", "fewer_rows_than_batch", TRAIN, 0)),
    "no list": (lambda f: (f / VAL).unlink(), ("error", "missing_list", VAL, 0)),
    "not UTF-8": (write(VAL, b"wavs/a-9.wav|\xff|0\n"), ("error", "not_utf8", VAL, 1)),
    "mark": (change(TRAIN, "wavs/", "\ufeffwavs/"), ("error", "byte_order_mark", TRAIN, 1)),
    "CRLF": (change(TRAIN, "\n", "\r\n"), ("warning", "carriage_returns", TRAIN, 0)),
    "one OOD line": (write(OOD, b"a|0\n"), ("error", "ood_lines", OOD, 0)),
    "last is long": (change(OOD, IPA, "a"), ("error", "ood_too_short", OOD, 0)),
    "OOD symbols": (change(OOD, "ðə", "ð%"), ("error", "ood_unknown_symbols", OOD, 1)),
    "OOD too long": (change(OOD, "ðə", "a" * 500), ("error", "ood_too_many_phonemes", OOD, 1)),
    "OOD fields": (write(OOD, b"x.wav|a\na\n"), ("error", "ood_fields", OOD, 2)),
    "no OOD": (lambda f: (f / OOD).unlink(), ("warning", "missing_ood", OOD, 0)),
    "csv fields": (change("metadata.csv", "|Hello 1.", ""), ("error", "fields", "metadata.csv", 1)),
    "csv text": (
        change("metadata.csv", "Hello 1.", ""),
        ("error", "empty_text", "metadata.csv", 1),
    ),
    "csv header": (change("metadata.csv", "a-0", "id"), ("error", "header", "metadata.csv", 1)),
    "csv wav": (change("metadata.csv", "a-0", "b-0"), ("error", "missing_wav", "metadata.csv", 1)),
    "json": (change("metadata.jsonl", "{", ""), ("error", "not_json", "metadata.jsonl", 1)),
    "json name": (
        change("metadata.jsonl", "file_name", "file"),
        ("error", "no_file_name", "metadata.jsonl", 1),
    ),
}


HINTS = {
    "tabs": (write(TRAIN, b"wavs/a-0.wav\ta\t0\n"), "there are tabs in it: write | instead"),
    "commas": (write("metadata.csv", b"a-0,Hello,Hello\n"), "there are commas in it"),
    "a path for an id": (change("metadata.csv", "a-0|", "wavs/a-0.wav|"), "write a-0 [id]"),
    "backslashes": (change(TRAIN, "wavs/a-0", r"wavs\\a-0"), "has backslashes"),
    "mp3": (
        lambda folder: (folder / "wavs/a-0.wav").rename(folder / "wavs/a-0.mp3"),
        "wavs/a-0.wav is not there, wavs/a-0.mp3 is: name that one, as a WAV file",
    ),
    "no text": (change("metadata.jsonl", '"text": "', '"text": null, "t": "'), "but None"),
}


@pytest.mark.parametrize("name", HINTS)
def test_what_is_often_meant_is_said(dataset: Path, name: str) -> None:
    """Datasets of other tools: the message names what they have instead."""
    break_it, expected = HINTS[name]

    break_it(dataset)

    assert expected in describe(validate(dataset))


@pytest.mark.parametrize(
    "place, expected",
    [("filelists/en/train_list.txt", "validate "), ("train.txt", "there are train.txt: rename")],
)
def test_a_folder_without_lists_says_where_some_are(
    tmp_path: Path, place: str, expected: str
) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("wavs/a.wav|a|0\n")

    said = describe(validate(tmp_path))

    assert "this is not a dataset folder; there " in said
    assert expected in said
    assert place in said


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_is_found_where_it_is_broken(dataset: Path, name: str) -> None:
    """One break, one problem: with its severity, rule, file and line."""
    break_it, expected = BROKEN[name]

    break_it(dataset)

    assert expected in found(dataset)


@pytest.mark.parametrize(
    ("rule", "severity", "options"),
    [
        ("wrong_rate", "error", {"rate": 22_050}),
        ("too_short", "error", {"duration_s": 0.9}),
        ("no_silence_at_end", "warning", {"silence_s": 0.05}),
    ],
)
def test_sound_files_are_checked_once(
    dataset: Path, rule: str, severity: str, options: dict[str, float]
) -> None:
    """A clip that stands in four lists gives one problem."""
    tone(dataset / "wavs/a-4.wav", **options)  # type: ignore[arg-type]

    about_sound = [problem for problem in found(dataset) if problem[2].startswith("wavs/")]
    assert about_sound == [(severity, rule, "wavs/a-4.wav", 0)]


def test_stereo_float_and_broken_files(dataset: Path) -> None:
    """Two channels and rubbish are errors, another sample format is a warning."""
    sound = np.concatenate([np.full(36_000, 0.1), np.zeros(12_000)])
    two = np.stack([sound, sound], axis=1)
    soundfile.write(dataset / "wavs/a-1.wav", two, RATE_HZ, subtype="PCM_16")
    soundfile.write(dataset / "wavs/a-2.wav", sound, RATE_HZ, subtype="FLOAT")
    (dataset / "wavs/a-3.wav").write_bytes(b"no sound")

    assert found(dataset) == [
        ("error", "not_mono", "wavs/a-1.wav", 0),
        ("warning", "not_pcm16", "wavs/a-2.wav", 0),
        ("error", "unreadable_wav", "wavs/a-3.wav", 0),
    ]


def test_silence_and_samples_that_are_no_numbers(dataset: Path) -> None:
    """Nothing to learn from, and a loss of nan."""
    soundfile.write(dataset / "wavs/a-1.wav", np.zeros(48_000), RATE_HZ, subtype="PCM_16")
    broken = np.concatenate([np.full(36_000, np.nan), np.zeros(12_000)])
    soundfile.write(dataset / "wavs/a-2.wav", broken, RATE_HZ, subtype="FLOAT")

    assert [problem.rule for problem in errors(validate(dataset))] == ["silent_wav", "not_finite"]


def test_a_text_that_is_too_long_for_its_clip(dataset: Path) -> None:
    """Every symbol needs two frames of 12.5 ms: 118 symbols cannot be said in 1.5 s."""
    change(TRAIN, f"wavs/a-4.wav|{LONG}", f"wavs/a-4.wav|{LONG}{LONG}")(dataset)

    assert found(dataset) == [("error", "too_many_phonemes_for_length", TRAIN, 5)]


def test_words_instead_of_phonemes(dataset: Path) -> None:
    """Written texts are inside the alphabet letter by letter, and make a voice of noise."""
    for name in ("train_list.txt", "val_list.txt"):
        path = dataset / "styletts2" / name
        text = path.read_text(encoding="utf-8").replace(IPA, "The quick brown fox, at last.")
        path.write_text(text, encoding="utf-8")

    problems = [p for p in validate(dataset) if p.rule == "not_phonemes"]

    assert [(p.file, p.line) for p in problems] == [(IPA_TRAIN, 1), ("styletts2/val_list.txt", 1)]
    assert "phonemize them" in problems[0].message


def test_several_speakers_are_mentioned(dataset: Path) -> None:
    """The trainer takes them, if its config says so."""
    change(IPA_TRAIN, "|0\n", "|1\n")(dataset)

    assert found(dataset) == [("warning", "several_speakers", IPA_TRAIN, 0)]


def test_every_message_says_what_to_do(dataset: Path) -> None:
    """File, line, what is wrong, the remedy, the rule: in one line."""
    change(TRAIN, "ðə", "ðǂ")(dataset)

    (problem,) = validate(dataset)

    assert str(problem) == (
        "error: kokoro/train_list.txt:1: 'ǂ' not in Kokoro's alphabet, silently dropped:"
        " phonemize again [unknown_symbols]"
    )


def test_room_tone_counts_as_silence(dataset: Path) -> None:
    """A real pause is not digital silence: 15 dB under the speech is quiet."""
    rng = np.random.default_rng(0)
    samples = 0.3 * np.sin(2 * np.pi * 220 * np.arange(36_000) / RATE_HZ)
    samples[-2_400:] = 0.0
    soundfile.write(dataset / "wavs/a-5.wav", samples + 0.01 * rng.normal(size=36_000), RATE_HZ)

    assert validate(dataset) == []


def test_an_ljspeech_folder_of_a_stranger(tmp_path: Path) -> None:
    """metadata.csv and wavs/ at 22,050 Hz: one error a clip, shown once each, then counted."""
    (tmp_path / "wavs").mkdir()
    for index in range(7):
        tone(tmp_path / f"wavs/LJ{index}.wav", rate=22_050)
    rows = "".join(f"LJ{index}|In 1455,|In fourteen fifty-five,\n" for index in range(7))
    (tmp_path / "metadata.csv").write_text(rows, encoding="utf-8")

    problems = validate(tmp_path)

    assert [p.rule for p in problems] == ["wrong_rate"] * 7
    assert describe(problems).splitlines()[-2:] == [
        "… and 2 more of wrong_rate in wavs",
        "not valid: 7 errors, 0 warnings",
    ]


def test_one_error_is_counted_in_the_singular(tmp_path: Path) -> None:
    """A folder of something else has one error; a warning would be "1 warning"."""
    assert describe(validate(tmp_path)).endswith("not valid: 1 error, 0 warnings")


def test_a_metadata_csv_with_commas_and_a_header_is_named_as_such(tmp_path: Path) -> None:
    """Hugging Face's metadata.csv is another format under the same name: said once, not a line."""
    (tmp_path / "wavs").mkdir()
    rows = "file_name,text\n" + "".join(f"wavs/{i}.wav,Hello.\n" for i in range(9))
    (tmp_path / "metadata.csv").write_text(rows, encoding="utf-8")

    (problem,) = validate(tmp_path)

    assert (problem.rule, problem.line) == ("not_ljspeech", 1)
    assert "id|text|normalized text" in problem.message


def test_a_styletts2_folder_of_a_stranger(dataset: Path) -> None:
    """Lists in the folder itself, with bare names, as StyleTTS2's own Data/ has them."""
    for name in ("train_list.txt", "val_list.txt", "OOD_texts.txt"):
        text = (dataset / "styletts2" / name).read_text(encoding="utf-8")
        (dataset / name).write_text(text.replace("wavs/", ""), encoding="utf-8")

    assert validate(dataset) == []


def test_clips_that_no_list_names_are_mentioned(dataset: Path) -> None:
    """They are harmless, but a person should know."""
    tone(dataset / "wavs/left-over.wav")

    assert found(dataset) == [("warning", "unlisted_wavs", "wavs", 0)]


def test_no_dataset_is_an_error(tmp_path: Path) -> None:
    """A missing folder and one without lists are no valid datasets."""
    assert [p.rule for p in errors(validate(tmp_path / "missing"))] == ["no_folder"]
    assert [p.rule for p in errors(validate(tmp_path))] == ["nothing_found"]


def test_the_output_of_a_run_that_is_not_complete_is_told_from_a_strange_folder(
    tmp_path: Path,
) -> None:
    (tmp_path / "pipeline_state.yaml").touch()

    (problem,) = validate(tmp_path)

    assert problem.rule == "unfinished"
    assert "go on with --resume" in problem.message


def test_the_alphabets_are_the_trainers() -> None:
    """114 symbols on 178 slots for Kokoro, 178 places for StyleTTS2, `A` at another index."""
    assert (len(symbols("kokoro")), max(indexes("kokoro").values())) == (114, 177)
    assert max(indexes("styletts2").values()) == 177
    assert (indexes("kokoro")["A"], indexes("styletts2")["A"]) == (24, 17)
    assert {"ᵊ", "ʦ"} <= symbols("kokoro") - symbols("styletts2")
