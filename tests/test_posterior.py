"""Closed forms of the posteriors against Monte Carlo."""

import math

import pytest
import torch

from latent_atlas.models.posterior import draw_noise, kl_nats, sample, soft_clamp

POSTERIORS = ("gaussian", "uniform-offset", "uniform-centred")


def draws(posterior, mean, logvar, n=400_000):
    noise = draw_noise(posterior, (n,), [torch.Generator().manual_seed(0)])[0].double()
    return sample(posterior, torch.tensor(mean), torch.tensor(logvar), noise)


def log_density(posterior, z, mean, logvar):
    sigma = math.exp(logvar / 2)
    if posterior == "gaussian":
        return -0.5 * ((z - mean) / sigma) ** 2 - math.log(sigma) - 0.5 * math.log(2 * math.pi)
    width = sigma if posterior == "uniform-offset" else 2 * math.sqrt(3) * sigma
    return torch.full_like(z, -math.log(width))


@pytest.mark.parametrize("posterior", POSTERIORS)
@pytest.mark.parametrize(("mean", "logvar"), [(0.0, 0.0), (0.7, -1.2), (-1.5, 0.8)])
def test_kl_equals_monte_carlo(posterior, mean, logvar):
    z = draws(posterior, mean, logvar)
    log_prior = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    terms = log_density(posterior, z, mean, logvar) - log_prior
    exact = kl_nats(posterior, torch.tensor(mean), torch.tensor(logvar)).item()
    error = (terms.std() / math.sqrt(len(terms))).item()
    assert abs(terms.mean().item() - exact) < 5 * error + 1e-6


def test_uniform_offset_kl_is_least_on_the_centred_interval_of_width_root_12():
    def kl(centre, sigma):
        mean, sigma = torch.tensor([centre - sigma / 2, sigma], dtype=torch.float64)
        return kl_nats("uniform-offset", mean, 2 * sigma.log()).item()

    least = kl(0.0, math.sqrt(12))
    assert least == pytest.approx(0.17649, abs=1e-5)
    for centre, sigma in ((0.1, math.sqrt(12)), (0.0, 3.3), (0.0, 3.6), (-0.1, 3.5)):
        assert kl(centre, sigma) > least


def test_centred_uniform_kl_exceeds_the_gaussian_one_by_a_constant():
    mean, logvar = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    excess = kl_nats("uniform-centred", mean, logvar) - kl_nats("gaussian", mean, logvar)
    torch.testing.assert_close(excess, torch.full_like(excess, 0.17649), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("posterior", "expected"),
    [("gaussian", 1), ("uniform-offset", 1 / 12), ("uniform-centred", 1)],
)
def test_variance_of_draws_over_sigma_squared(posterior, expected):
    logvar = 0.6
    ratio = draws(posterior, 0.3, logvar).var().item() / math.exp(logvar)
    assert ratio == pytest.approx(expected, rel=0.01)


def test_soft_clamp_is_bounded_monotone_and_the_identity_near_zero():
    x = torch.linspace(-100, 100, 2001, dtype=torch.float64)
    y = soft_clamp(x)
    assert y.abs().max() <= 10
    assert (y.diff() >= 0).all()
    assert soft_clamp(torch.tensor(0.1)).item() == pytest.approx(0.1, rel=1e-3)
