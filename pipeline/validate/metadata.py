"""The rules for metadata.csv (LJSpeech) and metadata.jsonl (Hugging Face audiofolder).

In: one such file. Out: (line, wav path) of each row that names a clip, and problems.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.validate.problem import Problem
from pipeline.validate.textfile import read_lines, separator_hint

Named = tuple[int, str]
_HEADERS = {"id", "file", "file_name", "filename", "path", "audio", "wav"}


def read_csv(path: Path, name: str) -> tuple[list[Named], list[Problem]]:
    """Return the clips named in an LJSpeech metadata.csv: id|text|normalized text."""
    lines, problems = read_lines(path, name)
    if lines and "file_name" in lines[0].split(",") and "|" not in lines[0]:
        text = (
            "is a header with commas: this is Hugging Face's metadata.csv, LJSpeech's has"
            " id|text|normalized text and no header; convert it, or rename it"
        )
        return [], [*problems, Problem("error", "not_ljspeech", name, 1, text)]
    named: list[Named] = []
    for number, line in enumerate(lines, start=1):
        fields = line.split("|")
        faults = list(_csv_faults(number, fields))
        problems += [Problem("error", rule, name, number, text) for rule, text in faults]
        if not faults:
            named.append((number, f"wavs/{fields[0]}.wav"))
    return named, [*problems, *_doubles(named, name)]


def _csv_faults(number: int, fields: list[str]) -> Iterator[tuple[str, str]]:
    if len(fields) != 3:
        hint = separator_hint(fields[0])
        yield "fields", f"has {len(fields)} fields, must have 3 (id|text|normalized text){hint}"
    elif number == 1 and fields[0].strip().lower() in _HEADERS:
        yield "header", "is a header, and would be read as a clip: remove the line"
    elif fields[0].startswith('"'):
        yield "quoted", "is quoted, and LJSpeech readers keep the quotes: write without quoting"
    elif fields[0].endswith(".wav") or "/" in fields[0]:
        bare = fields[0].rpartition("/")[2].removesuffix(".wav")
        yield "id", f"{fields[0]} is a path, readers make wavs/ID.wav of an id: write {bare}"
    elif not all(field.strip() for field in fields):
        yield "empty_text", "has an empty field: fill it or remove the line"


def read_jsonl(path: Path, name: str) -> tuple[list[Named], list[Problem]]:
    """Return the clips named in a metadata.jsonl: one object a line, with file_name and text."""
    lines, problems = read_lines(path, name)
    named: list[Named] = []
    for number, line in enumerate(lines, start=1):
        row = _parsed(line)
        faults = list(_json_faults(row))
        problems += [Problem("error", rule, name, number, text) for rule, text in faults]
        if not faults:
            named.append((number, row["file_name"]))
    return named, [*problems, *_doubles(named, name)]


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _json_faults(row: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(row, dict):
        yield "not_json", "is not a JSON object: write one object a line"
    elif not isinstance(row.get("file_name"), str) or not row["file_name"]:
        yield "no_file_name", 'has no "file_name", by which the clip is found: add it'
    elif "text" in row and not (isinstance(row["text"], str) and row["text"].strip()):
        yield "empty_text", f"has no text, but {row['text']!r}: fill it or remove the line"


def _doubles(named: list[Named], name: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for line, wav in named:
        if wav in seen:
            text = f"{wav} stands in line {seen[wav]} already: remove one of the two"
            yield Problem("error", "duplicate_row", name, line, text)
        seen.setdefault(wav, line)
