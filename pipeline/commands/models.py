"""dataset-pipeline models fetch [NAME …]: fill the cache of weights beforehand."""

import logging
from collections.abc import Sequence

from pipeline import models
from pipeline.exits import FAILED, FINISHED, WrongUse
from pipeline.flow import Step

log = logging.getLogger(__name__)


def run(words: Sequence[str], _flow: Sequence[Step]) -> int:
    """Fetch the models that are named, else the usual ones."""
    if not words or words[0] != "fetch":
        raise WrongUse("say what to do: dataset-pipeline models fetch [NAME …]")
    return FAILED if models.fetch_all(words[1:], log.info) else FINISHED
