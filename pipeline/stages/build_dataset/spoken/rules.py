"""The rules that all languages but English share; what differs is in a `Words`.

In: one line, NFKC, ASCII digits. Out: the same with words in place of numbers, dates, times, money,
units, addresses, abbreviations and signs. What has most context comes first, bare numbers last.
Left out: gender of nouns that no ending tells; Roman numbers without a word before them.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial

from . import saying
from .numbers import ROMAN
from .saying import NUMBER
from .units import UNITS, months
from .words import Words

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
Table = list[tuple[str, Callable[[Words, re.Match[str]], str]]]

_FRESH = r"(?<![\w.,/])"  # nothing that belongs to a number stands before
_LAST = "com|org|net|edu|gov|info|eu|io|tv|de|at|ch|es|mx|ar|fr|be|ca|it|pt|br|uk|nl|pl|ru"
_HOST = rf"(?:[\w-]+\.)+(?:{_LAST})\b(?:/[\w./-]*\w)?"
_PHONE = r"\+\d{1,3}(?:[ -]\d{2,8})+|0\d{1,5}[ /-]\d{3,8}|\d{3}-\d{4}|\d+(?:-\d+){2,}"
_IN_GROUPS = r"(?<=\d )\d{3} \d{3}(?!\d)"  # 1 000 000
_FREE = r"(?<![\w.])"
_UPPER = r"[^\W\d_a-zß-öø-ÿœ]"
_NAME = rf"(?=[\s-]?(?:(?:d[aeiou]|des|la|von|van|zu) |[dl]')*{_UPPER}\w)"
_BEFORE = r"(?<!\S)(?:(?P<before>[^\W\d_]+) )?"


def spoken(text: str, rules: tuple[Rule, ...]) -> str:
    """Return `text` with everything that is not a word spoken out."""
    for pattern, replace in rules:
        text = pattern.sub(replace, text)
    return text


def rules_of(words: Words) -> tuple[Rule, ...]:
    """Return the rules of a language, in order."""
    table: Table = [
        (r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?:\.\d+|,\d{3})(?![\d,])", saying.english_groups),
        (r"(?<![\w.,])[1-9]\d{0,2},000(?!\d|[.,]\d)", saying.english_groups),
        (r"(?<=[$£])\s?[1-9]\d{0,2},\d{3}(?!\d|[.,]\d)", saying.english_groups),
        (rf"\b(?:https?://)?(?:[\w.+-]+@)?{_HOST}", saying.address),
        (r"(?<=\d)\s?º\s?(?=[CF]\b)", saying.degree),
        (r"(?<!\w)'(?=\d\d(?!\d))|\b(?:US|AU|CA)(?=\$\s?\d)", saying.space),  # '90, US$ 20
        *_abbreviations(words),
        *_dates(words),
        *((pattern, partial(_own, say)) for pattern, say in words.first),
        *_times(words),
        *_amounts(words),
        *_rest(words),
    ]
    return tuple((re.compile(pattern), partial(say, words)) for pattern, say in table)


def _own(say: Callable[[re.Match[str]], str], words: Words, match: re.Match[str]) -> str:  # noqa: ARG001
    return say(match)


def _abbreviations(words: Words) -> Table:
    """Those that need a name or a number beside them stand first: "M. Dupont", "3. Jan."."""
    by_number = [*words.by_number, *map(_capitalised, words.by_number)]
    first = [*words.abbreviations, *map(_other_case, words.abbreviations)]
    return [
        (rf"{_FREE}{words.name_after}(?:{_keys(words.before_name)}){_NAME}", saying.title),
        (rf"{_FREE}(?:{_keys(by_number)})(?!\w)(?=\s?(?:\d|{ROMAN}\b))", saying.by_number),
        (rf"(?:(?<=\d)|(?<=\d )|(?<=\d\. ))(?:{_keys(by_number)})(?!\w)", saying.by_number),
        (rf"{_FREE}(?:{_keys(first)})", saying.abbreviation),
    ]


def _keys(names: Iterable[str]) -> str:
    """Return the pattern for "z.B." and "z. B."; n° may touch its number, letters no letter."""
    longest_first = sorted(set(names), key=len, reverse=True)
    patterns = (re.escape(name).replace(r"\.", r"\.\s?").removesuffix(r"\s?") + _end(name)
                for name in longest_first)  # fmt: skip
    return "|".join(patterns) or r"(?!)"


def _end(name: str) -> str:
    return r"(?![^\W\d])" if name[-1] in "°º" else "" if name[-1] == "'" else r"(?!\w)"


def _other_case(name: str) -> str:
    """Return "Ca." for "ca.", "dr." for "Dr."; "D.C." is no "d.C.", "m." no "M."."""
    other = name[0].swapcase() + name[1:]
    letters = [char for char in other if char.isalpha()]
    return name if all(char.isupper() for char in letters) or len(letters) < 2 else other


def _capitalised(name: str) -> str:
    return name[0].upper() + name[1:]


def _dates(words: Words) -> Table:
    month = _any_of(months(words.code))
    return [
        (r"(?<![\w.,/-])(\d{4})-(\d\d)-(\d\d)(?![\w-])", saying.iso_date),
        (rf"{_BEFORE}(\d\d?)([./-])\s?(\d\d?)\3\s?(\d{{4}}|\d\d)\b(?![.,:]\d)", saying.date),
        (rf"(?<=\d\.)\s?[-—]\s?(?=\d\d?\. ?(?i:{month})\b)", saying.to),
        (rf"{_BEFORE}(\d\d?)\.? (?=(?:de )?(?i:{month})\b)", saying.day),
    ]


def _times(words: Words) -> Table:
    hour, noun = r"(?P<hour>[01]?\d|2[0-4])", rf"(?P<noun>{words.hours})\b"
    number_before, until = r"(?:(?<=\d)|(?<=\dh)|(?<=\d h))", r"\d\d?(?:[:.][0-5]\d)?"
    return [
        (rf"{number_before}\s?[-—]\s?(?={until}\s?(?:{words.hours})\b)", saying.to),
        (r"(?:(?<=\d[:h]\d\d)|(?<=\d:\d))[-—](?=\d)", saying.to),
        (rf"{_FRESH}{hour}(?:[:.]|\s?h\s?)(?P<minute>[0-5]\d)(?::[0-5]\d)?\s?{noun}", saying.time),
        (rf"{_FRESH}{hour}(?P<minute>)\s?{noun}(?!\.?\w)", saying.time),
        (rf"{_FRESH}{hour}(?P<noun>:|\s?h\s?)(?P<minute>[0-5]\d)(?![\d:])", saying.time),
        (rf"{_FRESH}(\d\d?):(\d\d?)(?![\d:])", saying.score),
    ]


def _amounts(words: Words) -> Table:
    sign = f"(?P<sign>{_any_of(words.currencies)})"
    scale = rf"(?:\s?(?P<scale>{_any_of(words.scales)})\b)?"
    amount = rf"(?P<amount>{NUMBER})"
    return [
        (r"(?<=\d%)\s?[-—]\s?(?=\d)", saying.to),
        (
            rf"(?<=\d)\s?[-—]\s?(?={NUMBER}\s?(?:%|(?:{_any_of(UNITS)}|{_any_of(words.currencies)})(?!\w)))",
            saying.to,
        ),
        (rf"(?<![\w.])[-−—]\s?(?=(?:[{_signs(words)}]\s?)?\d)(?<!\d.)", saying.minus),
        (rf"(?<!\w)(?<!\d\s){sign}\s?{amount}{scale}", saying.money),
        (rf"{_FRESH}{amount}{scale}\s?(?:d['e]\s?)?{sign}(?!\w)", saying.money),
        (rf"{_FRESH}{amount}\s?%", saying.percent),
        (rf"{_FRESH}{amount}\s?(?P<unit>{_any_of(UNITS)})(?!\w)(?!\.\w)", saying.unit),
    ]


def _rest(words: Words) -> Table:
    return [
        (rf"\b(?P<word>[^\W\d_][\w-]+) (?P<roman>{ROMAN})\b", saying.roman),
        (
            r"(?<![\w/.,])(?:(\d+) )?(\d\d?)/(\d\d?)(?![\d/])"
            rf"(?:\s?(?P<unit>{_any_of(UNITS)})(?!\w))?",
            saying.fraction,
        ),
        (r"(?<=\d)/(?=\d)|(?<=[^\W\d_])/(?=[^\W\d_])", saying.space),
        (r"(?<=\d)\s?[x×]\s?(?=\d)", saying.times),
        (rf"(?<![\w-])(?!{_IN_GROUPS})(?:{_PHONE})(?![\w-])", saying.phone),
        (r"(?<=\d)\s?[-—]\s?(?=\d)", saying.to),
        (r"(?<=[^\W\d_])-(?=\d)|(?<=\d)-(?=[^\W\d_])", saying.space),
        (r"(?<![\w.])(?:[^\W\d_]\.\s?){2,}(?!\w)", saying.initials),
        (r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", saying.space),
        *_labelled(words),
        (rf"(?P<amount>{NUMBER})(?P<noun> [^\W\d_]+)?", saying.bare),
        (_any_of(words.signs), saying.sign),
    ]


def _labelled(words: Words) -> Table:
    if not words.labels:
        return []
    label = rf"\b(?P<label>(?i:{words.labels}) )"
    return [(rf"{label}(?P<amount>\d{{1,3}})(?![\w/%]|[.,:]\d)", saying.labelled)]


def _signs(words: Words) -> str:
    return re.escape("".join(sign for sign in words.currencies if len(sign) == 1))


def _any_of(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))
