"""Half a download, kept so that it can be continued: by a retry, or by the run after a crash.

In a folder: the bytes (`data.mp3`) and what they are half of (`download.json`). The record says
how many bytes are certainly on the disk, so that a power cut leaves no hole in the middle.
"""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

RECORD_VERSION = 1


@dataclass(frozen=True)
class Record:
    """What the bytes belong to."""

    url_sha256: str  # of the URL that was asked for; the URL itself may hold secrets
    etag: str = ""
    last_modified: str = ""
    length: int | None = None  # of the whole, None where the server does not say
    synced: int = 0  # bytes on the disk for certain
    complete: bool = False
    version: int = RECORD_VERSION

    @property
    def validator(self) -> str:
        """What proves that the rest belongs to these bytes; a weak ETag does not (RFC 9110)."""
        return self.last_modified if self.etag[:2] in ("", "W/") else self.etag


class Partial:
    """The bytes of a download so far, and their record."""

    def __init__(self, folder: Path, url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._fresh = Record(url_sha256=hashlib.sha256(url.encode("utf-8", "replace")).hexdigest())
        self._record_path = folder / "download.json"
        self.path = folder / f"data{_suffix(url)}"
        self.record = self._load()
        self.size = min(self.record.synced, self._length_on_disk())

    @property
    def is_complete(self) -> bool:
        return self.record.complete and self.size == self.record.synced

    def restart(self, etag: str, last_modified: str, length: int | None) -> None:
        """Forget the bytes; what comes now is a new beginning."""
        self.size = 0
        self.record = replace(
            self._fresh, etag=etag, last_modified=last_modified, length=length, synced=0
        )
        self._save()

    def open(self) -> BinaryIO:
        """Return the file to append to, cut to the bytes that count."""
        file = self.path.open("ab")
        file.truncate(self.size)
        return file

    def sync(self, file: BinaryIO, *, complete: bool = False) -> None:
        """Put the bytes on the disk, then say so in the record."""
        file.flush()
        os.fsync(file.fileno())
        self.record = replace(self.record, synced=self.size, complete=complete)
        self._save()

    def _length_on_disk(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _load(self) -> Record:
        try:
            stored: dict[str, Any] = json.loads(self._record_path.read_text(encoding="utf-8"))
            record = Record(**stored)
        except (OSError, ValueError, TypeError):
            return self._fresh
        same = record.url_sha256 == self._fresh.url_sha256 and record.version == RECORD_VERSION
        return record if same else self._fresh

    def _save(self) -> None:
        temp = self._record_path.with_suffix(".tmp")
        with temp.open("w", encoding="utf-8") as file:
            json.dump(asdict(self.record), file)
            file.flush()
            os.fsync(file.fileno())
        temp.replace(self._record_path)


def _suffix(url: str) -> str:
    """Return the ending of the URL's path: some raw formats are known by nothing else."""
    found = re.search(r"\.[A-Za-z0-9]{1,5}$", urlsplit(url).path)
    return found[0].lower() if found else ""
