"""Portuguese of Brazil, as Kokoro speaks it: um and uma, dois and duas, kings to the tenth."""

import re

from . import numbers
from .words import AFTER_SHORT, Words

_NUMBERS = "pt_BR"
_FEMININE = re.compile(r"\w+(?:as?|ção|ções|são|sões|dades?)\b|(?:vezes|vez|noites?)\b")
_MASCULINE = re.compile(r"(?:dias?|mapas?|\w*(?:ema|oma|ama|eta)s?|a|para|era|cada)\b")
_NO_NOUN = re.compile(
    r"(?:e|ou|a|à|ao|até|com|contra|de|do|da|em|entre|na|no|para|por|sem|sobre|que|se|é|era|são|está"
    r"|o|os|as|mais|menos|não|já|agora|antes|depois|vírgula)\b"
)
_LABELS = (
    "o|do|ao|no|opção|página|número|capítulo|linha|ramal|canal|passo|nível|tecla|botão|seção|lição"
    "|unidade|grupo|sala|porta|versão|fase|mesa|parte|ponto"
)
_KINGS = {"João", "Pedro", "Carlos", "Luís", "Afonso", "Filipe", "Henrique", "Paulo", "Pio"}
_QUEENS = {"Maria", "Isabel", "Elizabeth", "Catarina"}
_COUNTED = {"capítulo", "tomo", "ato", "volume", "parte", "livro", "fase", "tipo"}


def _one(number: int, noun: str) -> str:
    said = numbers.whole(number, _NUMBERS)
    if not noun or _NO_NOUN.match(noun) or not _FEMININE.match(noun) or _MASCULINE.match(noun):
        return said
    said = re.sub(r"\bum$", "uma", re.sub(r"\bdois$", "duas", said))
    return re.sub(r"entos\b", "entas", said)


def _feminine(said: str) -> str:
    return re.sub(r"o\b", "a", said)


def _ordinal(match: re.Match[str]) -> str:
    said = numbers.ordinal(int(match[1]), _NUMBERS)
    return _feminine(said) if match[2] in ("ª", "a") else said


def _time(hour: int, minute: int, noun: str) -> str:
    said = _one(hour, "horas")
    if noun != ":":
        said += " hora" if hour == 1 else " horas"
    return f"{said} e {numbers.whole(minute, _NUMBERS)}" if minute else said


def _roman(word: str, number: int) -> str:
    if word.lower() in _COUNTED:
        return numbers.whole(number, _NUMBERS)
    is_name = word[0].isupper() and number not in (1, 5, 10)
    if not (is_name or word in _KINGS | _QUEENS or word.lower() == "século"):
        return ""
    if number > 10:
        return numbers.whole(number, _NUMBERS)
    said = numbers.ordinal(number, _NUMBERS)
    return _feminine(said) if word in _QUEENS else said


def _day(number: int, before: str) -> str:  # noqa: ARG001
    return "primeiro" if number == 1 else numbers.whole(number, _NUMBERS)


def _year(number: int) -> str:
    return numbers.whole(number, _NUMBERS)


_REAL = ("real", "reais", "centavo", "centavos")

PORTUGUESE = Words(
    code="pt",
    numbers=_NUMBERS,
    decimal="vírgula",
    percent="por cento",
    minus="menos",
    to="a",
    score="a",
    dot="ponto",
    slash="barra",
    hyphen="hífen",
    signs={
        "&": "e", "@": "arroba", "+": "mais", "=": "igual a", "%": "por cento", "°": "graus",
        "€": "euros", "$": "dólares", "£": "libras", "¥": "ienes", "#": "número", "/": "barra",
        "×": "vezes", "÷": "dividido por", "±": "mais ou menos", "§": "parágrafo",
        "~": "cerca de", "<": "menor que", ">": "maior que",
    },
    abbreviations={
        "Sr.": "senhor", "Sra.": "senhora", "Srta.": "senhorita", "Dr.": "doutor",
        "Dra.": "doutora", "Prof.": "professor", "Profa.": "professora",
        "n.º": "número", "nº": "número", "n°": "número", "p.ex.": "por exemplo",
        "etc.": "et cetera", "pág.": "página", "cap.": "capítulo", "vol.": "volume",
        "Av.": "avenida", "a.C.": "antes de Cristo", "d.C.": "depois de Cristo",
        "tel.": "telefone", "art.": "artigo", "Sto.": "santo", "Sta.": "santa",
    },
    before_name={"D.": "dom", "R.": "rua"},
    name_after=AFTER_SHORT,
    closing=frozenset({"etc.", "a.C.", "d.C."}),
    currencies={
        "R$": _REAL, "reais": _REAL, "€": ("euro", "euros", "cêntimo", "cêntimos"),
        "$": ("dólar", "dólares", "centavo", "centavos"),
        "£": ("libra", "libras", "pêni", "pence"), "¥": ("iene", "ienes", "sen", "sen"),
    },
    money="{unit} e {cents}",
    scales=("milhão", "milhões", "bilhão", "bilhões", "mil"),
    scale_link=lambda currency: "de ",  # noqa: ARG005
    date="{day} de {month} de {year}",
    day=_day,
    time=_time,
    hours="horas?|h",
    halves={
        2: ("meio", "meios"), 3: ("um terço", "terços"), 4: ("um quarto", "quartos"),
        5: ("um quinto", "quintos"), 6: ("um sexto", "sextos"), 8: ("um oitavo", "oitavos"),
        10: ("um décimo", "décimos"),
    },
    and_half="{whole} e meio",
    roman=_roman,
    year=_year,
    one=_one,
    labels=_LABELS,
    squared="ao quadrado",
    cubed="ao cubo",
    first=((r"(?<![\w.,])(\d{1,3})\.?(º|ª|°(?!\s?[CF])|[oa]\b)(?!\w)", _ordinal),),
)  # fmt: skip
