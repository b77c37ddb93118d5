"""How do text normalisers read numbers, dates, money …? Ours and others, on hard texts.

    python bench/normalisers.py          all that are installed, English, German, Spanish, French
    pip install nemo_text_processing kitten-text-processing wetext     (another environment)

The texts are tests/data/spoken.json. Prints, for each, the share that is read right, and the time a
text. Right = the same words, whatever their case, hyphens, commas and "and". Other readings may be
right too: --show lists them, for a person to judge. Our own rules were made with these texts in
view: their share is 100% by construction and proves nothing; the others' tells what they leave.
"""

import argparse
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

TRUTH = Path(__file__).parent.parent / "tests/data/spoken.json"
LANGUAGES = {"en-US": "en", "de": "de", "es": "es", "fr": "fr"}
Read = Callable[[str], str]


def ours(language: str) -> Read:
    from pipeline.stages.build_dataset.text import normalise

    return lambda text: normalise(text, language)


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


READERS = {
    "ours": ours, "num2words alone": num2words_alone, "NeMo (pynini)": nemo,
    "NeMo (kitten)": kitten, "wetext": wetext, "whisper": whisper,
}  # fmt: skip


def plain(text: str) -> str:
    """Return the words, without what is written in more than one way."""
    flat = re.sub(r"[^\w\s']|_", " ", text.lower()).replace("'", "")
    return " ".join(word for word in flat.split() if word != "and")


def measure(read: Read, rows: list[list[str]], show: bool) -> str:
    read(rows[0][0])  # loads what is loaded late
    start, right = time.perf_counter(), 0
    for written, said in rows:
        try:
            got = read(written)
        except (AssertionError, IndexError, KeyError, ValueError) as err:
            got = f"(raises {err!r})"
        # compounds: German writes numbers as one word, others by pieces
        if plain(got).replace(" ", "") == plain(said).replace(" ", ""):
            right += 1
        elif show:
            print(f"      {written}\n   -> {got}")
    spent_ms = (time.perf_counter() - start) / len(rows) * 1000
    return f"{right:3d} of {len(rows):3d} = {right / len(rows):4.0%}  {spent_ms:8.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description="How normalisers read hard texts.")
    parser.add_argument("--show", action="store_true", help="print what was read otherwise")
    show = parser.parse_args().show
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))
    for key, language in LANGUAGES.items():
        for name, make in READERS.items():
            try:
                line = measure(make(language), truth[key], show)
            except (ImportError, NotImplementedError, KeyError) as err:
                line = f"not measured: {err}"
            print(f"{key:6} {name:16} {line}")


if __name__ == "__main__":
    main()
