"""Which words and symbols a dataset is made of, and which words to listen to.

In: what the phonemizers find, word by word. Out: `facts()`, plain data for the report.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipeline.validate import Alphabet, symbols

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")


def words_of(text: str) -> list[str]:
    """Return the words of a normalised text.

    >>> words_of("It's a well-kept one, sir.")
    ["It's", 'a', 'well-kept', 'one', 'sir']
    """
    return _WORD.findall(text)


@dataclass
class Pronunciation:
    """Counts over one dataset."""

    guessed: Counter[str] = field(default_factory=Counter)
    """English words that no dictionary knows: espeak-ng reads them by their spelling."""
    foreign: Counter[str] = field(default_factory=Counter)
    """Words that espeak-ng reads by the rules of another language."""
    silent: Counter[str] = field(default_factory=Counter)
    """Words without any phoneme: their clips are rejected."""

    def clear(self) -> None:
        """Forget everything: a new dataset begins."""
        for counter in (self.guessed, self.foreign, self.silent):
            counter.clear()

    def facts(
        self, texts: Iterable[str], kokoro: Iterable[str], styletts2: Iterable[str]
    ) -> dict[str, Any]:
        """Return the counts, most frequent first, and which symbols the clips have."""
        words = Counter(word for text in texts for word in words_of(text))
        return {
            "words": sum(words.values()),
            "different_words": len(words),
            "guessed": _by_count(self.guessed),
            "foreign": _by_count(self.foreign),
            "unpronounceable": _by_count(self.silent),
            "symbols": {
                "kokoro": _coverage("kokoro", kokoro),
                "styletts2": _coverage("styletts2", styletts2),
            },
        }


def _by_count(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda word: (-word[1], word[0]))


def _coverage(name: Alphabet, said: Iterable[str]) -> dict[str, Any]:
    """Return symbol -> how often, and the letters of the alphabet that no clip has."""
    counts = Counter(symbol for text in said for symbol in text)
    unused = sorted(s for s in symbols(name) - counts.keys() if s.isalpha())
    return {"counts": _by_count(counts), "unused": unused}
