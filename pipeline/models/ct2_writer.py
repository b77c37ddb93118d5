"""Whisper weights as a CTranslate2 model, in memory: the way back of `ct2.py`.

In:  openai-whisper's dimensions, state dict and alignment heads, as read from any checkpoint.
Out: the files that ctranslate2.models.Whisper wants, as bytes, for its argument `files`.
So both engines run on one and the same file of weights, a fine-tuned .pt included, and the cache
holds each model once. Quantisation is CTranslate2's own, as it loads them.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.models.ct2 import BINARY_VERSION, LAYER, LEAF, SPEC, TOP, TYPES, Array

_CODES = {np.dtype(name): code for code, name in TYPES.items()}
_THEIR_LEAF = {ours: theirs for theirs, ours in LEAF.items()}
_SETTINGS = {  # what its converter writes for every whisper model
    "decoder/activation": np.int8(3),  # gelu
    "decoder/alibi": np.int8(0),
    "decoder/alignment_heads": np.int16(1),
    "decoder/alignment_layer": np.int16(-1),
    "decoder/pre_norm": np.int8(1),
    "decoder/scale_embeddings": np.int8(0),
    "decoder/start_from_zero_embedding": np.int8(0),
}
_ALIASES = {"decoder/projection/weight": "decoder/embeddings/weight"}


def files(
    dims: Mapping[str, int],
    state: Mapping[str, Array],
    heads: Sequence[tuple[int, int]],
    tokenizer: Any,
) -> dict[str, bytes]:
    """Return name -> content of a model's files. `heads`: (layer, head) that follow the sound;
    `tokenizer`: whisper's, for the ids of special tokens."""
    return {
        "model.bin": model_bin(dims, state),
        "config.json": json.dumps(_config(heads, tokenizer)).encode(),
        "vocabulary.json": json.dumps(_vocabulary(dims["n_vocab"], tokenizer)).encode(),
    }


def model_bin(dims: Mapping[str, int], state: Mapping[str, Array]) -> bytes:
    """Return a model.bin; KeyError where a tensor is missing."""
    variables = {
        **_SETTINGS,
        "encoder/num_heads": np.int16(dims["n_audio_head"]),
        "decoder/num_heads": np.int16(dims["n_text_head"]),
        **_top(state),
    }
    for side, layers in (("encoder", dims["n_audio_layer"]), ("decoder", dims["n_text_layer"])):
        for layer in range(layers):
            variables |= _layer(side, layer, state)
    parts = [struct.pack("<I", BINARY_VERSION), _string(SPEC[0])]
    parts.append(struct.pack("<II", SPEC[1], len(variables)))
    for name in sorted(variables):
        parts += _variable(name, np.asarray(variables[name]))
    parts.append(struct.pack("<I", len(_ALIASES)))
    parts += [_string(text) for alias in _ALIASES.items() for text in alias]
    return b"".join(parts)


def _top(state: Mapping[str, Array]) -> dict[str, Array]:
    found = {}
    for theirs, ours in TOP.items():
        if ours in state:
            found[theirs] = state[ours]
        else:  # a prefix of weight and bias
            is_norm = theirs.endswith("layer_norm/")
            for leaf in ("weight", "bias"):
                found[theirs + (_THEIR_LEAF[leaf] if is_norm else leaf)] = state[ours + leaf]
    return found


def _layer(side: str, layer: int, state: Mapping[str, Array]) -> dict[str, Array]:
    found = {}
    for part, ours in LAYER.items():
        if side == "encoder" and part.startswith("attention/"):
            continue  # only the decoder looks at something else than itself
        names = [f"{side}.blocks.{layer}.{name}" for name in ours]
        for leaf in ("weight", "bias"):
            theirs = _THEIR_LEAF[leaf] if part.endswith("layer_norm/") else leaf
            values = [_values(state, name, leaf) for name in names]
            found[f"{side}/layer_{layer}/{part}{theirs}"] = np.concatenate(values)
    return found


def _values(state: Mapping[str, Array], name: str, leaf: str) -> Array:
    if leaf == "bias" and name.endswith(".key."):  # whisper's keys have none
        return np.zeros_like(state[name.replace(".key.", ".query.") + "bias"])
    return state[name + leaf]


def _variable(name: str, values: Array) -> list[bytes]:
    data = np.ascontiguousarray(values).tobytes()
    head = struct.pack("<B", values.ndim) + struct.pack(f"<{values.ndim}I", *values.shape)
    code = _CODES[values.dtype]
    return [_string(name), head, struct.pack("<BI", code, len(data)), data]


def _string(text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack("<H", len(data)) + data


def _config(heads: Sequence[tuple[int, int]], tokenizer: Any) -> dict[str, Any]:
    return {
        "alignment_heads": [list(head) for head in heads],
        "lang_ids": list(tokenizer.all_language_tokens),
        "suppress_ids": [],  # given with each call
        "suppress_ids_begin": [*tokenizer.encode(" "), tokenizer.eot],
    }


def _vocabulary(size: int, tokenizer: Any) -> list[str]:
    """Return a name for every token. Only those of special ones matter: texts go in and out as
    ids, and openai-whisper's tokenizer reads them."""
    names = [f"token {i}" for i in range(size)]
    for name, i in tokenizer.encoding._special_tokens.items():
        if i < size:
            names[i] = name
    if size > 51864:  # of many languages
        # subtle: an empty token before the end of text is what CTranslate2 knows such a model by
        names[tokenizer.eot - 1] = ""
    return names
