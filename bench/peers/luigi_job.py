"""luigi, in a folder with in/*.txt: `python luigi_job.py all|last`."""

import logging
import sys
from pathlib import Path

import luigi

NAMES = sorted(path.name for path in Path("in").iterdir())


class Take(luigi.Task):
    """Takes a text in."""

    name = luigi.Parameter()

    def output(self):
        return luigi.LocalTarget(f"taken/{self.name}")

    def run(self):
        with self.output().open("w") as out:
            out.write(Path(f"in/{self.name}").read_text())


class Shout(luigi.Task):
    """Shouts a text."""

    name = luigi.Parameter()

    def requires(self):
        return Take(self.name)

    def output(self):
        return luigi.LocalTarget(f"shouted/{self.name}")

    def run(self):
        with self.input().open() as text, self.output().open("w") as out:
            out.write(text.read().upper())


class Book(luigi.Task):
    """Binds all."""

    def requires(self):
        return [Shout(name) for name in NAMES]

    def output(self):
        return luigi.LocalTarget("book.txt")

    def run(self):
        with self.output().open("w") as out:
            out.write("\n".join(Path(one.path).read_text() for one in self.input()))


class All(luigi.WrapperTask):
    """Everything that has to be there."""

    def requires(self):
        return [Book(), *map(Shout, NAMES), *map(Take, NAMES)]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    task = All() if sys.argv[1] == "all" else Book()
    sys.exit(not luigi.build([task], local_scheduler=True, log_level="CRITICAL"))
