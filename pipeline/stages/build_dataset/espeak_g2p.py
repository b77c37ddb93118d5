"""Phonemes of espeak-ng: StyleTTS2's for every language, Kokoro's for all but English.

In: normalised texts, a voice of espeak-ng. Out: phonemes, and the words that it reads by the rules
of another language, or not at all. espeak-ng comes in the espeakng-loader wheel.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.item import Unusable
from pipeline.stages.build_dataset.english_g2p import import_or_say
from pipeline.stages.build_dataset.pronunciation import Pronunciation, words_of


class Espeak:
    """One voice, for texts of many sentences at a time."""

    def __init__(self, voice: str, language_switch: str = "remove-flags") -> None:
        import_or_say("misaki.espeak")  # sets the library and data paths of espeakng-loader
        backend = import_or_say("phonemizer.backend").EspeakBackend
        try:
            self._backend = backend(
                voice,
                preserve_punctuation=True,
                with_stress=True,
                language_switch=language_switch,
                logger=_quiet(),
            )
        except RuntimeError as err:
            text = f"espeak-ng has no voice for {voice}: choose another --language"
            raise Unusable(text) from err

    def speak(self, texts: Sequence[str]) -> list[str]:
        """Return the IPA of each text; "" for what has none."""
        said: list[str] = self._backend.phonemize(texts) if texts else []
        if len(said) == len(texts):
            return said
        # phonemizer leaves out lines that come out empty: then one by one, to know which
        return ["".join(self._backend.phonemize([text])) for text in texts]


class Strangers:
    """Looks up each word of a language once: is it read by other rules, or not at all?"""

    def __init__(self, voice: str, heard: Pronunciation) -> None:
        self._espeak = Espeak(voice, "keep-flags")
        self._heard = heard
        self._said: dict[str, str] = {}

    def look_up(self, texts: Iterable[str]) -> list[list[str]]:
        """Count the foreign words of the texts; return the silent ones of each text."""
        words = [words_of(text) for text in texts]
        new = sorted({word for some in words for word in some} - self._said.keys())
        self._said.update(zip(new, self._espeak.speak(new), strict=True))
        self._heard.foreign.update(w for some in words for w in some if "(" in self._said[w])
        return [[word for word in some if not self._said[word].strip()] for some in words]


class Misaki:
    """Kokoro's phonemes of a language that misaki leaves to espeak-ng, by misaki's mapping."""

    def __init__(self, voice: str) -> None:
        self._g2p: Any = import_or_say("misaki.espeak").EspeakG2P(language=voice)

    def speak(self, text: str) -> str:
        """Return the phonemes as misaki writes them."""
        return str(self._g2p(text)[0])


def _quiet() -> logging.Logger:
    """Return a logger without phonemizer's warnings that "of the" is said as one word."""
    logger = logging.getLogger(f"{__name__}.espeak")
    logger.setLevel(logging.ERROR)
    return logger
