"""Which tokens whisper never writes, with either engine.

In:  its tokenizer. Out: ids of tokens.
"""

from functools import cache
from typing import Any


def never(tokenizer: Any) -> list[int]:
    """Return what decode() suppresses by default, and all tokens with a quotation mark in them.

    Whisper suppresses opening marks, but not the closing ones that come with a full stop or a
    comma. Without timestamps it writes those, also in place of what is said: "end quote" in LJ
    Speech became `."` in 6 of 12 readings (base), and without these tokens in 1.
    """
    special = [
        *(tokenizer.transcribe, tokenizer.translate, tokenizer.sot, tokenizer.sot_prev),
        *(tokenizer.sot_lm, tokenizer.no_speech),
    ]
    return sorted({*tokenizer.non_speech_tokens, *special, *_quoting(tokenizer.encoding)})


@cache
def _quoting(encoding: Any) -> tuple[int, ...]:
    texts = range(encoding.eot_token)
    return tuple(i for i in texts if b'"' in encoding.decode_single_token_bytes(i))
