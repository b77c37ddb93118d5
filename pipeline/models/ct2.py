"""Whisper weights out of a CTranslate2 model.bin, by our own reader: no code of a stranger runs.

In:  the bytes of a model.bin in float16 or float32 (version 6, WhisperSpec revision 3).
Out: openai-whisper's dimensions and state dict, checked tensor by tensor against its own model.
Left out: quantised models (int8), which cannot be turned back; any other architecture.

The format (https://github.com/OpenNMT/CTranslate2, src/models/model.cc): u32 version, spec name,
u32 revision, u32 count; then per variable its name, u8 rank, u32 for each dimension, u8 type, u32
bytes, data; then u32 count and pairs (alias, variable). A string is u16 length with its zero byte.
"""

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Variables = dict[str, Array]

BINARY_VERSION = 6
SPEC = ("WhisperSpec", 3)
TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}  # bfloat16 is 5: numpy has none

_FLAGS = {  # settings of the other runtime, which openai-whisper's architecture implies
    f"decoder/{name}"
    for name in (
        "activation",
        "alibi",
        "alibi_use_positive_positions",
        "alignment_heads",
        "alignment_layer",
        "num_heads",
        "pre_norm",
        "scale_alibi",
        "scale_embeddings",
        "start_from_zero_embedding",
    )
} | {"encoder/num_heads"}

TOP = {  # theirs -> whisper's
    "encoder/conv1/": "encoder.conv1.",
    "encoder/conv2/": "encoder.conv2.",
    "encoder/layer_norm/": "encoder.ln_post.",
    "decoder/layer_norm/": "decoder.ln.",
    "encoder/position_encodings/encodings": "encoder.positional_embedding",
    "decoder/position_encodings/encodings": "decoder.positional_embedding",
    "decoder/embeddings/weight": "decoder.token_embedding.weight",
}

LAYER = {
    "self_attention/layer_norm/": ("attn_ln.",),
    "self_attention/linear_0/": ("attn.query.", "attn.key.", "attn.value."),
    "self_attention/linear_1/": ("attn.out.",),
    "attention/layer_norm/": ("cross_attn_ln.",),
    "attention/linear_0/": ("cross_attn.query.",),
    "attention/linear_1/": ("cross_attn.key.", "cross_attn.value."),
    "attention/linear_2/": ("cross_attn.out.",),
    "ffn/layer_norm/": ("mlp_ln.",),
    "ffn/linear_0/": ("mlp.0.",),
    "ffn/linear_1/": ("mlp.2.",),
}

LEAF = {"gamma": "weight", "beta": "bias"}


class _Reader:
    """A cursor over bytes which never reads beyond their end."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def take(self, count: int) -> memoryview:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            total = len(self._data)
            raise ValueError(f"model.bin ends at byte {total}, {count} more wanted at {self._at}")
        self._at += count
        return piece

    def number(self, code: str) -> int:
        return int(struct.unpack("<" + code, self.take(struct.calcsize(code)))[0])

    def string(self) -> str:
        return bytes(self.take(self.number("H"))).rstrip(b"\0").decode("utf-8")

    def finish(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"model.bin has {len(self._data) - self._at} bytes too many")


def read(data: bytes) -> Variables:
    """Return the variables of a whisper model.bin by name; ValueError when it is anything else."""
    reader = _Reader(data)
    version = reader.number("I")
    spec = (reader.string(), reader.number("I"))
    if version != BINARY_VERSION or spec != SPEC:
        raise ValueError(f"model.bin is {spec}, version {version}, not {SPEC}, {BINARY_VERSION}")
    variables = dict(_variable(reader) for _ in range(reader.number("I")))
    for _ in range(reader.number("I")):
        reader.string(), reader.string()  # an alias and its target: only the tied output layer
    reader.finish()
    return variables


def _variable(reader: _Reader) -> tuple[str, Array]:
    name = reader.string()
    shape = tuple(reader.number("I") for _ in range(reader.number("B")))
    kind = reader.number("B")
    if kind not in TYPES:
        raise ValueError(f"{name} in model.bin has the unknown type {kind}")
    values = np.frombuffer(reader.take(reader.number("I")), dtype=TYPES[kind])
    if values.size != int(np.prod(shape)):
        raise ValueError(f"{name} in model.bin has {values.size} values for the shape {shape}")
    return name, values.reshape(shape)


def convert(variables: Mapping[str, Array]) -> tuple[dict[str, int], dict[str, Array]]:
    """Return openai-whisper's (dims, state dict) of the variables; nothing is left over or made up.

    Raises ValueError for a quantised or unknown variable, or a key bias (whisper has none).
    """
    state: dict[str, Array] = {}
    for name, values in variables.items():
        if name in _FLAGS:
            continue
        if values.dtype not in (np.float16, np.float32):
            raise ValueError(f"{name} in model.bin is {values.dtype}: quantised, cannot be used")
        state.update(_renamed(name, values))
    return _dims(variables), state


def _renamed(name: str, values: Array) -> dict[str, Array]:
    base, _, leaf = name.rpartition("/")
    if name in TOP:
        return {TOP[name]: values}
    leaf = LEAF.get(leaf, leaf)
    if base + "/" in TOP:
        return {TOP[base + "/"] + leaf: values}
    side, _, rest = base.partition("/layer_")
    layer, _, part = rest.partition("/")
    if side not in ("encoder", "decoder") or not layer.isdigit() or part + "/" not in LAYER:
        raise ValueError(f"{name} in model.bin has no place in whisper's model")
    return _unfused(f"{side}.blocks.{layer}.", LAYER[part + "/"], leaf, values)


def _unfused(prefix: str, targets: tuple[str, ...], leaf: str, values: Array) -> dict[str, Array]:
    if len(values) % len(targets):
        raise ValueError(f"{prefix}{targets[0]}{leaf}: {len(values)} rows in {len(targets)} parts")
    names = [prefix + target + leaf for target in targets]
    parts = dict(zip(names, _split(values, len(targets)), strict=True))
    for name in [name for name in parts if name.endswith(".key.bias")]:
        if parts.pop(name).any():
            raise ValueError(f"{name} is not zero: whisper's keys have no bias")
    return parts


def _split(values: Array, count: int) -> list[Array]:
    return [np.ascontiguousarray(part) for part in np.split(values, count)]


def _dims(variables: Mapping[str, Array]) -> dict[str, int]:
    try:
        audio_ctx, audio_state = variables["encoder/position_encodings/encodings"].shape
        text_ctx, text_state = variables["decoder/position_encodings/encodings"].shape
        return {
            "n_mels": variables["encoder/conv1/weight"].shape[1],
            "n_audio_ctx": audio_ctx,
            "n_audio_state": audio_state,
            "n_audio_head": int(variables["encoder/num_heads"]),
            "n_audio_layer": _layers(variables, "encoder"),
            "n_vocab": variables["decoder/embeddings/weight"].shape[0],
            "n_text_ctx": text_ctx,
            "n_text_state": text_state,
            "n_text_head": int(variables["decoder/num_heads"]),
            "n_text_layer": _layers(variables, "decoder"),
        }
    except (KeyError, ValueError, IndexError) as err:
        raise ValueError(f"model.bin lacks a part of a whisper model: {err}") from err


def _layers(variables: Mapping[str, Array], side: str) -> int:
    end = "/ffn/linear_0/weight"
    return sum(name.startswith(f"{side}/layer_") and name.endswith(end) for name in variables)


def check(dims: Mapping[str, int], state: Mapping[str, Array]) -> None:
    """Raise ValueError unless `state` has exactly the tensors of whisper's model of these dims."""
    from whisper.model import ModelDimensions, Whisper

    wanted = {k: tuple(v.shape) for k, v in Whisper(ModelDimensions(**dims)).state_dict().items()}
    given = {name: values.shape for name, values in state.items()}
    for name in sorted(wanted.keys() | given.keys()):
        if wanted.get(name) != given.get(name):
            raise ValueError(
                f"{name} has the shape {given.get(name)}, whisper's has {wanted.get(name)}"
            )


def to_safetensors(data: bytes) -> bytes:
    """Return a model.bin as a safetensors file: the same bytes for the same weights, no pickle.

    Its metadata has one key, `dims`, as JSON: with more, safetensors' order of them is random.
    """
    import json

    from safetensors.numpy import save

    dims, state = convert(read(data))
    check(dims, state)
    return save(state, {"dims": json.dumps(dims, sort_keys=True)})
