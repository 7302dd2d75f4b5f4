"""How much a code's decoded image changes when the code does."""

import itertools

import numpy as np
import torch

from latent_atlas.evaluation.paths import roughness, straight
from latent_atlas.evaluation.samples import mean_pairwise_distance
from latent_atlas.evaluation.subject import Subject
from latent_atlas.models.posterior import draw_noise, sample
from latent_atlas.streams import numpy_stream, torch_streams

MOST_MOVED = 500
DRAWS = 5
STEP_POINTS = 5


class StabilityMeasures(Subject):
    """Fills the table from codes of the first 500 test images at most, and others near them."""

    def measure_stability(self) -> None:
        mean, logvar = (None if t is None else t[:, :MOST_MOVED] for t in self.codes["test"])
        n = mean.shape[1]
        real = [mean_pairwise_distance(self.real("test", s)[:n]) for s in range(len(self.seeds))]
        streams = [numpy_stream(self.experiment.id, s, "unit-steps") for s in self.seeds]
        ends = [unit_steps(c, g) for c, g in zip(mean.cpu().numpy(), streams, strict=True)]
        paths = [straight(c, e, STEP_POINTS) for c, e in zip(mean.cpu().numpy(), ends, strict=True)]
        images = self.decode_nested(np.stack(paths))
        change = np.linalg.norm(images[:, :, -1] - images[:, :, 0], axis=2).mean(1)
        self.add("unit_step_change", "test", change / real)
        self.add("unit_step_roughness", "test", [roughness(i).mean() for i in images])
        if logvar is None:
            return
        kind = self.model.posterior_kind
        noising = torch_streams(self.experiment.id, self.seeds, "posterior-spread")
        drawn = [
            sample(kind, mean, logvar, draw_noise(kind, mean.shape[1:], noising).to(mean))
            for _ in range(DRAWS)
        ]
        images = self.decode_nested(torch.stack(drawn, 2).cpu().numpy())
        spread = [
            np.linalg.norm(images[:, :, a] - images[:, :, b], axis=2).mean(1)
            for a, b in itertools.combinations(range(DRAWS), 2)
        ]
        self.add("posterior_spread", "test", np.mean(spread, 0) / real)


def unit_steps(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Codes [N,d] moved by 1 in random directions."""
    direction = rng.standard_normal(codes.shape)
    return codes + direction / np.linalg.norm(direction, axis=1, keepdims=True)
