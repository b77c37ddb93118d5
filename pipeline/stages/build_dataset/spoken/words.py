"""What `rules.py` has to know about a language: its words, and where its grammar differs.

One `Words` a language (german.py, spanish.py, …). Names of units and months are not here: they come
from CLDR (through Babel), numbers from num2words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Currency = tuple[str, str, str, str]
"""One, many, one hundredth, many of them."""

AFTER_SHORT = r"(?<![^\W\d_]{3} )"
"""D. Juan, a D. Juan; behind a longer word the letter is its name: vitamina D. Luego."""


@dataclass(frozen=True)
class Words:
    """A language as it is spoken. Functions get whole numbers from 0, and give words."""

    code: str
    """For CLDR."""
    numbers: str
    """For num2words."""
    decimal: str
    percent: str
    minus: str
    to: str
    """Between the numbers of a range."""
    score: str
    """Between the numbers of a result, 3:2."""
    dot: str
    slash: str
    hyphen: str
    signs: Mapping[str, str]
    abbreviations: Mapping[str, str]
    """Those that no word is like. Case counts, but for the first letter: ca., Ca."""
    currencies: Mapping[str, Currency]
    money: str
    """How a sum with hundredths is said: {whole}, {unit}, {cents}, {cent}."""
    scales: tuple[str, ...]
    """Million and the like, which stand between a number and its currency."""
    scale_link: Callable[[str], str]
    """What stands between a scale and the currency that is given: "de ", "d'" or nothing."""
    date: str
    """{day} {month} {year}, or with "de"."""
    day: Callable[[int, str], str]
    """Day of the month, and the word before it."""
    time: Callable[[int, int, str], str]
    """Hour, minute, noun of the hours (as below)."""
    hours: str
    """Pattern for what may follow a time: Uhr, h, heures."""
    halves: Mapping[int, tuple[str, str]]
    """Denominator -> one part, many parts."""
    and_half: str
    """2½: {whole} und ein halb."""
    roman: Callable[[str, int], str]
    """The word before, and the number: Louis XIV, chapitre IV."""
    year: Callable[[int], str]
    decimals_by_digit: bool = False
    one: Callable[[int, str], str] | None = None
    """A number before a noun: "un", "una", "ein". None: numbers do not bend."""
    before_name: Mapping[str, str] = field(default_factory=dict)
    """Abbreviations that are words too, or letters: only before a capitalised word (M., Me, D.)."""
    name_after: str = ""
    """Pattern: behind what no such title stands: vitamina D."""
    by_number: Mapping[str, str] = field(default_factory=dict)
    """Those that are words too: only beside a number (sept., vol., Jan.)."""
    closing: frozenset[str] = frozenset()
    """Abbreviations that end what is said: a capital after one begins a sentence (etc.)."""
    labels: str = ""
    """Pattern of words after which a number is a name, and bends with nothing: página 1 ahora."""
    squared: str = ""
    cubed: str = ""
    first: tuple[tuple[str, Callable[..., str]], ...] = ()
    """The language's own rules, before all others: ordinals, decades."""
