"""How long a text is once it is spoken, counted in letters: by it clips of one voice compare.

In:  a text as written. Out: about as many letters as it takes to write out what is said.
Left out: the words themselves (build_dataset writes them out), so no language is needed: rates are
compared within a recording only, and what a language has more or less of falls out there.
"""

import re
import unicodedata

from .words import ABBREVIATIONS

# num2words, letters a digit: years English 4.2, 10-99 4.5, 100-999 7.5; years and 1-99 Spanish 5.8,
# German 7.6
DIGIT_LETTERS = 5.0
MOST_DIGIT_LETTERS = 8.0  # where a number must not seem too short: the longest of these
LETTER_NAME_LETTERS = 3.0  # "F" is spoken "ef": English names have 1-7 letters, mean 2.5
ABBREVIATION_LETTERS = 6.0  # mister, doctor, saint, et cetera: 5-9
SYMBOL_LETTERS = 5.0  # %, $, &: percent, dollars, and
SYLLABLE_LETTERS = 5.0  # a character of Chinese, Japanese, Korean; their digits are one too
LONGEST_ACRONYM = 4  # capitals; more are a word that is shouted

_PIECE = re.compile(r"([^\W\d_]+(?:['’][^\W\d_]+)*)(\.?)")


def spoken_letters(text: str, digit_letters: float = DIGIT_LETTERS) -> float:
    """Return about how many letters a text has when it is written as it is spoken.

    >>> spoken_letters("Dr. Ott, 1865")  # doctor, ott, four digits
    29.0
    """
    as_written = sum(_letters_of(char, digit_letters) for char in text)
    return as_written + sum(_left_out(*piece) for piece in _PIECE.findall(text))


def _letters_of(char: str, digit_letters: float) -> float:
    category = unicodedata.category(char)
    if category[0] == "N":
        return digit_letters
    if category[0] in "LM":  # marks are the vowels of Hindi, Thai, Arabic
        is_syllable = unicodedata.east_asian_width(char) == "W"
        return SYLLABLE_LETTERS if is_syllable else 1.0
    return SYMBOL_LETTERS if category == "Sc" or char in "%&@+=°" else 0.0


def _left_out(piece: str, stop: str) -> float:
    """Return how many letters more are spoken than written: in "etc.", "F", "p.m.", "FBI"."""
    if stop and piece.lower() in ABBREVIATIONS:
        return max(0.0, ABBREVIATION_LETTERS - len(piece))
    is_acronym = piece.isupper() and len(piece) <= LONGEST_ACRONYM
    is_initial = bool(stop) and len(piece) == 1 and piece.islower()
    return (LETTER_NAME_LETTERS - 1) * len(piece) if is_acronym or is_initial else 0.0
