"""How many words of the texts are probably wrong, told by how sure whisper is of them.

In: the scores of clips. Out: a sentence for a person, "" where there is no need.
Measured with base on people's short recordings: mean word probability 0.95 and 2.8% of words wrong
(LJ Speech, English), 0.79 and 24% (Spanish), 0.73 and 28% (French phrases). What is missing from
1 is about the share that is wrong: languages that a model knows little of show by it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

SURE = 0.88  # mean probability: some 8 words in 100 wrong; clear English has 0.92 and more


def advice_on_texts(scores: Sequence[Mapping[str, Any]]) -> str:
    """Return that words are often wrong, how often about, and what helps.

    >>> advice_on_texts([{"word_probability": 0.95}, {}]), advice_on_texts([])
    ('', '')
    """
    known = [float(one["word_probability"]) for one in scores if "word_probability" in one]
    mean = sum(known) / len(known) if known else 1.0
    if mean >= SURE:
        return ""
    return (
        f"whisper is unsure of the words: {mean:.2f} on average, clear English has 0.92 and more; "
        f"about {100 * (1 - mean):.0f} in 100 may be wrong. Begin anew with a larger model "
        "(--force-restart --whisper-model medium), or take the wrong clips out (exclude)"
    )
