"""German: ordinals bend with the word before them, 1865 is eighteen hundred, 1 is ein or eine."""

import re

from num2words import num2words

from . import numbers
from .units import months
from .words import Words

_N_BEFORE = (
    "am|vom|zum|zur|beim|im|den|dem|des|einem|einen|einer|eines|meinem|meinen|seinem|seinen|ihrem"
    "|ihren|unserem|unseren|diesem|diesen|jedem|jeden|ab|seit|bis zum|und"
)
_DATIVE = "in|an|auf|bei|mit|nach|von|seit|zu|aus|vor|hinter|unter|während|ab|neben"
_E_BEFORE = "der|die|das|diese|dieser|dieses|jede|jedes|sein|ihre|seine|meine|unsere"
_FEMININE_COUNTED = "Klasse|Auflage|Stunde|Woche|Liga|Etage|Runde|Bundesliga|Halbzeit"
_NEUTER_COUNTED = "Jahrhundert|Jahrtausend|Mal|Kapitel|Jahr|Semester|Reich"
_GENITIVE_COUNTED = "Jahrhunderts|Jahrtausends|Weltkriegs"
_COUNTED = (
    f"Weltkrieg|Stock|Platz|Geburtstag|Tag|FC|Advent|{_FEMININE_COUNTED}|{_NEUTER_COUNTED}"
    f"|{_GENITIVE_COUNTED}"
)
_KINGS = "Karl|Otto|Heinrich|Friedrich|Wilhelm|Ludwig|Georg|Franz|Napoleon|Elisabeth|Katharina"
_FEMININE = re.compile(r"\w+(?:e|ung|heit|keit|schaft|ion|tät)(?: |$)|(?:Frau|Mark|Art|Uhr)\b")


def _day(number: int, before: str) -> str:
    """Return "dritten" after "am", "dritte" after "der", "dritter" after nothing."""
    stem = numbers.ordinal(number, "de")
    if re.fullmatch(rf"{_N_BEFORE}|bis", before.lower()):
        return stem + "n"
    return stem if re.fullmatch(_E_BEFORE, before.lower()) else stem + "r"


def _ordinal(match: re.Match[str]) -> str:
    return f"{match['before']} {_day(int(match['number']), match['before'])}"


def _dative_ordinal(match: re.Match[str]) -> str:
    """In der 2. Runde -> in der zweiten, where "der" alone would be "der zweite"."""
    return f"{match['before']} {numbers.ordinal(int(match['number']), 'de')}n"


def _bare_ordinal(match: re.Match[str]) -> str:
    """1. FC -> erster FC, 1. Liga -> erste Liga, Ende 19. Jahrhunderts -> neunzehnten."""
    noun, stem = match["noun"], numbers.ordinal(int(match["number"]), "de")
    if re.fullmatch(_FEMININE_COUNTED, noun):
        return stem
    if re.fullmatch(_GENITIVE_COUNTED, noun):
        return stem + "n"
    return stem + ("s" if re.fullmatch(_NEUTER_COUNTED, noun) else "r")


def _day_month(match: re.Match[str]) -> str:
    """am 24.12. -> am vierundzwanzigsten Dezember; the last stop may end the sentence."""
    day, month = int(match["day"]), int(match["month"])
    before = match["before"] or ""
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return match[0]
    stop = "" if match.string[match.end() :].strip() else "."
    return f"{before} {_day(day, before)} {months('de')[month - 1]}{stop}".lstrip()


def _roman_ordinal(match: re.Match[str]) -> str:
    return f"{numbers.from_roman(match['roman'])}."


def _king(match: re.Match[str]) -> str:
    said = numbers.ordinal(numbers.from_roman(match["roman"]), "de").capitalize()
    of = match["word"].endswith("s")
    stop = "" if match.string[match.end() :].strip() else "."
    return f"{match['word']} {'des' if of else 'der'} {said}{'n' if of else ''}{stop}"


def _decade(match: re.Match[str]) -> str:
    """In den 90ern -> neunzigern."""
    return year(int(match[1])) + match[2]


def _times(match: re.Match[str]) -> str:
    """3x am Tag -> dreimal."""
    said = numbers.whole(int(match[1]), "de")
    return ("ein" if match[1] == "1" else said) + "mal"


def _one(number: int, noun: str) -> str:
    if number != 1 or not noun[:1].isupper():
        return numbers.whole(number, "de")
    return "eine" if _FEMININE.match(noun) else "ein"


def _time(hour: int, minute: int, noun: str) -> str:  # noqa: ARG001
    said = "ein" if hour == 1 else numbers.whole(hour, "de")
    return f"{said} Uhr {numbers.whole(minute, 'de')}" if minute else f"{said} Uhr"


def _roman(word: str, number: int) -> str:
    counted = {"Kapitel", "Teil", "Band", "Akt", "Artikel", "Buch", "Typ", "Phase"}
    return numbers.whole(number, "de") if word in counted else ""


def year(number: int) -> str:
    """Return 1865 -> achtzehnhundertfünfundsechzig, 2021 -> zweitausendeinundzwanzig."""
    if 1100 <= number <= 1999:
        return str(num2words(number, lang="de", to="year"))
    return numbers.whole(number, "de")


_PARTS = {4: "Viertel", 5: "Fünftel", 6: "Sechstel", 8: "Achtel", 10: "Zehntel"}

GERMAN = Words(
    code="de",
    numbers="de",
    decimal="Komma",
    decimals_by_digit=True,
    percent="Prozent",
    minus="minus",
    to="bis",
    score="zu",
    dot="Punkt",
    slash="Schrägstrich",
    hyphen="Bindestrich",
    signs={
        "&": "und", "@": "at", "+": "plus", "=": "gleich", "%": "Prozent", "°": "Grad",
        "€": "Euro", "$": "Dollar", "£": "Pfund", "¥": "Yen", "#": "Nummer", "/": "Schrägstrich",
        "×": "mal", "÷": "geteilt durch", "±": "plus minus", "§": "Paragraf", "~": "etwa",
        "<": "kleiner als", ">": "größer als",
    },
    abbreviations={
        "Dr.": "Doktor", "Prof.": "Professor", "Nr.": "Nummer", "z.B.": "zum Beispiel",
        "d.h.": "das heißt", "usw.": "und so weiter", "bzw.": "beziehungsweise", "ca.": "circa",
        "etc.": "et cetera", "u.a.": "unter anderem", "Str.": "Straße",
        "Mio.": "Millionen", "Mrd.": "Milliarden", "Jh.": "Jahrhundert",
        "Abs.": "Absatz", "Bd.": "Band", "evtl.": "eventuell", "ggf.": "gegebenenfalls",
        "inkl.": "inklusive", "Hr.": "Herr", "i.d.R.": "in der Regel",
        "u.U.": "unter Umständen", "o.Ä.": "oder Ähnliches", "v.Chr.": "vor Christus",
        "n.Chr.": "nach Christus", "Tel.": "Telefon", "vgl.": "vergleiche", "Z.B.": "Zum Beispiel",
        "Mr.": "Mister", "Mrs.": "Misses", "Feb.": "Februar", "Aug.": "August",
        "Sept.": "September", "Okt.": "Oktober", "Nov.": "November", "Dez.": "Dezember",
        "Std.": "Stunden", "Sek.": "Sekunden",
    },
    before_name={"St.": "Sankt", "Fr.": "Frau", "sog.": "sogenannte"},
    by_number={"Jan.": "Januar", "Kap.": "Kapitel", "Std.": "h", "Min.": "min", "Sek.": "s"},
    closing=frozenset({"usw.", "etc.", "o.Ä.", "v.Chr.", "n.Chr."}),
    currencies={
        "€": ("Euro", "Euro", "Cent", "Cent"), "EUR": ("Euro", "Euro", "Cent", "Cent"),
        "Euro": ("Euro", "Euro", "Cent", "Cent"), "$": ("Dollar", "Dollar", "Cent", "Cent"),
        "Dollar": ("Dollar", "Dollar", "Cent", "Cent"),
        "£": ("Pfund", "Pfund", "Penny", "Pence"), "¥": ("Yen", "Yen", "Sen", "Sen"),
        "CHF": ("Franken", "Franken", "Rappen", "Rappen"),
    },
    money="{unit} {cent}",
    scales=("Million", "Millionen", "Milliarde", "Milliarden", "Billionen", "Tausend"),
    scale_link=lambda currency: "",  # noqa: ARG005
    date="{day} {month} {year}",
    day=_day,
    time=_time,
    hours="Uhr",
    halves={
        2: ("ein halb", "halbe"), 3: ("ein Drittel", "Drittel"),
        **{below: (f"ein {part}", part) for below, part in _PARTS.items()},
    },
    and_half="{whole}einhalb",
    roman=_roman,
    year=year,
    one=_one,
    squared="Quadrat",
    cubed="hoch drei",
    first=(
        (
            r"(?<!\S)(?:(?P<before>[^\W\d_]+) )?(?P<day>\d\d?)\.\s?(?P<month>\d\d?)\.(?![\w.])",
            _day_month,
        ),
        (r"(?<=[a-zäöü])str\.", lambda match: "straße"),  # noqa: ARG005
        (rf"\b(?P<roman>{numbers.ROMAN})\.(?= (?:{_COUNTED})\b)", _roman_ordinal),
        (rf"\b(?P<word>[A-ZÄÖÜ]\w+) (?P<roman>{numbers.ROMAN}(?<=..))\.(?!\w)", _king),
        (rf"\b(?P<word>(?:{_KINGS})s?) (?P<roman>[IVX])\.(?!\w)", _king),
        (
            rf"(?i:\b(?P<before>(?:{_DATIVE}) (?:der|dieser|jeder))) (?P<number>\d{{1,3}})\."
            r"(?= \w)",
            _dative_ordinal,
        ),
        (
            rf"(?i:\b(?P<before>{_N_BEFORE}|{_E_BEFORE})) (?P<number>\d{{1,3}})\.(?= \w)",
            _ordinal,
        ),
        (rf"(?<![\w.,])(?P<number>\d{{1,3}})\.(?= (?P<noun>{_COUNTED})\b)", _bare_ordinal),
        (r"\b(\d{2,4})(ern?)\b", _decade),
        (r"(?<![\w.,])(\d{1,3})\s?x\b(?!\s?\d)", _times),
    ),
)  # fmt: skip
