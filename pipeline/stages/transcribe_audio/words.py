"""Words with times from a decoded window, and sentences from words.

In:  tokens and the encoder's output of a window.
Out: words on the recording's time line, grouped into sentences.
Left out: exact edges. Whisper's word ends are 0.30 s early on average (measured with base), so that
whoever cuts must look at the sound.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.stages.transcribe_audio.windows import Window

SENTENCE_END = ".!?。！？…"
CLOSING = "\"'”’»)]}」』"
ABBREVIATIONS = frozenset(
    [
        *("mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "rev", "hon", "messrs"),
        *("gen", "col", "capt", "lt", "sgt", "no", "vs", "etc", "vol", "fig", "mt", "ft"),
    ]
)


@dataclass(frozen=True)
class Word:
    """A word as whisper writes it, with its leading space and its punctuation."""

    word: str
    start_s: float
    end_s: float
    probability: float

    def as_json(self) -> dict[str, str | float]:
        return {
            "word": self.word,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "probability": round(self.probability, 4),
        }


class _Encoded:
    """Whisper's model for its own alignment code, with the encoder's work already done.

    # Workaround: find_alignment() calls model(mel, tokens), which encodes each window once more, a
    # third of all the time. It may go when whisper takes audio features there too.
    """

    def __init__(self, model: Any) -> None:
        self.device = model.device
        self.dims = model.dims
        self.decoder = model.decoder
        self.alignment_heads = model.alignment_heads

    def __call__(self, features: Any, tokens: Any) -> Any:
        return self.decoder(tokens, features)


def timed_words(
    model: Any, tokenizer: Any, tokens: Sequence[int], features: Any, window: Window
) -> list[Word]:
    """Return the words of a window on the recording's time line: in order, each inside a span."""
    from whisper.audio import FRAMES_PER_SECOND
    from whisper.timing import add_word_timestamps

    segment: dict[str, Any] = {
        "seek": 0,
        "start": 0.0,
        "end": window.duration_s,
        "tokens": list(tokens),
    }
    add_word_timestamps(
        segments=[segment],
        model=_Encoded(model),
        tokenizer=tokenizer,
        mel=features,
        num_frames=max(2, round(window.duration_s * FRAMES_PER_SECOND)),
        last_speech_timestamp=0.0,
    )
    return list(on_recording(segment.get("words", ()), window))


def on_recording(words: Iterable[Any], window: Window) -> Iterable[Word]:
    """Yield whisper's words (times in the window) with times on the recording, never backwards."""
    last_s = 0.0
    for word in words:
        start_s, end_s = window.on_recording(float(word["start"]), float(word["end"]))
        start_s = max(start_s, last_s)
        last_s = max(end_s, start_s)
        yield Word(word["word"], start_s, last_s, float(word["probability"]))


def sentences(words: Sequence[Word]) -> list[list[Word]]:
    """Return the words in sentences; what has no end is one too (a window can end anywhere)."""
    done: list[list[Word]] = [[]]
    for i, word in enumerate(words):
        if i and _ends_sentence(words[i - 1].word, word.word):
            done.append([])
        done[-1].append(word)
    return [sentence for sentence in done if sentence]


def _ends_sentence(word: str, following: str) -> bool:
    bare = word.strip().rstrip(CLOSING)
    if not bare or bare[-1] not in SENTENCE_END:
        return False
    letters = bare[:-1].lower()
    is_short = bare[-1] == "." and (letters in ABBREVIATIONS or _is_initial(letters))
    return not is_short and not following.strip()[:1].islower()


def _is_initial(letters: str) -> bool:
    """Return whether this is a name's initial, "J" of "J. Smith", or "u.s"; "I" ends sentences."""
    return (len(letters) == 1 and letters.isalpha() and letters != "i") or "." in letters[1:2]
