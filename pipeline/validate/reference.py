"""The rules for reference.wav, if there is one: what tools that need a single recording take."""

from collections.abc import Iterator
from pathlib import Path

import soundfile

from pipeline.validate.problem import Problem
from pipeline.validate.wavs import check_wav

SHORTEST_S, LONGEST_S = 20.0, 30.0  # kvoicewalk's README: "ideally 20-30 seconds"


def check_reference(folder: Path, prefix: str) -> Iterator[Problem]:
    """Yield what is wrong with the reference recording of a dataset folder ("kokoro/", or "")."""
    wav, text = f"{prefix}reference.wav", f"{prefix}reference.txt"
    if not (folder / wav).is_file():
        return
    yield from check_wav(folder / wav, wav)
    said = (folder / text).read_bytes() if (folder / text).is_file() else b""
    if not said.strip():
        what = f"has no words: write into it what is said in {wav}"
        yield Problem("error", "reference_without_text", text, 0, what)
    try:
        duration_s = soundfile.info(str(folder / wav)).duration
    except soundfile.LibsndfileError:
        return  # said above
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        what = (
            f"{duration_s:.1f} s, tools that make a voice of it want {SHORTEST_S:.0f} to "
            f"{LONGEST_S:.0f} s; with more clips it gets longer by itself"
        )
        yield Problem("warning", "reference_length", wav, 0, what)
