"""Words that are wrong, clip by clip, and how sure the difference of two recognisers is.

In:  the texts of clips that were joined to one recording, and what was heard in all of it.
Out: wrong words of each clip, as word error rates count them, of texts as whisper's authors compare
     them (lower case, no punctuation, numbers in digits); the interval of a difference.
"""

from collections.abc import Callable, Sequence

import numpy as np

DRAWS = 10_000
Counts = tuple[int, int]  # wrong, said


def wrong_words(clips: Sequence[str], heard: str) -> list[Counts]:
    """Return (words wrong, words said) of each clip.

    A word too many is the clip's in which, or after which, it comes.

    >>> wrong_words(["Good day.", "See you."], "good grey day sea")
    [(1, 2), (2, 2)]
    >>> wrong_words(["Good (day)."], "good day")
    [(0, 2)]
    """
    import jiwer

    normal = normalizer()
    words = [normal(clip).split() for clip in clips]
    owner = [i for i, those in enumerate(words) for _ in those]
    wrong = [0] * len(clips)
    said = [word for those in words for word in those]
    for part in jiwer.process_words(" ".join(said), normal(heard)).alignments[0]:
        if part.type == "insert":
            wrong[owner[max(0, part.ref_start_idx - 1)]] += part.hyp_end_idx - part.hyp_start_idx
        elif part.type != "equal":
            for i in range(part.ref_start_idx, part.ref_end_idx):
                wrong[owner[i]] += 1
    return [(n, len(those)) for n, those in zip(wrong, words, strict=True)]


def normalizer() -> Callable[[str], str]:
    """Return what makes texts comparable: whisper's own, but that what is in brackets is read."""
    from whisper.normalizers import EnglishTextNormalizer

    english, no_brackets = EnglishTextNormalizer(), str.maketrans("()[]<>", " " * 6)
    return lambda text: str(english(text.translate(no_brackets)))


def rate(counts: Sequence[Counts]) -> float:
    """Return the word error rate, %."""
    return 100 * sum(n for n, _ in counts) / sum(words for _, words in counts)


def interval(ours: Sequence[Counts], theirs: Sequence[Counts]) -> tuple[float, float]:
    """Return where 95% of the differences of the rates lie, in points, over clips drawn anew.

    Of the same clips in the same order. Above and below 0: other clips may turn it round
    (M. Bisani, H. Ney, Bootstrap estimates for confidence intervals in ASR, ICASSP 2004).
    """
    wrong = np.array([one[0] - other[0] for one, other in zip(ours, theirs, strict=True)])
    words = np.array([one[1] for one in ours])
    drawn = np.random.default_rng(0).integers(0, len(words), (DRAWS, len(words)))
    low, high = np.percentile(100 * wrong[drawn].sum(1) / words[drawn].sum(1), [2.5, 97.5])
    return float(low), float(high)
