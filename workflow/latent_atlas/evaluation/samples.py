"""How decoded latents compare with real images, in pixels."""

import numpy as np
from sklearn.metrics import pairwise_distances

NEIGHBOURS = 5


def mean_pairwise_distance(images: np.ndarray) -> float:
    """Mean Euclidean distance between different images [N,D]."""
    distances = pairwise_distances(images)
    return float(distances[np.triu_indices(len(images), 1)].mean())


def density_coverage(
    real: np.ndarray, decoded: np.ndarray, k: int = NEIGHBOURS
) -> tuple[float, float]:
    """Density and coverage of `decoded` [M,D] against `real` [N,D].

    Balls around each real image reach its k-th real neighbour: density counts the balls a decoded
    image lies in, over k; coverage is the share of balls that hold a decoded image (Naeem et al.
    2020, equations 5 and 6).
    """
    real_distances = pairwise_distances(real)
    radius = np.partition(real_distances, k, axis=1)[:, k]
    inside = pairwise_distances(real, decoded) <= radius[:, None]
    return float(inside.sum(0).mean() / k), float(inside.any(1).mean())


def nearest_training(train: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to, and row of, the nearest training image of each image."""
    distances = pairwise_distances(images, train)
    rows = distances.argmin(1)
    return distances[np.arange(len(images)), rows], rows
