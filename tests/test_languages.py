"""German through the whole chain, with the multilingual weights: a voice of espeak-ng in."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from bench.languages import SENTENCES, spoken
from pipeline.validate import errors, unknown_symbols, validate

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of two German sentences; the language is not named."""
    folder = tmp_path_factory.mktemp("german")
    (folder / "in").mkdir()
    soundfile.write(folder / "in/voice.wav", *spoken("de", SENTENCES["de"][:2]))
    argv = [sys.executable, "-m", "pipeline", folder / "in", "--output", folder / "out"]
    argv += ["--whisper-model", "base", "--separation", "never"]
    argv += ["--min-fit", "-3", "--min-token-fit", "-20"]  # whisper mishears a robot
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "said.txt").write_text(done.stdout, encoding="utf-8")
    return folder / "out"


def test_german_is_found_spoken_out_and_valid(german: Path) -> None:
    """The sentence is there, numbers are words, both lists are in their alphabets."""
    clips = [json.loads(line) for line in (german / "metadata.jsonl").open(encoding="utf-8")]

    assert len(clips) == 2
    assert "erzähle" in clips[0]["text"]
    assert "dritten Mai" in clips[1]["normalized_text"]
    assert not any(char.isdigit() for clip in clips for char in clip["normalized_text"])
    assert not any(unknown_symbols(clip["phonemes"], "kokoro") for clip in clips)
    assert errors(validate(german)) == []


def test_the_card_names_the_language_and_its_phonemes(german: Path) -> None:
    """Kokoro-82M has no German: whose phonemes are in its list is said."""
    card = (german / "README.md").read_text(encoding="utf-8")

    assert "language `de`" in card
    assert "Kokoro-82M does not speak de: these are espeak-ng's phonemes" in card


def test_texts_that_whisper_is_unsure_of_are_warned_of(german: Path) -> None:
    """It hears a robot: at the end of the run, in the card and in the report, with what helps."""
    said = (german.parent / "said.txt").read_text(encoding="utf-8")
    card, page = ((german / name).read_text() for name in ("README.md", "report.html"))

    assert "⚠️ whisper is unsure of the words: 0." in said
    for text in (said, card, page):
        assert "in 100 may be wrong" in text
        assert "--whisper-model medium" in text
