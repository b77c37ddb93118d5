"""The documentation says what the code does."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


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
