"""Lines of a list file as the trainers see them, and what is wrong with the file as a whole."""

from pathlib import Path

from pipeline.validate.problem import Problem

_OTHERS = {"\t": "tabs", ";": "semicolons", ",": "commas"}


def read_lines(path: Path, name: str) -> tuple[list[str], list[Problem]]:
    """Return (lines, problems); a last newline opens no line, as in the trainers' readlines()."""
    problems = []
    data = path.read_bytes()
    if data.startswith(b"\xef\xbb\xbf"):
        text = (
            "starts with a byte order mark, which becomes a part of the first field: save without"
        )
        problems.append(Problem("error", "byte_order_mark", name, 1, text))
        data = data[3:]
    if b"\r" in data:
        text = "has carriage returns (Windows line ends): save with plain newlines"
        problems.append(Problem("warning", "carriage_returns", name, 0, text))
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        text = f"byte {err.start} is not UTF-8: save the file as UTF-8"
        return [], [*problems, Problem("error", "not_utf8", name, line, text)]
    lines = decoded.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines, problems


def separator_hint(line: str) -> str:
    """Return what a line that lacks | is divided by instead, for a message."""
    found = next((name for sign, name in _OTHERS.items() if sign in line), "")
    return f"; there are {found} in it: write | instead" if found and "|" not in line else ""
