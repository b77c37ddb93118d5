"""How one thing is said in English: a match of a pattern in `english.py` in words."""

import re

from num2words import num2words

from pipeline.stages.build_dataset.spoken import english_words as words
from pipeline.stages.build_dataset.spoken import numbers

FIRST_YEAR, LAST_YEAR = 1100, 2099  # four bare digits in this range are read in pairs

STARTER = re.compile(rf"(?:{'|'.join(words.STARTERS)})(?![\w.'-])")


def cardinal(digits: str) -> str:
    """Return a whole or decimal number in words: "1,234.5" -> one thousand … point five."""
    whole, _, decimals = digits.replace(",", "").partition(".")
    said = one_by_one(whole) if numbers.is_serial(whole) else numbers.whole(int(whole), "en")
    return f"{said} point {one_by_one(decimals)}" if decimals else said


def ordinal(digits: str) -> str:
    """Return "21" -> twenty-first."""
    return numbers.ordinal(int(digits.replace(",", "")[: numbers.LONGEST]), "en")


def one_by_one(digits: str) -> str:
    """Return "007" -> zero zero seven."""
    return numbers.digit_by_digit(digits, "en")


def year(digits: str) -> str:
    """Return "1984" -> nineteen eighty-four."""
    return str(num2words(int(digits), to="year"))


def bare_number(digits: str) -> str:
    """Return a number without any hint around it: four digits may be a year."""
    if re.fullmatch(r"\d{4}", digits) and FIRST_YEAR <= int(digits) <= LAST_YEAR:
        return year(digits)
    return cardinal(digits)


def money(match: re.Match[str]) -> str:
    """Return $3.50 -> three dollars and fifty cents, a $20 (bill) -> a twenty dollar (bill)."""
    one, many, _, _ = words.CURRENCIES[match["sign"]]
    amount, scale = match["amount"], match["scale"]
    if not scale and _has_cents(amount):
        return _with_cents(amount, match["sign"])
    said = f"{_scaled(amount, scale)} {one if amount == '1' and not scale else many}"
    if re.match(rf" (?:{one}|{many})\b", match.string[match.end() :]):  # $10 million dollars
        return _scaled(amount, scale)
    return f"{_scaled(amount, scale)} {one}" if _is_measure(match, words.PRICED) else said


def money_range(match: re.Match[str]) -> str:
    """Return $5-$10 -> five to ten dollars, $3.5M-$4M -> three point five million to …"""
    low, low_scale = match["low"], match["low_scale"]
    if not match["scale"] and (_has_cents(low) or _has_cents(match["amount"])):
        return f"{_with_cents(low, match['sign'])} to {_with_cents(match['amount'], match['sign'])}"
    return f"{_scaled(low, low_scale)} to {money(match)}"


def _scaled(amount: str, scale: str | None) -> str:
    return f"{cardinal(amount)} {words.SCALES[scale]}" if scale else cardinal(amount)


def _has_cents(amount: str) -> bool:
    return bool(re.search(r"\.\d\d$", amount))


def _is_measure(match: re.Match[str], nouns: frozenset[str]) -> bool:
    """Tell whether an amount describes what follows: "a $20 bill" and "in $20 bills"."""
    after = re.match(r" ([A-Za-z]+)", match.string[match.end() :])
    if not after or after[1] in words.NO_NOUNS:
        return False
    return after[1] in nouns or bool(re.search(r"\b[Aa]n? $", match.string[: match.start()]))


def _with_cents(amount: str, sign: str) -> str:
    one, many, cent, cents = words.CURRENCIES[sign]
    whole, _, small = amount.replace(",", "").partition(".")
    small = small or "0"
    parts = []
    if int(whole) or not int(small):
        parts.append(f"{cardinal(whole)} {one if int(whole) == 1 else many}")
    if int(small):
        parts.append(f"{cardinal(str(int(small)))} {cent if int(small) == 1 else cents}")
    return " and ".join(parts)


def time(match: re.Match[str]) -> str:
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
    return " ".join(parts) + kept_stop(match)


def kept_stop(match: re.Match[str]) -> str:
    """The full stop of "p.m." ends the sentence too when nothing, or a capital, follows."""
    rest = match.string[match.end() :].lstrip()
    is_zone = re.match(rf"(?:{'|'.join(words.AFTER_TIMES)})\b", rest)
    ends = not rest or (rest[0].isupper() and not is_zone)
    return "." if match[0].endswith(".") and ends else ""


def iso_date(match: re.Match[str]) -> str:
    month, day = int(match[2]), int(match[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(bare_number(part) for part in match.groups())
    return f"{words.MONTHS[month - 1]} {ordinal(match[3])}, {bare_number(match[1])}"


def american_date(match: re.Match[str]) -> str:
    """Return 3/4/1865 -> March fourth, eighteen sixty-five; the day first where it must be."""
    month, day = int(match[1]), int(match[2])
    if month > 12:
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(bare_number(part) for part in match.groups())
    return f"{words.MONTHS[month - 1]} {ordinal(str(day))}, {_year_of(match[3])}"


def british_date(match: re.Match[str]) -> str:
    """Return 3/4/1865 -> the third of April eighteen sixty-five."""
    day, month = int(match[1]), int(match[2])
    if month > 12:
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(bare_number(part) for part in match.groups())
    return f"the {ordinal(str(day))} of {words.MONTHS[month - 1]} {_year_of(match[3])}"


def _year_of(digits: str) -> str:
    return bare_number(digits) if len(digits) == 4 else cardinal(str(int(digits)))


def height(match: re.Match[str]) -> str:
    """Return 5'10" -> five foot ten."""
    inches = f" {cardinal(match[2])}" if int(match[2]) else ""
    return f"{cardinal(match[1])} foot{inches}"


def address(match: re.Match[str]) -> str:
    """Return www.example.com/a -> WWW dot example dot com slash a."""
    text = re.sub(r"^www(?=\.)", "WWW", re.sub(r"^https?://", "", match[0]))
    said = {".": "dot", "/": "slash", "-": "dash", "@": "at", "_": "underscore", "+": "plus"}
    return " ".join(re.sub(r"[./@_+-]", lambda one: f" {said[one[0]]} ", text).split())


def day_month(match: re.Match[str]) -> str:
    the = match[1] or "the "
    return f"{the}{ordinal(match[2])} of {match[3]}"


def days_of_month(match: re.Match[str]) -> str:
    """Return May 5-7 -> May fifth to seventh."""
    return f"{match[1]} {ordinal(match[2])} to {ordinal(match[3])}"


def month_of_days(match: re.Match[str]) -> str:
    """Return 5-7 May -> the fifth to the seventh of May."""
    the = "" if match.string[: match.start()].lower().endswith("the ") else "the "
    return f"{the}{ordinal(match[1])} to the {ordinal(match[2])} of {match[3]}"


def decade(match: re.Match[str]) -> str:
    digits = match[1]
    if digits == "2000":
        return "two thousands"
    said = year(digits) if len(digits) == 4 else cardinal(digits)
    return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"


def fraction(match: re.Match[str]) -> str:
    above, below = int(match[1]), int(match[2])
    if not (0 < above < below and below in (2, 3, 4, 5, 6, 8, 10, 16)):
        return f"{bare_number(match[1])} {bare_number(match[2])}"
    part = {2: "half", 4: "quarter"}.get(below) or ordinal(match[2])
    is_rest = above == 1 and match.string[: match.start()].endswith(" and ")
    return f"{'a' if is_rest else cardinal(match[1])} {part}{'s' if above > 1 else ''}"


def unit(match: re.Match[str]) -> str:
    """Return 5 km -> five kilometers, a 5 km (run) -> a five kilometer (run)."""
    one, many = words.UNITS[match["unit"]]
    is_one = match["amount"] == "1" or _is_measure(match, frozenset())
    return f"{cardinal(match['amount'])} {one if is_one else many}"


def part_of_unit(match: re.Match[str]) -> str:
    """Return (two and one) half m2 -> half square meters."""
    return f"{match['part']} {words.UNITS[match['unit']][1]}"


def score(match: re.Match[str]) -> str:
    """Return 3:2 -> three to two; after a name (Psalm 23:4) chapter and verse."""
    is_verse = re.search(r"[A-Z][a-z]+ $", match.string[: match.start()])
    return f"{cardinal(match[1])} {'' if is_verse else 'to '}{cardinal(match[2])}"


def verse(match: re.Match[str]) -> str:
    """Return Psalm 119:105 -> … one hundred and five; John 3:16-17 -> … sixteen to seventeen."""
    last = f" to {cardinal(match[4])}" if match[4] else ""
    return f"{match[1]} {cardinal(match[2])} {cardinal(match[3])}{last}"


def plan(match: re.Match[str]) -> str:
    """Return 401(k) -> four oh one K."""
    return f"four oh {cardinal(match[1][2])} {(match[2] or match[3]).upper()}"


def resolution(match: re.Match[str]) -> str:
    """Return 1080p -> ten eighty P, 720p -> seven twenty P."""
    return f"{cardinal(match[1][:-2])} {cardinal(match[1][-2:])} {match[2].upper()}"


def early_year(match: re.Match[str]) -> str:
    """Return in 1066 -> in ten sixty-six; without "in" it may as well be a count."""
    return f"{match[1]} {year(match[2])}"


def free_call(match: re.Match[str]) -> str:
    """Return 1-800-(FLOWERS) -> one eight hundred (FLOWERS)."""
    digits = match[1]
    code = f"{cardinal(digits[0])} hundred" if digits.endswith("00") else one_by_one(digits)
    return f"one {code} "


def in_pairs(match: re.Match[str]) -> str:
    """Return Room 101 -> Room one oh one, Boeing 747 -> Boeing seven forty-seven."""
    rest = cardinal(match[3]) if match[3][0] != "0" else f"oh {cardinal(match[3][1])}"
    return f"{match[1]} {cardinal(match[2])} {rest}"


def phone(match: re.Match[str]) -> str:
    """Return +1 555 123 4567 or 555-1234 group by group: five five five, one two three four."""
    return ", ".join(one_by_one(group) for group in re.findall(r"\d+", match[0]))


def dotted(match: re.Match[str]) -> str:
    return " point ".join(cardinal(part) for part in match[0].split("."))


def initials(match: re.Match[str]) -> str:
    """Return A.B.C. -> ABC, U.S. -> US: both phonemizers spell these; "A B C" has an article."""
    letters = match[0].replace(".", "").upper()
    # subtle: these alone are words in capitals too, and would be read as such
    said = "-".join(letters) if letters in ("IT", "AS", "AM", "AT", "IN", "NO", "SO") else letters
    return said + ("." if _ends_sentence(match) else "")


def _ends_sentence(match: re.Match[str]) -> bool:
    """Tell whether the full stop of "U.S." ends a sentence too: nothing follows, or "Then"."""
    rest = match.string[match.end() :].strip(" ”“\"'")
    return not rest or bool(STARTER.match(rest))


def roman_cardinal(match: re.Match[str]) -> str:
    return f"{match[1]} {cardinal(str(words.ROMAN_TO_59[match[2]]))}"


def roman_century(match: re.Match[str]) -> str:
    """Return XIX (century) -> nineteenth (century)."""
    return ordinal(str(words.ROMAN_TO_59[match[1]]))


def roman_ordinal(match: re.Match[str]) -> str:
    return f"{match[1]} the {ordinal(str(words.ROMAN[match[2]]))}"


def abbreviation(match: re.Match[str]) -> str:
    """Return Mr. -> Mister, and "etc." with its full stop where a sentence ends."""
    rest = match.string[match.end() :].strip()
    ends = not rest or (match[1] in words.AT_THE_END and _ends_sentence(match))
    ends = ends or (match[1] == "etc" and rest[0].isupper())
    return words.ABBREVIATIONS[match[1]] + ("." if ends else "")
