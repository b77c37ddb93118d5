"""A whisper model from a checked file: safetensors of ours, or a .pt without running its pickle.

In:  the path of a checkpoint; the name it is known by, if any.
Out: openai-whisper's model, its alignment heads set; or CTranslate2's, of the same weights.
Left out: where the file comes from (`fetch.py`).
"""

import base64
import gzip
import json
import pickle
import struct
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from pipeline.models.half import halved
from pipeline.models.unfilled import unfilled

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
    """Return the whisper.model.Whisper of a checkpoint on `device`; ValueError for another file.

    On CUDA with weights in float16 (`half.py`).
    """
    from whisper.model import ModelDimensions, Whisper

    dims, state = read_checkpoint(path)
    try:
        with unfilled():
            model = Whisper(ModelDimensions(**dims))
        model.load_state_dict(state)
    except (TypeError, RuntimeError) as err:
        raise ValueError(f"{path} does not fit whisper's model: {err}") from err
    if heads := _heads(name, dims):
        model.set_alignment_heads(heads)
    model = model.to(device).eval()
    return halved(model) if model.device.type == "cuda" else model


def ctranslate2_from(path: Path, name: str, device: str, threads: int) -> Any:
    """Return the ctranslate2.models.Whisper of a checkpoint: int8 on the CPU, int8 beside float16
    on CUDA where the GPU has both.

    Raises ValueError for another file, ImportError where ctranslate2 is not installed, RuntimeError
    where a GPU, or CUDA's libraries, cannot be used.
    """
    import ctranslate2
    import numpy as np

    from pipeline.models import ct2_writer

    dims, state = read_checkpoint(path)
    arrays = {key: tensor.numpy() for key, tensor in state.items()}
    kind, _, index = device.partition(":")
    try:
        files = ct2_writer.files(dims, arrays, _head_indices(name, dims), _tokenizer(dims))
    except KeyError as err:
        raise ValueError(f"{path} does not fit whisper's model: it lacks {err}") from err
    known = ctranslate2.get_supported_compute_types(kind, int(index or 0))
    model = ctranslate2.models.Whisper(
        name,
        device=kind,
        device_index=int(index or 0),
        compute_type=compute_type(kind, known),
        inter_threads=1,
        intra_threads=threads,
        files=files,
    )
    if kind == "cuda":  # it looks for CUDA's libraries as it first computes: not with a file
        silence = np.zeros((1, dims["n_mels"], 2 * dims["n_audio_ctx"]), np.float32)
        model.encode(ctranslate2.StorageView.from_array(silence))
    return model


def compute_type(kind: str, known: Container[str]) -> str:
    """Return the fastest of the types that a device knows; a GPU has int8 from compute capability
    6.1, float16 beside it from 7.0."""
    wanted = ("int8_float16", "int8_float32") if kind == "cuda" else ("int8",)
    return next((each for each in wanted if each in known), "float32")


def _tokenizer(dims: Mapping[str, int]) -> Any:
    from whisper.tokenizer import get_tokenizer

    is_multilingual = dims["n_vocab"] >= 51865  # as in whisper's model
    languages = dims["n_vocab"] - 51765 - int(is_multilingual)
    return get_tokenizer(is_multilingual, num_languages=languages)


def read_checkpoint(path: Path) -> tuple[Mapping[str, int], Mapping[str, Any]]:
    """Return (dims, state dict) of a .pt or .safetensors file; nothing in it is ever executed."""
    try:
        return _safetensors(path) if path.suffix == ".safetensors" else _pt(path)
    except pickle.UnpicklingError as err:
        # subtle: not with torch's own words; they recommend to switch the protection off
        raise ValueError(
            f"{path} is no whisper checkpoint, or holds more than tensors: refused, as code could "
            "hide in it; give a .pt of openai-whisper or a .safetensors"
        ) from err
    except _GARBAGE as err:
        raise ValueError(
            f"{path} is no whisper checkpoint ({_first_line(err)}); give a .pt of openai-whisper "
            "or a .safetensors"
        ) from err


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


def _heads(name: str, dims: Mapping[str, int]) -> bytes | None:
    """Return the published mask of the heads that follow the sound; None for an unknown shape."""
    import whisper

    shape = (dims["n_vocab"], dims["n_mels"], dims["n_text_layer"])
    known = whisper._ALIGNMENT_HEADS
    heads: bytes | None = known.get(name) or known.get(_PARENTS.get(shape, ""))
    return heads


def _head_indices(name: str, dims: Mapping[str, int]) -> list[tuple[int, int]]:
    """Return (layer, head) of each; without a published mask all of the upper half, as whisper."""
    import numpy as np

    layers, heads = dims["n_text_layer"], dims["n_text_head"]
    mask = np.zeros((layers, heads), bool)
    mask[layers // 2 :] = True
    if dump := _heads(name, dims):
        packed = gzip.decompress(base64.b85decode(dump))
        mask = np.frombuffer(packed, bool).reshape(layers, heads)
    return [(int(layer), int(head)) for layer, head in np.argwhere(mask)]


def _first_line(err: BaseException) -> str:
    return (str(err) or type(err).__name__).splitlines()[0]
