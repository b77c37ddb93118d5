"""Texts for the lists: spoken out, on one line, in the punctuation that the trainers know."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.build_dataset.text import normalise, one_line

SPOKEN = {
    "Dr. Smith paid £20 at 5:30pm on 3rd May 2021.": "Doctor Smith paid twenty pounds at five"
    " thirty PM on third May twenty twenty-one.",
    "It cost $3.50 in 1984.": "It cost three dollars and fifty cents in nineteen eighty-four.",
    "$1, $1.01, £0.99, 5€, $5 million, US$2bn": "one dollar, one dollar and one cent,"
    " ninety-nine pence, five euros, five million dollars, two billion dollars",
    "50% of 1,234,567": "fifty percent of one million two hundred and thirty-four thousand"
    " five hundred and sixty-seven",
    "at 17:45, 5:05 a.m. or 5:00": "at seventeen forty-five, five oh five AM or five o'clock",
    "See you at 5 p.m. Tomorrow.": "See you at five PM. Tomorrow.",
    "May 3, 2021; 3 May; 2021-05-03; Jan. 5": "May third, twenty twenty-one; the third of May;"
    " May third, twenty twenty-one; January fifth",
    "the 1980s, the '90s, the 2000s": "the nineteen eighties, the nineties, the two thousands",
    "21st, 1,000th": "twenty-first, one thousandth",
    "-5°C, 6ft, 1 km, 60 km/h": "minus five degrees Celsius, six feet, one kilometer,"
    " sixty kilometers per hour",
    "2½ cups, 1/2 mile, 9/11, 24/7": "two and a half cups, one half mile, nine eleven,"
    " twenty-four seven",
    "10-15 people, 1990–2000": "ten to fifteen people, nineteen ninety to two thousand",
    "call 555-1234": "call five five five, one two three four",
    "3.14, .5, 007, version 3.11.2": "three point one four, point five, zero zero seven,"
    " version three point eleven point two",
    "#1 & me @home": "number one and me at home",
    "J. K. Rowling met Robert E. Lee. So do I. He left.": "J K Rowling met Robert E Lee."
    " So do I. He left.",
    "in the U.S. Army, in the U.S.": "in the US Army, in the US.",
    "St. Paul's in Baker St., etc.": "Saint Paul's in Baker Street, et cetera.",
    "World War II, Henry VIII": "World War two, Henry the eighth",
    "mp3, B2B, 4x4": "mp three, B two B, four by four",
    "visit example.com": "visit example dot com",
}


@pytest.mark.parametrize(("written", "said"), SPOKEN.items())
def test_english_is_spoken_out(written: str, said: str) -> None:
    """Numbers, money, times, dates, units, abbreviations and initials become words."""
    assert normalise(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It costs $5-$10.", "It costs five to ten dollars."),
        ("£5-£10, $5-10", "five to ten pounds, five to ten dollars"),
        ("$3.5M-$4M", "three point five million to four million dollars"),
        (
            "$1.50-$2.50",
            "one dollar and fifty cents to two dollars and fifty cents",
        ),
        ("a $5-to-$10 fee, 5-$10", "a five to ten dollar fee, five to ten dollars"),
        ("a pre-$5 era", "a pre-five dollars era"),
        ("a $20 is fine", "a twenty dollars is fine"),
        ("a $20 bill, the $20 bill", "a twenty dollar bill, the twenty dollar bill"),
        ("in $20 bills", "in twenty dollar bills"),
        ("a $1 million prize", "a one million dollar prize"),
        ("a £5-£10 fee", "a five to ten pound fee"),
        ("the $10 million dollar house", "the ten million dollar house"),
        ("$5 dollars, $2T", "five dollars, two trillion dollars"),
        ("A $100-million deal", "A one hundred million dollar deal"),
        ("a 6 ft wall, a 5 km run", "a six foot wall, a five kilometer run"),
        ("it costs $20 today", "it costs twenty dollars today"),
        ("the $20 he owed me", "the twenty dollars he owed me"),
        ("I made $5 million and left", "I made five million dollars and left"),
        ("-$5, it lost -$20", "minus five dollars, it lost minus twenty dollars"),
        ("a $1.50 fee", "a one dollar and fifty cents fee"),
        ("he ran 5 km today", "he ran five kilometers today"),
        ("It is 6 ft high, $5 a day.", "It is six feet high, five dollars a day."),
    ],
)
def test_amounts_are_said_as_ranges_and_as_measures(written: str, said: str) -> None:
    """A range names its money once; before a noun money and units stay singular."""
    assert normalise(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("He left the U.S. Then he came back.", "He left the US. Then he came back."),
        ("We ate pears, etc. Then I left.", "We ate pears, et cetera. Then I left."),
        ("I like Apple Inc. He does not.", "I like Apple Incorporated. He does not."),
        ("Martin Luther King Jr. He spoke.", "Martin Luther King Junior. He spoke."),
        ("She got an A. He left.", "She got an A. He left."),
        ("We live in Baker St. It's quiet.", "We live in Baker Street. It's quiet."),
        ("Come at 5 p.m. EST today.", "Come at five PM EST today."),
        ("Come at 5 p.m. Then eat.", "Come at five PM. Then eat."),
        ("“I left the U.S.”", "“I left the US.”"),
        ("George V. Higgins, George V. He", "George V Higgins, George the fifth. He"),
        ("the U.S. Army, the U.S. President", "the US Army, the US President"),
        ("Mr. Smith, Dr. Jones, St. John", "Mister Smith, Doctor Jones, Saint John"),
        ("J. A. Smith met George A. Romero", "J A Smith met George A Romero"),
        ("Apple Inc. Chairman, Dr. No", "Apple Incorporated Chairman, Doctor No"),
        ("King Jr. Boulevard, the U.S. is", "King Junior Boulevard, the US is"),
    ],
)
def test_a_full_stop_between_sentences_stays(written: str, said: str) -> None:
    """After an abbreviation a sentence ends where the next word begins one; not before a name."""
    assert normalise(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("from 3-5 p.m., 9am-5pm", "from three to five PM, nine AM to five PM"),
        ("9 a.m.-5 p.m. today", "nine AM to five PM today"),
        ("9:30-10:30, 9:30-11 am", "nine thirty to ten thirty, nine thirty to eleven AM"),
        ("May 5-7, 2020", "May fifth to seventh, twenty twenty"),
        ("on 5-7 May", "on the fifth to the seventh of May"),
        ("the 5-7 May", "the fifth to the seventh of May"),
        ("1 Corinthians 13:4-7", "one Corinthians thirteen four to seven"),
        ("Psalm 119:105.", "Psalm one hundred and nineteen one hundred and five."),
        ("John 3:16-17", "John three sixteen to seventeen"),
        ("John 3:16", "John three sixteen"),
        ("Mark, 5:05 pm, Mark 5:05 pm", "Mark, five oh five PM, Mark five oh five PM"),
        ("We won 3-2. I am.", "We won three to two. I am."),
        ("May 5, 2020", "May fifth, twenty twenty"),
        ("the 5 May, call 555-1234", "the fifth of May, call five five five, one two three four"),
    ],
)
def test_ranges_of_times_verses_and_days_are_said(written: str, said: str) -> None:
    """The dash between two times, verses or days is a "to"."""
    assert normalise(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("World War I began, then World War II.", "World War one began, then World War two."),
        ("See Part I, Chapter I.", "See Part one, Chapter one."),
        ("Act I", "Act one"),
        ("Chapter XXIV. Chapter XX", "Chapter twenty-four. Chapter twenty"),
        ("The XIX century", "The nineteenth century"),
        ("Super Bowl XLII", "Super Bowl forty-two"),
        ("Rocky IV, Charles V", "Rocky four, Charles the fifth"),
        ("The IV drip", "The IV drip"),
        ("Part I want, the part I, uh", "Part I want, the part I, uh"),
        ("I am. So do I. Size XL, Malcolm X", "I am. So do I. Size XL, Malcolm X"),
        ("What a War I saw.", "What a War I saw."),
    ],
)
def test_roman_numbers_are_said_where_they_are_numbers(written: str, said: str) -> None:
    """After what is counted, and before a century; "I" only where nobody can mean himself."""
    assert normalise(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("my 401k, a 401(k) plan", "my four oh one K, a four oh one K plan"),
        ("1080p or 720p", "ten eighty P or seven twenty P"),
        ("in C# or F#.", "in C sharp or F sharp."),
        ("2/5ths of it", "two fifths of it"),
        ("1000s of people, 100s of them", "thousands of people, hundreds of them"),
        ("C$5", "five dollars"),
        ("M&Ms", "M and M's"),
        ("In 1066 he won.", "In ten sixty-six he won."),
        (
            "Call +1 555 123 4567.",
            "Call one, five five five, one two three, four five six seven.",
        ),
        ("Call 9-1-1.", "Call nine one one."),
        ("he/she, and/or, AC/DC's", "he she, and or, AC DC's"),
        ("60 km/h, A/B", "sixty kilometers per hour, A slash B"),
        ("10k, 400k, 3M", "ten thousand, four hundred thousand, three million"),
        ("In 1050 people", "In one thousand and fifty people"),
        ("Elm Dr. in Dallas", "Elm Drive in Dallas"),
        ("The Dr. in Dallas, Dr. Lee", "The Doctor in Dallas, Doctor Lee"),
        ("in 1066 cases, #1", "in one thousand and sixty-six cases, number one"),
        ("the 1980s, 2/5", "the nineteen eighties, two fifths"),
    ],
)
def test_common_signs_are_said_as_their_trade_says_them(written: str, said: str) -> None:
    """Pension plans, resolutions, keys, telephone numbers; between words no slash is said."""
    assert normalise(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("‘Wait’... what -- no - yes", "'Wait'… what — no — yes"),
        ("He (John) left [now].", "He, John, left, now."),
        ("«Oui» and ‟so”", "“Oui” and “so”"),
        ("la la ♪ 😀 a|b\tc\r\nd", "la la a, b c d"),
        ("…", ""),
        ("Full－width ＡＢ１", "Full-width AB one"),
        ("٣ ① Ⅷ", "three one VIII"),
    ],
)
def test_unicode_becomes_what_the_trainers_know(written: str, said: str) -> None:
    """Quotes, dashes, brackets and wide letters are mapped; signs that nobody speaks go."""
    assert normalise(written, "en") == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("nl", "25 huizen, 3,5 %", "vijfentwintig huizen, drie komma vijf %"),
        ("hi", "5 आम हैं।", "5 आम हैं."),
    ],
)
def test_languages_without_rules_speak_their_numbers(
    language: str, written: str, said: str
) -> None:
    """Numbers by num2words where it knows the language; espeak-ng speaks what is left."""
    assert normalise(written, language) == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("hu", "3,14159", "három egy négy egy öt kilenc"),
        ("hu", "0,123456", "nulla egy kettő három négy öt hat"),
        ("hu", "3,5", "három egész öt tized"),
        ("am", "100", "መቶ"),
        ("am", "12", "አሥራ ሁለት"),
        ("nl", "1000000000000", "een biljoen"),
        ("nl", "31612345678", "drie één zes één twee drie vier vijf zes zeven acht"),
    ],
)
def test_numbers_that_cannot_be_counted_are_read_digit_by_digit(language, written, said) -> None:
    """num2words' languages end somewhere: one clip's number must not end a job."""
    assert normalise(written, language) == said


@pytest.mark.parametrize(
    ("language", "written"),
    [("te", "919876543210"), ("kn", "919876543210"), ("am", "1234567890123"), ("am", "1234567")],
)
def test_numbers_that_num2words_dies_of_become_words(language: str, written: str) -> None:
    """An error, or no end (Amharic above a million)."""
    assert len(normalise(written, language).split()) == len(written)


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("ko", "10,000원", "만 원"),
        ("th", "10,000", "หนึ่งหมื่น"),
        ("ko", "3.5", "삼 점 오"),
        ("hi", "10,000 रुपये, 1,00,000", "10000 रुपये, 100000"),
        ("nl", "100,000 huizen", "honderdduizend huizen"),
        ("nl", "1,234,567", "een miljoen tweehonderdvierendertigduizendvijfhonderdzevenenzestig"),
        ("nl", "1.234,5", "duizendtweehonderdvierendertig komma vijf"),
        ("nl", "3,142", "drie komma één vier twee"),
    ],
)
def test_thousands_are_grouped_as_the_language_does(language, written, said) -> None:
    """The comma of Korean or Hindi groups, that of Dutch is a decimal one, but in 100,000."""
    assert normalise(written, language) == said


def test_one_line_keeps_the_text_as_written() -> None:
    """Only what a list cannot hold is replaced."""
    assert one_line("It's $3 | “no”,\n\tDr. Who\u2028 😀\u200b!") == "It's $3 , “no”, Dr. Who 😀 !"


awkward = st.sampled_from(list("0123456789.,:-/$£%| '\"apmstndrhkxIVDr#&@½²°…()~•\n\t"))
texts = st.text(alphabet=st.one_of(st.characters(), awkward), max_size=40)


@settings(max_examples=500)
@given(texts)
def test_normalised_english_holds_nothing_unspeakable(text: str) -> None:
    """Whatever comes in: no digit, no separator, no control character; twice is as once."""
    said = normalise(text, "en")

    assert not any(char.isdigit() for char in said)
    assert not any(char == "|" or unicodedata.category(char)[0] == "C" for char in said)
    assert normalise(said, "en") == said


def read_truth() -> list[tuple[str, str, str]]:
    found = json.loads((Path(__file__).parent / "data/spoken.json").read_text(encoding="utf-8"))
    return [(language, *row) for language, rows in found.items() for row in rows]


@pytest.mark.parametrize(("language", "written", "said"), read_truth())
def test_hard_texts_are_spoken_out(language: str, written: str, said: str) -> None:
    """Numbers, money, dates, times, units, ordinals, kings, addresses, initials: in words."""
    assert normalise(written, language[:2], british=language == "en-GB") == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        (
            "en",
            "$20/hour or $1.5M/yr",
            "twenty dollars per hour or one point five million dollars per year",
        ),
        ("en", "60 miles/hour, days/nights", "sixty miles per hour, days nights"),
        ("en", "in '08 and '85", "in oh eight and eighty-five"),
        (
            "en",
            "Room 101, Boeing 747, Suite 200",
            "Room one oh one, Boeing seven forty-seven, Suite two hundred",
        ),
        ("en", "Route 66, Flight 1549", "Route sixty-six, Flight fifteen forty-nine"),
        ("en", "1-800-FLOWERS", "one eight hundred FLOWERS"),
        ("es", "Oprima 1 para español.", "Oprima uno para español."),
        (
            "es",
            "21.000 casas, 51.000.000 de pesos",
            "veintiún mil casas, cincuenta y un millones de pesos",
        ),
        ("es", "1.500 personas y 200 mujeres", "mil quinientas personas y doscientas mujeres"),
        ("es", "US$20, uno mil veces", "veinte dólares, uno mil veces"),
        ("pt", "US$ 20 nos anos '90", "vinte dólares nos anos noventa"),
        ("it", "gli anni '90, l'8%", "gli anni novanta, l'otto per cento"),
        ("it", "+39 333 12", "più tre nove, tre tre tre, uno due"),
        ("nl", "Om 17:30 uur.", "Om zeventien dertig uur."),
        ("es", "Pulse 1 ahora.", "Pulse uno ahora."),
        ("es", "La opción 1 está lista.", "La opción uno está lista."),
        ("es", "Pulse 1 vez, página 21 ahora", "Pulse una vez, página veintiuno ahora"),
        ("es", "El 1 gana.", "El uno gana."),
        ("es", "Tiene 21 llamadas y 1 mensaje.", "Tiene veintiuna llamadas y un mensaje."),
        ("es", "La 1 de la tarde, venga a la 1.", "La una de la tarde, venga a la una."),
        ("it", "Premi 1 per uscire, pagina 1 è", "Premi uno per uscire, pagina uno è"),
        ("it", "Ho 1 amica e 1 amico.", "Ho una amica e un amico."),
        ("pt", "Tecle 1 agora, página 2 nova", "Tecle um agora, página dois nova"),
        ("pt", "Tenho 1 amiga.", "Tenho uma amiga."),
    ],
)
def test_a_number_that_is_a_name_does_not_bend_with_what_follows(language, written, said) -> None:
    """A key to press, a page: whisper writes them as digits, and what follows is no noun."""
    assert normalise(written, language) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1,234.56 pesos", "mil doscientos treinta y cuatro coma cincuenta y seis pesos"),
        ("$1,234.50", "mil doscientos treinta y cuatro dólares con cincuenta"),
        ("2,345,678", "dos millones trescientos cuarenta y cinco mil seiscientos setenta y ocho"),
        ("1.234,56", "mil doscientos treinta y cuatro coma cincuenta y seis"),
        ("1,5 o 1.5", "uno coma cinco o uno coma cinco"),
        ("Había 100,000 personas.", "Había cien mil personas."),
        ("$2,500 al mes", "dos mil quinientos dólares al mes"),
        ("3,142 y 1,50", "tres coma uno cuatro dos y uno coma cincuenta"),
    ],
)
def test_numbers_are_read_with_either_separator(written: str, said: str) -> None:
    """Mexico writes 1,234.56, and so does whisper; Spain 1.234,56."""
    assert normalise(written, "es") == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("fr", "Il me dit que tu me plais.", "Il me dit que tu me plais."),
        ("fr", "Me voilà.", "Me voilà."),
        (
            "fr",
            "La rue St. Denis, St-Denis, Ste Anne.",
            "La rue Saint Denis, Saint-Denis, Sainte Anne.",
        ),
        ("fr", "Me Dupont et M. de Villepin.", "Maître Dupont et Monsieur de Villepin."),
        ("fr", "M. le maire, MM. Petit et Roux.", "Monsieur le maire, Messieurs Petit et Roux."),
        ("fr", "Il y en a six ou sept. Puis rien.", "Il y en a six ou sept. Puis rien."),
        ("fr", "Le 5 sept. 2020, fin nov.", "Le cinq septembre deux mille vingt, fin novembre."),
        ("fr", "J'ai raté mon vol. Oui.", "J'ai raté mon vol. Oui."),
        ("fr", "vol. 2, chap. IV, le n°5", "volume deux, chapitre quatre, le numéro cinq"),
        ("fr", "Il mesure 5 m. Et 3 mm.", "Il mesure cinq mètres. Et trois millimètres."),
        ("fr", "Une BD. Au 3 bd Voltaire.", "Une BD. Au trois boulevard Voltaire."),
        ("fr", "À St-Denis, le dr Roux.", "À Saint-Denis, le Docteur Roux."),
        ("de", "Er heißt Jan. Ja.", "Er heißt Jan. Ja."),
        (
            "de",
            "Am 3. Jan. 2020 und im Dez.",
            "Am dritten Januar zweitausendzwanzig und im Dezember.",
        ),
        ("de", "Das dauert eine Min. Oder nicht.", "Das dauert eine Min. Oder nicht."),
        ("de", "1 Std. und 5 Min. Pause", "eine Stunde und fünf Minuten Pause"),
        ("de", "Fr. Müller mag St. Pauli.", "Frau Müller mag Sankt Pauli."),
        ("de", "Ca. 30, am Kap. Ein ABS.", "Circa dreißig, am Kap. Ein ABS."),
        ("es", "Tomo vitamina D. Luego no.", "Tomo vitamina D. Luego no."),
        ("es", "Vi a D. Juan y al sr. Paz.", "Vi a don Juan y al señor Paz."),
        ("es", "En Washington D.C. hay uno.", "En Washington DC hay uno."),
        ("es", "a las 5 P.M.", "a las cinco pe eme."),
        ("pt", "Tomo vitamina D. Na R. Augusta.", "Tomo vitamina D. Na rua Augusta."),
        ("it", "Dura 5 s circa, in S. Pietro.", "Dura cinque secondi circa, in San Pietro."),
        ("it", "Il n. 7 dell'A.C. Milan.", "Il numero sette dell'AC Milan."),
    ],
)
def test_words_that_look_like_an_abbreviation_stay(language, written, said) -> None:
    """Case counts; what is a word or a letter too needs a name or a number beside it."""
    assert normalise(written, language) == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("de", "Äpfel usw. Dann ging er.", "Äpfel und so weiter. Dann ging er."),
        ("de", "inkl. Steuern, usw. und so", "inklusive Steuern, und so weiter und so"),
        ("de", "“Nüsse usw.” Dann ging er.", "“Nüsse und so weiter.” Dann ging er."),
        ("es", "Peras, etc. Luego se fue.", "Peras, etcétera. Luego se fue."),
        ("es", "El Dr. Paz, a las 5 p.m. Ya.", "El doctor Paz, a las cinco pe eme. Ya."),
        ("fr", "Des noix, etc. Puis il part.", "Des noix, et cetera. Puis il part."),
        ("it", "Mele, ecc. Poi andò.", "Mele, eccetera. Poi andò."),
    ],
)
def test_an_abbreviation_that_ends_a_sentence_keeps_its_full_stop(language, written, said) -> None:
    """A clip holds several sentences; after "etc." a capital begins one."""
    assert normalise(written, language) == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("fr", "2 000 000 de gens", "deux millions de gens"),
        ("fr", "1 050 000 euros", "un million cinquante mille euros"),
        ("es", "1 000 000 personas", "un millón personas"),
        ("pt", "3 000 000 de casas", "três milhões de casas"),
        ("de", "030 123456", "null drei null, eins zwei drei vier fünf sechs"),
    ],
)
def test_a_number_in_groups_is_no_telephone(language: str, written: str, said: str) -> None:
    """000 000 begins with 0 as telephone numbers do."""
    assert normalise(written, language) == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("fr", "Il mesure 1m80.", "Il mesure un mètre quatre-vingts."),
        ("fr", "2 m 05 et 1,80 m", "deux mètres cinq et un virgule quatre-vingts mètres"),
        (
            "fr",
            "Ouvert 24h/24, 7j/7.",
            "Ouvert vingt-quatre heures sur vingt-quatre, sept jours sur sept.",
        ),
        ("fr", "7j/7j", "sept jours sur sept"),
        ("fr", "La 2de, un film 3d.", "La seconde, un film trois d."),
        ("es", "los 2000s", "los dos miles"),
        ("fr", "24/24 et 7 jours/7", "vingt-quatre sur vingt-quatre et sept jours sur sept"),
        ("fr", "à 24h, 7/8", "à vingt-quatre heures, sept huitièmes"),
        ("es", "Estamos a 20ºC, 5 º C.", "Estamos a veinte grados Celsius, cinco grados Celsius."),
        ("es", "los 80s y los 90", "los ochentas y los noventa"),
        ("es", "la década de 1990s", "la década de mil novecientos noventas"),
        ("es", "Corre 10 s.", "Corre diez segundos."),
        ("es", "La 2da Guerra, la 1ra vez.", "La segunda Guerra, la primera vez."),
        ("es", "El 1ro, el 2do y el 1er día.", "El primero, el segundo y el primer día."),
        ("es", "A la 1.", "A la una."),
        ("it", "A 20ºC, il 3º.", "A venti gradi Celsius, il terzo."),
        ("pt", "A 20ºC, o 3º.", "A vinte graus Celsius, o terceiro."),
    ],
)
def test_everyday_signs_are_spoken_out(language: str, written: str, said: str) -> None:
    """Heights, opening hours, degrees, decades, ordinals in letters."""
    assert normalise(written, language) == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("de", "In den 90ern, die 80er", "In den neunzigern, die achtziger"),
        ("de", "3x am Tag, 1x, 4x4", "dreimal am Tag, einmal, vier mal vier"),
        ("de", "CDU/CSU und/oder SPD", "CDU CSU und oder SPD"),
        ("de", "mit 60 km/h", "mit sechzig Kilometer pro Stunde"),
        ("de", "1. FC Köln, 1. Bundesliga", "erster FC Köln, erste Bundesliga"),
        (
            "de",
            "Ende 19. Jahrhunderts, 2. Kapitel",
            "Ende neunzehnten Jahrhunderts, zweites Kapitel",
        ),
        ("de", "vom 3.-5. Mai", "vom dritten bis fünften Mai"),
        ("de", "Vom 3. bis 5. Mai 2020.", "Vom dritten bis fünften Mai zweitausendzwanzig."),
        ("de", "Zählt bis 20. Er geht.", "Zählt bis zwanzig. Er geht."),
        ("de", "In der 2. Runde, in die 3. Liga", "In der zweiten Runde, in die dritte Liga"),
        ("de", "Der 2. Mann, die 2. Runde", "Der zweite Mann, die zweite Runde"),
        ("de", "5 Euro 50 kostet das.", "fünf Euro fünfzig kostet das."),
        ("fr", "5 € 50, $ 20", "cinq euros cinquante, vingt dollars"),
        ("es", "Pan y/o vino, $5.", "Pan y o vino, cinco dólares."),
    ],
)
def test_what_is_written_short_is_said_in_full(language: str, written: str, said: str) -> None:
    """Decades, times over, parties with a slash, days from and to, cents behind their euros."""
    assert normalise(written, language) == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("de", "von 9-17 Uhr", "von neun bis siebzehn Uhr"),
        ("de", "von 8:00-16:30 Uhr", "von acht Uhr bis sechzehn Uhr dreißig"),
        ("de", "ein 3:2-Sieg um 17 Uhr", "ein drei zu zwei-Sieg um siebzehn Uhr"),
        ("fr", "9h-17h, 2-3 heures", "neuf heures à dix-sept heures, deux à trois heures"),
        ("fr", "9h30-17h15", "neuf heures trente à dix-sept heures quinze"),
        ("es", "9:00-17:00", "nueve a diecisiete"),
        ("it", "dalle 9-17 h", "dalle nove a diciassette"),
        ("pt", "9h-17h", "nove horas a dezessete horas"),
    ],
)
def test_from_one_time_to_another(language: str, written: str, said: str) -> None:
    """The dash between times is said, as between other numbers."""
    assert normalise(written, language) == said


@settings(max_examples=300)
@given(texts, st.sampled_from(["de", "es", "fr", "it", "pt"]))
def test_normalised_texts_hold_nothing_unspeakable(text: str, language: str) -> None:
    """As in English: no digit is left, nothing a list cannot hold; twice is as once."""
    said = normalise(text, language)

    assert not any(char.isdigit() for char in said)
    assert not any(char == "|" or unicodedata.category(char)[0] == "C" for char in said)
    assert normalise(said, language) == said


@settings(max_examples=500)
@given(texts)
def test_one_line_fits_into_a_list(text: str) -> None:
    """Whatever comes in: one line, no separator; twice is as once."""
    line = one_line(text)

    assert "|" not in line and len(line.splitlines()) <= 1
    assert one_line(line) == line
