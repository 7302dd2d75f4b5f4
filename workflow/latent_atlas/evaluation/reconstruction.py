"""Reconstruction in every unit the studies use."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from latent_atlas.latents.fit import BLOCK
from latent_atlas.models.base import LatentModel, cross_entropy
from latent_atlas.training.loop import SeedImages


@torch.no_grad()
def squared_errors(model: LatentModel, codes: Tensor, images: SeedImages) -> Tensor:
    """Squared error summed over pixels for each image, float64 [S,N], of codes [S,N,d]."""
    blocks = _decoded(model, codes, images)
    return torch.cat([(p - x).square().sum(-1, dtype=torch.float64) for p, x in blocks], 1)


@torch.no_grad()
def cross_entropies(model: LatentModel, codes: Tensor, images: SeedImages) -> Tensor:
    """Cross-entropy in nats summed over pixels for each image, float64 [S,N], of codes [S,N,d]."""
    blocks = _decoded(model, codes, images)
    return torch.cat([cross_entropy(p.double(), x.double()) for p, x in blocks], 1)


def _decoded(
    model: LatentModel, codes: Tensor, images: SeedImages
) -> Iterator[tuple[Tensor, Tensor]]:
    """Decoded codes and their images, block by block, each [S,B,pixels]."""
    for first in range(0, images.count, BLOCK):
        part = codes[:, first : first + BLOCK]
        index = torch.arange(first, first + part.shape[1], device=codes.device)
        yield model.decode(part), images.batch(index.expand(len(codes), -1), codes.dtype)


def frobenius_per_number(sse: Tensor, pixels: int, batch_size: int) -> Tensor:
    """Mean over batches in file order of ‖x − x̂‖₂ / (images × pixels), [S] from [S,N]."""
    batches = [
        part.sum(1).sqrt() / (part.shape[1] * pixels) for part in sse.split(batch_size, dim=1)
    ]
    return torch.stack(batches).mean(0)


def psnr_db(mse: float) -> float:
    """10·log₁₀(1/MSE), peak 1."""
    return -10 * math.log10(mse) if mse > 0 else math.inf
