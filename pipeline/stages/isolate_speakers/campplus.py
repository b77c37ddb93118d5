"""CAM++, the network that tells voices apart: 80 mel bands in, 192 numbers out.

In:  its file of weights. Out: what it makes of a batch of equally long log-mel features.
The method: https://arxiv.org/abs/2303.00332; the weights and layers are those of 3D-Speaker's
`speech_campplus_sv_zh_en_16k-common_advanced` (Apache-2.0). Rebuilt as plain functions over a
dictionary of weights, so that the file is loaded with `weights_only=True` and its batch
normalisation is folded into the convolutions where it follows them. Left out: training, sound to
features (`voices.py`).
"""

from pathlib import Path
from typing import Any

BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation of each block of the paper's table 1
SEGMENT = 100  # frames (2 s) whose mean is a layer's context: the paper's section 2.3
EPSILON = 1e-5  # of batch normalisation

Weights = dict[str, Any]  # name -> float32 tensor


def load(path: Path, device: str) -> Weights:
    """Return the weights with batch normalisation as scale and shift, folded where it can be."""
    import torch

    found = torch.load(path, map_location=device, weights_only=True)
    scales = {name.removesuffix(".running_var"): _scale(found, name.removesuffix(".running_var"))
              for name in found if name.endswith(".running_var")}  # fmt: skip
    weights = {
        name: value for name, value in found.items() if name.rpartition(".")[0] not in scales
    }
    for norm, (scale, shift) in scales.items():
        if conv := _folded_into(norm, weights):
            shape = (-1,) + (1,) * (weights[f"{conv}.weight"].dim() - 1)
            weights[f"{conv}.weight"] = weights[f"{conv}.weight"] * scale.reshape(shape)
            weights[f"{conv}.bias"] = shift
        else:
            weights[f"{norm}.scale"], weights[f"{norm}.shift"] = scale[:, None], shift[:, None]
    return {name: _laid_out(value) for name, value in weights.items()}


def embed(features: Any, weights: Weights) -> Any:
    """Return (batch, 192), not normalised, for features (batch, frames, 80) on the same device."""
    import torch

    x = _head(_laid_out(features.transpose(1, 2)[:, None]), weights)
    x = torch.relu(_conv(x, weights, "xvector.tdnn.linear", stride=2, padding=2))
    for number, (layers, dilation) in enumerate(BLOCKS, 1):
        for layer in range(1, layers + 1):
            name = f"xvector.block{number}.tdnnd{layer}"
            x = torch.cat([x, _dense_layer(x, weights, name, dilation)], dim=1)
        x = _conv(_norm(x, weights, f"xvector.transit{number}.nonlinear.batchnorm"), weights,
                  f"xvector.transit{number}.linear")  # fmt: skip
    x = _norm(x, weights, "xvector.out_nonlinear.batchnorm")
    pooled = torch.cat([x.mean(dim=-1), x.std(dim=-1)], dim=1)
    # subtle: no rectifier after the last layer, as in 3D-Speaker; with one, half of the numbers
    # are zero and twice as many voices are confused
    return _conv(pooled[..., None], weights, "xvector.dense.linear")[..., 0]


def _laid_out(tensor: Any) -> Any:
    """Return images with their channels side by side: a third less time for the head on a CPU."""
    import torch

    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def _scale(found: Weights, norm: str) -> tuple[Any, Any]:
    """Return what batch normalisation multiplies by, and adds."""
    scale = (found[f"{norm}.running_var"] + EPSILON).rsqrt() * found.get(f"{norm}.weight", 1.0)
    return scale, found.get(f"{norm}.bias", 0.0) - found[f"{norm}.running_mean"] * scale


def _folded_into(norm: str, weights: Weights) -> str:
    """Return the convolution right before a normalisation; "" where there is another step between.

    >>> _folded_into("head.layer1.0.bn2", {"head.layer1.0.conv2.weight": 0})
    'head.layer1.0.conv2'
    """
    first, _, last = norm.rpartition(".")
    before = {"bn1": "conv1", "bn2": "conv2", "1": "0"}.get(last, "linear")
    conv = f"{first}.{before}"
    if last == "batchnorm":
        block, _, step = first.rpartition(".")
        conv = f"{block}.{'linear1' if step == 'nonlinear2' else 'linear'}"
        if step == "nonlinear1" or ".transit" in first:
            return ""  # it comes before its convolution
    return conv if f"{conv}.weight" in weights else ""


def _conv(x: Any, weights: Weights, name: str, **how: Any) -> Any:
    from torch.nn import functional

    weight = weights[f"{name}.weight"]
    convolve = functional.conv2d if weight.dim() == 4 else functional.conv1d
    return convolve(x, weight, weights.get(f"{name}.bias"), **how)


def _norm(x: Any, weights: Weights, name: str) -> Any:
    import torch

    return torch.relu(torch.addcmul(weights[f"{name}.shift"], x, weights[f"{name}.scale"]))


def _head(x: Any, weights: Weights) -> Any:
    """Return (batch, 320, frames) for (batch, 1, 80, frames): a small residual network."""
    import torch

    x = torch.relu(_conv(x, weights, "head.conv1", padding=1))
    for name, stride in (("layer1.0", 2), ("layer1.1", 1), ("layer2.0", 2), ("layer2.1", 1)):
        x = _residual(x, weights, f"head.{name}", stride)
    x = torch.relu(_conv(x, weights, "head.conv2", stride=(2, 1), padding=1))
    return x.flatten(1, 2)


def _residual(x: Any, weights: Weights, name: str, stride: int) -> Any:
    import torch

    step = (stride, 1)
    out = torch.relu(_conv(x, weights, f"{name}.conv1", stride=step, padding=1))
    out = _conv(out, weights, f"{name}.conv2", padding=1)
    short = _conv(x, weights, f"{name}.shortcut.0", stride=step) if stride > 1 else x
    return torch.relu(out + short)


def _dense_layer(x: Any, weights: Weights, name: str, dilation: int) -> Any:
    """Return the 32 channels that a layer adds: a local view, masked by what is around it."""
    import torch

    x = _norm(x, weights, f"{name}.nonlinear1.batchnorm")
    x = torch.relu(_conv(x, weights, f"{name}.linear1"))
    local = _conv(x, weights, f"{name}.cam_layer.linear_local", padding=dilation, dilation=dilation)
    around = x.mean(dim=-1, keepdim=True) + _segment_means(x)
    mask = _conv(torch.relu(_conv(around, weights, f"{name}.cam_layer.linear1")), weights,
                 f"{name}.cam_layer.linear2")  # fmt: skip
    return local * torch.sigmoid(mask)[..., _segments(x)]


def _segment_means(x: Any) -> Any:
    from torch.nn import functional

    return functional.avg_pool1d(x, SEGMENT, SEGMENT, ceil_mode=True)


def _segments(x: Any) -> Any:
    """Return the number of each frame's segment."""
    import torch

    return torch.arange(x.shape[-1], device=x.device) // SEGMENT
