"""The rules on samples whose truth is known."""

import math

import numpy as np
import pytest
from scipy import stats

from latent_atlas.claims.verdicts import (
    BETTER,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    REPRODUCED,
    half_width,
    judge_number,
    judge_sign,
    survive_holm,
)


def verdict(values, published, tolerance=0.1, better="lower"):
    return judge_number(np.asarray(values, float), published, tolerance, better, 0.95)


def test_half_width_adds_half_the_last_digit():
    assert half_width("0.0228", 0.1, 0.0) == pytest.approx(0.00228 + 0.00005)
    assert half_width("90.08", 0.0, 0.5) == pytest.approx(0.505)
    assert half_width("61", 0.1, 0.0) == pytest.approx(6.1 + 0.5)


def test_number_verdicts():
    tight = [1.00, 1.01, 0.99, 1.0, 1.0]
    assert verdict(tight, 1.02).verdict == REPRODUCED
    assert verdict(tight, 1.5).verdict == BETTER
    assert verdict(tight, 1.5, better="higher").verdict == NOT_REPRODUCED
    assert verdict(tight, 1.5, better=None).verdict == NOT_REPRODUCED
    assert verdict(tight, 0.5).verdict == NOT_REPRODUCED
    assert verdict(tight, 0.5, better="higher").verdict == BETTER


def test_wide_samples_are_inconclusive_and_say_how_many_seeds():
    found = verdict([0.5, 1.0, 1.5], 1.0)
    assert found.verdict == INCONCLUSIVE
    n = found.seeds_needed
    assert stats.t.ppf(0.95, n - 1) * found.sd / math.sqrt(n) < 0.1
    assert stats.t.ppf(0.95, n - 2) * found.sd / math.sqrt(n - 1) >= 0.1


def test_one_seed_or_none_is_inconclusive():
    one, none = verdict([1.0], 1.0), verdict([math.nan, math.nan], 1.0)
    assert (one.verdict, one.seeds_needed) == (INCONCLUSIVE, 2)
    assert (none.verdict, none.seeds_needed) == (INCONCLUSIVE, 2)
    assert judge_sign(np.array([2.0]), 0.95, "x").verdict == INCONCLUSIVE


THREE = np.array([-1.0, 0.0, 1.0])
"""Mean 0, standard deviation 1."""


def judged(published, tolerance, better=None):
    """The verdict on `THREE`, and a word of its reason."""
    found = verdict(THREE, published, tolerance, better)
    assert (found.mean, found.sd) == (0, 1)
    return found.verdict, found.reason.split()[1]


def test_the_equivalence_test_decides_at_its_one_sided_bound():
    one_sided = stats.t.ppf(0.95, 2) / math.sqrt(3)
    assert judged(0, one_sided + 0.01) == (REPRODUCED, "mean")
    assert judged(0, one_sided - 0.01) == (INCONCLUSIVE, "interval")
    assert judged(2, one_sided + 2.01) == (REPRODUCED, "mean")
    assert judged(-2, one_sided + 1.99) == (INCONCLUSIVE, "interval")


def test_a_published_draw_decides_by_the_prediction_interval():
    prediction = stats.t.ppf(0.975, 2) * math.sqrt(1 + 1 / 3)
    assert judged(prediction - 0.01, prediction + 0.01) == (REPRODUCED, "published")
    assert judged(prediction + 0.005, prediction + 0.01) == (INCONCLUSIVE, "interval")
    assert judged(prediction - 0.01, prediction - 0.005) == (INCONCLUSIVE, "interval")
    assert judged(prediction + 1, 1.01) == (INCONCLUSIVE, "interval")
    assert judged(prediction + 1, 0.99) == (NOT_REPRODUCED, "single")
    assert judged(prediction + 1, 0.99, better="lower") == (BETTER, "single")
    assert judged(prediction + 1, 0.99, better="higher") == (NOT_REPRODUCED, "single")


def test_two_seeds_decide():
    assert verdict([-1, 1], 0, 10).verdict == REPRODUCED
    assert judge_sign(np.array([1.0, 1.01]), 0.95, "x").verdict == REPRODUCED


def test_an_undecided_sign_tells_how_many_seeds_would_decide():
    found = judge_sign(np.array([-0.5, 1.0, 1.5, 0.0]), 0.95, "x")
    assert (found.verdict, found.reason) == (INCONCLUSIVE, "x: the interval holds 0")
    assert (found.mean, found.low < 0 < found.high) == (0.5, True)
    n = found.seeds_needed
    assert stats.t.ppf(0.975, n - 1) * found.sd / math.sqrt(n) < found.mean
    assert stats.t.ppf(0.975, n - 2) * found.sd / math.sqrt(n - 1) >= found.mean


def test_a_dead_seed_is_left_out():
    with_dead = verdict([1.0, 1.01, math.nan, 0.99], 1.0)
    assert repr(with_dead) == repr(verdict([1.0, 1.01, 0.99], 1.0))


def test_sign_equals_the_t_test():
    values = np.array([0.3, 0.5, 0.4, 0.1])
    found = judge_sign(values, 0.95, "x")
    assert found.p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert found.effect_size == pytest.approx(values.mean() / values.std(ddof=1))
    assert found.verdict == REPRODUCED
    assert found.low > 0
    assert found.reason == "x: the interval lies above 0"
    against = judge_sign(-values, 0.95, "x")
    assert (against.verdict, against.reason) == (NOT_REPRODUCED, "x: the interval lies below 0")
    assert (against.mean, against.low, against.high) == (-found.mean, -found.high, -found.low)
    assert judge_sign(values - 0.3, 0.95, "x").verdict == INCONCLUSIVE


def test_sign_without_spread():
    assert judge_sign(np.ones(3), 0.95, "x").verdict == REPRODUCED
    assert judge_sign(-np.ones(3), 0.95, "x").verdict == NOT_REPRODUCED
    none = judge_sign(np.zeros(3), 0.95, "x")
    assert (none.verdict, none.p_value, none.effect_size) == (INCONCLUSIVE, 1, 0)


def test_holm():
    """Worked by hand: .01 ≤ .05/4, .013 ≤ .05/3, .03 > .05/2 and all after it stay."""
    p = np.array([0.03, 0.01, math.nan, 0.013, 0.04])
    assert survive_holm(p, 0.05).tolist() == [False, True, False, True, False]


def upper_bound(count: int, of: int) -> float:
    """One-sided 95 % bound of a rate (Clopper and Pearson 1934)."""
    return stats.beta.ppf(0.95, count + 1, of - count)


STUDIES = 2000
RATES = [(n, sd) for n in (3, 5, 10) for sd in (0.2, 0.5, 3.0)]


@pytest.mark.parametrize(("n", "sd"), RATES)
def test_error_rates_of_the_number_rule(n, sd):
    """Published values from the seeds' own law are seldom called not reproduced or better, those of
    a law two tolerances away seldom reproduced; `sd` in tolerances."""
    rng = np.random.default_rng(round(100 * sd) + n)
    wrong = missed = 0
    for values, draw in zip(
        rng.normal(0, sd, (STUDIES, n)), rng.normal(0, sd, STUDIES), strict=True
    ):
        same, other = (judge_number(values, draw + off, 1.0, "lower", 0.95) for off in (0, 2))
        wrong += same.verdict in (NOT_REPRODUCED, BETTER)
        missed += other.verdict == REPRODUCED
    assert upper_bound(wrong, STUDIES) <= 0.07
    assert upper_bound(missed, STUDIES) <= 0.07


@pytest.mark.parametrize("n", [3, 5, 10])
def test_error_rates_of_equivalence(n):
    """A published value one tolerance from the mean of the seeds' law, which is narrow, is seldom
    called reproduced."""
    rng = np.random.default_rng(n)
    found = [
        judge_number(values, 1.0, 1.0, "lower", 0.95)
        for values in rng.normal(0, 0.05, (STUDIES, n))
    ]
    assert upper_bound(sum(f.verdict == REPRODUCED for f in found), STUDIES) <= 0.07


@pytest.mark.parametrize("n", [3, 5, 10])
def test_error_rates_of_the_sign_rule(n):
    """Where there is no difference one is seldom found; where there is one, seldom the contrary."""
    rng = np.random.default_rng(n)
    none = [judge_sign(values, 0.95, "x").verdict for values in rng.normal(0, 1, (STUDIES, n))]
    some = [judge_sign(values, 0.95, "x").verdict for values in rng.normal(0.3, 1, (STUDIES, n))]
    assert upper_bound(none.count(REPRODUCED) + none.count(NOT_REPRODUCED), STUDIES) <= 0.07
    assert upper_bound(some.count(NOT_REPRODUCED), STUDIES) <= 0.07


def test_seeds_needed_where_a_single_run_decides():
    found = verdict([0.9, 1.0, 1.1], 1.4)
    assert found.verdict == INCONCLUSIVE
    n, margin = found.seeds_needed, 0.4 - 0.1
    assert stats.t.ppf(0.975, n - 1) * found.sd * math.sqrt(1 + 1 / n) < margin
    assert stats.t.ppf(0.975, n - 2) * found.sd * math.sqrt(1 + 1 / (n - 1)) >= margin
    assert verdict([0.9, 1.0, 1.1], 1.15).seeds_needed is None
