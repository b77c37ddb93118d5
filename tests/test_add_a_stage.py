"""docs/add_a_stage.md, followed to the letter in a copy of the program; then the program is run."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import audio

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add_a_stage.md").read_text(encoding="utf-8")
(STAGE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
STEP, SETTINGS = re.findall(r"^```diff\n\+(.*?)^```", PAGE, re.M | re.S)
MOST_LINES = 40


def put(path: Path, after: str, what: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(after) == 1
    path.write_text(text.replace(after, after + what), encoding="utf-8")


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """A copy of the program with the stage of the page in it."""
    root = tmp_path_factory.mktemp("program")
    shutil.copytree(ROOT / "pipeline", root / "pipeline")
    (root / "pipeline/stages/check_level.py").write_text(STAGE, encoding="utf-8")
    flow = (root / "pipeline/flow.py").read_text(encoding="utf-8")
    before = next(line for line in flow.splitlines() if 'Step("download_audio.unique"' in line)
    put(root / "pipeline/flow.py", f"{before}\n", STEP)
    put(root / "pipeline/config.py", "from pipeline.stages import (\n", "    check_level,\n")
    put(root / "pipeline/config.py", "    download_audio.Params,\n", SETTINGS)
    return root


def run(program: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *map(str, words), "--whisper-model", "tiny.en"]
    return subprocess.run(command, cwd=program, capture_output=True, text=True, timeout=400)


def test_the_stage_has_fewer_than_40_lines():
    assert len(STAGE.splitlines()) < MOST_LINES


def test_a_run_with_the_stage_drops_what_is_too_quiet_and_builds_the_dataset(program, tmp_path):
    """One recording of the sample, and a tone at -60 dB, which the stage is to leave out."""
    (tmp_path / "in").mkdir()
    shutil.copy(ROOT / "data/sample/letter.wav", tmp_path / "in")
    tone = 0.00142 * np.sin(2 * np.pi * 220 * np.arange(3 * 24_000) / 24_000)  # -60 dB RMS
    audio.write(tmp_path / "in/whisper.flac", tone.astype(np.float32), 24_000)

    words = (tmp_path / "in", "--output", tmp_path / "out")
    foretold = run(program, *words, "--dry-run")
    done = run(program, *words)
    assert (foretold.returncode, done.returncode) == (0, 0), done.stdout
    assert re.search(r"^check_level +2 ", foretold.stdout, re.M)
    assert "🔈 Checking the level: letter.wav" in done.stdout
    rejected = [json.loads(line) for line in (tmp_path / "out/rejected.jsonl").open()]
    quiet = next(one for one in rejected if one["source"] == "whisper.flac")
    assert quiet["rule"] == "level"
    assert quiet["reason"] == "its level of -60.0 dB is below -50 dB"
    again = run(program, *words, "--resume", "--min-level-db", "-70")
    assert again.returncode == 2
    assert "min_level_db: -50.0 in pipeline_config.yaml, -70.0 given" in again.stdout
