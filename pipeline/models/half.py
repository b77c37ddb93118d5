"""float16 on a GPU: whisper's weights as they are multiplied, half as large.

In:  a whisper.model.Whisper on its device. Out: the same model, its numbers unchanged.
Why: whisper holds all weights in float32 and turns each to float16 at each use. A token then moves
8 bytes of memory a weight (4 read, 2 written, 2 read) instead of 2, which is what decoding waits
for, and the weights take twice the room. Published checkpoints are float16: nothing is lost.
Left out: normalisation and positions, which stay in float32 as whisper has them; a CPU, where
float16 is slow.
"""

import logging
from typing import Any

log = logging.getLogger(__name__)


def is_half(model: Any) -> bool:
    """Return whether a model wants spectrograms and features in float16."""
    import torch

    return bool(model.decoder.token_embedding.weight.dtype == torch.float16)


def halved(model: Any) -> Any:
    """Return the model with the weights of its products in float16; as it is where that fails."""
    import torch

    if not _holds(model):
        log.warning("float16 gives no numbers on %s; computing in float32, slower", model.device)
        return model
    products_in(torch.float16, model)
    return model


def products_in(kind: Any, model: Any) -> None:
    """Turn the weights of a model's products, or of a part's, to a torch.dtype."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Embedding):
            module.to(kind)


def _holds(model: Any) -> bool:
    """Return whether a sound can be encoded in float16: NVIDIA's GTX 16xx are known for NaN.

    Encoding also finds out whether torch has code for this GPU at all, before any file is in hand.
    """
    import torch

    mels, frames = model.dims.n_mels, 2 * model.dims.n_audio_ctx
    # subtle: no silence, of which a product that goes wrong makes 0 all the same
    sound = torch.linspace(-1, 1, mels * frames, device=model.device).view(1, mels, frames)
    with torch.no_grad():
        return bool(model.encoder(sound.half()).isfinite().all())
