"""Which words are in a clip's sound: the first and the last are asked for again.

In:  a run of words cut out of the sound, the words around it, whisper.
Out: the run whose text fits the sound best, and how well it does.
Why: whisper's word times sometimes put a word on the wrong side of a pause ("… in the middle. When
| specifically asked …"): its text is then in one clip and its sound in the next. Measured with base
on LJ Speech: the wrong text is less likely by 6-13 nats, the right one is never beaten by more than
1 (MARGIN).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .listening import Features, Listener
from .packing import Run
from .words import Word, text_of, tokens

MARGIN = 3.0  # nats: another text must be e^3 times as likely
CLEAR = -0.7  # nats: half of all clips have all tokens at their ends above this
MOST_MOVES = 3  # words that are moved at both ends together; more is no slip of a word's time


@dataclass(frozen=True)
class Fit:
    """A run of words and the log probabilities of its tokens, given the sound."""

    run: Run
    logprobs: Sequence[float]

    @property
    def total(self) -> float:
        return sum(self.logprobs)

    @property
    def mean(self) -> float:
        return self.total / len(self.logprobs)

    @property
    def worst(self) -> float:
        """The least likely token: low where a word is left out, put in or misheard."""
        return min(self.logprobs)

    @property
    def is_clear(self) -> bool:
        """Whether both ends of the text are heard, so that no other need be tried."""
        return min(*self.logprobs[:2], *self.logprobs[-3:]) > CLEAR


def fitted(
    words: Sequence[Word], run: Run, features: Features, listener: Listener, language: str
) -> Fit:
    """Return the run, a word longer or shorter at its ends where that fits clearly better."""
    best = _fits(words, [run], features, listener, language)[0]
    for _ in range(0 if best.is_clear else MOST_MOVES):
        others = _fits(words, _neighbours(best.run, words), features, listener, language)
        other = max(others, key=lambda fit: fit.total, default=best)
        if other.total < best.total + MARGIN:
            break
        best = other
    return best


def _neighbours(run: Run, words: Sequence[Word]) -> list[Run]:
    first, last = run.first, run.last
    runs = [Run(first - 1, last), Run(first + 1, last), Run(first, last - 1), Run(first, last + 1)]
    return [
        one
        for one in runs
        if one.first >= 0
        and one.last < len(words)
        and one.last >= one.first
        and tokens(text_of(words[one.first : one.last + 1]))
    ]


def _fits(
    words: Sequence[Word],
    runs: Sequence[Run],
    features: Features,
    listener: Listener,
    language: str,
) -> list[Fit]:
    if not runs:
        return []
    texts = [text_of(words[run.first : run.last + 1]) for run in runs]
    found = listener.fits(features, texts, language)
    return [Fit(run, logprobs) for run, logprobs in zip(runs, found, strict=True)]
