"""What README.md says can be done: commands, flags and files are really there."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline import config
from pipeline.cli import parse
from pipeline.commands import USAGES, is_command

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)\n```", README, re.M | re.S)
COMMANDS = "\n".join(BLOCKS).splitlines()
OF_MAKE = [line for line in COMMANDS if line.startswith("make ")]
OF_PIPELINE = [line for line in COMMANDS if " -m pipeline " in line]
OF_STAGES = [line for line in COMMANDS if " -m pipeline.stages." in line]


def test_every_command_is_of_a_known_kind():
    """No command in a sh block escapes the tests below."""
    assert sorted(COMMANDS) == sorted(OF_MAKE + OF_PIPELINE + OF_STAGES)


@pytest.mark.parametrize("command", OF_MAKE)
def test_make_knows_target_and_variables(command):
    """Each variable that is given reaches the command that make would run."""
    words = shlex.split(command)
    dry = subprocess.run(
        ["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert [word for word in words[2:] if word not in shlex.split(dry.stdout)] == []


@pytest.mark.parametrize("command", OF_PIPELINE)
def test_the_command_line_understands(command):
    """Flags are parsed as they stand; sub-commands are known."""
    words = shlex.split(command)[3:]

    assert is_command(words) or parse(words)[1]["output"] == "my-voice"


@pytest.mark.parametrize("command", OF_STAGES)
def test_a_stage_runs_alone_from_an_existing_module(command):
    """The module that is named is there and has a __main__."""
    path = ROOT / shlex.split(command)[2].replace(".", "/")

    assert (path / "__main__.py").exists() or path.with_suffix(".py").exists()


def test_the_first_command_and_the_tests_are_run_by_ci():
    """.ci/run does what the README promises, not something like it."""
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert COMMANDS[0] == "make run INPUT=data/sample OUT=my-voice"
    assert "make test" in COMMANDS
    assert "KOKORO_README=1 .venv/bin/python -m pytest" in ci
    assert "make test" in ci


def test_every_flag_that_is_named_exists():
    """--target-speaker and its like are fields of Settings."""
    flags = set(re.findall(r"--([a-z][a-z-]+)", README))
    known = {name for names in config.groups().values() for name in names}
    known |= set(re.findall(r"--([a-z]+)", " ".join(USAGES.values())))

    assert {flag for flag in flags if flag.replace("-", "_") not in known} == set()


def test_every_file_that_is_named_exists():
    """The list 'Files, in reading order' is of this tree."""
    block = README.split("## Files, in reading order")[1].split("```")[1]
    names = re.findall(r"^(\S+)(?:  (ci/\S+))?", block, re.M)

    missing = [name for pair in names for name in pair if name and not (ROOT / name).exists()]
    assert missing == []


FEW = ("letter.wav", "interview.m4a")  # of the sample
BEGINS = re.compile(
    r"^make run |-m pipeline data/sample --output \S+( --dry-run)?$"
)  # in an OUT of its own


def put_into(folder: Path, command: str) -> str:
    """Return a command of the README with what it writes in `folder`; all but the first read a part
    of the sample there."""
    if command != COMMANDS[0]:
        command = re.sub(r"data/sample(?!/)", f"'{folder}/few'", command)
    command = command.replace("my-voice", f"'{folder}/my-voice'")
    return re.sub(r" (ids\.txt|out)$", rf" '{folder}/\1'", command)


@pytest.mark.skipif("KOKORO_README" not in os.environ, reason="takes minutes; .ci/run has it done")
def test_all_commands_in_their_order_do_what_the_readme_says(tmp_path):
    """All but make test, in a folder with a space; each ends with 0, and a dataset is there."""
    here = tmp_path / "a folder"
    out = here / "my-voice"
    (here / "few").mkdir(parents=True)
    for name in FEW:
        shutil.copy(ROOT / "data" / "sample" / name, here / "few")
    for command in [line for line in COMMANDS if line != "make test"]:
        if BEGINS.search(command) and out.exists():
            shutil.rmtree(out)
        if " exclude " in command:
            first = json.loads((out / "metadata.jsonl").open(encoding="utf-8").readline())
            (here / "ids.txt").write_text(Path(first["file_name"]).stem)
        done = subprocess.run(
            put_into(here, command), shell=True, cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, "RUNTIME": "local"}, timeout=1200,
        )  # fmt: skip

        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        if "--dry-run" not in command and " models " not in command:
            assert (out / "report.html").is_file(), command
