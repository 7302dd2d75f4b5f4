"""How well spoilt images are reconstructed by models that encode."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from latent_atlas.config.experiments import ENCODERS
from latent_atlas.evaluation.corruptions import flipped_pixels, gaussian_noise, occluded
from latent_atlas.evaluation.subject import Subject
from latent_atlas.latents.fit import BLOCK
from latent_atlas.streams import numpy_stream

MOST_SPOILT = 2000
NOISE = (0.1, 0.3, 1.0, 2.0)
FLIPS = (0.01, 0.02, 0.05, 0.1, 0.2)
SHAPES = ("square", "bar", "column")
OCCLUSION = (0.05, 0.1, 0.2, 0.3)


SPOILERS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = (
    {f"noise-{scale:g}": partial(gaussian_noise, scale=scale) for scale in NOISE}
    | {f"flips-{share:g}": partial(flipped_pixels, share=share) for share in FLIPS}
    | {
        f"{shape}-{share:g}": partial(occluded, shape=shape, share=share, place="random")
        for shape in SHAPES
        for share in OCCLUSION
    }
)


class RobustnessMeasures(Subject):
    """Fills the table from reconstructions of spoilt test images, the first 2,000 at most; the same
    ones for every model of a data set."""

    def measure_robustness(self) -> None:
        if self.experiment.model.family not in ENCODERS:
            return
        pixels = self.images["test"].pixels[:, :MOST_SPOILT]
        clean = pixels.cpu().numpy().astype(np.float32) / 255
        self.add("corrupted_mse/clean", "test", self._errors(clean, clean))
        for name, spoil in SPOILERS.items():
            spoilt = [
                spoil(images.reshape(-1, *self.shape), numpy_stream(self.experiment.dataset, name))
                for images in clean
            ]
            errors = self._errors(clean, np.stack(spoilt).reshape(clean.shape))
            self.add(f"corrupted_mse/{name}", "test", errors)

    @torch.no_grad()
    def _errors(self, clean: np.ndarray, spoilt: np.ndarray) -> np.ndarray:
        """MSE [S] of reconstructions of `spoilt` against `clean`, both [1 or S,N,pixels]."""
        parameter, total = next(self.model.parameters()), np.zeros(len(self.seeds))
        for first in range(0, clean.shape[1], BLOCK):
            rows = slice(first, first + BLOCK)
            x = torch.from_numpy(np.ascontiguousarray(spoilt[:, rows])).to(parameter)
            mean, _ = self.model.posterior(x.expand(len(self.seeds), -1, -1))
            errors = self.model.decode(mean).cpu().numpy() - clean[:, rows]
            total += np.square(errors, dtype=np.float64).sum((1, 2))
        return total / (clean.shape[1] * clean.shape[2])
