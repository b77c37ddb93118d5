"""The words of a sub-command: one folder, some flags."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from pipeline.exits import WrongUse


class Parser(argparse.ArgumentParser):
    """argparse that raises WrongUse, so that all errors look alike."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(
            prog=f"dataset-pipeline {name}", description=description, allow_abbrev=False
        )

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message}. {self.format_usage().strip()}")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        return self.parse_args(list(words))
