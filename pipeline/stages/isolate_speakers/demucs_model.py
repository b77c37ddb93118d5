"""htdemucs: the separator of choice, from weights that were fetched or placed by hand.

In:  the name of a folder or nothing. Out: a `Separator`.
Weights are looked for in this order: `--separation-weights FOLDER`; `$KOKORO_MODELS/demucs`; the
pinned file that `pipeline.models` has or fetches. A folder holds what demucs' own `--repo` does
(`htdemucs.yaml` naming signatures, and a `SIG-<sha256, 8 digits>.th` for each), or for each
signature a `SIG.safetensors` as on demucs' hub. `.th` files are pickles: they are read with
`weights_only=True` and the few classes that demucs' own files hold.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline import models
from pipeline.audio import Samples

from .separate import Separator

NAME = "htdemucs"
VOICES = "vocals"  # the source's name in every demucs model
OVERLAP = 0.1  # of a segment: a quarter cheaper than demucs' 0.25 (RTF 0.37 on two cores)


def load(folder: str, device: str) -> Separator:
    """Return the separator; MissingWeights if they cannot be had, ValueError if they are bad."""
    placed = Path(folder).expanduser() if folder else models.cache_dir() / "demucs"
    if folder or (placed / f"{NAME}.yaml").is_file():
        network = _from_folder(placed)
    else:
        network = _from_th(models.path_of(NAME))
    return _separator(network, device)


def _separator(network: Any, device: str) -> Separator:
    """Return a bag of demucs models as a function of mono segments."""
    import torch
    from demucs.apply import apply_model

    network.to(device).eval()
    source = list(network.sources).index(VOICES)
    segment = int(network.samplerate * network.max_allowed_segment)

    def vocals(mono: Samples) -> Samples:
        device = next(network.parameters()).device
        stereo = torch.from_numpy(np.ascontiguousarray(mono, np.float32)).expand(1, 2, -1)
        # shifts=0: the random shift trick costs a run each and makes two runs differ
        with models.onednn():  # a fifth less time; the voices differ by less than 1e-6
            found = apply_model(network, stereo, shifts=0, split=False, device=device)
        return np.asarray(found[0, source].mean(dim=0).cpu().numpy(), np.float32)

    return Separator(NAME, network.samplerate, segment, int(segment * OVERLAP), vocals)


def _from_folder(folder: Path) -> Any:
    from demucs.apply import BagOfModels

    listing = folder / f"{NAME}.yaml"
    if not listing.is_file():
        raise ValueError(f"{listing} is missing: it names the weights, e.g. models: ['955717e8']")
    bag = yaml.safe_load(listing.read_text(encoding="utf-8"))
    found = [_signed(folder, str(signature)) for signature in bag["models"]]
    return BagOfModels(found, bag.get("weights"), bag.get("segment"))


def _signed(folder: Path, signature: str) -> Any:
    """Return the model of a signature, without demucs' bag around it."""
    safe = folder / f"{signature}.safetensors"
    if safe.is_file():
        return _from_safetensors(safe)
    found = sorted([*folder.glob(f"{signature}-*.th"), *folder.glob(f"{signature}.th")])
    if len(found) != 1:
        raise ValueError(
            f"{folder} has {len(found)} files {signature}-*.th or {signature}.safetensors, "
            "wanted one: put the model there"
        )
    _check_digest(found[0])
    return _from_th(found[0]).models[0]


def _check_digest(path: Path) -> None:
    _, _, digits = path.stem.partition("-")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()[: len(digits)]
    if found != digits:
        raise ValueError(f"{path} is damaged: sha256 {found}…, its name says {digits}; fetch again")


def _from_safetensors(path: Path) -> Any:
    from demucs.hf import load_safetensors_model
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as file:
        kind = (file.metadata() or {}).get("klass", "")
    if not kind.startswith("demucs."):  # demucs imports and calls whatever class is named there
        raise ValueError(f"{path} is no demucs model: its class is {kind!r}")
    return load_safetensors_model(path)


def _from_th(path: Path) -> Any:
    import pickle

    import torch
    from demucs.apply import BagOfModels
    from demucs.states import load_model

    try:
        with torch.serialization.safe_globals(_allowed()):
            package = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as err:
        raise ValueError(f"{path} holds more than a demucs model: {err}") from err
    return BagOfModels([load_model(package)])  # type: ignore[no-untyped-call]


def _allowed() -> list[Any]:
    """Return the classes in demucs' published files; numpy's are in the numbers of training."""
    from fractions import Fraction

    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs
    from numpy import _core as numpy_core

    scalar = numpy_core.multiarray.scalar
    return [HTDemucs, HDemucs, Fraction, (scalar, "numpy.core.multiarray.scalar"), scalar] + [
        *(np.dtype, type(np.dtype("float64")), type(np.dtype("float32")), type(np.dtype("int64")))
    ]
