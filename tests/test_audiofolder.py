"""The dataset loaded by Hugging Face's own package, offline."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.stages import build_dataset
from pipeline.stages.build_dataset import Params
from tests.test_build_dataset import RATE_HZ, segmented, sentences

COLUMNS = {
    "audio", "text", "normalized_text", "phonemes", "speaker", "duration", "scores", "source",
    "start", "end",
}  # fmt: skip


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package, without a network, with a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_DATASETS_OFFLINE", "1")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        import datasets

        yield datasets


@pytest.fixture(scope="module")
def models() -> build_dataset.Models:
    return build_dataset.load(Params(), "cpu")


def built(tmp_path: Path, names: list[str], models: build_dataset.Models) -> Path:
    """Return an output folder with work/ in it, as a run leaves it."""
    out = tmp_path / "out"
    out.mkdir()
    items = [segmented(out / "work", name, sentences(3)) for name in names]
    build_dataset.process(items, out, Params(), models)
    return out


def test_audiofolder_loads_all_columns_and_both_splits(tmp_path, datasets, models):
    """As its users call it: every column, every clip once, the lists' own split, the sound."""
    out = built(tmp_path, ["a-1", "b-2"], models)

    found = datasets.load_dataset("audiofolder", data_dir=str(out))

    assert set(found["train"].column_names) == set(found["validation"].column_names) == COLUMNS
    listed = [
        len((out / f"kokoro/{name}_list.txt").read_text("utf-8").splitlines())
        for name in ("train", "val")
    ]
    assert [found["train"].num_rows, found["validation"].num_rows] == listed
    rows = [*found["train"], *found["validation"]]
    written = [json.loads(line) for line in (out / "metadata.jsonl").open(encoding="utf-8")]
    by_text = {(row["source"], row["start"]): row for row in written}
    for row in rows:
        expected = by_text.pop((row["source"], row["start"]))
        for column in COLUMNS - {"audio"}:
            assert row[column] == expected[column]
        assert row["audio"]["sampling_rate"] == RATE_HZ
        assert len(row["audio"]["array"]) == round(expected["duration"] * RATE_HZ)
        assert np.abs(row["audio"]["array"]).max() > 0.2
    assert not by_text


def test_scores_that_only_some_clips_have_do_not_stop_it(tmp_path, datasets, models):
    """The package wants one schema for all splits; metadata.jsonl keeps every score."""
    out = tmp_path / "out"
    out.mkdir()
    clips = {name: sentences(2) for name in ("a-1", "b-2")}
    for clip in clips["a-1"]:
        clip["scores"] = {"snr_db": 30, "dnsmos": None, "pitch_hz": 120.5}
    for clip in clips["b-2"]:
        clip["scores"] = {"snr_db": 31.5, "dnsmos": 3.1}
    items = [segmented(tmp_path, name, found) for name, found in clips.items()]
    build_dataset.process(items, out, Params(), models)

    found = datasets.load_dataset("audiofolder", data_dir=str(out))

    scores = [row["scores"] for split in found.values() for row in split.remove_columns("audio")]
    assert [set(one) for one in scores] == [{"similarity", "snr_db"}] * 4


def test_a_recording_called_test_does_not_stop_it(tmp_path, datasets, models):
    """Its folder in work/ looks like a test split to the package, which refuses an empty one."""
    out = built(tmp_path, ["mic test 2-1f3a", "b-2"], models)

    found = datasets.load_dataset("audiofolder", data_dir=str(out))

    assert found["train"].num_rows + found["validation"].num_rows == 6


def test_the_folder_itself_loads_by_its_card(tmp_path, datasets, models):
    """load_dataset(OUT), as from the hub: README.md names metadata.jsonl and the clips."""
    out = built(tmp_path, ["a-1", "b-2"], models)

    found = datasets.load_dataset(str(out))

    assert set(found["train"].column_names) == COLUMNS
    assert found["train"].num_rows == 6


def test_the_clips_take_no_second_place_on_the_disk(tmp_path, models):
    """They are the files of wavs/ under another name."""
    out = built(tmp_path, ["a-1", "b-2"], models)

    (copy,) = (out / "huggingface").glob("*/a-1-0000.wav")
    assert copy.samefile(out / "wavs/a-1-0000.wav")
