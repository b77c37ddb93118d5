"""Names of units, in the right number, and of months, from CLDR (through Babel).

CLDR is what operating systems and browsers speak: every language, kept by the Unicode consortium.
"""

import re
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.units import format_unit

UNITS = {
    "kg": "mass-kilogram", "g": "mass-gram", "mg": "mass-milligram", "t": "mass-tonne",
    "lb": "mass-pound", "km": "length-kilometer", "m": "length-meter", "cm": "length-centimeter",
    "mm": "length-millimeter", "ft": "length-foot", "mi": "length-mile",
    "km/h": "speed-kilometer-per-hour", "m/s": "speed-meter-per-second",
    "mph": "speed-mile-per-hour", "m2": "area-square-meter", "km2": "area-square-kilometer",
    "cm2": "area-square-centimeter", "m3": "volume-cubic-meter", "ha": "area-hectare",
    "l": "volume-liter", "L": "volume-liter", "ml": "volume-milliliter", "cl": "volume-centiliter",
    "h": "duration-hour", "min": "duration-minute", "s": "duration-second",
    "sec": "duration-second", "ms": "duration-millisecond", "°C": "temperature-celsius",
    "°F": "temperature-fahrenheit", "°": "angle-degree", "W": "power-watt", "kW": "power-kilowatt",
    "MW": "power-megawatt", "kWh": "energy-kilowatt-hour", "V": "electric-volt",
    "Hz": "frequency-hertz", "kHz": "frequency-kilohertz", "MHz": "frequency-megahertz",
    "GHz": "frequency-gigahertz", "kB": "digital-kilobyte", "KB": "digital-kilobyte",
    "MB": "digital-megabyte", "GB": "digital-gigabyte", "TB": "digital-terabyte",
}  # fmt: skip
UNITS |= {sign: UNITS[sign.lower()] for sign in ("KG", "Kg", "KM", "Km", "CM", "Cm", "Mm", "Ml")}
"""Sign (NFKC) -> CLDR's name of it."""
_MANY = 12  # plural in every language here, also in those with a form for two to four


@cache
def unit_name(sign: str, is_one: bool, locale: str) -> str:
    """Return ("km/h", False, "de") -> "Kilometer pro Stunde"."""
    number = 1 if is_one else _MANY
    said = format_unit(number, UNITS[sign], length="long", locale=locale)
    return " ".join(re.sub(r"\d+", " ", said).split())


@cache
def months(locale: str) -> tuple[str, ...]:
    """Return the names of the months, January first."""
    names = Locale.parse(locale).months["format"]["wide"]
    return tuple(names[month] for month in range(1, 13))


@cache
def groups_by_comma(locale: str) -> bool:
    """Tell whether 10,000 is ten thousand (Korean, Hindi, Arabic), not ten (Dutch)."""
    try:
        symbols = Locale.parse(locale).number_symbols
    except (UnknownLocaleError, ValueError):
        return False
    return str(symbols["latn"]["group"]) == ","
