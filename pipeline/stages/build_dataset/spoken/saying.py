"""How one thing is said: a match of a pattern in `rules.py` in words of a language."""

import re
from collections.abc import Mapping

from . import numbers
from .units import months, unit_name
from .words import Words

Match = re.Match[str]

NUMBER = r"(?:\d{1,3}(?:[. ]\d{3})+(?!\d)(?:,\d+)?|\d+,\d+|\d+\.\d+(?!\.?\d)|\d+)"
"""1.234,5 and 1 234,5 with the comma, 3.5 with a point that separates no group of three."""


def number(digits: str, words: Words, noun: str = "") -> str:
    """Return a whole or decimal number in words; before `noun` in its gender."""
    grouped = re.fullmatch(r"\d{1,3}(?:[. ]\d{3})+(?:,\d+)?", digits)
    plain = re.sub(r"[. ]", "", digits) if grouped else digits.replace(".", ",")
    whole, _, decimals = plain.partition(",")
    if decimals:
        return f"{_whole(whole, words)} {words.decimal} {_decimals(decimals, words)}"
    if noun and words.one and not numbers.is_serial(whole):
        return words.one(int(whole), noun)
    return _whole(whole, words)


def _whole(digits: str, words: Words) -> str:
    if numbers.is_serial(digits):
        return numbers.digit_by_digit(digits, words.numbers)
    return numbers.whole(int(digits), words.numbers)


def _decimals(digits: str, words: Words) -> str:
    if words.decimals_by_digit or digits.startswith("0") or len(digits) > 2:
        return numbers.digit_by_digit(digits, words.numbers)
    return numbers.whole(int(digits), words.numbers)


def address(words: Words, match: Match) -> str:
    """www.example.com/a -> WWW dot example dot com slash a."""
    text = re.sub(r"^https?://", "", match[0])
    text = re.sub(r"^www(?=\.)", "WWW", text)
    said = {".": words.dot, "/": words.slash, "-": words.hyphen, "@": words.signs["@"]}
    said |= {"_": " ", "+": words.signs["+"]}
    return " ".join(re.sub(r"[./@_+-]", lambda one: f" {said[one[0]]} ", text).split())


def abbreviation(words: Words, match: Match) -> str:
    """z. B.; the full stop of "etc." ends the sentence too, when nothing follows or a capital."""
    key, said = _expanded(match[0], words.abbreviations)
    after = match.string[match.end() :].lstrip(" ”“\"'")
    ends = not after or (key in words.closing and after[0].isupper())
    return said + ("." if ends and match[0].endswith(".") else "")


def title(words: Words, match: Match) -> str:
    """M. Dupont."""
    return _expanded(match[0], words.before_name)[1]


def by_number(words: Words, match: Match) -> str:
    """5 sept., vol. 2."""
    said = _expanded(match[0], words.by_number)[1]
    ends = match[0].endswith(".") and not match.string[match.end() :].strip(" ”“\"'")
    return said + ("." if ends else "")


def _expanded(written: str, table: Mapping[str, str]) -> tuple[str, str]:
    """Return the key of "Z. B." in a table, and what is said, with its capital."""
    keys = {re.sub(r"\s", "", name): name for name in table}
    found = re.sub(r"\s", "", written)
    if found in keys:
        return keys[found], table[keys[found]]
    key = keys[found[0].swapcase() + found[1:]]
    said = table[key]
    return key, said[0].upper() + said[1:] if found[0].isupper() else said


def iso_date(words: Words, match: Match) -> str:
    """1865-04-03."""
    year, month, day = (int(part) for part in match.groups())
    return _date(words, day, month, year, "") or match[0].replace("-", " ")


def date(words: Words, match: Match) -> str:
    """3.4.1865, 3/4/65: the day comes first in all languages here."""
    before, day, mark, month, year = match.groups()
    said = _date(words, int(day), int(month), int(year), before or "")
    lead = f"{before} " if before else ""
    return lead + said if said else match[0].replace(mark, " ")


def _date(words: Words, day: int, month: int, year: int, before: str) -> str:
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return ""
    name = months(words.code)[month - 1]
    return words.date.format(day=words.day(day, before), month=name, year=words.year(year))


def day(words: Words, match: Match) -> str:
    """am 3. (Mai): the month stays."""
    before = match["before"] or ""
    if not 1 <= int(match[2]) <= 31:
        return match[0]
    return f"{before} {words.day(int(match[2]), before)} ".lstrip()


def time(words: Words, match: Match) -> str:
    """17:30 Uhr, 17h30, 17:30."""
    return words.time(int(match["hour"]), int(match["minute"] or 0), match["noun"].strip())


def score(words: Words, match: Match) -> str:
    """3:2."""
    return f"{number(match[1], words)} {words.score} {number(match[2], words)}"


def minus(words: Words, match: Match) -> str:  # noqa: ARG001
    """-5."""
    return f"{words.minus} "


def money(words: Words, match: Match) -> str:
    """3,50 € and 2 Millionen $."""
    amount, scale = match["amount"], match["scale"]
    one, many, cent, cents = words.currencies[match["sign"]]
    if scale:
        return f"{number(amount, words)} {scale} {words.scale_link(many)}{many}"
    hundredths = re.search(r"[.,](\d\d)$", amount)
    whole = amount[:-3] if hundredths else amount
    said = _sum(whole, words, one, many)
    small = int(hundredths[1]) if hundredths else 0
    if not small:
        return said
    cent_said = number(str(small), words)
    cents_said = f"{number(str(small), words, cents)} {cent if small == 1 else cents}"
    if not int(re.sub(r"\D", "", whole)):
        return cents_said
    return words.money.format(unit=said, cents=cents_said, cent=cent_said)


def _sum(amount: str, words: Words, one: str, many: str) -> str:
    """Return "un euro", "tres euros", "un millón de euros"."""
    is_round = re.search(r"0[. ]?000[. ]?000$|^\d[. ]?000[. ]?000$", amount)
    link = words.scale_link(many) if is_round else ""
    return f"{number(amount, words, many)} {link}{one if amount == '1' else many}"


def percent(words: Words, match: Match) -> str:
    """50 %."""
    return f"{number(match['amount'], words)} {words.percent}"


def unit(words: Words, match: Match) -> str:
    """12 kg, -5 °C."""
    name = unit_name(match["unit"], match["amount"] == "1", words.code)
    return f"{number(match['amount'], words, name)} {name}"


def roman(words: Words, match: Match) -> str:
    """Louis XIV: the language says after which words a Roman number is one."""
    said = words.roman(match["word"], numbers.from_roman(match["roman"]))
    return f"{match['word']} {said}" if said else match[0]


def fraction(words: Words, match: Match) -> str:
    """1/2, 2 3/4, 1/4 l; other pairs of numbers are said one after the other."""
    whole, above, below, sign = match[1], int(match[2]), int(match[3]), match["unit"]
    lead = f"{number(whole, words)} " if whole else ""
    if not (0 < above < below and below in words.halves):
        rest = f" {sign}" if sign else ""
        return f"{lead}{number(match[2], words)} {number(match[3], words)}{rest}"
    name = f" {_of_unit(words, sign, below, bool(whole))}" if sign else ""
    if whole and (above, below) == (1, 2):
        return words.and_half.format(whole=number(whole, words)) + name
    one, many = words.halves[below]
    link = f"{words.signs['&']} " if whole else ""
    part = one if above == 1 else f"{number(match[2], words)} {many}"
    return f"{lead}{link}{part}{name}"


def _of_unit(words: Words, sign: str, below: int, has_whole: bool) -> str:
    """Return "Liter", "de litre": what a part is of; halves need no "of"."""
    name = unit_name(sign, not has_whole, words.code)
    return name if below == 2 else words.scale_link(name) + name


def initials(words: Words, match: Match) -> str:  # noqa: ARG001
    """A.B.C. -> ABC: espeak-ng spells what it cannot say."""
    letters = re.sub(r"[.\s]", "", match[0]).upper()
    rest = match.string[match.end() :]
    return letters + (" " if rest.strip() else ".")


def bare(words: Words, match: Match) -> str:
    """A number without any hint: four digits may be a year."""
    digits, noun = match["amount"], match["noun"] or ""
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", digits):
        return f" {words.year(int(digits))}{noun} "
    return f" {number(digits, words, noun.strip())}{noun} "


def labelled(words: Words, match: Match) -> str:
    """página 1, el 21: a name, whatever follows."""
    return match["label"] + _whole(match["amount"], words)


def english_groups(words: Words, match: Match) -> str:  # noqa: ARG001
    """1,234.56, as Mexico and whisper write it: 1.234,56. 1,234 alone may be either,
    but not 1,000 and $1,234: nobody says three decimals there.
    """
    return match[0].translate(str.maketrans(",.", ".,"))


def sign(words: Words, match: Match) -> str:
    """&, +, §."""
    return f" {words.signs[match[0]]} "


def phone(words: Words, match: Match) -> str:
    """030-123456 and +39 333 1234567, digit by digit; a comma keeps the groups apart."""
    plus = f"{words.signs['+']} " if match[0].startswith("+") else ""
    groups = re.findall(r"\d+", match[0])
    return plus + ", ".join(numbers.digit_by_digit(group, words.numbers) for group in groups)


def degree(words: Words, match: Match) -> str:  # noqa: ARG001
    """20ºC, with the sign of ordinals: 20°C."""
    return "°"


def to(words: Words, match: Match) -> str:  # noqa: ARG001
    """10-12."""
    return f" {words.to} "


def times(words: Words, match: Match) -> str:  # noqa: ARG001
    """3 x 4."""
    return f" {words.signs['×']} "


def space(words: Words, match: Match) -> str:  # noqa: ARG001
    """A7 -> A 7."""
    return " "
