"""joblib.Memory, in a folder with in/*.txt."""

from pathlib import Path

from joblib import Memory

memory = Memory("cache", verbose=0)


@memory.cache
def take(path, mtime_ns):  # noqa: ARG001 - so that a changed file is taken again
    """Take a text in."""
    return Path(path).read_text()


@memory.cache
def shout(text):
    """Return a text in capitals."""
    return text.upper()


@memory.cache
def bind(texts):
    """Bind all texts."""
    return "\n".join(texts)


if __name__ == "__main__":
    paths = sorted(Path("in").iterdir())
    book = bind([shout(take(str(path), path.stat().st_mtime_ns)) for path in paths])
    Path("book.txt").write_text(book)
