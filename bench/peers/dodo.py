"""doit, in a folder with in/*.txt."""

import shutil
from pathlib import Path

DOIT_CONFIG = {"default_tasks": ["book"], "verbosity": 0}
NAMES = sorted(path.name for path in Path("in").iterdir())
for folder in ("taken", "shouted"):
    Path(folder).mkdir(exist_ok=True)


def shout(source, target):
    """Write a text in capitals."""
    Path(target).write_text(Path(source).read_text().upper())


def bind(sources):
    """Bind all texts."""
    Path("book.txt").write_text("\n".join(Path(source).read_text() for source in sources))


def task_take():
    """Take each text in."""
    for name in NAMES:
        source, target = f"in/{name}", f"taken/{name}"
        yield {
            "name": name,
            "actions": [(lambda a, b: shutil.copyfile(a, b) and None, (source, target))],
            "file_dep": [source],
            "targets": [target],
        }


def task_shout():
    """Shout each text."""
    for name in NAMES:
        source, target = f"taken/{name}", f"shouted/{name}"
        yield {
            "name": name,
            "actions": [(shout, (source, target))],
            "file_dep": [source],
            "targets": [target],
        }


def task_book():
    """Bind them."""
    sources = [f"shouted/{name}" for name in NAMES]
    return {"actions": [(bind, (sources,))], "file_dep": sources, "targets": ["book.txt"]}
