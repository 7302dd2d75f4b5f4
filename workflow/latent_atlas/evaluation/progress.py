"""How a loss falls over the epochs."""

import numpy as np

LATE_FROM = 20 / 42


def late_gain(losses: np.ndarray) -> float:
    """Share of the fall from the first epoch's to the last epoch's loss [E] that comes after 20/42
    of the epochs; NaN where the loss does not fall."""
    fall = losses[0] - losses[-1]
    after = losses[max(1, round(LATE_FROM * len(losses))) - 1] - losses[-1]
    return float(after / fall) if fall > 0 else float("nan")


def epochs_until_below(losses: np.ndarray, bar: float) -> int:
    """The first epoch, from 1, whose loss [E] lies below `bar`; E + 1 where none does."""
    below = np.flatnonzero(losses < bar)
    return int(below[0]) + 1 if len(below) else len(losses) + 1
