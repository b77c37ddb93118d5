"""What is said in a clip and not written: whisper smooths free speech.

In:  a clip's sound and its text. Out: the text as it is spoken, if that is longer; None if not.
Why: base wrote "On the desktop you should find" where somebody said "No, on the desktop, you'll
find, you should find". A voice that is trained with such a text learns to say what is not there.
How: two witnesses. A whisper that was told in a prompt how people talk would go on otherwise at
some place of the text (one pass, no search); then it writes what it hears, which must be the text
with words put in; and whisper without the prompt, given the clip, believes that nearly as much.
Measured with base: what was said and not written costs 7 nats at most ("um" 6.3, other words 0 to
3.4; AMI). Put into the texts of 39 clips of LJ Speech, "No," costs 10.7 and more, two words said
twice 8.9, "um" 13.5. Of 60 such clips 2 are heard again, and none gets another text; begun twice,
their first two to four words before the whole, 36 of 56 are smoothed, and 21 of these put right.
Left out: other languages than English.
"""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.audio import Samples

from .listening import Features, Listener
from .words import tokens

PROMPTS = {"en": "Um, uh, so, I, I think, um, you know, er, hmm, yeah."}
DOUBT = 1.5  # nats by which another token is likelier
MOST_COST = 7.5  # nats that the longer text may be less likely


def as_spoken(
    text: str,
    logprob: float,
    samples: Samples,
    features: Features,
    listener: Listener,
    language: str,
) -> tuple[str, list[float]] | None:
    """Return the text with the words that it lacks, and its tokens' log probabilities.

    `logprob` is that of `text`. A prompt of the job's own says how it is to be written.
    """
    if language not in PROMPTS or listener.prompt:
        return None
    asked = told(listener, language)
    if asked.doubt(features, text, language) < DOUBT:
        return None
    ((heard, _),) = asked.texts([samples], language)
    heard = _begun_alike(heard.strip(), text)
    if not adds_words(text, heard):
        return None
    (logprobs,) = listener.fits(features, [heard], language)
    return (heard, logprobs) if sum(logprobs) > logprob - MOST_COST else None


def told(listener: Listener, language: str) -> Listener:
    """Return the same whisper, told how people talk."""
    return replace(listener, prompt=PROMPTS[language])


def adds_words(text: str, longer: str) -> bool:
    """Return whether one text is the other with words put in.

    >>> adds_words("We had a problem.", "We had a, we had a problem.")
    True
    >>> adds_words("We had a problem.", "Um, we had the problem."), adds_words("Yes.", "Yes")
    (False, False)
    """
    return len(tokens(longer)) > len(tokens(text)) and _is_within(tokens(text), tokens(longer))


def _is_within(words: Sequence[str], others: Sequence[str]) -> bool:
    rest = iter(others)
    return all(word in rest for word in words)


def _begun_alike(text: str, other: str) -> str:
    """Return a text that begins small where the other does: amid a sentence."""
    is_amid = other[:1].islower() and not text.startswith(("I ", "I'"))
    return text[:1].lower() + text[1:] if is_amid else text
