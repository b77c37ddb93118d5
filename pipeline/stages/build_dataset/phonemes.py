"""Phonemes for both trainers: Kokoro's by misaki, StyleTTS2's by espeak-ng; all offline.

In: normalised texts. Out: for each a `Spoken` with both phoneme strings, or the reason why not.
Left out: Japanese and Chinese (misaki's extras for them are large).
Method: misaki as Kokoro's authors use it; StyleTTS2 as its README says (phonemizer, en-us,
stress and punctuation), punctuation set off by spaces as in its Data/train_list.txt.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.item import Unusable
from pipeline.stages.build_dataset.english_g2p import UNKNOWN, Accent, English
from pipeline.stages.build_dataset.espeak_g2p import Espeak, Misaki, Strangers
from pipeline.stages.build_dataset.pronunciation import Pronunciation
from pipeline.validate import MAX_SYMBOLS, Alphabet, nearest_in_kokoro, unknown_symbols

ESPEAK_VOICES = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
"""Whisper's language -> espeak-ng's voice, for the languages of Kokoro-82M besides English."""
ENGLISH_VOICES: Mapping[Accent, str] = {"american": "en-us", "british": "en-gb"}
NEEDS_EXTRAS = {"ja": "Japanese", "zh": "Chinese"}

_LATIN = (
    "af bs ca cs cy da de en es et eu fi fr ga gl hr hu id is it la lb lt lv ms mt nl no pl pt ro"
    " sk sl sq sv sw tl tr vi"
)
_SCRIPTS: dict[str, set[str]] = {
    **dict.fromkeys(_LATIN.split(), {"LATIN"}),
    **dict.fromkeys(["be", "bg", "kk", "mk", "ru", "sr", "uk"], {"CYRILLIC", "LATIN"}),
    "el": {"GREEK", "LATIN"},
    "hi": {"DEVANAGARI", "LATIN"},
}
"""Whisper's language -> the scripts that its voice reads; others are spelled, in English."""

_PLAIN = {"g": "ɡ", "ε": "ɛ", **dict.fromkeys("\u030a\u031d\u032a\u032f\u0361^-", "")}
"""Dental, raised, voiceless, non-syllabic and tie marks tell no two sounds apart that are not
already told apart by their letters; neither alphabet has them. espeak-ng's Danish has a Greek ε."""
_TO_KOKORO = str.maketrans({**_PLAIN, "ʏ": "y", "\u0329": ""})
"""Kokoro's alphabet has no mark for syllabic sounds either."""
_TO_STYLETTS2 = str.maketrans({**_PLAIN, "\u0303": "ɴ"})
"""subtle: StyleTTS2 has no nasal tilde. ɴ stands for it, one to one: nothing else uses it."""
_LETTER_A = re.compile(r"(?<=[a-z] )A(?=[.,;:!?…]|$| [a-z])")
"""subtle: espeak-ng reads "vitamin A" as the article; "eh" is said as the letter."""
_MURMUR = re.compile(r"\b(?:(?P<two>mm?-?hm+)|hm|m{2,})\b", re.IGNORECASE)
"""subtle: espeak-ng spells "Mm", "Hm" and "Mhm" as letters, but says "hmm"."""


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
    """Speaks one language, and keeps count in `heard` of the words that may be said wrong."""

    def __init__(self, language: str, accent: Accent) -> None:
        require(language)
        self.language, self.accent = language, accent
        self.heard = Pronunciation()
        voice = (
            ENGLISH_VOICES[accent] if language == "en" else ESPEAK_VOICES.get(language, language)
        )
        self.voice = voice
        self._espeak = Espeak(voice)
        self._english = English(accent, self.heard) if language == "en" else None
        self._misaki = Misaki(voice) if language != "en" else None
        self._strangers = Strangers(voice, self.heard)

    def speak(self, texts: Sequence[str]) -> list[Spoken]:
        """Return both phoneme strings of each normalised text, or the fault."""
        said = zip(texts, self._kokoro(texts), self.styletts2(texts), strict=True)
        return [self._spoken(text, *kokoro, styletts2) for text, kokoro, styletts2 in said]

    def described(self) -> dict[str, str]:
        """Return what each trainer's phonemes are, for people."""
        if self._english:
            kokoro = f"{self.accent.capitalize()} English by misaki, as Kokoro itself makes them"
        elif self.language in ESPEAK_VOICES:
            kokoro = "espeak-ng's by misaki's mapping, as Kokoro itself makes them in this language"
        else:
            kokoro = (
                f"Kokoro-82M does not speak {self.language}: these are espeak-ng's phonemes, with"
                " the diphthongs and affricates written as misaki writes them, and the nearest"
                " sound for those that Kokoro's alphabet lacks; new sounds have to be learned"
            )
        return {"kokoro": kokoro, "styletts2": f"espeak-ng's IPA, voice {self.voice}"}

    def styletts2(self, texts: Sequence[str]) -> list[str]:
        """Return StyleTTS2's phonemes of each text, "" for those with nothing to speak."""
        if self._english:
            texts = [_MURMUR.sub(_murmur, _LETTER_A.sub("eh", text)) for text in texts]
        said = iter(self._espeak.speak([text for text in texts if _has_letters(text)]))
        return [_to_styletts2(next(said)) if _has_letters(text) else "" for text in texts]

    def _kokoro(self, texts: Sequence[str]) -> list[tuple[str, list[str]]]:
        """Return Kokoro's phonemes of each text, and its words that have none."""
        if self._english:
            pairs = [self._english.speak(text) for text in texts]
            return [(_to_kokoro(said), silent) for said, silent in pairs]
        said = [_to_kokoro(self._misaki.speak(text)) for text in texts] if self._misaki else []
        if self.language not in ESPEAK_VOICES:
            said = [one.translate(nearest_in_kokoro()) for one in said]
        return list(zip(said, self._strangers.look_up(texts), strict=True))

    def _spoken(self, text: str, kokoro: str, silent: list[str], styletts2: str) -> Spoken:
        if fault := _text_fault(text, self.language):
            return Spoken("", "", fault)
        self.heard.silent.update(silent)
        fault = _phoneme_fault(kokoro, styletts2, silent)
        return Spoken(kokoro, styletts2, fault)


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


def _phoneme_fault(kokoro: str, styletts2: str, silent: Sequence[str]) -> Fault | None:
    if silent:
        listed = ", ".join(dict.fromkeys(silent))[:80]
        return Fault("unpronounceable", f"no phonemes for {listed!r}", len(silent), 0)
    both: tuple[tuple[Alphabet, str], ...] = (("kokoro", kokoro), ("styletts2", styletts2))
    for alphabet, phonemes in both:
        if UNKNOWN in phonemes or not _has_letters(phonemes):
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


def _murmur(match: re.Match[str]) -> str:
    return "um-hmm" if match["two"] else "hmm"


def _to_styletts2(said: str) -> str:
    spaced = re.sub(r"([;:,.!?…—])", r" \1 ", said.translate(_TO_STYLETTS2))
    return " ".join(spaced.split())


def _to_kokoro(said: str) -> str:
    return " ".join(said.translate(_TO_KOKORO).split())
