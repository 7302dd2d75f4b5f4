"""Decoded random latents as one picture."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from latent_atlas.config.base import nearest
from latent_atlas.config.project import Project
from latent_atlas.errors import InputError
from latent_atlas.exchange.trained import first_seed
from latent_atlas.files import atomic, read_tensors
from latent_atlas.streams import torch_streams

COLUMNS, GAP, SCALE = 8, 1, 3


@torch.no_grad()
def save_samples(
    project: Project,
    experiment: str,
    count: int,
    seed: int,
    output: Path,
    overwrite: bool,
    device: str,
) -> None:
    """Write `count` decoded latents of an experiment's own law for random ones, by its first seed,
    as a PNG of eight columns. InputError, and no file, for anything not allowed."""
    if experiment not in project.experiments:
        allowed = nearest(experiment, project.experiments)
        raise InputError(f"{experiment}: not an experiment of this run; {allowed}")
    if count < 1:
        raise InputError(f"--count: found {count}; allowed: from 1")
    if output.exists() and not overwrite:
        raise InputError(f"{output}: exists already; name another --output or pass --overwrite")
    model, paths = first_seed(project, experiment, device)
    (stream,) = torch_streams(experiment, [seed], "samples")
    law = project.experiments[experiment].random_latents
    draw = torch.randn if law == "normal" else torch.rand
    codes = draw(1, count, model.latent, generator=stream)
    if law == "range":
        known = read_tensors(paths.run(experiment, "latents/test.safetensors"))["mean"][0]
        codes = float(known.min()) + float(known.max() - known.min()) * codes
    decoded = model.decode(codes.to(next(model.parameters())))[0].cpu().numpy()
    shape = project.datasets[project.dataset_of(experiment)].shape
    with atomic(output) as temporary:
        sheet(decoded.reshape(count, *shape)).save(temporary, "PNG", optimize=True)
    print(f"{output}: {count} decoded latents of {experiment}, {law}, draw {seed}")


def sheet(images: np.ndarray) -> Image.Image:
    """Grey levels [N,C,H,W] in [0, 1], eight in a row on white, each pixel nine."""
    count, channels, height, width = images.shape
    rows, columns = -(-count // COLUMNS), min(count, COLUMNS)
    size = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP)
    canvas = np.full((*size, channels), 255, np.uint8)
    levels = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    for number, image in enumerate(levels):
        top = (number // COLUMNS) * (height + GAP) + GAP
        left = (number % COLUMNS) * (width + GAP) + GAP
        canvas[top : top + height, left : left + width] = image
    picture = Image.fromarray(canvas[..., 0] if channels == 1 else canvas)
    return picture.resize((SCALE * picture.width, SCALE * picture.height), Image.Resampling.NEAREST)
