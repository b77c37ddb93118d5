"""The digest of an artefact: what its bytes are known by."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path, names: Iterable[str]) -> str:
    """Return the sha256 over the names and contents of some files of a folder: of {name: sha256} as
    JSON with sorted keys, made piece by piece, as a dataset may have 200,000 files."""
    digest = hashlib.sha256(b"{")
    for number, name in enumerate(sorted(names)):
        pair = f"{json.dumps(name)}: {json.dumps(file_digest(folder / name))}"
        digest.update(f"{', ' if number else ''}{pair}".encode())
    digest.update(b"}")
    return digest.hexdigest()
