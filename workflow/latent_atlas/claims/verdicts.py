"""The rules: samples over seeds in, a judgement out. Nothing here knows a study."""

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import numpy as np
from scipy import stats

REPRODUCED = "reproduced"
BETTER = "better than published"
NOT_REPRODUCED = "not reproduced"
INCONCLUSIVE = "inconclusive"
NOT_COMPARABLE = "not comparable"
CALIBRATED = "calibrated"
NOT_ATTEMPTED = "not attempted"
VERDICTS = (
    REPRODUCED,
    BETTER,
    NOT_REPRODUCED,
    INCONCLUSIVE,
    CALIBRATED,
    NOT_COMPARABLE,
    NOT_ATTEMPTED,
)

MOST_SEEDS = 1000


@dataclass(frozen=True)
class Judgement:
    """A verdict with its evidence: mean, sd and confidence interval of the statistic over seeds."""

    verdict: str
    reason: str
    mean: float = math.nan
    sd: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    effect_size: float = math.nan
    seeds_needed: int | None = None


def half_width(printed: str, relative: float, absolute: float) -> float:
    """Tolerance around a printed number, widened by half its last digit."""
    last_digit = 10.0 ** Decimal(printed).as_tuple().exponent
    return relative * abs(float(printed)) + absolute + last_digit / 2


def judge_number(
    values: np.ndarray, published: float, tolerance: float, better: str | None, confidence: float
) -> Judgement:
    """Whether `published` ± `tolerance` describes `values` [n], one a seed.

    reproduced: the equivalence test of the mean passes (two one-sided t-tests, each at level
    1 − confidence; Schuirmann 1987), or `published`, itself one draw, lies in the prediction
    interval mean ± t·s·√(1 + 1/n) and that half-width is within the tolerance. better / not
    reproduced: that interval lies wholly outside `published` ± `tolerance`, on the better or the
    worse side. inconclusive otherwise, with the seeds that would decide.
    """
    n, mean, sd, low, high = _interval(values, confidence)
    if n < 2:
        return _too_few(n, mean)
    error = sd / math.sqrt(n)
    one_sided = _quantile(confidence, n) * error
    distance = abs(mean - published)
    prediction = _quantile((1 + confidence) / 2, n) * sd * math.sqrt(1 + 1 / n)
    evidence = {"mean": mean, "sd": sd, "low": low, "high": high}
    if distance + one_sided <= tolerance:
        return Judgement(REPRODUCED, "the mean is equivalent within the tolerance", **evidence)
    if distance <= prediction <= tolerance:
        return Judgement(
            REPRODUCED, "the published value lies in the prediction interval", **evidence
        )
    if distance - prediction > tolerance:
        below = mean < published
        if better is not None and below == (better == "lower"):
            reason = "a single run would lie beyond the tolerance, on the better side"
            return Judgement(BETTER, reason, **evidence)
        reason = f"a single run would lie {'below' if below else 'above'} the tolerance"
        return Judgement(NOT_REPRODUCED, reason, **evidence)
    if distance < tolerance:
        needed = _seeds_needed(tolerance - distance, sd, confidence, n)
    else:
        needed = _seeds_needed(distance - tolerance, sd, (1 + confidence) / 2, n, single=True)
    reason = "the interval is too wide for the tolerance"
    return Judgement(INCONCLUSIVE, reason, seeds_needed=needed, **evidence)


def judge_sign(values: np.ndarray, confidence: float, claim: str) -> Judgement:
    """Whether the mean of `values` [n], one a seed, is above 0, by a two-sided t-test.

    For an ordering `values` are higher − lower, paired over seeds; for a threshold the distance
    beyond it. The effect size is mean / sd.
    """
    n, mean, sd, low, high = _interval(values, confidence)
    if n < 2:
        return _too_few(n, mean)
    if sd == 0:
        p_value, effect = (1.0, 0.0) if mean == 0 else (0.0, math.copysign(math.inf, mean))
    else:
        effect = mean / sd
        p_value = float(2 * stats.t.sf(abs(effect) * math.sqrt(n), n - 1))
    evidence = {
        "mean": mean,
        "sd": sd,
        "low": low,
        "high": high,
        "p_value": p_value,
        "effect_size": effect,
    }
    if p_value < 1 - confidence:
        if mean > 0:
            return Judgement(REPRODUCED, f"{claim}: the interval lies above 0", **evidence)
        return Judgement(NOT_REPRODUCED, f"{claim}: the interval lies below 0", **evidence)
    needed = _seeds_needed(abs(mean), sd, (1 + confidence) / 2, n)
    return Judgement(
        INCONCLUSIVE, f"{claim}: the interval holds 0", seeds_needed=needed, **evidence
    )


def survive_holm(p_values: np.ndarray, level: float) -> np.ndarray:
    """Which of the tests Holm's (1979) step-down procedure rejects; NaN never."""
    p = np.asarray(p_values, float)
    rejected = np.zeros(len(p), bool)
    tested = np.flatnonzero(np.isfinite(p))
    for rank, index in enumerate(tested[np.argsort(p[tested], kind="stable")]):
        if p[index] > level / (len(tested) - rank):
            break
        rejected[index] = True
    return rejected


def calibrate(values: np.ndarray, confidence: float, reason: str) -> Judgement:
    """`values` [n], one a seed, that were found from the published number itself."""
    n, mean, sd, low, high = _interval(values, confidence)
    if not n:
        reason = "the published value lies outside what was measured"
    return Judgement(CALIBRATED, reason, mean=mean, sd=sd, low=low, high=high)


def _interval(values: np.ndarray, confidence: float) -> tuple[int, float, float, float, float]:
    living = np.asarray(values, float)
    living = living[np.isfinite(living)]
    n = len(living)
    if n == 0:
        return 0, math.nan, math.nan, math.nan, math.nan
    mean = float(living.mean())
    if n == 1:
        return 1, mean, math.nan, math.nan, math.nan
    sd = float(living.std(ddof=1))
    half = _quantile((1 + confidence) / 2, n) * sd / math.sqrt(n)
    return n, mean, sd, mean - half, mean + half


@cache
def _quantile(level: float, n: int) -> float:
    """Of Student's t for a sample of n."""
    return float(stats.t.ppf(level, n - 1))


def _too_few(n: int, mean: float) -> Judgement:
    reason = "one seed gives no interval" if n else "no seed gave a finite value"
    return Judgement(INCONCLUSIVE, reason, mean=mean, seeds_needed=2)


def _seeds_needed(
    margin: float, sd: float, level: float, n: int, single: bool = False
) -> int | None:
    """Smallest count above n whose t-interval at the seen sd, of the mean or of a `single` run, is
    narrower than `margin`; None beyond MOST_SEEDS."""
    counts = np.arange(n + 1, MOST_SEEDS + 1)
    widths = stats.t.ppf(level, counts - 1) * sd * np.sqrt(single + 1 / counts)
    enough = counts[widths < margin]
    return int(enough[0]) if len(enough) else None
