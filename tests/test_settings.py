"""Every setting is either locked on resume, and then named with both values, or really free.

Derived from `Settings`: one that is added is tested too.
"""

from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from pipeline.config import Settings
from pipeline.stored import CONFIG_FILE
from tests.forked import COMMON, files, run, texts

MODES = {"output", "resume", "force_restart"}  # of the call itself: tests/test_calls.py
FREE_VALUES = {"workers": 2, "device": "cpu", "on_lock": "fail", "min_free_gb": 0.001}
LOCKED = [one for one in fields(Settings) if not one.metadata["free"]]
SAID = [one for one in LOCKED if one.default != ""]  # there is no way to say nothing
ALONE = (*MODES, "ray_address")  # what cannot be given by itself
FREE = [one for one in fields(Settings) if one.metadata["free"] and one.name not in ALONE]


def other(one: Field) -> Any:
    """Return a value that is not the default."""
    choices = [value for value in get_args(one.type) if value != one.default]
    if choices:
        return [value for value in choices if value != "auto"][-1]  # auto stands for the first
    if isinstance(one.default, bool):
        return not one.default
    return one.default + 1 if isinstance(one.default, int | float) else "something else"


def flag(one: Field, value: Any) -> list[str]:
    name = one.name.replace("_", "-")
    if isinstance(one.default, bool):
        return [f"--{name}"]
    return [f"--{name}", str(value)]


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """A finished output."""
    folder = tmp_path_factory.mktemp("settings")
    texts(folder / "in", a="one", b="two")
    assert run(folder, *COMMON, "in")[0] == 0
    return folder


@pytest.mark.parametrize("one", LOCKED, ids=lambda one: one.name)
def test_a_locked_setting_is_refused_with_its_name_and_both_values(here, one):
    before = files(here / "out")
    stored = yaml.safe_load((here / "out" / CONFIG_FILE).read_text())["settings"][one.name]

    code, said = run(here, *COMMON, "--resume", "in", *flag(one, other(one)))
    assert code == 2, said
    assert "settings are locked on resume:" in said
    given = str(Path(here / "something else")) if one.metadata["is_path"] else other(one)
    assert f"  {one.name}: {stored!r} in {CONFIG_FILE}, {given!r} given" in said
    assert "resume without them, or begin anew with --force-restart" in said
    assert files(here / "out") == before


@pytest.mark.parametrize("one", SAID, ids=lambda one: one.name)
def test_a_locked_setting_may_be_repeated(here, one):
    stored = yaml.safe_load((here / "out" / CONFIG_FILE).read_text())["settings"][one.name]
    code, said = run(here, *COMMON, "--resume", "in", *flag(one, stored))
    assert code == 0, said
    assert "Nothing to do" in said


@pytest.mark.parametrize("one", FREE, ids=lambda one: one.name)
def test_a_free_setting_may_differ_and_nothing_is_redone(here, one):
    before = files(here / "out")
    value = FREE_VALUES.get(one.name, other(one))

    code, said = run(here, "--output", "out", "--resume", "in", *flag(one, value))
    assert code == 0, said
    assert "Nothing to do" in said
    assert files(here / "out") == before


def test_several_that_differ_are_all_named(here):
    said = run(here, *COMMON, "--resume", "--seed", "7", "--min-clip-s", "2.5", "--workers", "2")[1]

    assert "  seed: 0 in " in said
    assert "  min_clip_s: " in said
    assert "workers" not in said


def test_every_setting_has_a_help_text_and_a_default():
    for one in fields(Settings):
        assert one.metadata["help"], one.name
        assert one.default is not MISSING, one.name
