"""StyleTTS2's own loader on our lists, and on lists that validate says it chokes on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline.stages import build_dataset
from pipeline.stages.build_dataset import Params
from pipeline.validate import validate
from pipeline.validate.alphabets import indexes
from tests.styletts2_loader import batches, load_module
from tests.test_build_dataset import clip, segmented, sentences

HARD = 'Dr. Müller paid $3.50 — "twice"… at 5:30 p.m., NASA said; 50% of ½?'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two recordings."""
    folder = tmp_path_factory.mktemp("made")
    items = [
        segmented(folder, "a-1", [clip(HARD, 6.0), *sentences(4)]),
        segmented(folder, "b-2", sentences(3)),
    ]
    (folder / "out").mkdir()
    build_dataset.process(items, folder / "out", Params(), build_dataset.load(Params(), "cpu"))
    return folder / "out"


@pytest.mark.parametrize("name", ["train_list.txt", "val_list.txt"])
def test_styletts2_loads_every_row_and_drops_no_symbol(made, name, capsys):
    """Its loader gives a tensor of every row: all symbols, 24 kHz sound, OOD texts."""
    rows = [line.split("|") for line in (made / "styletts2" / name).read_text("utf-8").splitlines()]

    found = batches(made / "styletts2", name, made, batch_size=1)

    assert len(found) == len(rows)
    for (wav, text, _), batch in zip(rows, found, strict=True):
        waves, texts, text_lengths, ood, ood_lengths, mels, mel_lengths, _ = batch
        assert texts[0].tolist() == [0, *(indexes("styletts2")[symbol] for symbol in text), 0]
        assert text_lengths[0] <= 512 and ood_lengths[0] <= 512
        assert ood_lengths[0] >= 50
        assert len(waves[0]) == soundfile.info(made / wav).frames + 10_000
        assert 2 * text_lengths[0] <= mel_lengths[0]  # or no alignment is possible
        assert np.isfinite(mels.numpy()).all()
    assert capsys.readouterr().out == ""  # it prints texts with symbols that it drops


def test_the_alphabet_file_is_styletts2s():
    """Symbol by symbol and index by index, as its code builds it."""
    assert indexes("styletts2") == load_module().dicts


Break = tuple[str, Callable[[str], str]]
BROKEN: dict[str, Break] = {
    "speaker": ("train_list.txt", lambda text: text.replace("|0\n", "|anna\n")),
    "fields": ("train_list.txt", lambda text: text.replace("|0\n", "\n")),
    "missing_wav": ("train_list.txt", lambda text: text.replace("wavs/", "wavs/no-")),
    "ood_lines": ("OOD_texts.txt", lambda text: text.splitlines()[0] + "\n"),
    "ood_fields": ("OOD_texts.txt", lambda text: "x.wav|" + text.replace("|0", "")),
}


def copy_of(made: Path, folder: Path) -> Path:
    (folder / "styletts2").mkdir(parents=True)
    (folder / "wavs").symlink_to(made / "wavs")
    for path in (made / "styletts2").iterdir():
        (folder / "styletts2" / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("rule", BROKEN)
def test_what_validate_calls_an_error_stops_styletts2(made, tmp_path, rule):
    """The rule is found, and the loader raises on the same folder."""
    folder = copy_of(made, tmp_path / "broken")
    name, change = BROKEN[rule]
    path = folder / "styletts2" / name
    path.write_text(change(path.read_text("utf-8")), encoding="utf-8")

    assert rule in {problem.rule for problem in validate(folder) if problem.severity == "error"}
    with pytest.raises((ValueError, IndexError, OSError, RuntimeError)):
        batches(folder / "styletts2", "train_list.txt", folder)


def test_a_speaker_with_a_leading_zero_has_no_reference(made, tmp_path):
    """00 is read as 0, and no row is found whose field is "0"."""
    folder = copy_of(made, tmp_path / "zero")
    path = folder / "styletts2/train_list.txt"
    path.write_text(path.read_text("utf-8").replace("|0\n", "|00\n"), encoding="utf-8")

    assert "speaker" in {problem.rule for problem in validate(folder)}
    with pytest.raises(ValueError, match="greater than 0"):
        batches(folder / "styletts2", "train_list.txt", folder)


def test_symbols_that_validate_names_are_dropped_by_styletts2(made, tmp_path, capsys):
    """Silently but for a print: the text is shorter than it was written."""
    folder = copy_of(made, tmp_path / "strange")
    path = folder / "styletts2/train_list.txt"
    first = path.read_text("utf-8").splitlines()[0]
    path.write_text(first.replace("ɪ", "ᵊ") + "\n", encoding="utf-8")

    (batch,) = batches(folder / "styletts2", "train_list.txt", folder)

    dropped = first.split("|")[1].count("ɪ")
    assert dropped > 0
    assert batch[2][0] == len(first.split("|")[1]) + 2 - dropped
    assert "unknown_symbols" in {problem.rule for problem in validate(folder)}
    assert "ᵊ" in capsys.readouterr().out
