"""Which embeddings are one voice: grouped from the bottom up, in bounded time and memory.

In:  embeddings in the order of time, or centroids of voices with their weights. Out: a label each.
Windows are grouped by average linkage in chunks, whose voices are then joined pair by pair, the
likest first. So neither an 8-hour recording nor a job of 100,000 recordings needs a matrix of its
square. Left out: whose voice is wanted (`agree.py`). numpy and scipy only.
"""

import numpy as np
import numpy.typing as npt

from .voices import Embeddings, unit

Labels = npt.NDArray[np.int64]

CHUNK = 1500  # windows grouped at once: 10 minutes at a hop of 0.4 s, a matrix of 18 MB
JOIN_CHUNK = 500  # voices joined at once


def group_windows(embeddings: Embeddings, similarity: float, join: float) -> Labels:
    """Return the voice of each window, 0.. in the order of appearance.

    `similarity` is the least mean similarity of the windows of one voice in a chunk; `join` the
    least similarity of the centroids of one voice.
    """
    labels = np.zeros(len(embeddings), np.int64)
    count = 0
    for first in range(0, len(embeddings), CHUNK):
        part = _linked(embeddings[first : first + CHUNK], similarity)
        labels[first : first + CHUNK] = part + count
        count += int(part.max()) + 1
    sums = np.array([embeddings[labels == k].sum(axis=0) for k in range(count)])
    if not count:
        return labels
    return in_order(group_voices(sums, np.ones(count), join)[labels])


def group_voices(centroids: Embeddings, weights: npt.NDArray[np.float64], join: float) -> Labels:
    """Return the group of each centroid: pairs at least `join` alike are one, the likest first.

    Joining weighs centroids by `weights` (seconds of speech), so a long voice is not moved by a
    short one. More than JOIN_CHUNK go through in chunks first.
    """
    labels = np.arange(len(centroids))
    count = len(centroids)
    while True:
        sums = _sums(centroids, weights, labels, count)
        parts, total = [np.zeros(0, np.int64)], 0
        for first in range(0, count, JOIN_CHUNK):
            part = _joined(sums[first : first + JOIN_CHUNK], join)
            parts.append(part + total)
            total += int(part.max()) + 1
        labels = np.concatenate(parts)[labels]
        if total == count or count <= JOIN_CHUNK:
            return labels
        count = total


def centroid(embeddings: Embeddings) -> Embeddings:
    """Return the unit vector in the middle of embeddings (n, 192); zeros if there are none."""
    return unit(embeddings.sum(axis=0))


def in_order(labels: Labels) -> Labels:
    """Return labels renamed 0.. by first appearance: [7, 7, 3] becomes [0, 0, 1]."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return np.asarray(rank[inverse.reshape(-1)], np.int64)


def _linked(embeddings: Embeddings, similarity: float) -> Labels:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(embeddings) < 2:
        return np.zeros(len(embeddings), np.int64)
    # float64: linkage is exact about ties, and float32 rounding must not break symmetry
    alike = embeddings.astype(np.float64) @ embeddings.T.astype(np.float64)
    distance = np.maximum(0.0, 1.0 - alike)
    tree = linkage(squareform(distance, checks=False), "average")
    return in_order(fcluster(tree, 1.0 - similarity, "distance"))


def _sums(
    centroids: Embeddings, weights: npt.NDArray[np.float64], labels: Labels, count: int
) -> npt.NDArray[np.float64]:
    sums = np.zeros((count, centroids.shape[1]))
    np.add.at(sums, labels, centroids * weights[:, None])
    return sums


def _joined(sums: npt.NDArray[np.float64], join: float) -> Labels:
    """Return groups of weighted sums of embeddings: join the likest two until none are alike."""
    sums = sums.copy()
    labels = np.arange(len(sums))
    alike = unit(sums) @ unit(sums).T
    np.fill_diagonal(alike, -1.0)
    while alike.size and alike.max() >= join:
        a, b = sorted(np.unravel_index(int(alike.argmax()), alike.shape))
        sums[a] += sums[b]
        labels[labels == b] = a
        alike[b, :] = alike[:, b] = -1.0
        alike[a, :] = alike[:, a] = np.where(alike[a] > -1.0, unit(sums) @ unit(sums[a]), -1.0)
        alike[a, a] = -1.0
    return in_order(labels)
