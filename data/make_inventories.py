"""Makes pipeline/alphabets/inventories.json: which sounds of Kokoro's alphabet a language has.

In:  the most frequent words of each language, by wordfreq (pip install wordfreq==3.1.1), spoken by
     the phonemizer that also speaks the datasets.
Out: for each language its sounds, most frequent first. Words that espeak-ng reads by the rules of
     another language are left out, and so is a sound that is in fewer than 15 of 5,000 words and in
     less than 0.1% of all that is said (words by their frequency).
So a dataset is held against what the pipeline itself can write, not against a phonetician's chart.
"""

import json
import sys
import unicodedata
from collections import Counter
from pathlib import Path

from wordfreq import top_n_list, word_frequency

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # a script beside the package, also without an installation

from pipeline.item import Unusable  # noqa: E402
from pipeline.report.sounds import language_key, sounds  # noqa: E402
from pipeline.stages.build_dataset.phonemes import Phonemizer  # noqa: E402

PATH = ROOT / "pipeline" / "alphabets" / "inventories.json"
# Whisper's codes of what both wordfreq and espeak-ng know (Korean needs a tokenizer of its own).
LANGUAGES = (
    "ar bg bn bs ca cs da de el en es fa fi fr he hi hr hu id is it lt lv mk ms nl no pl pt ro ru"
    " sk sl sr sv ta tr uk ur vi"
)
WORDS = 5000
LEAST_WORDS, LEAST_SHARE = 15, 0.001
BATCH = 250


def inventory(language: str, accent: str) -> str:
    """Return the sounds of a language, separated by spaces."""
    phonemizer = Phonemizer(language, accent)
    words = native([word for word in top_n_list(language, WORDS) if word.isalpha()])
    in_words: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for first in range(0, len(words), BATCH):
        batch = words[first : first + BATCH]
        for word, spoken in zip(batch, phonemizer.speak(batch), strict=True):
            is_loan = spoken.fault or word in phonemizer.heard.foreign  # read by English rules
            found = [] if is_loan else list(sounds(spoken.kokoro))
            in_words.update(set(found))
            for sound in found:
                said[sound] += word_frequency(word, language)
    whole = sum(said.values())
    kept = [s for s in said if in_words[s] >= LEAST_WORDS or said[s] >= LEAST_SHARE * whole]
    return " ".join(sorted(kept, key=lambda sound: (-said[sound], sound)))


def native(words: list[str]) -> list[str]:
    """Return the words without those in Latin letters, where those are the strangers."""
    own = [word for word in words if not word.isascii()]
    latin = sum(unicodedata.name(word[0], "").startswith("LATIN") for word in words)
    return own if latin < len(words) / 2 else words


def main() -> None:
    """Make the inventories of the languages that are named, else of all; the others stay."""
    stored = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"sounds": {}}
    found = stored["sounds"]
    for language in sys.argv[1:] or LANGUAGES.split():
        for accent in ("american", "british") if language == "en" else ("american",):
            try:
                key = language_key(language, accent)
                found[key] = inventory(language, accent)
                print(key, len(found[key].split()), found[key], flush=True)
            except (Unusable, ValueError, RuntimeError) as err:
                print(language, "is left out:", err, flush=True)
    source = f"the {WORDS} most frequent words by wordfreq 3.1.1, as spoken here"
    text = json.dumps(
        {"version": 1, "source": source, "sounds": dict(sorted(found.items()))},
        ensure_ascii=False,
        indent=1,
    )
    PATH.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
