"""What is timed: an experiment of the studies, at a size that makes seconds of work."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from latent_atlas.config.experiments import Experiment
from latent_atlas.config.loading import deep_merge, load_yaml
from latent_atlas.config.project import Project
from latent_atlas.training.loop import SeedImages

ROOT = Path(__file__).parents[1]
SHAPE = (1, 28, 28)
STEPS = 200


@dataclass(frozen=True)
class Case:
    """`images` are made up; `epochs` is how long a contender trains, 0 where it finds codes."""

    experiment: str
    images: int
    epochs: int
    batch: int

    @property
    def unit(self) -> str:
        return "seed-epochs" if self.epochs else "images × steps"

    def settings(self) -> Experiment:
        """The experiment at published scale, with this case's epochs and batch size."""
        found = published().experiments[self.experiment]
        changed = {"epochs": self.epochs or 1, "batch_size": self.batch}
        return found.model_copy(
            update={"training": found.training.model_copy(update=changed)}, deep=True
        )


CASES = {
    "auto-decoder": Case("ad", 1000, 10, 32),
    "autoencoder": Case("ae-adam", 48000, 1, 256),
    "vae": Case("fnn-plain", 60000, 1, 128),
    "latents-1000": Case("ad", 1000, 0, 32),
    "latents-10000": Case("ad", 10000, 0, 32),
}


@dataclass(frozen=True)
class DataCase:
    """`amount` things in `unit` that are read or placed; at the least, `moved` bytes are read and
    written and `flops` done."""

    unit: str
    amount: int
    moved: int
    flops: int = 0


DATA = {
    "idx": DataCase("images", 60000, 2 * 60000 * 784),
    "folder": DataCase("images", 12594, 12594 * 64 * 64 * 3),
    "tsne": DataCase("codes", 10000, 0, 2 * 10000**2 * 16),
}
"""idx payload, JPEGs of 64×64, t-SNE in 16 dimensions, the least of which is the squared distances
of all pairs."""


@cache
def published() -> Project:
    """The configuration at published scale."""
    paths = (f"config/{name}.yaml" for name in ("config", "paper"))
    parts = [load_yaml(ROOT / path, path) for path in paths]
    return Project(deep_merge(*parts), ROOT)


def made_up(n: int) -> np.ndarray:
    """Grey levels, uint8 [n,1,28,28]: an ellipse of its own in each image, so that they compress
    and can be learned as pictures of things do."""
    rng = np.random.default_rng(0)
    centre, radius = rng.uniform(9, 19, (2, n, 1, 1)), rng.uniform(3, 9, (2, n, 1, 1))
    rows, columns = np.mgrid[:28, :28]
    inside = ((rows - centre[0]) / radius[0]) ** 2 + ((columns - centre[1]) / radius[1]) ** 2
    return (255 / (1 + inside**3)).astype(np.uint8)[:, None]


def seed_images(n: int, device: str = "cpu") -> SeedImages:
    """`made_up`, shared by all seeds."""
    return SeedImages(torch.from_numpy(made_up(n).reshape(1, n, -1)).to(device), SHAPE)
