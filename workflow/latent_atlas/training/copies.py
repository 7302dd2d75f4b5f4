"""What training sees of an experiment's images: all of them, and noisy copies where it has any."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latent_atlas.config.experiments import Augmentation, Experiment
from latent_atlas.datasets.corruptions import gaussian_noise
from latent_atlas.datasets.subset import hold_out
from latent_atlas.memory import empty, gathered
from latent_atlas.streams import numpy_stream
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.loop import SeedImages


@dataclass
class NoisyCopies(SeedImages):
    """Images and copies: copy c of image i of N is row c·N + i of them all, `rows` those that are
    here, `clean` uint8 [1,N,pixels] the images that reconstructions are held to."""

    clean: Tensor
    rows: Tensor

    def target(self, index: Tensor, batch: Tensor) -> Tensor:
        """The clean images of `index` [S,B], [S,B,pixels]."""
        return self.clean[0, self.rows[index] % self.clean.shape[1]].to(batch).div_(255)


def training_sets(inputs: ExperimentInputs) -> tuple[SeedImages, SeedImages | None]:
    """Images to train on, and to validate on where any are held out."""
    experiment, images = inputs.experiment, inputs.images
    augmentation, validation = experiment.augmentation, images.get("validation")
    if augmentation is None:
        return images["train"], validation
    trained, held = copy_rows(experiment, images["train"].count)
    every = noisy_levels(images["train"], augmentation, experiment.dataset, "train")
    training = _chosen(every, trained, images["train"], augmentation)
    if held is not None:
        return training, _chosen(every, held, images["train"], augmentation)
    if validation is None:
        return training, None
    every = noisy_levels(validation, augmentation, experiment.dataset, "validation")
    return training, _chosen(every, np.arange(len(every)), validation, augmentation)


def copy_rows(experiment: Experiment, n: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows, among `n` images and their copies, to train on, and to validate on where images are
    held out only once there are copies."""
    augmentation = experiment.augmentation
    rows = np.arange((1 + len(augmentation.noise)) * n)
    if augmentation.split == "images" or not experiment.validation:
        return rows, None
    kept, held = hold_out(rows[None], experiment.validation, experiment.dataset)
    return kept[0], held[0]


def leaked_share(experiment: Experiment, n: int) -> float:
    """Share of what is validated on that has its image, or a copy of it, among the `n` images and
    copies that are trained on."""
    trained, held = copy_rows(experiment, n)
    return 0.0 if held is None else float(np.isin(held % n, trained % n).mean())


def noisy_levels(
    images: SeedImages, augmentation: Augmentation, dataset: str, split: str
) -> np.ndarray:
    """Grey levels float32 [(1 + copies)·N,pixels]: the images, then a copy of each for every λ.
    The noise depends on data set, split and λ alone, so that experiments share it."""
    clean = images.of_seed(0).cpu().numpy()
    levels = empty((1 + len(augmentation.noise), *clean.shape), np.float32)
    levels[0] = clean
    for scale, copies in zip(augmentation.noise, levels[1:], strict=True):
        stream = numpy_stream(dataset, "copies", split, scale)
        noisy = gaussian_noise(levels[0] / 255, stream, scale, augmentation.clip)
        np.multiply(noisy, np.float32(255), out=copies)
    return levels.reshape(-1, clean.shape[-1])


def _chosen(
    levels: np.ndarray, rows: np.ndarray, images: SeedImages, augmentation: Augmentation
) -> SeedImages:
    device = images.pixels.device
    pixels = torch.from_numpy(gathered(levels, rows[None])).to(device)
    if augmentation.target == "noisy":
        return SeedImages(pixels, images.shape)
    return NoisyCopies(pixels, images.shape, images.pixels, torch.from_numpy(rows).to(device))
