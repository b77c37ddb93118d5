"""The sound files of a dataset folder: each looked up and checked once, however often named."""

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from pipeline.validate.problem import Problem
from pipeline.validate.wavs import check_wav, duration_s


class Clips:
    """Remembers what was asked for, and what was wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.problems: list[Problem] = []
        self._folder = folder
        self._found: dict[str, str | None] = {}
        self._durations_s: dict[str, float | None] = {}  # of what was checked

    def check(self, named: Iterable[tuple[int, str]], file: str) -> Iterator[Problem]:
        """Yield the (line, wav) of `file` that lead to no sound file; check the others' sound."""
        for line, wav in named:
            path = self._look_up(wav, file)
            if path is None:
                yield Problem("error", "missing_wav", file, line, self._missing(wav))
            elif path not in self._durations_s:
                self._durations_s[path] = duration_s(self._folder / path)
                self.problems += check_wav(self._folder / path, path)

    def duration_s(self, wav: str) -> float | None:
        """Return the length of a clip that was checked; None if it is missing or unreadable."""
        return self._durations_s.get(self._found.get(wav) or "")

    def unused(self) -> Iterator[Problem]:
        """Yield one warning if there are clips in wavs/ that no list names."""
        present = {f"wavs/{path.name}" for path in (self._folder / "wavs").glob("*.wav")}
        left = sorted(present - self._durations_s.keys())
        if left:
            text = f"{len(left)} clips stand in no list, e.g. {left[0]}: they will not be used"
            yield Problem("warning", "unlisted_wavs", "wavs", 0, text)

    def _look_up(self, wav: str, file: str) -> str | None:
        if wav not in self._found:
            self._found[wav] = self._find(wav, file)
        return self._found[wav]

    def _find(self, wav: str, file: str) -> str | None:
        """Return the path in the folder: as named, or in wavs/ (StyleTTS2's root_path)."""
        path = PurePosixPath(wav)
        if not wav or path.is_absolute() or ".." in path.parts or "\0" in wav:
            return None
        for place in (path, "wavs" / path, PurePosixPath(file).parent / path):
            if (self._folder / place).is_file():
                return str(place)
        return None

    def _missing(self, wav: str) -> str:
        """Return what is wrong with a name, and what to do."""
        if not wav.strip():
            return "names no sound file: write wav|phonemes|speaker"
        path = PurePosixPath(wav)
        if "\\" in wav:
            return f"{wav} has backslashes, which are no folders to the trainer: write wavs/x.wav"
        if path.is_absolute() or ".." in path.parts:
            return (
                f"{wav} is outside of the dataset's folder: put it in wavs/ and name it from here"
            )
        if other := self._beside(path):
            return f"{wav} is not there, {other} is: name that one, as a WAV file"
        return f"{wav} is not there: put it back or remove the line"

    def _beside(self, path: PurePosixPath) -> str | None:
        """Return the file of the same name with another ending, if there is one."""
        if "\0" in str(path):
            return None
        folder, stem = self._folder / path.parent, path.name.partition(".")[0]
        found = folder.glob(f"{glob.escape(stem)}.*") if folder.is_dir() else ()
        return next((str(path.parent / one.name) for one in sorted(found) if one.is_file()), None)
