"""What whisper's decoder begins with: a prompt, its language, and that no times are asked for.

In:  whisper's tokenizer, a text that it is to take as said before. Out: tokens.
"""

from typing import Any

MOST_TOKENS = 223  # half of the decoder's 448, less the token before the prompt: more whisper cuts


def prompt_tokens(tokenizer: Any, prompt: str) -> list[int]:
    """Return the tokens of a prompt, as whisper's decode() makes them; none of an empty one."""
    text = prompt.strip()
    return [tokenizer.sot_prev, *tokenizer.encode(" " + text)] if text else []


def opening(tokenizer: Any, prompt: str) -> list[int]:
    """Return all tokens before a text's own."""
    return [*prompt_tokens(tokenizer, prompt), *tokenizer.sot_sequence_including_notimestamps]


def check_prompt(prompt: str) -> None:
    """Raise ValueError for one that whisper would cut, or that is no plain text."""
    if not prompt.strip():
        return
    if "<|" in prompt:
        raise ValueError("--initial-prompt: '<|' begins a sign of whisper's own; leave it out")
    from whisper.tokenizer import get_tokenizer

    count = len(prompt_tokens(get_tokenizer(multilingual=True), prompt)) - 1
    if count > MOST_TOKENS:
        raise ValueError(
            f"--initial-prompt: {count} tokens, but whisper takes {MOST_TOKENS}, "
            "some 150 words; shorten it"
        )
