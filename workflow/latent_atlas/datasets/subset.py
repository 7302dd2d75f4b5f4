"""Which images of a split an experiment uses."""

import hashlib

import numpy as np

from latent_atlas.config.experiments import Subset
from latent_atlas.streams import numpy_stream


def subset_rows(
    subset: Subset | None, labels: np.ndarray, split: str, dataset: str, seeds: list[int]
) -> np.ndarray:
    """Rows [S,n] of a split for each seed; equal for every seed unless the subset varies.

    "first" takes rows 0…n−1 in file order; "stratified" as many of each class as can be. A subset
    depends on data set, split, size and, where it varies, the seed: on nothing else, so that
    experiments that name the same one share it.
    """
    if subset is None:
        return np.tile(np.arange(len(labels)), (len(seeds), 1))
    n = getattr(subset, split)
    if subset.how == "first":
        return np.tile(np.arange(n), (len(seeds), 1))
    return np.stack(
        [
            stratified_rows(
                labels, n, numpy_stream(dataset, split, n, seed if subset.varies else "fixed")
            )
            for seed in seeds
        ]
    )


def stratified_rows(labels: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Sorted rows [n], classes as equal as `n` and their sizes allow (int64)."""
    classes, counts = np.unique(labels, return_counts=True)
    quota = _fill(n, counts)
    chosen = [
        rng.permutation(np.flatnonzero(labels == label))[:size]
        for label, size in zip(classes, quota, strict=True)
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def _fill(n: int, capacity: np.ndarray) -> np.ndarray:
    """Shares of `n`, as equal as capacities allow; what is left over goes to the first classes."""
    quota = np.zeros_like(capacity)
    while (left := n - quota.sum()) > 0:
        open_classes = np.flatnonzero(quota < capacity)
        each, extra = divmod(left, len(open_classes))
        quota[open_classes] += each
        quota[open_classes[:extra]] += 1
        quota = np.minimum(quota, capacity)
    return quota


def hold_out(rows: np.ndarray, share: float, dataset: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows [S,N] → those to train on [S,N−v] and those to validate on [S,v], v = share · N rounded
    down; at the same places for every seed, both in their old order."""
    n = rows.shape[1]
    held = numpy_stream(dataset, "validation", n).permutation(n)[: int(share * n)]
    mask = np.zeros(n, bool)
    mask[held] = True
    return rows[:, ~mask], rows[:, mask]


def rows_hash(rows: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(rows, np.int64).tobytes()).hexdigest()
