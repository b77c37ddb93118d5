"""Text as it is spoken: numbers, money, times, dates, units, abbreviations become words.

In: one line of text, NFKC (º and ª kept), ASCII digits. Out: the same with words in place of all
that is none. English has rules of its own; German, Spanish, French, Italian and Portuguese share
rules and differ in their `Words`; of other languages only the numbers are spoken out (num2words).
Left out: what only the sound could tell ("1984": a year or a count): the commoner reading wins.
"""

import re
from functools import cache

from . import english, numbers
from .french import FRENCH
from .german import GERMAN
from .italian import ITALIAN
from .portuguese import PORTUGUESE
from .rules import Rule, rules_of
from .rules import spoken as by_rules
from .spanish import SPANISH

_WORDS = {words.code: words for words in (GERMAN, SPANISH, FRENCH, ITALIAN, PORTUGUESE)}
FULL = frozenset({"en", *_WORDS})
"""Languages in which all kinds are spoken out; no digit is left."""

_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:[. ]\d{3})+(?![\d])")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def spoken(text: str, language: str, british: bool = False) -> str:
    """Return `text` with everything that is not a word spoken out, as far as we know how.

    >>> spoken("Am 3.4.1865 um 17:30 Uhr", "de")
    'Am dritten April achtzehnhundertfünfundsechzig um siebzehn Uhr dreißig'
    """
    if language == "en":
        return english.spoken(text, british)
    if language in _WORDS:
        return by_rules(text, _rules(language))
    return _numbers_only(text, language)


def powers(language: str) -> tuple[str, str]:
    """Return how ² and ³ are said: ("squared", "cubed"), empty where it is not known."""
    if language == "en":
        return "squared", "cubed"
    words = _WORDS.get(language)
    return (words.squared, words.cubed) if words else ("", "")


@cache
def _rules(language: str) -> tuple[Rule, ...]:
    return rules_of(_WORDS[language])


def _numbers_only(text: str, language: str) -> str:
    if not numbers.knows(language):
        return text
    text = _GROUPED.sub(lambda match: re.sub(r"[. ]", "", match[0]), text)
    return _NUMBER.sub(lambda match: f" {_number(match[0], language)} ", text)


def _number(digits: str, language: str) -> str:
    whole, _, decimals = digits.replace(",", ".").partition(".")
    if numbers.is_serial(whole):
        return numbers.digit_by_digit(whole + decimals, language)
    return numbers.whole(float(digits.replace(",", ".")) if decimals else int(whole), language)
