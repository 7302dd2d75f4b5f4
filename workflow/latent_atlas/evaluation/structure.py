"""How codes are arranged."""

import itertools

import numpy as np
from scipy.stats import rankdata, spearmanr
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegressionCV
from sklearn.manifold import trustworthiness
from sklearn.metrics import confusion_matrix, recall_score, silhouette_score
from sklearn.model_selection import ShuffleSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ACTIVE_VARIANCE = 0.01
MOST_NEIGHBOURS = 5000
MAP_NEIGHBOURS = 5
PROBE_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def active_units(mean: np.ndarray) -> int:
    """Dimensions of posterior means [N,d] with variance above .01 (Burda et al. 2016, §5.2)."""
    return int((mean.var(0) > ACTIVE_VARIANCE).sum())


def knn_classes(train: np.ndarray, train_labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Classes of codes [N,d] by their 5 nearest training codes."""
    classifier = KNeighborsClassifier(n_neighbors=min(5, len(train)))
    return classifier.fit(train, train_labels).predict(test)


def linear_probe_accuracy(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, labels: np.ndarray, state: int
) -> float:
    """Accuracy on codes `test` [N,d] of logistic regression on the first 5,000 of `train` [M,d],
    standardised there; its strength, one of five, is chosen on a fifth held out of these by the
    random `state`."""
    train, train_labels = train[:MOST_NEIGHBOURS], train_labels[:MOST_NEIGHBOURS]
    held = ShuffleSplit(1, test_size=0.2, random_state=state)
    probe = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=PROBE_STRENGTHS,
            l1_ratios=(0,),
            cv=held,
            scoring="accuracy",
            max_iter=1000,
            use_legacy_attributes=False,
        ),
    )
    return float(probe.fit(train, train_labels).score(test, labels))


def half_knn_accuracy(points: np.ndarray, labels: np.ndarray) -> float:
    """5-nearest-neighbour accuracy of the second half of `points` [N,d] by the first."""
    half = len(points) // 2
    found = knn_classes(points[:half], labels[:half], points[half:])
    return float(np.mean(found == labels[half:]))


def overlap_ranks(
    labels: np.ndarray, found: np.ndarray, classes: int
) -> dict[tuple[int, int], float]:
    """Pairs of classes by how much they are taken for each other, 1 the most; equals share the
    mean of their ranks. `labels` and `found` [N] are true and assigned classes."""
    confusion = confusion_matrix(labels, found, labels=range(classes))
    pairs = list(itertools.combinations(range(classes), 2))
    mistaken = [
        (confusion[a, b] + confusion[b, a]) / max(confusion[[a, b]].sum(), 1) for a, b in pairs
    ]
    return dict(zip(pairs, rankdata(-np.asarray(mistaken)).tolist(), strict=True))


def pair_accuracies(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, labels: np.ndarray
) -> dict[tuple[int, int], float]:
    """For each pair of classes, the share of their codes `test` [N,d] that the 5 nearest codes
    among the first 5,000 of `train` [M,d] of the two classes assign rightly; without pairs of which
    a class has no code."""
    train, train_labels = train[:MOST_NEIGHBOURS], train_labels[:MOST_NEIGHBOURS]
    found = {}
    present = np.intersect1d(train_labels, labels).tolist()
    for pair in itertools.combinations(present, 2):
        known, asked = np.isin(train_labels, pair), np.isin(labels, pair)
        assigned = knn_classes(train[known], train_labels[known], test[asked])
        found[pair] = float(np.mean(assigned == labels[asked]))
    return found


def group_accuracy(labels: np.ndarray, found: np.ndarray, groups: np.ndarray) -> float:
    """Mean over groups of classes of the share whose assigned class is of the true one's group;
    `labels` and `found` [N] are true and assigned classes, `groups` [classes] numbers."""
    return float(recall_score(groups[labels], groups[found], average="macro"))


def pca_variance(codes: np.ndarray) -> np.ndarray:
    """Shares of the variance of codes [N,d] along their first two principal components; NaN where
    all codes are alike."""
    if not np.ptp(codes, axis=0).any():
        return np.full(2, np.nan)
    return PCA(2, svd_solver="full").fit(codes).explained_variance_ratio_


def silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    """Mean silhouette by class; NaN with fewer than two classes or one point in each."""
    if not 2 <= len(np.unique(labels)) < len(labels):
        return float("nan")
    return float(silhouette_score(points, labels))


def map_trustworthiness(codes: np.ndarray, points: np.ndarray) -> float:
    """How far a map's [N,2] 5 nearest neighbours are near among codes [N,d] too, at most 1 (Venna
    and Kaski 2001)."""
    neighbours = min(MAP_NEIGHBOURS, (len(points) - 1) // 2)
    return float(trustworthiness(codes, points, n_neighbors=neighbours))


def norm_radius_correlation(points: np.ndarray, norms: np.ndarray) -> float:
    """Spearman correlation of `norms` [N] with map points' [N,2] distance from their median; NaN
    where one of the two is the same everywhere."""
    radius = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    if not (np.ptp(norms) and np.ptp(radius)):
        return float("nan")
    return float(spearmanr(norms, radius).statistic)
