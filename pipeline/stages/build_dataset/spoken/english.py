"""English as it is spoken: numbers, money, times, dates, units, abbreviations become words.

An American reads 3/4/1865 as March fourth, a Briton as the third of April.

In: one line of text, NFKC, digits ASCII. Out: the same with words; no digit is left.
Whisper writes "£20 at 5:30pm"; a trainer needs what was said. Where writing leaves the choice
(1984 a year or a count), the commoner reading wins; there is no model of context here.
Left out: Roman numerals except after a few words, maths, chemical formulas.
"""

import re
from collections.abc import Callable, Iterable

from pipeline.stages.build_dataset.spoken import english_saying as saying
from pipeline.stages.build_dataset.spoken import english_words as words

Replace = str | Callable[[re.Match[str]], str]

NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_FREE = r"(?<![\w.,:/-])"
_HOUR = r"[012]?\d(?::[0-5]\d)?"
_HALF = r"[aApP](?:[mM]\b|\.[mM]\.)"
_START = r"(?<![\w.,])"  # no number, word or decimal point just before


def spoken(text: str, british: bool = False) -> str:
    """Return `text` with everything that is not a word spoken out.

    >>> spoken("Dr. Smith paid £20 at 5:30pm on 3rd May 2021.")
    'Doctor Smith paid twenty pounds at five thirty PM on third May twenty twenty-one.'
    """
    for pattern, replace in BRITISH_RULES if british else RULES:
        text = pattern.sub(replace, text)
    return text


def _any_of(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


_MONTH = _any_of(words.MONTHS)
_SIGN = f"[{re.escape(''.join(words.CURRENCIES))}]"
_SCALES = _any_of([*words.SCALES, *words.SCALES.values()])
_SCALE = rf"(?:(?:\s|-(?=[mbt]r?illion))?(?P<scale>{_SCALES})\b)?"
_UNIT = _any_of(words.UNITS)
_ARTICLE = rf"(?:{_any_of(words.NO_NUMBER_AFTER)}) "
_STARTER = saying.STARTER.pattern
_SURNAME = rf"(?<=\b[VX])\.? (?!{_STARTER})[A-Z]"  # George V. Higgins is no king
_ROMAN = _any_of(words.ROMAN)

# subtle: the order matters. What has more context comes first; bare numbers come last.
_TABLE: list[tuple[str, Replace]] = [
    (rf"\b({_any_of(words.MONTH_ABBREVIATIONS)})\.?(?=\s+\d)", lambda m: words.MONTH_OF[m[1]]),
    (rf"\b(?!{_ARTICLE})([A-Z][a-z]+) Dr\.(?= (?:in|near|off|on)\b)", r"\1 Drive"),
    (rf"\b({_any_of(words.ABBREVIATIONS)})\.(?=\W|$)", saying.abbreviation),
    (r"\bAT&T\b", "A-T and T"),
    (r"\bM&Ms\b", "M and M's"),
    (r"(?<![\w.,$£€])(40[13])(?:,([kb]),|([kb])\b)", saying.plan),  # brackets are commas
    (r"(?<![\w.,$£€])(360|480|720|1080|1440|2160)([pi])\b", saying.resolution),
    (r"\b([A-G])#(?![\w#])", r"\1 sharp"),
    (r"\b([Ii]n) (10\d\d)\b(?![-—.,:/]?\d| ?%| (?:people|[a-z]+s)\b)", saying.early_year),
    (r"(?<![\w.,])(1000|100)s(?= of\b)", lambda m: words.MANY[m[1]]),
    (r"(?<![\w-])\+?1[ -]\(?\d{3}\)?[ -]\d{3}[ -]\d{4}(?![\w-])", saying.phone),
    (r"(?<![\w-])9-1-1(?![\w-])", "nine one one"),
    (r"(?<![\w-])1-([89]\d\d)-(?=[A-Z]{2})", saying.free_call),
    (rf"\b({_any_of(words.NUMBERED)}) ([1-9])(0[1-9]|[1-9]\d)\b(?![-,.:/]?\d)", saying.in_pairs),
    (
        rf"(?:(?<=\d)|(?<=\d[kKMB])|(?<=[a-z]s))/({_any_of(words.PER)})\b",
        lambda m: f" per {words.PER[m[1]]}",
    ),
    (r"(?<!\w)w/o(?!\w)", "without"),
    (r"(?<!\w)w/(?=\s|[a-z])", "with "),
    (r"\bsq\. ?(?=ft\b|mi\b|in\b|m\b|km\b)", "square "),
    (r"\bsquare ft\b\.?", "square feet"),
    (r"\bSec\. ?(?=\d)", "Section "),
    (r"(?<=\d )in\.(?=\s)|(?<=\d)in\.(?=\s)", "inches"),
    (r"(?<!\w)c\. ?(?=1\d{3}\b)", "circa "),
    (
        rf"\b({_any_of(words.DAYS)})\.(?=,|\s+(?:{_any_of(words.MONTHS)}|\d))",
        lambda m: words.DAYS[m[1]],
    ),
    (r"(?<![\w,]),(\d{3}), ?(?=\d{3}-\d{4})", lambda m: f" {saying.one_by_one(m[1])}, "),
    (rf"\bSt\.(?=\s+{_STARTER})", "Street."),
    (r"\bSt\.(?=\s+[A-Z])", "Saint"),
    (r"\bSt\.(?=\s*$)", "Street."),
    (r"\bSt\.", "Street"),
    (r"\bNo\.\s?(?=\d)", "Number "),
    (r"\bp\.\s?(?=\d)", "page "),
    (r"\bpp\.\s?(?=\d)", "pages "),
    # subtle: "Part I want" is no number; nobody says "World War I" of himself
    (r"\bWorld War I\b(?!')", "World War one"),
    (r"\b(Part|Chapter|Act|Book|Volume|Phase) I(?=[.,;:!?)”\"]|$)", r"\1 one"),
    (rf"\b({_any_of(words.COUNTED)}) ({_any_of(words.ROMAN_TO_59)})\b", saying.roman_cardinal),
    (rf"\b({_any_of(words.ROMAN_TO_59)})(?=[ -][Cc]entur(?:y|ies)\b)", saying.roman_century),
    (rf"\b({_any_of(words.KINGS)}) ({_ROMAN})\b(?!{_SURNAME})", saying.roman_ordinal),
    (
        rf"\b(?!{_ARTICLE})([A-Z][a-z]+)"
        rf" ({_any_of(n for n in words.ROMAN if len(n) > 1)})\b",
        saying.roman_cardinal,
    ),
    (
        rf"\b(?:https?://)?(?:[\w.+-]+@)?(?:[\w-]+\.)+(?:{_any_of(words.DOMAINS)})\b(?:/[\w./-]*\w)?",
        saying.address,
    ),
    (
        rf"\b({_any_of(words.BIBLE)}) (\d{{1,3}}):([1-9]\d{{0,2}})(?:[-—](\d{{1,3}}))?"
        r"(?!\s?[aApP]\.?[mM]|[\d:])",
        saying.verse,
    ),
    # 3-5 p.m., 9am-5pm, 9:30-10:30
    (rf"{_FREE}({_HOUR}(?:\s?{_HALF})?)\s?[-—]\s?(?={_HOUR}\s?{_HALF})", r"\1 to "),
    (rf"{_FREE}(\d\d?:[0-5]\d)[-—](?=\d\d?:[0-5]\d(?![\d:]))", r"\1 to "),
    # 5:30 p.m., 17:45, 5pm
    (
        r"(?<![\w.,:])(?P<hour>[01]?\d|2[0-3])(?::(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)"
        r"(?:\s?(?P<half>[aApP]\.?[mM])\b\.?)?(?![\d:])",
        saying.time,
    ),
    (
        r"(?<![\w.,:])(?P<hour>1[0-2]|0?[1-9])(?P<minute>)(?P<second>)\s?(?P<half>[aApP]\.?[mM])\b\.?",
        saying.time,
    ),
    (r"(?<![\w:,.])(\d\d?):(\d\d?)(?![\d:])", saying.score),
    (r"(?<=\d%)\s?[-—]\s?(?=\d)", " to "),
    (r"\b(?:US|AU|CA|NZ|HK|C|A)(?=\$\s?\d)", ""),
    (
        rf"(?P<sign>{_SIGN})(?P<low>{NUMBER})(?P<low_scale>{_SCALES})?(?:[-—]|-to-)(?P=sign)?"
        rf"(?P<amount>{NUMBER}){_SCALE}(?![\w%]|[-/]\d)",
        saying.money_range,
    ),
    (rf"(?<=\d)[-—](?={_SIGN}\s?\d)", " to "),
    (rf"(?<!\w)[-−](?={_SIGN}\s?\d)", "minus "),
    (r"(?<![\w.])(\d{1,2})-(?=\1(?![\w%]))", r"\1 "),  # 50-50
    (rf"(?<=\d)\s?[-—]\s?(?=\d+(?:\.\d+)?\s?(?:%|(?:{_UNIT})(?!\w)))", " to "),
    (r"\$\s?(?=\.\d\d(?!\d))", "$0"),
    (r"(?<![\w.,$£€])(\d+(?:\.\d+)?)k\b|(?<![\w.,$£€])(\d{2,}(?:\.\d+)?)K\b", r"\1\2 thousand"),
    (r"(?<![\w.,$£€])(\d+(?:\.\d+)?)M\b", r"\1 million"),
    (r"(?<![\w.])(\d+(?:\.\d+)?)x\b(?!\s?\d)", r"\1 times"),
    (rf"(?P<sign>{_SIGN})\s?(?P<amount>{NUMBER}){_SCALE}", saying.money),
    (rf"{_START}(?P<amount>{NUMBER})(?P<scale>)\s?(?P<sign>{_SIGN})", saying.money),
    (r"(?<![\w.])[-−](?=\.?\d)", "minus "),
    (rf"({NUMBER})\s?%", lambda m: f"{saying.cardinal(m[1])} percent"),
    (r"\b(\d{4})-(\d\d)-(\d\d)\b", saying.iso_date),
    (r"(?<![\d/.,])(\d\d?)/(\d\d?)/(\d{4}|\d\d)(?![\d/])", saying.american_date),
    (r"(?<![\w'])([3-8])'\s?(1[01]|\d)(?:\"|”|'')?(?!\w)", saying.height),
    (r"(?<!\w)911(?!\w)(?![,.]\d)", "nine one one"),
    (rf"\b({_MONTH}) ([1-3]?\d)[-—]([1-3]?\d)(?![\w:.,%/-]*\d|\w)", saying.days_of_month),
    (rf"(?<![\w.,:$-])([1-3]?\d)[-—]([1-3]?\d) ({_MONTH})\b", saying.month_of_days),
    (
        rf"\b({_MONTH}) (\d\d?)(?:st|nd|rd|th)?\b(?![:.,]?\d)",
        lambda m: f"{m[1]} {saying.ordinal(m[2])}",
    ),
    (rf"(?<![\w.,:$])(the )?(\d\d?) ({_MONTH})\b", saying.day_month),
    (r"(?<!\w)'?(\d{0,2}\d0)'?s\b", saying.decade),
    (r"(?<!\w)'0(?=[1-9](?![\w']))", "oh "),  # born in '08
    (r"(?<!\w)'(?=\d\d(?![\w']))", ""),  # born in '85
    (r"(?<=\d\.\d)s\b|(?<=\d\.\d\d)s\b", " seconds"),
    (r"(?<![\w/])1/2 (?=an? )", "half "),
    (r"(?<![\w.])(\d[\d,]*)(?:st|nd|rd|th)\b", lambda m: saying.ordinal(m[1])),
    (r"(?<![\w-])(?:\d{3}-\d{4}|\d+(?:-\d+){2,})(?![\w-])", saying.phone),
    (r"(?<![\d/])(\d+) (?=[1-9]/[1-9]\d?(?![\d/]))", r"\1 and "),
    (r"(?<![\d/.,])(\d{1,2})/(\d{1,2})(?:ths|rds|th|rd)?(?![\d/])", saying.fraction),
    (r"(?<=\d)/(?=\d)", " "),
    (rf"\b(?P<part>half|quarters?|thirds?) (?P<unit>{_UNIT})(?!\w)", saying.part_of_unit),
    (
        rf"(?<![\w.,])(?P<amount>{NUMBER})\s?(?P<unit>{_UNIT})(?!\w)(?:\.(?=\s+[a-z\d]))?",
        saying.unit,
    ),
    (r"(?<=\d)\s?[x×]\s?(?=\d)", " by "),
    (r"(?<=\d)\s?[-—]\s?(?=\d)", " to "),
    (r"#\s?(?=\d)", " number "),
    (r"~\s?(?=\d)", " about "),
    (r"(?<![\w.])\d+(?:\.\d+){2,}(?![\w.]*\w)", saying.dotted),
    (r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " "),
    (r"(?<!\d)\.(\d+)", lambda m: f" point {saying.one_by_one(m[1])}"),
    (NUMBER, lambda m: saying.bare_number(m[0])),
    # initials after the numbers: "3.5" has no letters, "a.m." is gone
    (r"(?<![\w.])(?:[A-Za-z]\.){2,}(?!\w)", saying.initials),
    (
        rf"(?:(?<=^)|(?<=\b[A-Z] )|(?<=[a-z] ))(?<![.!?] )\b([A-HJ-Z])\.(?= [A-Z])(?! {_STARTER})",
        r"\1",
    ),
    (r"(?<![\w/.'-])([^\W\d_]{2,})/(?=[^\W\d_]{2,}(?![\w'-]*(?:/|\.\w)))", r"\1 "),
    *((re.escape(sign), f" {said} ") for sign, said in words.SIGNS.items()),
    (r"#(?=\w)", " hashtag "),
]
RULES = [(re.compile(pattern), replace) for pattern, replace in _TABLE]
BRITISH_RULES = [
    (pattern, saying.british_date if replace is saying.american_date else replace)
    for pattern, replace in RULES
]
