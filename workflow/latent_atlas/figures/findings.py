"""What a picture shows, in words made from its numbers: the titles of figures."""

import numpy as np
import pandas as pd


def spread(values) -> str:
    """Mean of values over seeds, with their standard deviation where there are several."""
    values = np.asarray(values, float)
    mean = f"{values.mean():.3g}"
    return mean if len(values) < 2 else f"{mean} ± {values.std(ddof=1):.1g}"


def lowest(named: dict[str, float], what: str) -> str:
    """Which of several is lowest, and by how much the next one is higher."""
    order = sorted(named, key=named.get)
    first, rest = order[0], order[1:]
    if not rest:
        return f"{what} {named[first]:.3g}"
    more = named[rest[0]] / named[first] - 1 if named[first] else float("inf")
    return f"lowest {what}: {first}, {named[first]:.3g}; the next {more:.0%} higher"


def neighbours(points: np.ndarray, labels: np.ndarray) -> str:
    """How often the nearest other point of a map [n,2] is of the same class."""
    if len(points) < 2 or not np.ptp(points, axis=0).any():
        return "all codes are one"
    from scipy.spatial import cKDTree

    nearest = cKDTree(points).query(points, 2)[1][:, 1]
    return f"{(labels[nearest] == labels).mean():.0%} lie nearest to one of their class"


def outwards(points: np.ndarray, norms: np.ndarray) -> str:
    """Whether norms grow from the middle of a map [n,2] outwards, by Spearman's ρ."""
    away = np.linalg.norm(points - points.mean(0), axis=1)
    if not np.ptp(away) or not np.ptp(norms):
        return "all codes are one"
    ranks = [pd.Series(values).rank() for values in (away, norms)]
    return f"norm and distance from the middle: ρ = {np.corrcoef(ranks)[0, 1]:.2f}"


def mean_square(images: np.ndarray, others: np.ndarray) -> float:
    """Mean squared error between uint8 pictures of one shape, grey levels from 0 to 1."""
    return float(np.mean((images / 255.0 - others / 255.0) ** 2))


def evenness(paths: np.ndarray) -> str:
    """Largest over mean step of paths of uint8 pictures [P,points,…], their mean."""
    flat = paths.reshape(*paths.shape[:2], -1) / 255.0
    steps = np.linalg.norm(np.diff(flat, axis=1), axis=2)
    mean = steps.mean(1)
    ratio = np.divide(steps.max(1), mean, out=np.ones_like(mean), where=mean > 0)
    return f"largest step {ratio.mean():.2g} × the mean"
