"""The language of a job: heard over all recordings, since a word or two do not tell it."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench.languages import spoken
from pipeline import audio
from pipeline.item import Item, write_json
from pipeline.stages import transcribe_audio as stage
from pipeline.stages.transcribe_audio import agree
from pipeline.stages.transcribe_audio.recording import OWN_LANGUAGE_S, beside_job

ISOLATED = "isolate_speakers"
SAID = (
    "Cancelado.", "Extensión.", "Veintiuno.", "Mensaje recuperado.", "Buenas tardes.",
    "Llamada en espera.", "El número marcado.", "Entre su clave.", "Gracias por esperar.",
    "Pulse la tecla.", "Transferencia.",
)  # fmt: skip
BASE = stage.Params(whisper_model="base")


@pytest.fixture(scope="module")
def base() -> stage.Models:
    return stage.load(BASE, "cpu")


@pytest.fixture(scope="module")
def prompts(tmp_path_factory) -> list[Item]:
    """Spanish words, each a recording of 2 to 3 s, by a voice of espeak-ng."""
    folder = tmp_path_factory.mktemp("prompts")
    return [as_item(folder / str(k), *spoken("es", [text])) for k, text in enumerate(SAID)]


def as_item(folder: Path, samples: audio.Samples, rate_hz: int, **more) -> Item:
    folder.mkdir(parents=True)
    duration_s = len(samples) / rate_hz
    audio.write(folder / "audio.flac", samples, rate_hz)
    write_json(folder / "spans.json", {"target": [[0.0, duration_s, 0.9, 0]], "others": []})
    facts = {ISOLATED: {"target_s": duration_s}}
    return Item(folder.name, folder.name, "", {ISOLATED: str(folder)}, facts, **more)


def agreed(items: list[Item], out: Path, models: stage.Models | None, language: str = "auto"):
    out.mkdir()
    engine = models.engine if models else None
    result = agree.process(items, out, agree.Params("base", "auto", language), engine)
    return result.facts, json.loads((out / result.output).read_text())


def test_what_words_alone_do_not_tell_all_recordings_together_do(prompts, base, tmp_path):
    """By itself each is heard as English, German, Italian or Thai; together they are Spanish."""
    alone = [agreed([one], tmp_path / one.name, base)[0] for one in prompts[:4]]
    facts, _ = agreed(prompts, tmp_path / "all", base)

    assert "es" not in [one["language"] for one in alone]
    assert facts["language"] == "es"
    assert facts["probability"] > 0.8
    assert facts["windows"] == 1


def test_a_word_is_transcribed_in_the_language_of_its_job(prompts, base, tmp_path):
    """'Extensión.' by itself is German to base."""
    word = prompts[1]
    told = {**word.facts, stage.AGREE: {"language": "es", "probability": 0.97}}

    languages = []
    for name, facts in (("alone", word.facts), ("told", told)):
        (tmp_path / name).mkdir()
        item = Item(word.source, word.name, "", word.folders, facts)
        found = stage.process(item, tmp_path / name, BASE, base).facts
        languages.append((found["language"], found["language_probability"]))

    assert languages[0][0] != "es"
    assert languages[1] == ("es", 0.97)


@pytest.mark.parametrize(
    ("heard", "probability", "speech_s", "expected"),
    [
        ("es", 0.4, 1.0, ("es", 0.9)),
        ("es", 0.99, 1.0, ("es", 0.99)),
        ("en", 0.99, OWN_LANGUAGE_S - 0.1, ("es", 0.9)),
        ("en", 0.79, OWN_LANGUAGE_S, ("es", 0.9)),
        ("en", 0.8, OWN_LANGUAGE_S, ("en", 0.8)),
    ],
)
def test_only_a_long_and_sure_recording_has_a_language_of_its_own(
    heard, probability, speech_s, expected
):
    assert beside_job(heard, probability, speech_s, ("es", 0.9)) == expected


def test_a_language_that_is_named_is_not_asked_for(prompts, tmp_path):
    """No model is loaded for it; what a worker would take is told all the same."""
    facts, written = agreed(prompts, tmp_path / "named", None, "de")

    assert agree.memory_gb(agree.Params("base", "auto", "de")) > 0
    assert agree.load(agree.Params("base", "auto", "de"), "cpu") is None
    assert agree.load(agree.Params("tiny.en", "auto", "auto"), "cpu") is None
    assert facts == {"language": "de", "probability": 1.0, "windows": 0}
    assert written["heard"] == {"de": 1.0}


def test_where_nobody_speaks_no_language_is_made_up(tmp_path, base):
    """Recordings that were dropped, or are gone, are not heard; the next stage decides alone."""
    silence = np.zeros(16_000, np.float32)
    dropped = as_item(tmp_path / "dropped", silence, 16_000, dropped="other_speaker: nobody")
    gone = as_item(tmp_path / "gone", silence, 16_000)
    (tmp_path / "gone" / "audio.flac").unlink()

    facts, _ = agreed([dropped, gone], tmp_path / "out", base)

    assert facts == {"language": "", "probability": 0.0, "windows": 0}


def test_what_is_heard_is_spread_over_the_job_and_bounded(tmp_path):
    """Ten recordings of 60 s, each a tone of another level: as many windows as are allowed, of 28 s
    of speech, from the first to the last recording."""
    items = []
    for k in range(10):
        level = np.full(60 * 1000, (k + 1) / 20, np.float32)
        items.append(as_item(tmp_path / str(k), level, 1000))

    windows = list(agree._windows(items))

    assert len(windows) == agree.MOST_WINDOWS
    assert {len(window) for window in windows} == {28 * 16_000}
    heard = {round(float(np.median(window[:1000])) * 20) - 1 for window in windows}
    assert heard == set(range(10))
