"""Numbers of any language in words: num2words, and what it leaves to its callers.

num2words is the widest and best kept library for this (50 languages); it has no grammar of the
sentence around a number. See docs/text.md for what else was tried.
"""

import re
from contextlib import suppress

from num2words import num2words

LONGEST = 15  # digits: longer ones are serial numbers, read one by one
_COUNTED = 9  # digits: longer ones are telephone numbers where nothing groups them, if not round
_ENDLESS = {"am": 6}  # digits above which num2words 0.5 does not come back (Amharic: 1234567)
_CANNOT = (LookupError, ArithmeticError, TypeError, ValueError, NotImplementedError)
"""What num2words raises of a number that is too long or too fine for a language."""


_SPANISH_ONE = re.compile(r"(?:(veinti)u|\bu)no (?=mil)")
"""num2words 0.5 says "veintiuno mil" and "cincuenta y uno millones"."""


def whole(number: float, language: str) -> str:
    """Return 21 -> "einundzwanzig"."""
    said = _plain(num2words(number, lang=language))
    if language == "es":
        said = _SPANISH_ONE.sub(lambda match: "veintiún " if match[1] else "un ", said)
    return said


def any_number(digits: str, language: str) -> str:
    """Return "3.5" or "21" in words; a long one, as of a telephone, digit by digit."""
    whole_digits, _, decimals = digits.partition(".")
    if is_serial(whole_digits) or _is_dialled(whole_digits):
        return digit_by_digit(whole_digits + decimals, language)
    return count(digits, language)


def count(digits: str, language: str) -> str:
    """Return "3.5" or "21" in words; digit by digit where num2words cannot."""
    whole_digits, _, decimals = digits.partition(".")
    if len(whole_digits) <= _ENDLESS.get(language, LONGEST):
        with suppress(*_CANNOT):
            return whole(float(digits) if decimals else int(digits), language)
    return digit_by_digit(whole_digits + decimals, language)


def _is_dialled(digits: str) -> bool:
    return len(digits) > _COUNTED and not digits.endswith("000000")


def ordinal(number: int, language: str) -> str:
    """Return 3 -> "troisième"."""
    return _plain(num2words(number, lang=language, to="ordinal"))


def digit_by_digit(digits: str, language: str) -> str:
    """Return "007" -> "cero cero siete"."""
    return " ".join(whole(int(digit), language) for digit in digits)


def is_serial(digits: str) -> bool:
    """Tell whether digits are no count: they are read one by one."""
    return len(digits) > LONGEST or (len(digits) > 1 and digits.startswith("0"))


def knows(language: str) -> bool:
    """Tell whether num2words speaks a language."""
    try:
        num2words(1, lang=language)
    except NotImplementedError:
        return False
    return True


_ROMAN = {"I": 1, "V": 5, "X": 10}
ROMAN = r"(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3})(?<=[IVX])"
"""Pattern of a well formed Roman number up to 39: kings, centuries, chapters. More are letters."""


def from_roman(letters: str) -> int:
    """Return "XIV" -> 14."""
    values = [_ROMAN[letter] for letter in letters]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < after else value for value, after in pairs)


def _plain(said: object) -> str:
    return re.sub(r"\s+", " ", str(said).replace(",", "")).strip()
