"""Paths between codes, and how evenly their decodes change."""

import numpy as np


def straight(a: np.ndarray, b: np.ndarray, points: int) -> np.ndarray:
    """Codes [P,points,d] on the segments from a to b [P,d], ends included."""
    t = np.linspace(0, 1, points)[None, :, None]
    return (1 - t) * a[:, None] + t * b[:, None]


def slerp(a: np.ndarray, b: np.ndarray, points: int) -> np.ndarray:
    """Codes [P,points,d] on great-circle paths from a to b [P,d], ends included.

    Direction by Shoemake's slerp (1985), norm linearly. Parallel, antiparallel and zero codes,
    where no great circle is singled out, take the straight path.
    """
    norm_a = np.linalg.norm(a, axis=1, keepdims=True)
    norm_b = np.linalg.norm(b, axis=1, keepdims=True)
    line = straight(a, b, points)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit_a, unit_b = a / norm_a, b / norm_b
        omega = np.arccos(np.clip((unit_a * unit_b).sum(1), -1, 1))[:, None, None]
        t = np.linspace(0, 1, points)[None, :, None]
        direction = (
            np.sin((1 - t) * omega) * unit_a[:, None] + np.sin(t * omega) * unit_b[:, None]
        ) / np.sin(omega)
        curve = direction * ((1 - t) * norm_a[:, None] + t * norm_b[:, None])
    degenerate = ~(np.sin(omega) > 1e-6)
    return np.where(degenerate, line, curve)


def corner_grid(corners: np.ndarray, points: int) -> np.ndarray:
    """Codes [P,points,points,d] between four corners [P,4,d]: along rows from corner 0 to 1 and
    from 2 to 3, down columns from 0 to 2 and from 1 to 3."""
    t = np.linspace(0, 1, points)
    across, down = t[None, None, :, None], t[None, :, None, None]
    a, b, c, d = (corners[:, k, None, None] for k in range(4))
    return (1 - down) * ((1 - across) * a + across * b) + down * ((1 - across) * c + across * d)


def roughness(decoded: np.ndarray) -> np.ndarray:
    """Largest over mean step along each decoded path [P,points,D] → [P]; 1 is perfectly even."""
    steps = np.linalg.norm(np.diff(decoded, axis=1), axis=2)
    mean = steps.mean(1)
    return np.divide(steps.max(1), mean, out=np.ones_like(mean), where=mean > 0)


def pairs_of_classes(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` random pairs of rows [count,2] whose labels differ."""
    first = rng.integers(0, len(labels), count)
    second = np.array([rng.choice(np.flatnonzero(labels != labels[row])) for row in first])
    return np.stack([first, second], 1)


def corners_of_classes(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rows [count,4] of four different classes each."""
    classes = np.unique(labels)
    return np.array(
        [
            [
                rng.choice(np.flatnonzero(labels == label))
                for label in rng.choice(classes, 4, replace=len(classes) < 4)
            ]
            for _ in range(count)
        ]
    )
