"""What holds for a run: what must be there for it, and what need not be there any more."""

import dataclasses
from pathlib import Path

import pytest

from pipeline.agreement import Request, agreed_without_weights
from pipeline.artefacts import Artefacts
from pipeline.checkpoint import Record
from pipeline.config import Settings
from pipeline.disk import Disk
from pipeline.job import run_job
from pipeline.plan import ALL, ALL_NAME
from pipeline.stored import CONFIG_FILE, write_configuration

STEP = "isolate_speakers.agree"


def request(out: Path, mode: str) -> Request:
    return Request(out=out, inputs=(), given={}, mode=mode, command="")


@pytest.fixture
def agreed_output(tmp_path) -> Path:
    """An output whose target speaker is agreed on; the file of his voice is gone."""
    settings = dataclasses.replace(Settings(), target_speaker=str(tmp_path / "gone.wav"))
    stored = {"settings": dataclasses.asdict(settings), "inputs": [str(tmp_path / "in")]}
    write_configuration(tmp_path / CONFIG_FILE, stored, Disk())
    artefacts = Artefacts(tmp_path)
    folder = artefacts.new_folder(STEP, ALL_NAME)
    (folder / "target.json").write_text("{}")
    artefacts.commit(folder, ALL_NAME, Record(STEP, ALL, "done", "", "target.json", 2))
    return tmp_path


@pytest.mark.parametrize("mode", ["resume", "rebuild"])
def test_the_file_of_an_agreed_voice_may_be_gone(agreed_output, mode):
    settings, _ = agreed_without_weights(request(agreed_output, mode))

    assert settings.target_speaker.endswith("gone.wav")


@pytest.mark.parametrize("mode", ["resume", "rebuild"])
def test_where_the_agreed_voice_is_gone_too_its_file_is_asked_for(agreed_output, mode):
    (agreed_output / "work" / STEP / ALL_NAME / "target.json").unlink()

    with pytest.raises(ValueError, match=r"--target-speaker .*gone.wav: there is no such file"):
        agreed_without_weights(request(agreed_output, mode))


def test_a_restart_asks_for_the_file_again(agreed_output):
    with pytest.raises(ValueError, match="there is no such file"):
        agreed_without_weights(request(agreed_output, "restart"))


def test_what_cannot_be_rebuilt_is_said_before_the_list_of_clips_changes(agreed_output):
    (agreed_output / "work" / STEP / ALL_NAME / "target.json").unlink()
    noted: list[str] = []
    asked = dataclasses.replace(
        request(agreed_output, "rebuild"), prepare=lambda: noted.append("excluded")
    )

    with pytest.raises(ValueError, match="there is no such file"):
        run_job(asked)
    assert noted == []
