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
from .units import groups_by_comma

_WORDS = {words.code: words for words in (GERMAN, SPANISH, FRENCH, ITALIAN, PORTUGUESE)}
FULL = frozenset({"en", *_WORDS})
"""Languages in which all kinds are spoken out; no digit is left."""

_TIME = re.compile(r"(?<=\d):(?=[0-5]\d(?!\d))")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_BY_COMMA = r"[1-9]\d{0,2}(?:(?:,\d\d\d?)*,\d{3}(?:\.\d+)?|(?: \d{3})+)"
_BY_POINT = r"[1-9]\d{0,2}(?:[. ]\d{3})+(?:,\d+)?"
_ENGLISH = r"[1-9]\d{0,2}(?:(?:,\d{3}){2,}|,000)"
"""10,000 and 1,234,567 where the comma is the decimal one: so many decimals nobody says."""


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
    """10,000원 -> 만 원, 17:30 -> zeventien dertig.

    Where num2words does not know the language, espeak-ng gets 10000.
    """
    grouped = _grouped(language)
    text = _TIME.sub(" ", text)
    if not numbers.knows(language):
        return grouped.sub(_ungrouped, text)
    text = grouped.sub(lambda match: f" {numbers.count(_ungrouped(match), language)} ", text)
    return _NUMBER.sub(
        lambda match: f" {numbers.any_number(match[0].replace(',', '.'), language)} ", text
    )


@cache
def _grouped(language: str) -> re.Pattern[str]:
    groups = _BY_COMMA if groups_by_comma(language) else rf"{_BY_POINT}|(?P<english>{_ENGLISH})"
    return re.compile(rf"(?<![\d.,])(?:{groups})(?!\d)")


def _ungrouped(match: re.Match[str]) -> str:
    """Return the digits, with a point before decimals."""
    is_by_point = "english" in match.re.groupindex and not match["english"]
    group, decimal = ("[. ]", ",") if is_by_point else ("[, ]", ".")
    return re.sub(group, "", match[0]).replace(decimal, ".")
