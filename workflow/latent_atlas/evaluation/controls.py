"""What any model must be compared with."""

import numpy as np


def mean_image_mse(train: np.ndarray, test: np.ndarray) -> float:
    """MSE per pixel of the training mean as the reconstruction; images [N,D] in [0, 1]."""
    return float(np.mean((test - train.mean(0)) ** 2))


def pca_mse(train: np.ndarray, test: np.ndarray, components: int) -> float:
    """MSE per pixel of projection on the training set's leading principal components."""
    mean = train.mean(0)
    centred = train - mean
    if len(train) < train.shape[1]:
        basis = np.linalg.svd(centred, full_matrices=False)[2][:components]
    else:
        basis = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :components].T
    residual = (test - mean) - (test - mean) @ basis.T @ basis
    return float(np.mean(residual**2))
