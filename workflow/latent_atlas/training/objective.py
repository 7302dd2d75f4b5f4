"""The one place where per-sample terms become a loss."""

from torch import Tensor

from latent_atlas.config.experiments import Objective


def batch_loss(terms: dict[str, Tensor], pixels: int, objective: Objective) -> Tensor:
    """Loss of each seed [S] from per-sample terms [S,B].

    mse: Σ sse / (B·pixels); frobenius: √(Σ sse) / (B·pixels); plus kl_weight · mean KL.
    """
    numbers = terms["sse"].shape[1] * pixels
    squared = terms["sse"].sum(1)
    if objective.reconstruction == "mse":
        reconstruction = squared / numbers
    else:
        reconstruction = squared.sqrt() / numbers
    return reconstruction + objective.kl_weight * terms["kl"].mean(1)


def per_image_loss(terms: dict[str, Tensor], pixels: int, objective: Objective) -> Tensor:
    """Loss [S,B] of each image as a batch of one: what independent latents minimise."""
    return batch_loss(
        {name: term.reshape(-1, 1) for name, term in terms.items()}, pixels, objective
    ).reshape(terms["sse"].shape)


def effective_beta(pixels: int, objective: Objective) -> float | None:
    """Weight of the KL when the reconstruction term is ½ the squared error summed over pixels
    (a Gaussian likelihood of variance 1): pixels · kl_weight / 2. None for the Frobenius loss."""
    if objective.reconstruction == "frobenius":
        return None
    return pixels * objective.kl_weight / 2
