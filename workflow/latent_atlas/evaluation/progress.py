"""How a loss falls over the epochs, and over single batches."""

import numpy as np

LATE_FROM = 20 / 42
EARLY_UNTIL = 1 / 3
AVERAGED = 1 / 60


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


def early_fall(losses: np.ndarray) -> float:
    """Share of the fall of single batches' losses [steps] that the first third of them brings:
    means over the first sixtieth, a sixtieth after the third, and the last sixtieth. NaN where
    the loss does not fall."""
    window = max(1, round(AVERAGED * len(losses)))
    third = round(EARLY_UNTIL * len(losses))
    first, then, last = (losses[i : i + window].mean() for i in (0, third, len(losses) - window))
    return float((first - then) / (first - last)) if first > last else float("nan")


def oscillation(losses: np.ndarray) -> float:
    """Standard deviation of single batches' losses [steps] about their straight-line trend."""
    steps = np.arange(len(losses))
    return float(np.std(losses - np.polyval(np.polyfit(steps, losses, 1), steps)))
