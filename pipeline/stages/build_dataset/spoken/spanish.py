"""Spanish: numbers bend with their noun, kings are counted to the tenth, ordinals carry º and ª."""

import re

from . import numbers
from .words import AFTER_SHORT, Words

_MASCULINE = re.compile(
    r"(?:días?|mapas?|\w*(?:ema|oma|ama|eta|ista)s?|y|o|a|ya|para|hasta|era|cada|contra)\b"
)
_FEMININE = re.compile(
    r"\w+(?:as?|ción|ciones|sión|siones|dad|dades|tad)\b"
    r"|(?:veces|vez|noches?|tardes?|mujer(?:es)?|calles?|clases?|partes?|voz|voces|leyes)\b"
)
_NO_NOUN = re.compile(
    r"(?:y|e|o|u|a|ante|con|contra|de|del|desde|durante|en|entre|hasta|para|por|según|sin|sobre|al"
    r"|que|como|cuando|donde|pero|si|no|ni|se|le|lo|el|la|los|las|es|era|son|fue|está|están|hay"
    r"|más|menos|muy|ya|ahora|antes|después|luego|también|aquí|coma)\b"
)
_LABELS = (
    "el|del|al|opción|página|número|capítulo|línea|extensión|canal|paso|nivel|tecla|botón|sección"
    "|lección|tema|unidad|grupo|sala|puerta|piso|ruta|versión|fase|mesa|habitación|parte|punto"
)
_KINGS = {"Carlos", "Felipe", "Alfonso", "Fernando", "Enrique", "Juan", "Pedro", "Luis", "Pablo"}
_QUEENS = {"Isabel", "María", "Catalina", "Juana", "Cristina", "Margarita"}
_COUNTED = {"capítulo", "tomo", "acto", "volumen", "parte", "libro", "anexo", "fase", "tipo"}


def _one(number: int, noun: str) -> str:
    said = numbers.whole(number, "es")
    if not noun or _NO_NOUN.match(noun):
        return said
    if _FEMININE.match(noun) and not _MASCULINE.match(noun):
        return re.sub(r"uno$", "una", re.sub(r"ientos\b", "ientas", said))
    return re.sub(r"uno$", "un", re.sub(r"veintiuno$", "veintiún", said))


def _ordinal(match: re.Match[str]) -> str:
    """1.º primero, 1.ª primera, 3.er tercer, 2da segunda."""
    said, ending = numbers.ordinal(int(match[1]), "es"), match[2]
    if ending == "ª" or ending.endswith("a"):
        return re.sub(r"o\b", "a", said)
    return said.removesuffix("o") if ending == "er" else said


def _hour(match: re.Match[str]) -> str:
    """A la 1, las 3 de la tarde: hours."""
    return match[1] + _one(int(match[2]), "horas")


def _decade(match: re.Match[str]) -> str:
    """Los 80s -> los ochentas, as is said in America; Spain's "los 80" is written so."""
    said = numbers.whole(int(match[2]), "es")
    return match[1] + said + ("es" if said.endswith("l") else "s")


def _second_war(match: re.Match[str]) -> str:
    said = numbers.ordinal(numbers.from_roman(match[1]), "es")
    return re.sub(r"o\b", "a", said).capitalize()


def _time(hour: int, minute: int, noun: str) -> str:
    said = _one(hour, "horas")
    if minute:
        said += f"{' cero' if minute < 10 else ''} {numbers.whole(minute, 'es')}"
    if noun in (":", "") or (noun == "h" and minute):
        return said
    return f"{said} {'hora' if hour == 1 else 'horas'}"


def _roman(word: str, number: int) -> str:
    if word.lower() in _COUNTED:
        return numbers.whole(number, "es")
    single = number in (1, 5, 10)
    is_name = word[0].isupper() and not single
    if not (is_name or word in _KINGS | _QUEENS or word.lower() == "siglo"):
        return ""
    if number > 10:
        return numbers.whole(number, "es")
    said = numbers.ordinal(number, "es")
    return re.sub(r"o$", "a", said) if word in _QUEENS else said


def _day(number: int, before: str) -> str:  # noqa: ARG001
    return numbers.whole(number, "es")


def _year(number: int) -> str:
    return numbers.whole(number, "es")


SPANISH = Words(
    code="es",
    numbers="es",
    decimal="coma",
    percent="por ciento",
    minus="menos",
    to="a",
    score="a",
    dot="punto",
    slash="barra",
    hyphen="guion",
    signs={
        "&": "y", "@": "arroba", "+": "más", "=": "igual a", "%": "por ciento", "°": "grados",
        "€": "euros", "$": "dólares", "£": "libras", "¥": "yenes", "#": "número", "/": "barra",
        "×": "por", "÷": "entre", "±": "más menos", "§": "sección", "~": "aproximadamente",
        "<": "menor que", ">": "mayor que",
    },
    abbreviations={
        "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores",
        "Dr.": "doctor", "Dra.": "doctora", "Dña.": "doña", "Ud.": "usted",
        "Uds.": "ustedes", "Vd.": "usted", "Prof.": "profesor", "Ing.": "ingeniero",
        "Lic.": "licenciado", "n.º": "número", "nº": "número", "Nº": "número", "N.º": "número",
        "n°": "número", "núm.": "número", "Núm.": "número", "p.ej.": "por ejemplo",
        "etc.": "etcétera", "EE.UU.": "Estados Unidos", "EEUU": "Estados Unidos",
        "pág.": "página", "págs.": "páginas", "cap.": "capítulo", "vol.": "volumen",
        "Avda.": "avenida", "Av.": "avenida", "C/": "calle", "a.C.": "antes de Cristo",
        "d.C.": "después de Cristo", "a.m.": "a eme", "p.m.": "pe eme", "A.M.": "a eme",
        "P.M.": "pe eme", "aprox.": "aproximadamente", "tel.": "teléfono", "Tel.": "teléfono",
        "art.": "artículo", "Sto.": "santo", "Sta.": "santa", "RR.HH.": "recursos humanos",
        "JJ.OO.": "Juegos Olímpicos",
    },
    before_name={"D.": "don"},
    name_after=AFTER_SHORT,
    closing=frozenset({"etc.", "EE.UU.", "a.C.", "d.C.", "a.m.", "p.m.", "A.M.", "P.M."}),
    currencies={
        "€": ("euro", "euros", "céntimo", "céntimos"),
        "euros": ("euro", "euros", "céntimo", "céntimos"),
        "$": ("dólar", "dólares", "centavo", "centavos"),
        "dólares": ("dólar", "dólares", "centavo", "centavos"),
        "£": ("libra", "libras", "penique", "peniques"), "¥": ("yen", "yenes", "sen", "senes"),
    },
    money="{unit} con {cent}",
    scales=("millón", "millones", "mil millones", "billones", "mil"),
    scale_link=lambda currency: "de ",  # noqa: ARG005
    date="{day} de {month} de {year}",
    day=_day,
    time=_time,
    hours="horas?|hrs?|h",
    halves={
        2: ("medio", "medios"), 3: ("un tercio", "tercios"), 4: ("un cuarto", "cuartos"),
        5: ("un quinto", "quintos"), 6: ("un sexto", "sextos"), 8: ("un octavo", "octavos"),
        10: ("un décimo", "décimos"),
    },
    and_half="{whole} y medio",
    roman=_roman,
    year=_year,
    one=_one,
    labels=_LABELS,
    squared="al cuadrado",
    cubed="al cubo",
    first=(
        (r"((?i:\b(?:los|años)) )['’]?(\d0|[12]\d\d0)s\b", _decade),
        (r"(?<![\w.,])()(1[1-9]\d0|20[1-9]0)s\b", _decade),
        (r"((?i:\ba la) )(1)(?![\w/%º]|[.,:]\d| [^\W\d_])", _hour),
        (
            r"(?i)\b(las? )(\d\d?)(?= (?:de la (?:tarde|mañana|noche|madrugada)|en punto"
            r"|y (?:media|cuarto))\b)",
            _hour,
        ),
        (r"(?<![\w.,])(\d{1,3})\.?(º|ª|°(?!\s?[CF])|er\b|(?:er|[rdtmvn])?[oa]\b)(?!\w)", _ordinal),
        (rf"\b({numbers.ROMAN})(?= Guerra\b)", _second_war),
    ),
)  # fmt: skip
