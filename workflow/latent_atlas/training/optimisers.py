"""Optimisers as the studies use them."""

from collections.abc import Iterable

import torch

from latent_atlas.config.experiments import Optimiser


def build_optimiser(
    name: Optimiser,
    weights: Iterable[torch.Tensor],
    learning_rate: float,
    weight_decay: float = 0.0,
    latents: torch.Tensor | None = None,
    beta_1: float = 0.9,
) -> torch.optim.Optimizer:
    """Adam (β₂ .999; eps 1e-8; dense: it moves every latent at every step) or SGD without
    momentum. Weight decay is added to the gradient, as torch does it, and spares latents."""
    groups = [{"params": list(weights), "weight_decay": weight_decay}]
    if latents is not None:
        groups.append({"params": [latents], "weight_decay": 0.0})
    if name == "sgd":
        return torch.optim.SGD(groups, lr=learning_rate, fused=True)
    return torch.optim.Adam(groups, lr=learning_rate, betas=(beta_1, 0.999), fused=True)
