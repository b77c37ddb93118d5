"""Italian: un and una, ordinals with º and ª, kings and centuries as ordinals."""

import re

from . import numbers
from .words import Words

_KINGS = {"Carlo", "Luigi", "Enrico", "Vittorio", "Umberto", "Paolo", "Pio", "Giovanni", "Filippo"}
_QUEENS = {"Elisabetta", "Caterina", "Maria", "Margherita"}


_NO_NOUN = re.compile(
    r"(?:e|o|a|ad|al|alla|con|da|dal|di|del|in|nel|per|su|tra|fra|che|chi|ma|se|non|si|il|lo|la|i|gli|le"
    r"|è|era|sono|più|meno|ora|adesso|poi|dopo|prima|anche|qui|virgola)\b"
)
_LABELS = (
    "il|del|al|dal|nel|opzione|pagina|numero|capitolo|linea|interno|canale|passo|livello|tasto"
    "|sezione|lezione|unità|gruppo|sala|porta|versione|fase|stanza|parte|punto|binario"
)


def _one(number: int, noun: str) -> str:
    if number != 1 or not noun or _NO_NOUN.match(noun):
        return numbers.whole(number, "it")
    return "una" if re.match(r"\w+(?:a|zione|tà)\b", noun) else "un"


def _feminine(said: str) -> str:
    return re.sub(r"o$", "a", said)


def _ordinal(match: re.Match[str]) -> str:
    said = numbers.ordinal(int(match[1]), "it")
    return _feminine(said) if match[2] in ("ª", "a") else said


def _century(match: re.Match[str]) -> str:
    return numbers.ordinal(numbers.from_roman(match[1]), "it")


def _time(hour: int, minute: int, noun: str) -> str:  # noqa: ARG001
    said = "una" if hour == 1 else numbers.whole(hour, "it")
    return f"{said} e {numbers.whole(minute, 'it')}" if minute else said


def _roman(word: str, number: int) -> str:
    is_name = word[0].isupper() and number not in (1, 5, 10)
    counted = {"secolo", "capitolo", "atto", "volume", "libro", "tomo"}
    if not (is_name or word in _KINGS | _QUEENS or word.lower() in counted):
        return ""
    said = numbers.ordinal(number, "it")
    return _feminine(said) if word in _QUEENS else said


def _day(number: int, before: str) -> str:  # noqa: ARG001
    return "primo" if number == 1 else numbers.whole(number, "it")


def _year(number: int) -> str:
    return numbers.whole(number, "it")


_EURO = ("euro", "euro", "centesimo", "centesimi")
_PARTS = {3: "terz", 4: "quart", 5: "quint", 6: "sest", 8: "ottav", 10: "decim"}

ITALIAN = Words(
    code="it",
    numbers="it",
    decimal="virgola",
    percent="per cento",
    minus="meno",
    to="a",
    score="a",
    dot="punto",
    slash="barra",
    hyphen="trattino",
    signs={
        "&": "e", "@": "chiocciola", "+": "più", "=": "uguale", "%": "per cento", "°": "gradi",
        "€": "euro", "$": "dollari", "£": "sterline", "¥": "yen", "#": "numero", "/": "barra",
        "×": "per", "÷": "diviso", "±": "più o meno", "§": "paragrafo", "~": "circa",
        "<": "minore di", ">": "maggiore di",
    },
    abbreviations={
        "Sig.": "signor", "Sig.ra": "signora", "Sigg.": "signori", "Dott.": "dottor",
        "dott.": "dottor", "Dott.ssa": "dottoressa", "Dr.": "dottor", "Prof.": "professor",
        "Prof.ssa": "professoressa", "Ing.": "ingegner", "Avv.": "avvocato",
        "n°": "numero", "nº": "numero", "p.es.": "per esempio", "ecc.": "eccetera",
        "a.C.": "avanti Cristo", "d.C.": "dopo Cristo", "pag.": "pagina",
        "cap.": "capitolo", "vol.": "volume", "tel.": "telefono",
    },
    before_name={"S.": "San"},
    by_number={"n.": "numero"},
    closing=frozenset({"ecc.", "a.C.", "d.C."}),
    currencies={
        "€": _EURO, "euro": _EURO, "$": ("dollaro", "dollari", "centesimo", "centesimi"),
        "£": ("sterlina", "sterline", "penny", "pence"), "¥": ("yen", "yen", "sen", "sen"),
    },
    money="{unit} e {cent}",
    scales=("milione", "milioni", "miliardo", "miliardi", "mila"),
    scale_link=lambda currency: "di ",  # noqa: ARG005
    date="{day} {month} {year}",
    day=_day,
    time=_time,
    hours="h",
    halves={
        2: ("mezzo", "mezzi"),
        **{below: (f"un {part}o", f"{part}i") for below, part in _PARTS.items()},
    },
    and_half="{whole} e mezzo",
    roman=_roman,
    year=_year,
    one=_one,
    labels=_LABELS,
    squared="al quadrato",
    cubed="al cubo",
    first=(
        (r"(?<![\w.,])(\d{1,3})\.?(º|ª|°(?!\s?[CF])|[oa]\b)(?!\w)", _ordinal),
        (rf"\b({numbers.ROMAN})(?= secolo\b)", _century),
    ),
)  # fmt: skip
