"""Which clips are trained on, and which are kept to listen whether it works.

By recording, so that no voice take is in both lists; by clip only where there is one recording:
then the last clips of it, in one piece, so that few neighbours of trained clips are among them.
By a hash of each recording's name: when others join, what was held back from training stays so, but
for the few that they take the place of.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

from pipeline.stages.build_dataset.recordings import Candidate


def val_ids(clips: Sequence[Candidate], val_percent: float, seed: int) -> set[str]:
    """Return the ids for the val list: about `val_percent` of the clips (two or more), at least one
    and never all."""
    wanted = max(1, round(len(clips) * val_percent / 100))
    sizes = Counter(clip.source for clip in clips)
    if len(sizes) == 1:
        return {clip.id for clip in clips[-min(wanted, len(clips) - 1) :]}
    chosen = _val_sources(sizes, wanted, seed)
    return {clip.id for clip in clips if clip.source in chosen}


def _val_sources(sizes: Counter[str], wanted: int, seed: int) -> set[str]:
    """Return recordings with `wanted` clips together, and no more than half over that."""
    order = sorted(sizes, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    chosen: set[str] = set()
    count = 0
    for source in order:
        if count < wanted and count + sizes[source] <= 1.5 * wanted:
            chosen.add(source)
            count += sizes[source]
    # all recordings are larger than that: the smallest, the first in the seeded order
    return chosen or {min(order, key=lambda source: sizes[source])}
