"""French: premier and première, hours with h, Roman numbers for kings and centuries."""

import re

from . import numbers
from .words import Words

_FEMININE = re.compile(
    r"(?:heures?|minutes?|secondes?|tonnes?|livres?|femmes?|filles?|années?|fois|personnes?"
    r"|voitures?|pages?|semaines?|journées?|nuits?|maisons?|places?|pièces?|villes?|lignes?"
    r"|parties?|mètres? carrées|\w+(?:tions?|sions?|ités?|ettes?|elles?))\b",
    re.IGNORECASE,
)
_KINGS = {"Louis", "Charles", "Henri", "François", "Philippe", "Napoléon", "Jean", "Paul", "Pie"}
_QUEENS = {"Élisabeth", "Elisabeth", "Catherine", "Marie", "Marguerite"}
_COUNTED = {"chapitre", "tome", "acte", "livre", "volume", "partie", "scène", "titre", "phase"}


def _one(number: int, noun: str) -> str:
    said = numbers.whole(number, "fr")
    return re.sub(r"\bun$", "une", said) if _FEMININE.match(noun) else said


def _ordinal_of(number: int, ending: str) -> str:
    if ending in ("re", "ère"):
        return "première"
    if ending in ("nd", "d"):
        return "second"
    if ending in ("nde", "de"):
        return "seconde"
    return numbers.ordinal(number, "fr")


def _ordinal(match: re.Match[str]) -> str:
    return _ordinal_of(int(match[1]), match[2])


def _height(match: re.Match[str]) -> str:
    """1m80 -> un mètre quatre-vingts."""
    metres = int(match[1])
    said = f"{numbers.whole(metres, 'fr')} mètre{'s' if metres > 1 else ''}"
    return f"{said} {numbers.whole(int(match[2]), 'fr')}"


def _out_of(match: re.Match[str]) -> str:
    """24h/24 -> vingt-quatre heures sur vingt-quatre, 7j/7, 24/24."""
    noun = {"h": "heures", "j": "jours", "": ""}[(match[2] or "")[:1]]
    said = numbers.whole(int(match[1]), "fr")
    return " ".join(filter(None, (said, noun, "sur", said)))


def _roman_ordinal(match: re.Match[str]) -> str:
    return _ordinal_of(numbers.from_roman(match[1]), match[2])


def _time(hour: int, minute: int, noun: str) -> str:  # noqa: ARG001
    said = f"{_one(hour, 'heures')} {'heure' if hour < 2 else 'heures'}"
    return f"{said} {numbers.whole(minute, 'fr')}" if minute else said


def _roman(word: str, number: int) -> str:
    if word.lower() in _COUNTED:
        return numbers.whole(number, "fr")
    is_name = word[0].isupper() and number not in (1, 5, 10)
    if not (is_name or word in _KINGS | _QUEENS):
        return ""
    if number == 1:
        return "première" if word in _QUEENS else "premier"
    return numbers.whole(number, "fr")


def _day(number: int, before: str) -> str:  # noqa: ARG001
    return "premier" if number == 1 else numbers.whole(number, "fr")


def _year(number: int) -> str:
    return numbers.whole(number, "fr")


_EURO = ("euro", "euros", "centime", "centimes")
_PARTS = {5: "cinquième", 6: "sixième", 8: "huitième", 10: "dixième"}

FRENCH = Words(
    code="fr",
    numbers="fr",
    decimal="virgule",
    percent="pour cent",
    minus="moins",
    to="à",
    score="à",
    dot="point",
    slash="barre oblique",
    hyphen="tiret",
    signs={
        "&": "et", "@": "arobase", "+": "plus", "=": "égal", "%": "pour cent", "°": "degrés",
        "€": "euros", "$": "dollars", "£": "livres", "¥": "yens", "#": "numéro",
        "/": "barre oblique", "×": "fois", "÷": "divisé par", "±": "plus ou moins",
        "§": "paragraphe", "~": "environ", "<": "inférieur à", ">": "supérieur à",
    },
    abbreviations={
        "M. et Mme": "Monsieur et Madame", "M. le": "Monsieur le", "M. l'": "Monsieur l'",
        "Mme": "Madame", "Mmes": "Mesdames",
        "Mlle": "Mademoiselle", "Dr": "Docteur", "Dr.": "Docteur", "n°": "numéro", "N°": "numéro",
        "nº": "numéro", "p.ex.": "par exemple", "etc.": "et cetera",
        "av.": "avenue", "boul.": "boulevard",
        "av.J.-C.": "avant Jésus-Christ", "apr.J.-C.": "après Jésus-Christ",
        "c.-à-d.": "c'est-à-dire", "env.": "environ", "tél.": "téléphone", "chap.": "chapitre",
        "cf.": "confer", "janv.": "janvier", "févr.": "février",
        "oct.": "octobre", "nov.": "novembre", "déc.": "décembre",
    },
    before_name={
        "M.": "Monsieur", "MM.": "Messieurs", "Me": "Maître", "Pr": "Professeur", "St": "Saint",
        "St.": "Saint", "Ste": "Sainte", "Ste.": "Sainte", "bd": "boulevard", "bd.": "boulevard",
        "Bd": "Boulevard",
    },
    by_number={"no.": "numéro", "vol.": "volume", "sept.": "septembre"},
    closing=frozenset({"etc.", "av.J.-C.", "apr.J.-C."}),
    currencies={
        "€": _EURO, "euros": _EURO, "euro": _EURO,
        "$": ("dollar", "dollars", "cent", "cents"), "dollars": ("dollar", "dollars", "cent",
        "cents"), "£": ("livre", "livres", "penny", "pence"), "¥": ("yen", "yens", "sen", "sen"),
        "CHF": ("franc", "francs", "centime", "centimes"),
    },
    money="{unit} {cent}",
    scales=("million", "millions", "milliard", "milliards", "mille"),
    scale_link=lambda currency: "d'" if currency[0] in "aeiou" else "de ",
    date="{day} {month} {year}",
    day=_day,
    time=_time,
    hours="heures?|h",
    halves={
        2: ("un demi", "demis"), 3: ("un tiers", "tiers"), 4: ("un quart", "quarts"),
        **{below: (f"un {part}", f"{part}s") for below, part in _PARTS.items()},
    },
    and_half="{whole} et demi",
    roman=_roman,
    year=_year,
    one=_one,
    squared="au carré",
    cubed="au cube",
    first=(
        (r"(?<![\w.,])(\d{1,3})(er|re|ère|ème|eme|e|(?<=2)(?:nde|nd|de|d))s?\b", _ordinal),
        (r"(?<![\w.,])([1-9])\s?m\s?(\d\d)(?!\w|[.,]\d)", _height),
        (r"(?<![\w.,/])(24|7)\s?(h|heures|j|jours)?\s?/\s?\1(?:\s?\2)?(?![\w/])", _out_of),
        (rf"\b({numbers.ROMAN})(ème|eme|e)\b", _roman_ordinal),
        (r"\b(I)(er|re|ère)\b", _roman_ordinal),
    ),
)  # fmt: skip
