"""English as it is spoken: numbers, money, times, dates, units, abbreviations become words.

In: one line of text, NFKC, digits ASCII. Out: the same with words; no digit is left.
Whisper writes "£20 at 5:30pm"; a trainer needs what was said. Where writing leaves the choice
(1984 a year or a count), the commoner reading wins; there is no model of context here.
Left out: Roman numerals except after a few words, maths, chemical formulas.
"""

import re
from collections.abc import Callable, Iterable

from num2words import num2words

from pipeline.stages.build_dataset import english_words as words

Replace = str | Callable[[re.Match[str]], str]

NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_START = r"(?<![\w.,])"  # no number, word or decimal point just before
LONGEST = 15  # digits: longer ones are serial numbers, read one by one
FIRST_YEAR, LAST_YEAR = 1100, 2099  # four bare digits in this range are read in pairs


def spoken(text: str) -> str:
    """Return `text` with everything that is not a word spoken out.

    >>> spoken("Dr. Smith paid £20 at 5:30pm on 3rd May 2021.")
    'Doctor Smith paid twenty pounds at five thirty PM on third May twenty twenty-one.'
    """
    for pattern, replace in RULES:
        text = pattern.sub(replace, text)
    return text


def cardinal(digits: str) -> str:
    """Return a whole or decimal number in words: "1,234.5" -> one thousand … point five."""
    whole, _, decimals = digits.replace(",", "").partition(".")
    if len(whole) > LONGEST or (len(whole) > 1 and whole.startswith("0")):
        said = one_by_one(whole)
    else:
        said = str(num2words(int(whole))).replace(",", "")
    return f"{said} point {one_by_one(decimals)}" if decimals else said


def ordinal(digits: str) -> str:
    """Return "21" -> twenty-first."""
    return str(num2words(int(digits.replace(",", "")[:LONGEST]), to="ordinal")).replace(",", "")


def one_by_one(digits: str) -> str:
    """Return "007" -> zero zero seven."""
    return " ".join(str(num2words(int(digit))) for digit in digits)


def year(digits: str) -> str:
    """Return "1984" -> nineteen eighty-four."""
    return str(num2words(int(digits), to="year"))


def bare_number(digits: str) -> str:
    """Return a number without any hint around it: four digits may be a year."""
    if re.fullmatch(r"\d{4}", digits) and FIRST_YEAR <= int(digits) <= LAST_YEAR:
        return year(digits)
    return cardinal(digits)


def _money(match: re.Match[str]) -> str:
    one, many, cent, cents = words.CURRENCIES[match["sign"]]
    amount, scale = match["amount"], match["scale"]
    if scale:
        return f"{cardinal(amount)} {words.SCALES.get(scale, scale)} {many}"
    whole, _, small = amount.replace(",", "").partition(".")
    if len(small) != 2:
        return f"{cardinal(amount)} {one if amount == '1' else many}"
    parts = []
    if int(whole) or not int(small):
        parts.append(f"{cardinal(whole)} {one if int(whole) == 1 else many}")
    if int(small):
        parts.append(f"{cardinal(str(int(small)))} {cent if int(small) == 1 else cents}")
    return " and ".join(parts)


def _time(match: re.Match[str]) -> str:
    hour, minute, half = match["hour"], match["minute"], match["half"]
    parts = [cardinal(str(int(hour)))]
    if minute and int(minute):
        parts.append(f"oh {cardinal(minute[1])}" if minute[0] == "0" else cardinal(minute))
    elif minute and not half:
        parts.append("o'clock" if 1 <= int(hour) <= 12 else "hundred")
    if match["second"]:
        parts.append(cardinal(str(int(match["second"]))))
    if half:
        parts.append(half[0].upper() + "M")
    return " ".join(parts) + _kept_stop(match)


def _kept_stop(match: re.Match[str]) -> str:
    """The full stop of "p.m." ends the sentence too when nothing, or a capital, follows."""
    rest = match.string[match.end() :].lstrip()
    ends = not rest or rest[0].isupper()
    return "." if match[0].endswith(".") and ends else ""


def _iso_date(match: re.Match[str]) -> str:
    month, day = int(match[2]), int(match[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(bare_number(part) for part in match.groups())
    return f"{words.MONTHS[month - 1]} {ordinal(match[3])}, {bare_number(match[1])}"


def _day_month(match: re.Match[str]) -> str:
    the = match[1] or "the "
    return f"{the}{ordinal(match[2])} of {match[3]}"


def _decade(match: re.Match[str]) -> str:
    digits = match[1]
    if digits == "2000":
        return "two thousands"
    said = year(digits) if len(digits) == 4 else cardinal(digits)
    return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"


def _fraction(match: re.Match[str]) -> str:
    above, below = int(match[1]), int(match[2])
    if not (0 < above < below and below in (2, 3, 4, 5, 6, 8, 10, 16)):
        return f"{bare_number(match[1])} {bare_number(match[2])}"
    part = {2: "half", 4: "quarter"}.get(below) or ordinal(match[2])
    return f"{cardinal(match[1])} {part}{'s' if above > 1 else ''}"


def _unit(match: re.Match[str]) -> str:
    one, many = words.UNITS[match["unit"]]
    return f"{cardinal(match['amount'])} {one if match['amount'] == '1' else many}"


def _phone(match: re.Match[str]) -> str:
    return ", ".join(one_by_one(group) for group in match[0].split("-"))


def _dotted(match: re.Match[str]) -> str:
    return " point ".join(cardinal(part) for part in match[0].split("."))


def _initials(match: re.Match[str]) -> str:
    said = " ".join(match[0].replace(".", "").upper())
    return said + ("" if match.string[match.end() :].strip() else ".")


def _roman_cardinal(match: re.Match[str]) -> str:
    return f"{match[1]} {cardinal(str(words.ROMAN[match[2]]))}"


def _roman_ordinal(match: re.Match[str]) -> str:
    return f"{match[1]} the {ordinal(str(words.ROMAN[match[2]]))}"


def _any_of(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


def _abbreviation(match: re.Match[str]) -> str:
    ends = not match.string[match.end() :].strip()
    return words.ABBREVIATIONS[match[1]] + ("." if ends else "")


_MONTH = _any_of(words.MONTHS)
_SIGN = f"[{re.escape(''.join(words.CURRENCIES))}]"
_SCALE = rf"(?:\s?(?P<scale>{_any_of([*words.SCALES, *words.SCALES.values()])})\b)?"
_ROMAN = _any_of(words.ROMAN)

# subtle: the order matters. What has more context comes first; bare numbers come last.
_TABLE: list[tuple[str, Replace]] = [
    (rf"\b({_any_of(words.MONTH_ABBREVIATIONS)})\.?(?=\s+\d)", lambda m: words.MONTH_OF[m[1]]),
    (rf"\b({_any_of(words.ABBREVIATIONS)})\.(?=\W|$)", _abbreviation),
    (r"\bSt\.(?=\s+[A-Z])", "Saint"),
    (r"\bSt\.", "Street"),
    (r"\bNo\.\s?(?=\d)", "Number "),
    (r"\bp\.\s?(?=\d)", "page "),
    (r"\bpp\.\s?(?=\d)", "pages "),
    (rf"\b({_any_of(words.COUNTED)}) ({_ROMAN})\b", _roman_cardinal),
    (rf"\b({_any_of(words.KINGS)}) ({_ROMAN})\b", _roman_ordinal),
    (rf"\b([\w-]+)\.({_any_of(words.DOMAINS)})\b(?!\.\w)", r"\1 dot \2"),
    # 5:30 p.m., 17:45, 5pm
    (
        r"(?<![\w.,:])(?P<hour>[01]?\d|2[0-3])(?::(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)"
        r"(?:\s?(?P<half>[aApP]\.?[mM])\b\.?)?(?![\d:])",
        _time,
    ),
    (
        r"(?<![\w.,:])(?P<hour>1[0-2]|0?[1-9])(?P<minute>)(?P<second>)\s?(?P<half>[aApP]\.?[mM])\b\.?",
        _time,
    ),
    (r"\b(?:US|AU|CA|NZ|HK)(?=\$\s?\d)", ""),
    (rf"[-−](?={_SIGN}\s?\d)", "minus "),
    (rf"(?P<sign>{_SIGN})\s?(?P<amount>{NUMBER}){_SCALE}", _money),
    (rf"{_START}(?P<amount>{NUMBER})(?P<scale>)\s?(?P<sign>{_SIGN})", _money),
    (r"(?<![\w.])[-−](?=\.?\d)", "minus "),
    (rf"({NUMBER})\s?%", lambda m: f"{cardinal(m[1])} percent"),
    (r"\b(\d{4})-(\d\d)-(\d\d)\b", _iso_date),
    (rf"\b({_MONTH}) (\d\d?)(?:st|nd|rd|th)?\b(?![:.,]?\d)", lambda m: f"{m[1]} {ordinal(m[2])}"),
    (rf"(?<![\w.,:$])(the )?(\d\d?) ({_MONTH})\b", _day_month),
    (r"(?<!\w)'?(\d{0,2}\d0)'?s\b", _decade),
    (r"(?<![\w.])(\d[\d,]*)(?:st|nd|rd|th)\b", lambda m: ordinal(m[1])),
    (r"(?<![\w-])(?:\d{3}-\d{4}|\d+(?:-\d+){2,})(?![\w-])", _phone),
    (r"(?<![\d/])(\d+) (?=[1-9]/[1-9]\d?(?![\d/]))", r"\1 and "),
    (r"(?<![\d/.,])(\d{1,2})/(\d{1,2})(?![\d/])", _fraction),
    (r"(?<=\d)/(?=\d)", " "),
    (rf"(?<![\w.,])(?P<amount>{NUMBER})\s?(?P<unit>{_any_of(words.UNITS)})(?!\w)", _unit),
    (r"(?<=\d)\s?[x×]\s?(?=\d)", " by "),
    (r"(?<=\d)\s?[-—]\s?(?=\d)", " to "),
    (r"#\s?(?=\d)", " number "),
    (r"~\s?(?=\d)", " about "),
    (r"(?<![\w.])\d+(?:\.\d+){2,}(?![\w.]*\w)", _dotted),
    (r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " "),
    (r"(?<!\d)\.(\d+)", lambda m: f" point {one_by_one(m[1])}"),
    (NUMBER, lambda m: bare_number(m[0])),
    # initials after the numbers: "3.5" has no letters, "a.m." is gone
    (r"(?<![\w.])(?:[A-Za-z]\.){2,}(?!\w)", _initials),
    (r"(?:(?<=^)|(?<=\b[A-Z] )|(?<=[a-z] ))(?<![.!?] )\b([A-HJ-Z])\.(?= [A-Z])", r"\1"),
    (r"\band/or\b", "and or"),
    *((re.escape(sign), f" {said} ") for sign, said in words.SIGNS.items()),
    (r"#(?=\w)", " hashtag "),
]
RULES = [(re.compile(pattern), replace) for pattern, replace in _TABLE]
