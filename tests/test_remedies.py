"""What helps against a rule: only rules that there are, only flags that there are."""

import re
from dataclasses import fields
from pathlib import Path

from pipeline.config import Settings
from pipeline.stages.build_dataset.remedies import REMEDIES

STAGES = Path(__file__).parents[1] / "pipeline" / "stages"


def test_each_rule_with_a_remedy_is_one_of_some_stage():
    sources = [p.read_text() for p in STAGES.rglob("*.py") if p.name != "remedies.py"]
    known = {name for text in sources for name in re.findall(r'"([a-z_]+)"', text)}

    assert set(REMEDIES) - known == set()


def test_each_flag_that_is_advised_is_a_setting():
    flags = {"--" + each.name.replace("_", "-") for each in fields(Settings)} | {"--undo"}
    advised = {flag for text in REMEDIES.values() for flag in re.findall(r"--[a-z-]+", text)}

    assert advised - flags == set()
