"""The best reconstruction that a decoder can give, found by optimising the code."""

import torch
from torch import Tensor

from latent_atlas.config.battery import MOST_IMAGES
from latent_atlas.evaluation.subject import Subject
from latent_atlas.latents.fit import BLOCK
from latent_atlas.models.base import LatentModel
from latent_atlas.training.loop import SeedImages
from latent_atlas.training.optimisers import build_optimiser

LEARNING_RATE = 1e-2


class RefinementMeasures(Subject):
    """Fills the table from the first 2,000 test images at most."""

    def measure_refinement(self) -> None:
        """From an encoder's mean code; where there is no encoder, from 0."""
        images = self.images["test"].first(MOST_IMAGES)
        if self.model.table_width:
            shape = (len(self.seeds), images.count, self.model.latent)
            start = torch.zeros(shape).to(next(self.model.parameters()))
        else:
            start = self.codes["test"][0][:, : images.count]
        steps = {"start": 0, "refined": self.settings.refine_steps}
        for name, count in steps.items():
            errors = refined_errors(self.model, images, start, count)
            self.add(f"reconstruction_mse_{name}", "test", errors.mean(1) / self.pixels)


def refined_errors(model: LatentModel, images: SeedImages, start: Tensor, steps: int) -> Tensor:
    """Smallest squared error, summed over pixels, of each image [S,N] on `steps` steps of Adam from
    codes `start` [S,N,d]; each code moves by itself, whatever the images beside it."""
    codes = start.clone()
    codes.grad = torch.zeros_like(codes)
    optimiser = build_optimiser("adam", [codes], LEARNING_RATE, members=len(codes))
    best = torch.full(codes.shape[:2], torch.inf, dtype=torch.float64, device=codes.device)
    for step in range(steps + 1):
        for first in range(0, images.count, BLOCK):
            rows = slice(first, first + BLOCK)
            part = codes[:, rows].detach().requires_grad_()
            index = torch.arange(first, first + part.shape[1], device=codes.device)
            x = images.batch(index.expand(len(codes), -1), codes.dtype)
            errors = (model.decode(part) - x).square().sum(-1, dtype=torch.float64)
            best[:, rows] = torch.minimum(best[:, rows], errors.detach())
            if step < steps:
                codes.grad[:, rows] = torch.autograd.grad(errors.sum(), part)[0]
        if step < steps:
            optimiser.step()
    return best
