"""Study A's last public code steps the model on the images that it evaluates; this is that."""

import copy

import torch
from torch import Tensor
from tqdm import tqdm

from latent_atlas.evaluation.reconstruction import frobenius_per_number, squared_errors
from latent_atlas.models.base import LatentModel
from latent_atlas.training.loop import SeedImages
from latent_atlas.training.optimisers import build_optimiser


def stepped_evaluation(
    model: LatentModel,
    sets: list[tuple[Tensor, SeedImages]],
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> list[Tensor]:
    """For each (codes [S,N,d], images) in turn: `epochs` of Adam on the decoder alone by
    ‖x − x̂‖₂ / numbers, codes fixed, batches in file order; then that loss [S]. The decoder and
    Adam's state carry over from one set to the next; `model` itself is left as it was."""
    model = copy.deepcopy(model).requires_grad_(True)
    weights = model.decoder.parameters()
    optimiser = build_optimiser("adam", weights, learning_rate, members=model.seeds)
    losses = []
    for codes, images in sets:
        for _ in tqdm(range(epochs), desc="stepped evaluation", mininterval=5):
            for first in range(0, images.count, batch_size):
                z = codes[:, first : first + batch_size]
                index = torch.arange(first, first + z.shape[1], device=z.device)
                x = images.batch(index.expand(len(z), -1), z.dtype)
                norms = (model.decode(z) - x).square().sum((1, 2)).sqrt()
                optimiser.zero_grad()
                (norms / x[0].numel()).sum().backward()
                optimiser.step()
        sse = squared_errors(model, codes, images)
        losses.append(frobenius_per_number(sse, images.pixels.shape[-1], batch_size))
    return losses
