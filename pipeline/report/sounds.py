"""The sounds of a language in Kokoro's alphabet, and how often a dataset has each.

In:  phonemes as in kokoro/train_list.txt. Out: counts by sound; what the language has besides.
A sound is a letter with the marks that belong to it ("ɑ̃", "tʰ"); stress, length and punctuation are
not sounds. Inventories: alphabets/inventories.json, made by data/make_inventories.py.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

RARE = 5  # fewer in all clips: heard too seldom to be learned well; our choice, not measured
_INVENTORIES = Path(__file__).parent.parent / "alphabets" / "inventories.json"
_NOT_SOUNDS = "ˈˌːˑ"
_MARKS = "ʰʲ"


def sounds(phonemes: str) -> Iterator[str]:
    """Yield the sounds of a text.

    >>> list(sounds("bˈɔ̃, tʰiː!"))
    ['b', 'ɔ̃', 'tʰ', 'i']
    """
    sound = ""
    for symbol in phonemes:
        if symbol in _MARKS or unicodedata.category(symbol) == "Mn":
            sound += symbol if sound and not sound.endswith(symbol) else ""
            continue
        if sound:
            yield sound
        sound = symbol if symbol.isalpha() and symbol not in _NOT_SOUNDS else ""
    if sound:
        yield sound


def coverage(texts: Iterable[str], language: str, accent: str = "") -> dict[str, Any]:
    """Return the counts of the sounds of `texts`, those of the language's inventory first and most
    frequent first, and which of the inventory are missing or rare; "known": it has an inventory."""
    counts = Counter(sound for text in texts for sound in sounds(text))
    inventory = inventories().get(language_key(language, accent), "").split()
    ours = [(sound, counts[sound]) for sound in inventory]
    others = [(sound, n) for sound, n in counts.items() if sound not in inventory]
    return {
        "known": bool(inventory),
        "counts": _ordered(ours),
        "others": _ordered(others),
        "missing": [sound for sound, n in ours if n == 0],
        "rare": [sound for sound, n in ours if 0 < n < RARE],
        "covered": sum(n > 0 for _, n in ours),
        "size": len(inventory),
    }


def _ordered(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))


def language_key(language: str, accent: str = "") -> str:
    """Return the key of a language in the inventories: "de", "en-british"."""
    return f"{language}-{accent}" if language == "en" and accent else language


@cache
def inventories() -> Mapping[str, str]:
    """Return language -> its sounds, separated by spaces, the most frequent first."""
    return dict(json.loads(_INVENTORIES.read_text(encoding="utf-8"))["sounds"])
