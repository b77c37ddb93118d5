"""htdemucs of the true size with random weights: the published ones are not everywhere at hand.

What such a network gives is noise, so it hands on its input as the voices; time and memory are
those of the published model (41,984,456 numbers).
"""

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

# of 955717e8, demucs' htdemucs; what is not named is HTDemucs' default
TRUE_SIZE = {
    "sources": ["drums", "bass", "other", "vocals"],
    "segment": Fraction(39, 5),
    "bottom_channels": 512,
    "dconv_mode": 3,
    "t_layers": 5,
}


def network() -> Any:
    """Return the network, the same at every call."""
    import torch
    from demucs.htdemucs import HTDemucs

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return HTDemucs(**TRUE_SIZE).eval()


def write_folder(folder: Path) -> Path:
    """Write the network as the weights that --separation-weights takes; return the folder."""
    import torch
    from demucs.htdemucs import HTDemucs

    folder.mkdir()
    state = {name: tensor.half() for name, tensor in network().state_dict().items()}
    package = {"klass": HTDemucs, "args": (), "kwargs": TRUE_SIZE, "state": state}
    torch.save(package | {"training_args": {}}, folder / "random.th")
    digest = hashlib.sha256((folder / "random.th").read_bytes()).hexdigest()[:8]
    (folder / "random.th").rename(folder / f"random-{digest}.th")
    (folder / "htdemucs.yaml").write_text("models: ['random']\n", encoding="utf-8")
    return folder


def hand_on() -> None:
    """Have every HTDemucs of this process do its work, then give its input as the voices."""
    from demucs.htdemucs import HTDemucs

    real = HTDemucs.forward

    def forward(self: Any, mix: Any) -> Any:
        found = real(self, mix)
        found[:, self.sources.index("vocals")] = mix
        return found

    HTDemucs.forward = forward
