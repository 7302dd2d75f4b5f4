"""How codes are arranged."""

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier

ACTIVE_VARIANCE = 0.01


def active_units(mean: np.ndarray) -> int:
    """Dimensions of posterior means [N,d] with variance above .01 (Burda et al. 2016, §5.2)."""
    return int((mean.var(0) > ACTIVE_VARIANCE).sum())


def knn_accuracy(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> float:
    """Accuracy of 5-nearest-neighbour classification of codes [N,d]."""
    classifier = KNeighborsClassifier(n_neighbors=min(5, len(train)))
    return float(classifier.fit(train, train_labels).score(test, test_labels))


def silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    """Mean silhouette by class; NaN where there are fewer than two classes."""
    if len(np.unique(labels)) < 2:
        return float("nan")
    return float(silhouette_score(points, labels))


def norm_radius_correlation(points: np.ndarray, norms: np.ndarray) -> float:
    """Spearman correlation of `norms` [N] with map points' [N,2] distance from their median."""
    radius = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    return float(spearmanr(norms, radius).statistic)
