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
    assert verdict([1.0], 1.0).verdict == INCONCLUSIVE
    assert verdict([math.nan, math.nan], 1.0).verdict == INCONCLUSIVE
    assert judge_sign(np.array([2.0]), 0.95, "x").verdict == INCONCLUSIVE


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
    assert judge_sign(-values, 0.95, "x").verdict == NOT_REPRODUCED
    assert judge_sign(values - 0.3, 0.95, "x").verdict == INCONCLUSIVE


def test_sign_without_spread():
    assert judge_sign(np.ones(3), 0.95, "x").verdict == REPRODUCED
    assert judge_sign(-np.ones(3), 0.95, "x").verdict == NOT_REPRODUCED
    assert judge_sign(np.zeros(3), 0.95, "x").verdict == INCONCLUSIVE


def test_holm():
    """Worked by hand: .01 ≤ .05/4, .013 ≤ .05/3, .03 > .05/2 and all after it stay."""
    p = np.array([0.03, 0.01, math.nan, 0.013, 0.04])
    assert survive_holm(p, 0.05).tolist() == [False, True, False, True, False]


def test_error_rates_of_the_number_rule():
    """Five seeds, sd a third of the tolerance: a published value from the same law is seldom
    called not reproduced, one three tolerances off never reproduced."""
    rng = np.random.default_rng(0)
    wrong, missed = 0, 0
    for _ in range(1000):
        values = rng.normal(1, 0.03, 5)
        wrong += verdict(values, 1 + 0.03 * rng.normal()).verdict in (NOT_REPRODUCED, BETTER)
        missed += verdict(values, 1.3).verdict == REPRODUCED
    assert wrong <= 10
    assert missed == 0
