"""`python -m latent_atlas reconstruct`: a MATLAB file's images through a trained autoencoder."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from latent_atlas.config.networks import ENCODERS
from latent_atlas.config.project import Project
from latent_atlas.errors import InputError
from latent_atlas.exchange.matlab import IMAGES, ImageStack, new_images, open_images
from latent_atlas.exchange.trained import first_seed
from latent_atlas.models.base import LatentModel

BATCH = 500
SHAPE = [1, 28, 28]


def reconstruct(
    project: Project,
    experiment: str,
    source: Path,
    output: Path,
    axes: str | None,
    overwrite: bool,
    device: str,
) -> None:
    """Write `output` with the reconstructions of `source` by the first seed of a trained
    experiment, and print their errors; InputError, and no file, for anything not allowed."""
    if output.exists() and (not overwrite or output.samefile(source)):
        raise InputError(f"{output}: exists already; name another --output or pass --overwrite")
    model = trained_model(project, experiment, device)
    with open_images(source, axes) as (images, labels):
        top = value_range(images, f"{source}: {IMAGES}")
        print(f"{source}: {images.count} images as {images.axes}, {images.array.dtype}, 0 to {top}")
        with new_images(output, images, labels) as decoded:
            errors = _decode_all(model, images, decoded, top)
    print(f"MSE {errors.mean():.3f} over {len(errors)} images, by {experiment}")
    print(
        f"per image: min {errors.min():.5f} (image {errors.argmin()}), median "
        f"{np.median(errors):.5f}, max {errors.max():.5f} (image {errors.argmax()}), standard "
        f"deviation {errors.std():.5f}"
    )
    print(output)


def trained_model(project: Project, experiment: str, device: str) -> LatentModel:
    """The first seed of a trained experiment that has an encoder for 28×28 grey images."""
    fitting = [
        name
        for name, run in project.experiments.items()
        if run.model.family in ENCODERS and project.datasets[run.dataset].shape == SHAPE
    ]
    if experiment not in fitting:
        raise InputError(f"--experiment: found {experiment!r}; allowed: {', '.join(fitting)}")
    return first_seed(project, experiment, device)[0]


def value_range(images: ImageStack, where: str) -> int:
    """1 or 255, the top of the grey levels found; InputError for others."""
    lowest, highest = np.inf, -np.inf
    for rows, block in _blocks(images, "check"):
        bad = ~np.isfinite(block).all(1)
        if bad.any():
            raise InputError(f"{where}: image {rows.start + bad.argmax()} holds NaN or infinity")
        lowest, highest = min(lowest, block.min()), max(highest, block.max())
    if lowest < 0 or highest > 255:
        raise InputError(
            f"{where}: values from {lowest:g} to {highest:g}; allowed: 0 to 1 or 0 to 255"
        )
    return 1 if highest <= 1 else 255


@torch.no_grad()
def _decode_all(
    model: LatentModel, images: ImageStack, decoded: ImageStack, top: int
) -> np.ndarray:
    """Mean squared error of each image [N], grey levels between 0 and 1; the mean code decodes."""
    whole = images.array.dtype.kind in "bui"
    parameter, errors = next(model.parameters()), []
    for rows, block in _blocks(images, "reconstruct"):
        x = torch.from_numpy(block.astype(np.float32) / top).to(parameter)[None]
        reconstruction = model.decode(model.posterior(x)[0])
        errors.append((reconstruction - x).square().mean(-1)[0].cpu().numpy())
        grey = reconstruction[0].cpu().numpy() * top
        decoded.write(rows, np.rint(grey) if whole else grey)
    return np.concatenate(errors).astype(np.float64)


def _blocks(images: ImageStack, title: str) -> Iterator[tuple[slice, np.ndarray]]:
    for first in tqdm(range(0, images.count, BATCH), desc=title, mininterval=1):
        rows = slice(first, min(first + BATCH, images.count))
        yield rows, images.read(rows)
