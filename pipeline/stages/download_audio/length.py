"""How long recordings are, by what their files say of themselves: nothing is decoded or written.

In:  paths. Out: seconds of sound. Of very many, some are asked; the rest are reckoned by their
     bytes, each like the files with its ending. Left out: URLs; they would have to be fetched.
"""

import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import soundfile

from pipeline.ffmpeg import find_ffmpeg
from pipeline.item import Unusable
from pipeline.stages.download_audio.ffmpeg import allowed_demuxers
from pipeline.stages.download_audio.reasons import DURATION

ASKED_AT_MOST = 200  # files; ffmpeg takes some 50 ms each
PATIENCE_S = 10.0
BY_FFMPEG = {".mp3", ".mp2", ".mp1"}  # libsndfile's mpg123 writes its warnings on the terminal


def lengths_s(paths: Mapping[str, Path]) -> dict[str, float]:
    """Return name -> seconds of those whose length can be told; the others are missing."""
    names = sorted(paths)
    every = max(1, -(-len(names) // ASKED_AT_MOST))
    asked = {name: _length_s(paths[name]) for name in names[::every]}
    found = {name: length for name, length in asked.items() if length is not None}
    if every > 1:
        found |= _reckoned({name: paths[name] for name in names if name not in asked}, found, paths)
    return found


def _reckoned(
    paths: Mapping[str, Path], known: Mapping[str, float], all_paths: Mapping[str, Path]
) -> dict[str, float]:
    seconds: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for name, length in known.items():
        ending = all_paths[name].suffix.lower()
        seconds[ending] = seconds.get(ending, 0.0) + length
        sizes[ending] = sizes.get(ending, 0) + _size(all_paths[name])
    return {
        name: _size(path) * seconds[ending] / sizes[ending]
        for name, path in paths.items()
        if sizes.get(ending := path.suffix.lower())
    }


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _length_s(path: Path) -> float | None:
    if not path.is_file():  # subtle: opening a pipe called talk.wav would wait for ever
        return None
    if path.suffix.lower() not in BY_FFMPEG:
        with suppress(RuntimeError):  # soundfile's own error is one
            return float(soundfile.info(str(path)).duration)
    with suppress(OSError, Unusable, subprocess.SubprocessError):
        return _by_ffmpeg(path)
    return None


def _by_ffmpeg(path: Path) -> float | None:
    """Return the length that the container promises; the file is opened, not decoded."""
    ffmpeg = find_ffmpeg()
    argv = [ffmpeg, "-hide_banner", "-nostdin", "-protocol_whitelist", "file,pipe"]
    argv += ["-format_whitelist", allowed_demuxers(ffmpeg), "-i", f"file:{path}"]
    said = subprocess.run(argv, capture_output=True, timeout=PATIENCE_S, check=False).stderr
    match = DURATION.search(said.decode("utf-8", "replace"))
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
