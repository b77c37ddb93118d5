"""dataset-pipeline doctor: what this machine has and lacks, each lack with its remedy."""

import dataclasses
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands.words import Parser
from pipeline.doctor import NEEDED, Finding, findings
from pipeline.exits import FAILED, FINISHED
from pipeline.flow import Step

log = logging.getLogger(__name__)


def run(words: Sequence[str], _flow: Sequence[Step]) -> int:
    """Look at everything; fail if something that is needed is not well."""
    parser = Parser("doctor", "Say what this machine has and lacks for a run.")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(), metavar="FOLDER", help="what --output names"
    )
    parser.add_argument("--json", action="store_true", help="for programs; keys stay")
    given = parser.parse(words)
    found = list(findings(given.folder.absolute()))
    if given.json:
        print(json.dumps([dataclasses.asdict(one) for one in found]))
    else:
        for one in found:
            _say(one)
    return FAILED if any(one.kind == NEEDED and not one.is_well for one in found) else FINISHED


def _say(one: Finding) -> None:
    if one.is_well:
        log.info("✅ %s: %s", one.what, one.found)
        return
    sign = "❌ missing: " if one.kind == NEEDED else "⚠️ optional: "
    log.info("%s%s: %s; %s", sign, one.what, one.found, one.remedy)
