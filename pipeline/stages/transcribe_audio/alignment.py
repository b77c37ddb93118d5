"""Which token is spoken when, from the attention of whisper's decoder to the sound.

In:  attention of the heads that follow the sound. Out: the cheapest path through it.
Method: openai-whisper's timing.py, with the same results: `cheapest_path` as its dtw_cpu, of many
windows at a time and without numba, whose compiler costs each process seconds; `median` as its
median_filter, by a network of minima and maxima (0.04 s of CPU for a window; sorting 0.10 s).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.stages.transcribe_audio.engine import Alignment

MEDIAN_FRAMES = 7  # whisper's medfilt_width
_NETWORK = (  # sorts the median of 7 values to the middle (N. Devillard, opt_med7)
    *((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6)),
    *((2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)),
)

Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]
Path = tuple[Indices, Indices]


def cost_matrix(attention: Any, frames: int, first: int) -> Floats:
    """Return (tokens, frames) costs of one window.

    attention: torch, (heads, tokens, 1500), before the softmax; frames: 20 ms each, without the
    silence behind the sound; first: the token before the first one of the text.
    """
    import torch

    weights = attention[:, :, :frames].float().softmax(dim=-1)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    weights = median((weights - mean) / deviation)
    costs: Floats = -weights.mean(dim=0)[first:-1].double().cpu().numpy()
    return costs


def median(values: Any) -> Any:
    """Return the running median of MEDIAN_FRAMES along the last axis of a (…, 3 dims) tensor."""
    import torch

    length, side = values.shape[-1], MEDIAN_FRAMES // 2
    if length <= side:
        return values
    padded = torch.nn.functional.pad(values, (side, side, 0, 0), mode="reflect")
    rows = [padded[..., i : i + length] for i in range(MEDIAN_FRAMES)]
    for low, high in _NETWORK:
        rows[low], rows[high] = (
            torch.minimum(rows[low], rows[high]),
            torch.maximum(rows[low], rows[high]),
        )
    return rows[side]


def cheapest_paths(costs: Sequence[Floats]) -> list[Path]:
    """Return dynamic time warping's path through each (tokens, frames) matrix.

    All at once, diagonal by diagonal: a cell needs its left, upper and upper left neighbour, so the
    cells of a diagonal need one another not.
    """
    tokens, frames = (max(one.shape[axis] for one in costs) for axis in (0, 1))
    skewed = np.full((len(costs), tokens + frames - 1, tokens), np.inf)  # [window, i + j, i]
    for one, costs_of_one in zip(skewed, costs, strict=True):
        i, j = np.indices(costs_of_one.shape)
        one[i + j, i] = costs_of_one
    steps = _steps(skewed)
    return [_walked_back(one, cost.shape) for one, cost in zip(steps, costs, strict=True)]


def _steps(skewed: Floats) -> npt.NDArray[np.int8]:
    """Return where each cell's path comes from: 0 both, 1 the token before, 2 the frame before."""
    windows, diagonals, tokens = skewed.shape
    steps = np.empty(skewed.shape, np.int8)
    # subtle: float32 between the steps, as whisper has it, so that ties break the same way
    before = np.full((windows, tokens + 1), np.inf, np.float32)  # of the last diagonal, i from -1
    older = before.copy()
    older[:, 0] = 0.0
    for d in range(diagonals):
        both, token, frame = older[:, :-1], before[:, :-1], before[:, 1:]
        is_both = (both < token) & (both < frame)
        is_token = ~is_both & (token < both) & (token < frame)
        best = np.where(is_both, both, np.where(is_token, token, frame))
        steps[:, d] = np.where(is_both, 0, np.where(is_token, 1, 2))
        older, before = before, np.full_like(before, np.inf)
        before[:, 1:] = skewed[:, d] + best
    return steps


def _walked_back(steps: npt.NDArray[np.int8], shape: tuple[int, ...]) -> Path:
    i, j = shape[0] - 1, shape[1] - 1
    path = [(i, j)]
    while i or j:
        step = 2 if i == 0 else 1 if j == 0 else steps[i + j, i]
        i, j = i - (step != 2), j - (step != 1)
        path.append((i, j))
    tokens, frames = np.array(path[::-1]).T
    return tokens, frames


def alignments(
    costs: Sequence[Floats], probabilities: Sequence[Sequence[float]]
) -> list[Alignment]:
    """Return the alignment of each window."""
    paths = cheapest_paths(costs)
    return [Alignment(*path, each) for path, each in zip(paths, probabilities, strict=True)]
