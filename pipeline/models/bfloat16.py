"""bfloat16 on a CPU: products that some processors have built in, and whisper's encoder by them.

In:  the weights of whisper's encoder. Out: the encoder, 2.5 times as fast as in float32.
Left out: everything else, which is computed in float32 on every CPU; GPUs (`half.py`).

Measured with base on a Xeon with AMX, against the features in float32: they are off by 1.0%,
those of CTranslate2's int8 by 3.6%, which takes 3.0 times as long. Neither depends on what else is
in the batch, nor on the number of threads.
"""

import os
from typing import Any

from pipeline.models.half import products_in

LIMIT = "ONEDNN_MAX_CPU_ISA"  # oneDNN's own: instructions that it may use at most


def has_bfloat16() -> bool:
    """Return whether this CPU multiplies matrices of bfloat16 (AMX, Intel's since Sapphire Rapids)
    and oneDNN may have it do so.

    Those with AVX512-BF16 alone are left out: bfloat16 is no faster there than float32.
    """
    import torch

    allowed = os.environ.get(LIMIT, "").upper()
    is_allowed = allowed in ("", "ALL", "DEFAULT") or "AMX" in allowed
    return is_allowed and bool(torch.cpu.get_capabilities().get("amx_bf16"))


def in_bfloat16(encoder: Any) -> None:
    """Turn the weights of the encoder's products to bfloat16: it wants spectrograms in bfloat16.
    Normalisation and positions stay in float32, as whisper has them."""
    import torch

    products_in(torch.bfloat16, encoder)
