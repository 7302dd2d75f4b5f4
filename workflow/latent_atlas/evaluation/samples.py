"""How decoded latents compare with real images, in pixels."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin_min
from sklearn.mixture import GaussianMixture

NEIGHBOURS = 5
MIXTURE = 10
MOST_FITTED = 5000


def mean_pairwise_distance(images: np.ndarray) -> float:
    """Mean Euclidean distance between different images [N,D]."""
    distances = pairwise_distances(images)
    return float(distances[np.triu_indices(len(images), 1)].mean())


def precision_recall_density_coverage(
    real: np.ndarray, samples: np.ndarray, k: int = NEIGHBOURS
) -> dict[str, float]:
    """Of `samples` [M,D] against `real` [N,D].

    Balls around each image reach its k-th neighbour of its own set. precision: share of samples in
    a real image's ball; recall: share of real images in a sample's ball (Kynkäänniemi et al.
    2019); density: real balls that a sample lies in, over k; coverage: share of real balls that
    hold a sample (Naeem et al. 2020, equations 5 and 6).
    """
    between = pairwise_distances(real, samples)
    in_real = between < _radii(real, k)[:, None]
    in_samples = between < _radii(samples, k)
    return {
        "precision": float(in_real.any(0).mean()),
        "recall": float(in_samples.any(1).mean()),
        "density": float(in_real.sum(0).mean() / k),
        "coverage": float(in_real.any(1).mean()),
    }


def _radii(points: np.ndarray, k: int) -> np.ndarray:
    """Distance [N] of each point [N,D] to its k-th neighbour."""
    return np.partition(pairwise_distances(points), k, axis=1)[:, k]


def nearest_training(train: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to, and row of, the nearest training image of each image."""
    rows, distances = pairwise_distances_argmin_min(images, train)
    return distances, rows


def fitted_gaussian(codes: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """[n,d] from the Gaussian with the mean and covariance of codes [N,d]."""
    codes = codes.astype(np.float64)
    covariance = np.atleast_2d(np.cov(codes.T))
    return rng.multivariate_normal(codes.mean(0), covariance, n, "ignore", method="eigh")


def fitted_mixture(codes: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """[n,d] from a mixture of 10 Gaussians fitted to 5,000 codes at most of [N,d]."""
    some = rng.permutation(codes.astype(np.float64))[:MOST_FITTED]
    components = min(MIXTURE, len(some))
    state = int(rng.integers(2**32))
    mixture = GaussianMixture(components, max_iter=50, random_state=state, reg_covar=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return rng.permutation(mixture.fit(some).sample(n)[0])


def neighbour_steps(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Codes [N,d] moved in random directions, each by its distance to its nearest neighbour."""
    distances = pairwise_distances(codes)
    np.fill_diagonal(distances, np.inf)
    direction = rng.standard_normal(codes.shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return codes + distances.min(1, keepdims=True) * direction
