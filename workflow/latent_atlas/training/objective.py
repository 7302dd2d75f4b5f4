"""The one place where per-sample terms become a loss."""

from torch import Tensor

from latent_atlas.config.experiments import Objective


def batch_loss(terms: dict[str, Tensor], pixels: int, objective: Objective) -> Tensor:
    """Loss of each seed [S] from per-sample terms [S,B].

    mse: Σ sse / (B·pixels); sse: Σ sse / B; frobenius: √(Σ sse) / (B·pixels); bce, bce-sum: as mse
    and sse with the cross-entropy; plus kl_weight · mean KL; times B where images are summed.
    """
    batch = terms["sse"].shape[1]
    errors = terms["bce" if objective.cross_entropy else "sse"].sum(1)
    if objective.reconstruction == "frobenius":
        reconstruction = errors.sqrt() / (batch * pixels)
    else:
        reconstruction = errors / (batch * _scale(pixels, objective))
    loss = reconstruction + objective.kl_weight * terms["kl"].mean(1)
    return loss * batch if objective.sum_images else loss


def _scale(pixels: int, objective: Objective) -> int:
    return pixels if objective.mean_over_pixels else 1


def mean_loss(
    error: Tensor, kl: Tensor | float, pixels: int, batch_size: int, objective: Objective
) -> Tensor:
    """The loss [S] from means over images [S] of the squared error or cross-entropy summed over
    pixels and of the KL; where images are summed, that of a full batch. Not for frobenius."""
    loss = error / _scale(pixels, objective) + objective.kl_weight * kl
    return loss * batch_size if objective.sum_images else loss


def per_image_loss(terms: dict[str, Tensor], pixels: int, objective: Objective) -> Tensor:
    """Loss [S,B] of each image as a batch of one: what independent latents minimise."""
    return batch_loss(
        {name: term.reshape(-1, 1) for name, term in terms.items()}, pixels, objective
    ).reshape(terms["sse"].shape)


def effective_beta(pixels: int, objective: Objective) -> float | None:
    """Weight of the KL when the reconstruction term is ½ the squared error summed over pixels
    (a Gaussian likelihood of variance 1) or the cross-entropy summed over pixels: kl_weight / 2 for
    sse, pixels · kl_weight / 2 for mse, twice that for cross-entropy. None for the Frobenius
    loss."""
    if objective.reconstruction == "frobenius":
        return None
    weight = _scale(pixels, objective) * objective.kl_weight
    return weight if objective.cross_entropy else weight / 2
