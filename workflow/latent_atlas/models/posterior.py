"""Posteriors of one latent: how they are drawn and their divergence from N(0, 1)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from latent_atlas.config.networks import Posterior

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def draw_noise(
    posterior: Posterior, shape: Sequence[int], generators: Sequence[torch.Generator]
) -> Tensor:
    """ε of shape [S,*shape], each seed from its own generator: N(0,1), or U(0,1)."""
    draw = torch.randn if posterior == "gaussian" else torch.rand
    return torch.stack([draw(*shape, generator=g) for g in generators])


def sample(posterior: Posterior, mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """z from mean μ, log σ² and ε of equal shape.

    gaussian: μ + σε, ε ~ N(0,1). uniform-offset: μ + σε, ε ~ U(0,1), that is U(μ, μ+σ).
    uniform-centred: μ + √3·σ·(2ε − 1), that is U(μ ± √3σ), whose variance is σ².
    """
    sigma = torch.exp(0.5 * logvar)
    if posterior == "uniform-centred":
        noise = math.sqrt(3) * (2 * noise - 1)
    return mean + sigma * noise


def log_density_ratio(posterior: Posterior, mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """log p(z) − log q(z|x) elementwise in nats, p being N(0, 1), for z drawn with ε `noise`."""
    z = sample(posterior, mean, logvar, noise)
    prior = -0.5 * z.square() - _HALF_LOG_2PI
    if posterior == "gaussian":
        return prior + 0.5 * noise.square() + _HALF_LOG_2PI + 0.5 * logvar
    return prior + _log_width(posterior, logvar)


def _log_width(posterior: Posterior, logvar: Tensor) -> Tensor:
    """Of a uniform posterior."""
    return 0.5 * logvar + (math.log(2 * math.sqrt(3)) if posterior == "uniform-centred" else 0.0)


def kl_nats(posterior: Posterior, mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(q ‖ N(0,1)) elementwise, in nats.

    gaussian: ½(μ² + σ² − 1 − log σ²) (Kingma & Welling 2014, appendix B). A uniform q of width w
    has entropy log w, so KL = −log w + ½log 2π + ½E[z²], with E[z²] = μ² + μσ + σ²/3 for
    U(μ, μ+σ) and μ² + σ² for U(μ ± √3σ).
    """
    if posterior == "gaussian":
        return 0.5 * (mean.square() + logvar.exp() - 1 - logvar)
    if posterior == "uniform-offset":
        sigma = torch.exp(0.5 * logvar)
        second_moment = mean.square() + mean * sigma + logvar.exp() / 3
    else:
        second_moment = mean.square() + logvar.exp()
    return 0.5 * second_moment + _HALF_LOG_2PI - _log_width(posterior, logvar)


def soft_clamp(logvar: Tensor, bound: float = 10.0) -> Tensor:
    """Smoothly into (−bound, bound), with slope 1 at 0; used for the draw and the KL alike."""
    return bound * torch.tanh(logvar / bound)
