"""The symbols that each trainer knows, and how many of them one clip may have.

Out: sets of characters. `pipeline/alphabets/kokoro.json` holds the `vocab` of Kokoro-82M's
config.json (114 symbols on 178 slots); `styletts2.txt` holds the 178 symbols of StyleTTS2's
meldataset.py in order, so that a symbol's place is its index; `nearest.json` holds what stands in
for sounds that Kokoro's alphabet lacks.
"""

import json
from functools import cache
from pathlib import Path
from typing import Literal

Alphabet = Literal["kokoro", "styletts2"]

MAX_SYMBOLS = 510
"""PL-BERT has 512 positions (Kokoro's config.json, StyleTTS2's Utils/PLBERT/config.yml); the
trainer puts a pad at both ends."""

PAD = "$"  # StyleTTS2's symbol 0: inside a text it would be read as padding

_FOLDER = Path(__file__).parent.parent / "alphabets"


@cache
def indexes(name: Alphabet) -> dict[str, int]:
    """Return symbol -> index as the trainer counts; of a symbol that stands twice, the last.

    >>> indexes("kokoro")["A"], indexes("styletts2")["A"]
    (24, 17)
    """
    if name == "kokoro":
        text = (_FOLDER / "kokoro.json").read_text(encoding="utf-8")
        return {str(symbol): int(index) for symbol, index in json.loads(text).items()}
    text = (_FOLDER / "styletts2.txt").read_text(encoding="utf-8").rstrip("\n")
    return {symbol: index for index, symbol in enumerate(text)}


@cache
def nearest_in_kokoro() -> dict[int, str]:
    """Return a table for str.translate: sounds that Kokoro lacks -> the nearest that it has."""
    text = (_FOLDER / "nearest.json").read_text(encoding="utf-8")
    return str.maketrans(json.loads(text))


@cache
def symbols(name: Alphabet) -> frozenset[str]:
    """Return what may stand in a text of that trainer (the padding symbol may not)."""
    return frozenset(indexes(name)) - {PAD}


def unknown_symbols(text: str, name: Alphabet) -> str:
    """Return the symbols of `text` that the trainer would silently drop, each once, in order.

    >>> unknown_symbols("ˈʦaʦ", "styletts2")
    'ʦ'
    """
    known = symbols(name)
    return "".join(dict.fromkeys(symbol for symbol in text if symbol not in known))
