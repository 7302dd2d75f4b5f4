"""How decoded latents compare with real images, in pixels."""

import numpy as np
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin_min

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
    rows, distances = pairwise_distances_argmin_min(images, train)
    return distances, rows


def fitted_gaussian(codes: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """[n,d] from the Gaussian with the mean and covariance of codes [N,d]."""
    codes = codes.astype(np.float64)
    covariance = np.atleast_2d(np.cov(codes.T))
    return rng.multivariate_normal(codes.mean(0), covariance, n, "ignore", method="eigh")


def neighbour_steps(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Codes [N,d] moved in random directions, each by its distance to its nearest neighbour."""
    distances = pairwise_distances(codes)
    np.fill_diagonal(distances, np.inf)
    direction = rng.standard_normal(codes.shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return codes + distances.min(1, keepdims=True) * direction
