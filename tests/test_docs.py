"""The documentation says what the code does."""

import ast
import doctest
import importlib.util
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline import config
from pipeline.cli import parse
from pipeline.commands import USAGES

ROOT = Path(__file__).parent.parent
FILES = {path for folder in ("pipeline", "tests") for path in (ROOT / folder).rglob("*.py")}


def make_settings():
    path = ROOT / "docs" / "make_settings.py"
    spec = importlib.util.spec_from_file_location("make_settings", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_are_documented_as_they_are():
    """After a change of a setting: .venv/bin/python docs/make_settings.py"""
    maker = make_settings()

    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == maker.reference()
    assert (ROOT / "README.md").read_text(encoding="utf-8") == maker.readme()


def test_every_test_that_the_promises_name_is_there():
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs" / "checkpointing.md").read_text())
    tests = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))

    assert len(named) > 10
    assert [name for name in named if f"def {name}(" not in tests] == []


def literals() -> str:
    """Return every text of the program, one a line; what is filled in stands as "…"."""
    found = []
    for path in (ROOT / "pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"%(?:s|d|r|[\d.]*f)", "…", node.value))
    for name in ("launch", "setup"):
        text = (ROOT / "ci" / name).read_text(encoding="utf-8")
        found += re.findall(r'"([^"\n]+)"', text)
    return "\n".join(found)


EXAMPLES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("pipeline", "bench")
    for path in (ROOT / folder).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", EXAMPLES)
def test_the_examples_in_docstrings_give_what_they_say(path, tmp_path, monkeypatch):
    (tmp_path / "my-voice").mkdir()
    monkeypatch.chdir(tmp_path)
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    assert doctest.testmod(importlib.import_module(name)).failed == 0


QUOTED = re.findall(r"^### `(.+)`$", (ROOT / "docs/troubleshooting.md").read_text("utf-8"), re.M)


@pytest.fixture(scope="module")
def said_by_the_program() -> str:
    return literals()


@pytest.mark.parametrize("message", QUOTED)
def test_a_message_that_troubleshooting_quotes_is_said_by_the_program(said_by_the_program, message):
    """Word for word, whatever is filled in."""
    pattern = ".*".join(re.escape(part.strip()) for part in message.split("…") if part.strip())

    assert re.search(pattern, said_by_the_program)


def test_troubleshooting_quotes_messages():
    assert len(QUOTED) > 20


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page):
    text = page.read_text(encoding="utf-8")
    for name, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        target = page.parent / name if name else page

        assert target.exists(), name
        if heading:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
            anchors = [re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles]
            assert heading in anchors


def test_every_page_is_linked_from_the_readme():
    linked = set(re.findall(r"\(docs/(\w+\.md)\)", (ROOT / "README.md").read_text("utf-8")))

    assert {page.name for page in PAGES[1:]} - linked == set()


def test_the_parts_that_the_architecture_names_are_modules():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[\w/]+`(?:, )?)+) \|", text, re.M)
    parts = re.findall(r"`([\w/]+)`", " ".join(rows))
    paths = re.findall(r"`((?:\w+/)+\w+\.py)`", text)

    assert len(parts) > 15 and len(paths) > 2
    for part in parts:
        folder = ROOT / "pipeline" / part.rstrip("/")
        assert folder.is_dir() if part.endswith("/") else folder.with_suffix(".py").is_file(), part
    assert [path for path in paths if not {ROOT / path, ROOT / "pipeline" / path} & FILES] == []


TUTORIAL = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
COMMANDS = "\n".join(re.findall(r"^ *```sh\n(.*?)```", TUTORIAL, re.M | re.S)).splitlines()


@pytest.mark.parametrize("command", [c.strip() for c in COMMANDS if c.strip().startswith("make")])
def test_make_understands_the_tutorials_commands(command):
    words = shlex.split(command)
    dry = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True)
    arguments = next((w.removeprefix("ARGS=") for w in words if w.startswith("ARGS=")), "")

    assert dry.returncode == 0, dry.stderr
    if words[1] in ("run", "force-restart", "resume"):
        parse(["in", "--output", "out", *shlex.split(arguments)])  # exits where a flag is unknown


def test_the_rules_that_the_tutorial_explains_are_the_programs(said_by_the_program):
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", TUTORIAL, re.M)
    rules = re.findall(r"`(\w+)`", " ".join(rows))

    assert len(rules) >= 6
    assert [rule for rule in rules if rule not in said_by_the_program.split("\n")] == []


def test_the_flags_that_the_pages_name_are_there():
    named = {
        flag
        for page in (TUTORIAL, (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8"))
        for flag in re.findall(r"(?<![\w-])--([a-z][a-z-]+)", page)
    }
    known = {name.replace("_", "-") for names in config.groups().values() for name in names}
    known |= set(re.findall(r"--([a-z-]+)", " ".join(USAGES.values())))
    elsewhere = {"target-audio", "target-text", "interpolate-start", "config-path", "audio-dir"}

    assert {flag for flag in named if flag not in known} - elsewhere - {
        *("target", "interpolate", "config")  # of others' programs, before an underscore
    } == set()


def test_the_trainers_keys_in_the_tutorial_are_yaml_with_the_files_that_come_out():
    """The first block is StyleTTS2's config_ft.yml, the second kikiri-tts' config_german_ft.yml."""
    first, second = (
        yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)```", TUTORIAL, re.M | re.S)
    )

    for keys, trainer in ((first, "styletts2"), (second, "kokoro")):
        data = keys["data_params"]
        assert data["train_data"] == f"/path/to/my-voice/{trainer}/train_list.txt"
        assert data["val_data"] == f"/path/to/my-voice/{trainer}/val_list.txt"
        assert data["root_path"] == "/path/to/my-voice"  # the lists say wavs/x.wav
        assert set(data) == {"train_data", "val_data", "root_path", "OOD_data", "min_length"}
