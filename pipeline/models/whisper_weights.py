"""A whisper model from a checked file: safetensors of ours, or a .pt without running its pickle.

In:  the path of a checkpoint; the name it is known by, if any.
Out: openai-whisper's model, its alignment heads set.
Left out: where the file comes from (`fetch.py`).
"""

import json
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Which published model has these dimensions: the alignment heads of a fine-tuned checkpoint are
# those of its parent. (n_vocab, n_mels, n_text_layer) -> name. large-v1 has the shape of large-v2.
_PARENTS = {
    (51864, 80, 4): "tiny.en",
    (51865, 80, 4): "tiny",
    (51864, 80, 6): "base.en",
    (51865, 80, 6): "base",
    (51864, 80, 12): "small.en",
    (51865, 80, 12): "small",
    (51864, 80, 24): "medium.en",
    (51865, 80, 24): "medium",
    (51865, 80, 32): "large-v2",
    (51866, 128, 32): "large-v3",
    (51866, 128, 4): "large-v3-turbo",
}

# What torch's unpickler raises for bytes that are no pickle, by where it stumbles.
_GARBAGE = (LookupError, TypeError, AttributeError, RuntimeError, EOFError, struct.error)


def model_from(path: Path, name: str, device: str) -> Any:
    """Return the whisper.model.Whisper of a checkpoint on `device`; ValueError for another file."""
    import whisper
    from whisper.model import ModelDimensions, Whisper

    dims, state = read_checkpoint(path)
    try:
        model = Whisper(ModelDimensions(**dims))
        model.load_state_dict(state)
    except (TypeError, RuntimeError) as err:
        raise ValueError(f"{path} does not fit whisper's model: {err}") from err
    if heads := whisper._ALIGNMENT_HEADS.get(name) or _parents_heads(dims):
        model.set_alignment_heads(heads)
    return model.to(device).eval()


def read_checkpoint(path: Path) -> tuple[Mapping[str, int], Mapping[str, Any]]:
    """Return (dims, state dict) of a .pt or .safetensors file; nothing in it is ever executed."""
    try:
        return _safetensors(path) if path.suffix == ".safetensors" else _pt(path)
    except pickle.UnpicklingError as err:
        raise ValueError(f"{path} holds more than tensors: refused ({_first_line(err)})") from err
    except _GARBAGE as err:
        raise ValueError(f"{path} is no whisper checkpoint: {_first_line(err)}") from err


def _safetensors(path: Path) -> tuple[Mapping[str, int], Mapping[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            dims = json.loads((file.metadata() or {})["dims"])
            return dims, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as err:
        raise ValueError(f"{path} is no safetensors file: {err}") from err


def _pt(path: Path) -> tuple[Mapping[str, int], Mapping[str, Any]]:
    import torch

    loaded = torch.load(path, map_location="cpu", weights_only=True)
    return loaded["dims"], loaded["model_state_dict"]


def _parents_heads(dims: Mapping[str, int]) -> bytes | None:
    import whisper

    shape = (dims["n_vocab"], dims["n_mels"], dims["n_text_layer"])
    heads: bytes | None = whisper._ALIGNMENT_HEADS.get(_PARENTS.get(shape, ""))
    return heads


def _first_line(err: BaseException) -> str:
    return (str(err) or type(err).__name__).splitlines()[0]
