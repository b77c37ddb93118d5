"""How do text normalisers read numbers, dates, money …? Ours and others, on hard texts.

    python bench/normalisers.py          all that are installed, English, German, Spanish, French
    pip install nemo_text_processing kitten-text-processing wetext     (another environment)

misaki and espeak-ng read numbers, too, while they make phonemes: these are held against what they
make of the words. The texts are tests/data/spoken.json. Prints, for each, the share that is read
right, and the time a text. Right = the same words, whatever their case, hyphens, commas and "and".
Other readings may be right too: --show lists them, for a person to judge. Our own rules were made
with these texts in view: their share is 100% by construction and proves nothing; the others' tells
what they leave.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

TRUTH = Path(__file__).parent.parent / "tests/data/spoken.json"
MORE = " more"  # what came later, and in which language
LANGUAGES = {
    "en-US": "en",
    "en-GB": "en-GB",
    **{code: code for code in ("de", "es", "fr", "it", "pt")},
}
VOICES = {"en": "en-us", "en-GB": "en-gb", "fr": "fr-fr", "pt": "pt-br"}  # espeak-ng's
Read = Callable[[str], str]
Check = Callable[[Read, str, str], bool]


def ours(language: str) -> Read:
    from pipeline.stages.build_dataset.text import normalise

    return lambda text: normalise(text, language[:2], british=language == "en-GB")


def num2words_alone(language: str) -> Read:
    from num2words import num2words

    return lambda text: re.sub(r"\d+", lambda m: f" {num2words(int(m[0]), lang=language)} ", text)


def nemo(language: str) -> Read:
    from nemo_text_processing.text_normalization.normalize import Normalizer

    reader = Normalizer(input_case="cased", lang=language)
    return lambda text: str(reader.normalize(text, punct_post_process=True))


def kitten(language: str) -> Read:
    from kitten_text_processing import Normalizer

    reader = Normalizer(input_case="cased", lang=language)
    return lambda text: str(reader.normalize(text, punct_post_process=True))


def wetext(language: str) -> Read:
    from wetext import Normalizer

    if language != "en":
        raise ImportError(f"wetext does not speak {language}")
    reader = Normalizer(lang="en", operator="tn")
    return lambda text: str(reader.normalize(text))


def whisper(language: str) -> Read:
    from whisper.normalizers import EnglishTextNormalizer

    if language != "en":
        raise ImportError("whisper has English rules only")
    return EnglishTextNormalizer()


def misaki(language: str) -> Read:
    """Return misaki's phonemes of a text as written: it has its own rules, in English."""
    from pipeline.stages.build_dataset.english_g2p import English
    from pipeline.stages.build_dataset.pronunciation import Pronunciation

    if not language.startswith("en"):
        raise ImportError("misaki reads other languages by espeak-ng")
    reader = English("british" if language == "en-GB" else "american", Pronunciation())
    return lambda text: reader.speak(text)[0]


def espeak(language: str) -> Read:
    from pipeline.stages.build_dataset.espeak_g2p import Espeak

    reader = Espeak(VOICES.get(language, language))
    return lambda text: reader.speak([text])[0]


READERS = {
    "ours": ours, "num2words alone": num2words_alone, "NeMo (pynini)": nemo,
    "NeMo (kitten)": kitten, "wetext": wetext, "whisper": whisper,
}  # fmt: skip
SPEAKERS = {"misaki's own": misaki, "espeak-ng's own": espeak}  # give phonemes


def plain(text: str) -> str:
    """Return the words, without what is written in more than one way."""
    flat = re.sub(r"[^\w\s']|_", " ", text.lower()).replace("'", "")
    return " ".join(word for word in flat.split() if word != "and")


def in_words(read: Read, got: str, said: str) -> bool:  # noqa: ARG001  (as in_phonemes)
    """Return whether the words are right, as one: German writes numbers so, others by pieces."""
    return plain(got).replace(" ", "") == plain(said).replace(" ", "")


def in_phonemes(read: Read, got: str, said: str) -> bool:
    """Return whether the phonemes are those of the words, stress and pauses aside."""
    without_and = re.sub(r"\band ", "", said)
    return _sounds(got) in {_sounds(read(said)), _sounds(read(without_and))}


def _sounds(phonemes: str) -> str:
    letters = (char for char in phonemes if char.isalpha() and char not in "ˈˌ")
    return "".join(letters).replace("ᵊ", "ə").replace("ɾ", "t").replace("T", "t")


def measure(read: Read, rows: list[list[str]], is_right: Check, show: bool) -> str:
    if not rows:
        return ""
    read(rows[0][0])  # loads what is loaded late
    spent_s, right = 0.0, 0
    for written, said in rows:
        start = time.perf_counter()
        try:
            got = read(written)
        except (AssertionError, IndexError, KeyError, ValueError) as err:
            got = f"(raises {err!r})"
        spent_s += time.perf_counter() - start
        if is_right(read, got, said):
            right += 1
        elif show:
            print(f"      {written}\n   -> {got}")
    spent_ms = spent_s / len(rows) * 1000
    return f"{right:3d} of {len(rows):3d} = {right / len(rows):4.0%}  {spent_ms:8.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description="How normalisers read hard texts.")
    parser.add_argument("--show", action="store_true", help="print what was read otherwise")
    show = parser.parse_args().show
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))
    for key, language in LANGUAGES.items():
        for name, make in {**READERS, **SPEAKERS}.items():
            check = in_phonemes if name in SPEAKERS else in_words
            for which in (key, key + MORE):
                try:
                    line = measure(make(language), truth.get(which, []), check, show)
                except (ImportError, NotImplementedError, KeyError) as err:
                    line = f"not measured: {err}"
                if line:
                    print(f"{which:10} {name:16} {line}")


if __name__ == "__main__":
    main()
