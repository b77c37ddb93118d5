"""Whisper's own search with beams, for several windows at a time.

In:  a whisper model, the encoder's output of windows, decoding options.
Out: whisper's results, as decode() gives them for each window by itself.
Why: whisper 20250625 does not give each beam the features of its window, so that decode() fails
with more than one of them (decoding.py, _main_loop). May go when it does. Here all beams of a
window look at the same features (`steps.py`), which takes less time and memory than copies.
Imported when it is needed: it loads torch.
"""

from collections.abc import Sequence
from typing import Any

from whisper.decoding import DecodingOptions, DecodingResult, DecodingTask


class BeamSearch(DecodingTask):  # type: ignore[misc]
    """One decode(); `n_group` is how many beams there are, 1 is greedy."""

    def _get_audio_features(self, mel: Any) -> Any:
        self._features = super()._get_audio_features(mel)
        # subtle: whisper takes every n_group-th of these for the windows' own, and no more of them
        return self._features[:1].expand(len(mel) * self.n_group, -1, -1)

    def _detect_language(self, _: Any, tokens: Any) -> Any:
        return super()._detect_language(self._features, tokens)

    def _main_loop(self, _: Any, tokens: Any) -> Any:
        return super()._main_loop(self._features, tokens)


def decode(model: Any, features: Any, options: DecodingOptions) -> Sequence[DecodingResult]:
    """Return the most probable text of each window; `features`: (windows, 1500, states)."""
    found: Sequence[DecodingResult] = BeamSearch(model, options).run(features)
    return found
