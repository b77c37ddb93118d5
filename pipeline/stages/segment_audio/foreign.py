"""Sentences in another language than the recording's: whisper writes something all the same.

It even translates: "Vous pouvez maintenant parler" comes out as "You can now talk" (base).
In:  a run of words, its sound as whisper's encoder has it. Out: the part that is foreign, if any.
How: each sentence is asked for its language, first within the clip, which costs next
to nothing; where the recording's is not likely, by itself; where it is still in doubt, the stretch
is transcribed in both languages, and the likelier text wins.
Within the clip, base: 52 of 52 English sentences (LJ Speech) are told by 0.97 and more, without the
silence behind the clip 28 by 0.5; of 100 phrases by people in Spanish, French, Italian and Russian,
alone, after English and between English, none is English by 0.8.
By themselves, base: of 195 clips of LJ Speech and LibriSpeech 9 are below 0.8 (Emilia's limit) for
English, and none is dropped; of 180 phrases spoken by people in Spanish, French and Italian all are
below, and of 21 that were heard in both languages 20 are dropped.
Of 24 Spanish phrases of 1.2 to 6 s by other people in a Spanish job 2 were dropped, as Russian (of
1.3 s, 0.56 probable) and as Tamil (its text likelier by 0.02). So what is short must be surely
foreign, another script clearly likelier.
Left out: single foreign words; stretches under LEAST_S are heard with their neighbours.
"""

import unicodedata
from collections.abc import Mapping, Sequence

from pipeline.audio import OUTPUT_HZ, Samples, Seconds

from .choosing import Recording
from .listening import Features, Listener
from .packing import Run
from .quality import Failure
from .words import ends_sentence

LEAST_S: Seconds = 1.5  # of sound: less does not tell a language, unless it is sure
SENTENCE_PAUSE_S: Seconds = 0.35  # as long a pause may be between two sentences
LEAST_CANDIDATE = 0.2  # of probability, for a language to be tried beside the likeliest
# nats a token. A letter of another script is of two or three tokens, of which the later ones are
# sure: its text is likelier by the mean. The one wrong case had 0.02; not measured any further
SCRIPT_MARGIN = 0.2
LOOP_RATIO = 2.4  # whisper's: "Ale si, že je, že je, …" was likelier than the English it stood for
MOST_CANDIDATES = 3
ENCODED_HZ = 50  # of whisper's encoder
# Two names of whisper's for what is one language when it is spoken
SAME: Sequence[frozenset[str]] = (
    frozenset({"no", "nn"}),
    frozenset({"bs", "hr", "sr"}),
    frozenset({"id", "ms"}),
    frozenset({"hi", "ur"}),
    frozenset({"yue", "zh"}),
)


def foreign_part(
    rec: Recording, run: Run, samples: Samples, features: Features, listener: Listener, least: float
) -> tuple[Run, Failure] | None:
    """Return the first stretches of `run` in another language and why, None if there are none.

    `samples` is the clip, `features` what the encoder makes of it; `least`: more probable is sure.
    """
    if not least or not listener.is_multilingual:
        return None
    found: list[tuple[Run, Failure]] = []
    for part in stretches(rec, run):
        start_s, end_s = _in_clip(rec, run, part)
        frames = slice(round(start_s * ENCODED_HZ), round(end_s * ENCODED_HZ))
        within = listener.languages(features, frames)
        failure = None
        if likeness(within, rec.language) < least:
            alone = samples[round(start_s * OUTPUT_HZ) : round(end_s * OUTPUT_HZ)]
            is_short = rec.sound.loud_s(*rec.voice(part)) < LEAST_S
            failure = failure_of(alone, rec.language, listener, least, is_short)
        if failure:
            found.append((part, failure))
        elif found:
            break
    if not found:
        return None
    return Run(found[0][0].first, found[-1][0].last), found[0][1]


def stretches(rec: Recording, run: Run) -> list[Run]:
    """Return what may be the sentences of a run, joined until there is enough sound to tell."""
    parts: list[Run] = []
    first = run.first
    for last in range(run.first, run.last + 1):
        if last != run.last and not _is_between_sentences(rec, last + 1):
            continue
        part = Run(first, last)
        if rec.sound.loud_s(*rec.voice(part)) >= LEAST_S:
            parts.append(part)
            first = last + 1
    if first <= run.last:  # too little is left: it belongs to what is before it
        start = parts.pop().first if parts else first
        parts.append(Run(start, run.last))
    return parts


def _is_between_sentences(rec: Recording, gap: int) -> bool:
    """Return whether a language may change here: whisper's full stops are not to be trusted."""
    pause = rec.speech.breaks[gap]
    if pause is None:
        return False
    return ends_sentence(rec.speech.words[gap - 1].text) or pause.pause_s >= SENTENCE_PAUSE_S


def likeness(languages: Mapping[str, float], wanted: str) -> float:
    """Return how probable a language is, whatever whisper calls it."""
    names = next((names for names in SAME if wanted in names), frozenset({wanted}))
    return sum(languages.get(name, 0.0) for name in names)


def failure_of(
    samples: Samples, language: str, listener: Listener, least: float, is_short: bool = False
) -> Failure | None:
    """Return why a sentence by itself is in another language, None if it is not.

    One with too little sound to tell must be as surely foreign as `least`.
    """
    heard = listener.languages(listener.features(samples))
    if likeness(heard, language) >= least or (is_short and max(heard.values()) < least):
        return None
    others = candidates(heard, language)
    said, own = listener.texts([samples], language)[0] if others else ("", 0.0)
    for other in others:
        ((text, there),) = listener.texts([samples], other)
        if there >= own + margin(text, said) and not is_loop(text):
            break
    else:
        return None
    reason = (
        f"heard as {other} ({heard[other]:.2f}), not {language}: {text.strip()[:60]!r} has a mean "
        f"log probability of {there:.2f}, what {language} makes of it {own:.2f}"
    )
    return Failure("language", reason, other, language)


def candidates(heard: Mapping[str, float], language: str) -> list[str]:
    """Return the languages that it may be, none where the recording's own is the likeliest.

    Several: Spanish was heard that sounds most like Italian, and fits no Italian text.
    """
    likely = sorted(heard, key=lambda code: -heard[code])[:MOST_CANDIDATES]
    if likeness({likely[0]: 1.0}, language):
        return []
    others = [code for code in likely if not likeness({code: 1.0}, language)]
    return [code for code in others if heard[code] >= LEAST_CANDIDATE or code == likely[0]]


def margin(text: str, own: str) -> float:
    """Return by how much a text must be likelier than the one in the recording's own language.

    >>> margin("Уникальный Ири.", "Un muñeco"), margin("Mercy", "merci")
    (0.2, 0.0)
    """
    return 0.0 if _script(text) == _script(own) else SCRIPT_MARGIN


def _script(text: str) -> str:
    """Return the script of the first letter: LATIN, CYRILLIC, TAMIL, ...; "" without one."""
    first = next((char for char in text if char.isalpha()), "")
    return unicodedata.name(first, "").partition(" ")[0] if first else ""


def is_loop(text: str) -> bool:
    """Return whether a text repeats itself, as whisper does where it hears no words."""
    from whisper.utils import compression_ratio

    return bool(compression_ratio(text) > LOOP_RATIO)


def _in_clip(rec: Recording, run: Run, part: Run) -> tuple[Seconds, Seconds]:
    """Return when a part is heard in the clip of a run."""
    shift_s = rec.voice(run)[0] - rec.speech.edge_s  # a clip has edge_s before its voice
    start_s, end_s = rec.voice(part)
    return max(0.0, start_s - shift_s - 0.1), end_s - shift_s + 0.1
