"""dataset-pipeline doctor: what is there, what is lacking, and what to do about it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.test_runner import ROOT


def doctor(*words: object, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "doctor", *map(str, words)],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def found(text: str) -> dict[str, dict]:
    return {one["what"]: one for one in json.loads(text)}


def test_where_all_that_is_needed_is_there_it_succeeds(tmp_path):
    code, said = doctor(tmp_path / "not there yet", "--json")
    things = found(said)

    assert code == 0, said
    needed = {what for what, one in things.items() if one["kind"] == "needed"}
    weights = {f"weights of {name}" for name in ("base", "campplus", "segmentation-3.0")}
    assert needed == {"Python", "ffmpeg", "torch", *weights, "writing", "disk"}
    assert all(things[what]["is_well"] for what in needed)
    assert things["ffmpeg"]["found"].startswith("ffmpeg version")
    assert list(tmp_path.iterdir()) == []


def test_missing_weights_are_named_with_the_command_that_fetches_them(tmp_path):
    code, said = doctor(tmp_path, KOKORO_MODELS=str(tmp_path / "empty"))

    assert code == 1
    assert "❌ missing: weights of base: not there" in said
    assert "dataset-pipeline models fetch base" in said


def test_a_folder_that_cannot_be_written_is_named():
    code, said = doctor("/proc/my-voice", "--json")
    writing = found(said)["writing"]

    assert code == 1
    assert not writing["is_well"]
    assert writing["found"].startswith("/proc: ")
    assert writing["remedy"] == "choose a folder that you may write in"


def failing(folder: Path, name: str) -> str:
    """Return a PATH on which a program of that name is first, and ends with 1 whatever is asked."""
    fake = folder / name
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    return os.pathsep.join([str(folder), str(Path(sys.executable).parent)])


def test_a_container_engine_that_does_not_answer_is_no_engine(tmp_path):
    code, said = doctor(tmp_path, "--json", PATH=failing(tmp_path, "docker"))

    assert found(said)["container engine"]["found"] == "none answers"
    assert code == 0  # it is not needed


def test_an_ffmpeg_that_does_not_work_is_named_and_all_else_looked_at(tmp_path):
    code, said = doctor(tmp_path, "--json", PATH=failing(tmp_path, "ffmpeg"))
    things = found(said)

    assert code == 1
    assert not things["ffmpeg"]["is_well"]
    assert str(tmp_path / "ffmpeg") in things["ffmpeg"]["found"]
    assert things["container engine"]["kind"] == "optional"  # the last thing that is looked at


def test_without_any_ffmpeg_how_to_get_one_is_said(tmp_path):
    (tmp_path / "imageio_ffmpeg.py").write_text("raise ImportError('not installed')\n")
    paths = {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    code, said = doctor(tmp_path, "--json", **paths)

    assert code == 1
    assert not found(said)["ffmpeg"]["is_well"]
    assert "pip install imageio-ffmpeg" in found(said)["ffmpeg"]["found"]


def test_the_disk_is_held_against_the_need_of_the_recordings_that_are_named(tmp_path):
    sample = ROOT / "data" / "sample"
    code, said = doctor(tmp_path / "out", sample, "--json")

    assert code == 0
    assert found(said)["disk"]["found"].endswith("GB free, the job needs about 0.07 GB")
    assert list(tmp_path.iterdir()) == []
