"""Phonemes with the real misaki and espeak-ng, without a network."""

import socket
from typing import Any

import pytest

from pipeline.item import Unusable
from pipeline.stages.build_dataset.phonemes import Phonemizer, require
from pipeline.stages.build_dataset.text import normalise
from pipeline.validate import nearest_in_kokoro, unknown_symbols

HARVARD = [
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish, isn't it?",
    "Rice is often served in round bowls; the juice of lemons makes fine punch.",
    "Mr. O'Neill bought 3 bottles, a button and a kitten for $9.99!",
    "“Never,” said the naïve café owner — never… in 1999: well!",
    "Dvořák, Nguyen and Xochitl met Siobhan at Łódź.",
    "qwrtz hmm pfft ABC NASA iPhone e-mail co-op X-ray",
]


@pytest.fixture(scope="module")
def english() -> Phonemizer:
    return Phonemizer("en", "american")


def test_english_never_asks_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading and speaking opens no connection, not even to look for spaCy's model."""

    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError(f"a connection was tried: {args} {options}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    said = Phonemizer("en", "american").speak(["Hello there, Zyxquar."])

    assert said[0].fault is None


def test_known_words(english: Phonemizer) -> None:
    """Kokoro gets misaki's letters, StyleTTS2 espeak's with spaces around punctuation."""
    (said,) = english.speak(["A judge, how nice!"])

    assert said.kokoro == "ɐ ʤˈʌʤ, hˌW nˈIs!"
    assert said.styletts2 == "ɐ dʒˈʌdʒ , hˌaʊ nˈaɪs !"


def test_british_english_has_its_own_vowels() -> None:
    """The accent setting reaches both phonemizers."""
    (said,) = Phonemizer("en", "british").speak(["The water is hot."])

    assert said.kokoro == "ðə wˈɔːtə ɪz hˈɒt."
    assert said.styletts2 == "ðə wˈɔːtəɹ ɪz hˈɒt ."


def test_english_stays_in_both_alphabets(english: Phonemizer) -> None:
    """Odd names, letters and marks give no symbol that a trainer would drop."""
    said = english.speak([normalise(text, "en") for text in HARVARD])

    assert [one.fault for one in said] == [None] * len(HARVARD)
    assert not any(unknown_symbols(one.kokoro, "kokoro") for one in said)
    assert not any(unknown_symbols(one.styletts2, "styletts2") for one in said)


def test_a_batch_is_as_one_by_one(english: Phonemizer) -> None:
    """Texts do not leak into each other, also beside those with nothing to say."""
    texts = ["First, of all.", "", "…", "Second!", "'", "third"]

    together = english.speak(texts)

    assert together == [english.speak([text])[0] for text in texts]
    assert [bool(one.fault) for one in together] == [False, True, True, False, True, False]


def test_words_without_an_entry_are_counted() -> None:
    """espeak-ng's guesses from the spelling are remembered, the dictionary's words are not."""
    phonemizer = Phonemizer("en", "american")

    phonemizer.speak(["The Blorptown story of Blorptown.", "Nothing new."])

    assert dict(phonemizer.heard.guessed) == {"Blorptown": 2}


def test_letters_by_themselves_are_letters(english: Phonemizer) -> None:
    """Not the article, and the sentence keeps its end."""
    (said,) = english.speak([normalise("He had vitamin A. and vitamin C.", "en")])

    assert said.kokoro == "hˌi hæd vˈITəmən ˈA. ænd vˈITəmən sˈi."
    assert said.styletts2 == "hiː hæd vˈaɪɾəmɪn ˈeɪ . ænd vˈaɪɾəmɪn sˈiː ."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mm-hmm, I see.", "ˈʌmhəm , aɪ sˈiː ."),
        ("Mhm. Hm, mmm.", "ˈʌmhəm . həm , həm ."),
        ("A rhythm, M.", "ɐ ɹˈɪðəm , ˈɛm ."),
    ],
)
def test_a_murmur_is_not_spelled(english: Phonemizer, text: str, said: str) -> None:
    """espeak-ng says the letters of "Mm"; one letter is one."""
    assert english.styletts2([text]) == [said]


def test_a_sentence_that_ends_with_i_keeps_its_full_stop(english: Phonemizer) -> None:
    """Kokoro's phonemes have it, as StyleTTS2's; within a sentence nothing changes."""
    ended, inside = english.speak(["So do I. Then we left.", "I think that I can."])

    assert ended.kokoro.split()[2].lstrip("ˈˌ") == "I." and ended.styletts2.count(".") == 2
    assert inside.kokoro.count(".") == 1
    assert inside.kokoro == "ˌI θˈɪŋk ðæt ˌI kˈæn."


def test_initials_are_spelled(english: Phonemizer) -> None:
    """By both phonemizers, also where a letter alone would be the article."""
    (said,) = english.speak([normalise("The A.B.C. of the U.S.", "en")])

    assert said.kokoro == "ði ˌAbˌisˈi ʌv ðə jˌuˈɛs."
    assert said.styletts2 == "ðɪ ˌeɪbˌiːsˈiː ʌvðə jˌuːˈɛs ."


def test_words_read_by_another_languages_rules_are_counted() -> None:
    """espeak-ng reads English words in French text as English: they may not sound like that."""
    phonemizer = Phonemizer("fr", "american")

    phonemizer.speak(["J'aime le football.", "Le football et le vin."])

    assert dict(phonemizer.heard.foreign) == {"football": 2}


@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_a_word_that_nobody_can_say_is_named(language: str) -> None:
    """Its clip has a fault that names it: it is not left out of the phonemes silently."""
    phonemizer = Phonemizer(language, "american")

    (said,) = phonemizer.speak(["the ꜩꜩ word"])

    assert said.fault is not None
    assert (said.fault.rule, said.fault.reason) == ("unpronounceable", "no phonemes for 'ꜩꜩ'")
    assert dict(phonemizer.heard.silent) == {"ꜩꜩ": 1}


def test_coverage_counts_symbols_and_names_the_unused(english: Phonemizer) -> None:
    """What a report shows: which sounds the clips hold, and which none of them has."""
    facts = english.heard.facts(["A judge, a nudge."], ["ʤˈʌʤ"], ["dʒˈʌdʒ"])

    assert (facts["words"], facts["different_words"]) == (4, 4)
    assert facts["symbols"]["kokoro"]["counts"] == [("ʤ", 2), ("ʌ", 1), ("ˈ", 1)]
    assert "ʧ" in facts["symbols"]["kokoro"]["unused"]
    assert "ʤ" not in facts["symbols"]["kokoro"]["unused"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("שלום", "foreign_letters"),
        ("hello 世界", "foreign_letters"),
        ("!?", "empty_text"),
        ("word " * 200, "too_many_phonemes"),
    ],
)
def test_what_cannot_be_trained_on_has_a_fault(english: Phonemizer, text: str, rule: str) -> None:
    """espeak-ng would say 'Chinese letter'; here it is a fault with its rule."""
    (said,) = english.speak([text])

    assert said.fault is not None
    assert said.fault.rule == rule


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "El niño come una manzana roja, ¿verdad?"),
        ("fr", "Un bon vin blanc, s'il vous plaît: c'est l'été!"),
        ("it", "Gli gnocchi della nonna sono buonissimi."),
        ("pt", "As irmãs não estão em casa amanhã."),
        ("hi", "मेरा नाम राम है और मैं यहाँ रहता हूँ।"),
    ],
)
def test_kokoros_other_languages(language: str, text: str) -> None:
    """Each of them stays inside both alphabets."""
    (said,) = Phonemizer(language, "american").speak([normalise(text, language)])

    assert said.fault is None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Zwölf Boxkämpfer jagen Eva quer über den Deich; schön, auch die Garage!"),
        ("pl", "Dzień dobry, źrebię i żaba: gęś, łódź, chrząszcz."),
        ("ru", "Привет, жизнь, щука, любовь и мягкий чай."),
        ("cs", "Tři sta třicet tři stříbrných křepelek."),
        ("da", "Rødgrød med fløde, hund og dreng."),
        ("sv", "Sju sjösjuka sjömän på tjugo öar."),
    ],
)
def test_languages_that_kokoro_does_not_speak(language: str, text: str) -> None:
    """Inside both alphabets, by the nearest sound where there is none; and it is said."""
    phonemizer = Phonemizer(language, "american")

    (said,) = phonemizer.speak([normalise(text, language)])

    assert said.fault is None
    assert phonemizer.described()["kokoro"].startswith(f"Kokoro-82M does not speak {language}")


def test_the_nearest_sounds_are_kokoros_and_none_is_replaced_in_vain() -> None:
    """The table leads from outside of the alphabet into it."""
    assert nearest_in_kokoro()
    for sound, near in nearest_in_kokoro().items():
        assert unknown_symbols(chr(sound), "kokoro") and not unknown_symbols(near, "kokoro")


def test_a_language_that_nobody_speaks() -> None:
    """The message says what to do."""
    with pytest.raises(Unusable, match="no voice for xx"):
        Phonemizer("xx", "american")
    with pytest.raises(Unusable, match="Chinese"):
        require("zh")
