"""What any model must be compared with."""

import numpy as np
from sklearn.decomposition import PCA

MOST_EXACT = 2000


def mean_image_mse(train: np.ndarray, test: np.ndarray) -> float:
    """MSE per pixel of the training mean as the reconstruction; images [N,D] in [0, 1]."""
    return float(np.mean((test - train.mean(0)) ** 2))


def pca_mse(train: np.ndarray, components: int, *sets: np.ndarray) -> list[float]:
    """MSE per pixel of the projection of each of `sets` on the training set's leading principal
    components; found by randomised iteration for images of more than 2,000 numbers (Halko et al.
    2011)."""
    mean = train.mean(0)
    centred = train - mean
    if train.shape[1] > MOST_EXACT and components < min(train.shape):
        fitted = PCA(components, svd_solver="randomized", iterated_power=7, random_state=0)
        basis = fitted.fit(train).components_
    elif len(train) < train.shape[1]:
        basis = np.linalg.svd(centred, full_matrices=False)[2][:components]
    else:
        basis = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :components].T
    differences = (images - mean for images in sets)
    return [float(np.mean((images - images @ basis.T @ basis) ** 2)) for images in differences]
