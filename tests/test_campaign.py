"""The crash campaign, at the size that every test run can pay; and that it notices what it is for.

At every save point, as .ci/run plays it, with other seeds and sizes:
`.venv/bin/python bench/crash_campaign.py --help`.
"""

import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bench.campaign import checks
from bench.campaign.rounds import Job, play
from bench.campaign.watching import ARTEFACT, CLEANED, LINE, TAKEN_UP
from bench.crash_campaign import cheap_job, undisturbed
from pipeline import audio
from tests import sabotage

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "sample"

CHEAP_ROUNDS, REAL_ROUNDS = 40, 3
JOBS = 2  # rounds at a time
SEED = 7
ROUNDS_TO_NOTICE = 40  # within which a sabotage must show; most do in the first three


def campaign(folder: Path, *words: object) -> tuple[int, str]:
    """Run the campaign as a person does, its rounds in a folder."""
    command = [sys.executable, "bench/crash_campaign.py", "--jobs", JOBS, "--seed", SEED, *words]
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT, env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True, text=True, timeout=3600,
    )  # fmt: skip
    if done.returncode:  # what it keeps of a breach
        shutil.copytree(folder, tempfile.mkdtemp(prefix="breach-"), dirs_exist_ok=True)
    return done.returncode, done.stdout + done.stderr


def figure(output: str, name: str) -> int:
    """Return a figure of the summary."""
    (found,) = re.findall(rf"^{name}: (\d+)$", output, re.MULTILINE)
    return int(found)


def test_rounds_of_kills_end_with_the_same_bytes_and_redo_nothing_that_was_done(in_memory):
    """P1, P2, P3, P7, P9 on the real runner: at random, each round at another save point."""
    code, output = campaign(in_memory, "--rounds", CHEAP_ROUNDS)

    assert code == 0, output
    assert figure(output, "kills") > CHEAP_ROUNDS
    assert figure(output, "differences") == figure(output, "breaches") == 0
    assert figure(output, "done files processed again") == 0
    assert figure(output, "most files lost by a kill") <= 2  # that many workers
    (recorded, hit), *_ = re.findall(r"undisturbed run: (\d+), killed at: (\d+)", output)
    assert int(hit) >= 0.9 * min(int(recorded), CHEAP_ROUNDS), output  # a new one each round


def test_rounds_of_kills_of_the_real_pipeline_end_with_the_same_bytes(in_memory, tmp_path):
    """The same with the real stages and weights."""
    for name in ("letter.wav", "monologue.flac"):
        samples, rate_hz = audio.read(SAMPLE / name, 0.0, 9.0)
        audio.write(tmp_path / f"{Path(name).stem}.flac", samples, rate_hz)

    code, output = campaign(
        in_memory, "--rounds", REAL_ROUNDS, "--real", *sorted(tmp_path.iterdir())
    )
    assert code == 0, output
    assert figure(output, "kills") > REAL_ROUNDS // 2
    assert figure(output, "differences") == figure(output, "breaches") == 0
    assert figure(output, "done files processed again") == 0
    assert figure(output, "most files lost by a kill") <= 2


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Job:
    """The cheap job of the campaign, with an undisturbed run to hold it against."""
    options = argparse.Namespace(seed=SEED, exec=False)
    job = undisturbed(cheap_job(tmp_path_factory.mktemp("campaign"), options))
    return dataclasses.replace(job, exec_each=0, two_workers_each=10**9)


@pytest.mark.parametrize(
    ("broken", "at", "noticed"),
    [
        (sabotage.forget_what_is_done, ARTEFACT, "done files processed again"),
        (sabotage.write_other_bytes, ARTEFACT, "other bytes: wavs/"),
        (sabotage.publish_half, ARTEFACT, "other bytes: wavs/"),
        (sabotage.keep_the_lock, ARTEFACT, "left behind: .pipeline_running"),
        (sabotage.leave_temp_folders, LINE, "left behind: work/"),
        (sabotage.clean_up_once, CLEANED, "not removed: work/"),
        (sabotage.save_every_fifth, ARTEFACT, "files lost, 1 workers"),
        (sabotage.write_in_halves, LINE, "pipeline_state.yaml is no valid YAML"),
        (sabotage.leave_a_process, LINE, "orphan of"),
        (sabotage.blame_a_stop_on_the_file, TAKEN_UP, "SIGTERM counts as a crash"),
    ],
)
def test_a_broken_promise_is_noticed(job, tmp_path, monkeypatch, broken, at, noticed):
    monkeypatch.setattr(checks, "ORPHAN_PATIENCE_S", 0.5)
    (tmp_path / "calm").symlink_to(job.calm)
    points = {kind: count for kind, count in job.points.items() if kind == at}
    job = dataclasses.replace(job, folder=tmp_path, points=points, most_shots=1, prepare=broken)

    found: list[str] = []
    for number in range(ROUNDS_TO_NOTICE):
        found += play(job, number).breaches
        if any(noticed in breach for breach in found):
            return
    pytest.fail(f"not noticed in {ROUNDS_TO_NOTICE} rounds, only {found}")


def test_nothing_is_noticed_where_nothing_is_broken(job, tmp_path):
    """What the test above finds is the sabotage."""
    (tmp_path / "calm").symlink_to(job.calm)

    rounds = [play(dataclasses.replace(job, folder=tmp_path), number) for number in range(3)]
    assert [breach for each in rounds for breach in each.breaches] == []
