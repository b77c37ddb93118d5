"""dataset-pipeline validate FOLDER: what a trainer would choke on."""

import logging
from collections.abc import Sequence
from pathlib import Path

from pipeline import validate
from pipeline.commands.words import Parser
from pipeline.exits import FAILED, FINISHED
from pipeline.flow import Step

log = logging.getLogger(__name__)


def run(words: Sequence[str], _flow: Sequence[Step]) -> int:
    """Check a dataset folder by the rules of the trainers themselves."""
    parser = Parser("validate", "Say what a trainer would choke on.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    problems = validate.validate(parser.parse(words).folder)
    log.info("%s", validate.describe(problems))
    return FAILED if any(problem.severity == "error" for problem in problems) else FINISHED
