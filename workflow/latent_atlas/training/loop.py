"""Training: one loop for every family, with or without a table of latents."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from latent_atlas.config.experiments import Experiment
from latent_atlas.models.base import LatentModel
from latent_atlas.models.registry import build_model
from latent_atlas.streams import torch_streams
from latent_atlas.training.steps import step_of

AfterEpoch = Callable[[int, LatentModel, Tensor | None], None]


@dataclass
class Trained:
    """A stacked model after training. `table` [S,N,table_width] or None; `history` [E,S,T] with
    `terms` by name, `batches` [steps,S,T] likewise where every batch's are kept; `seconds` of the
    loop alone; `images_seen` by each seed."""

    model: LatentModel
    table: Tensor | None
    history: np.ndarray
    batches: np.ndarray | None
    terms: tuple[str, ...]
    seconds: float
    images_seen: int


@dataclass
class SeedImages:
    """Images of all seeds in grey levels 0 to 255, [1,N,pixels], or [S,N,pixels] where each seed
    has its own: uint8, and float32 where noise was added; `shape` is channels, height, width."""

    pixels: Tensor
    shape: tuple[int, ...]

    @classmethod
    def select(cls, images: np.ndarray, rows: np.ndarray, device: str) -> "SeedImages":
        """`images` uint8 [M,C,H,W] and `rows` [S,N]; one copy where all seeds share their rows."""
        shared = (rows == rows[0]).all()
        chosen = images[rows[:1] if shared else rows]
        flat = chosen.reshape(*chosen.shape[:2], -1)
        return cls(torch.from_numpy(np.ascontiguousarray(flat)).to(device), images.shape[1:])

    def first(self, n: int | None) -> "SeedImages":
        """The first `n` of each seed; all where `n` is None."""
        return SeedImages(self.pixels[:, :n], self.shape)

    @property
    def count(self) -> int:
        return self.pixels.shape[1]

    def of_seed(self, s: int) -> Tensor:
        """uint8 [N,pixels]."""
        return self.pixels[s if len(self.pixels) > 1 else 0]

    def batch(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Grey levels over 255, [S,B,pixels], of image numbers `index` [S,B]."""
        seeds = torch.arange(index.shape[0], device=index.device)[:, None]
        stack = seeds if self.pixels.shape[0] > 1 else torch.zeros_like(seeds)
        return self.pixels[stack, index].to(dtype).div_(255)

    def target(self, index: Tensor, batch: Tensor) -> Tensor:
        """What reconstructions of `batch`, of image numbers `index`, are held to: itself."""
        return batch


def initial_model(
    experiment: Experiment, seeds: list[int], shape: Sequence[int], images: int
) -> tuple[LatentModel, Tensor | None]:
    """The untrained stack, and its table [S,images,table_width] if training learns one."""
    model = build_model(
        experiment.model, shape, torch_streams(experiment.id, seeds, "initialisation")
    )
    if not (model.table_width and model.learns_codes):
        return model, None
    return model, model.initial_table(images, torch_streams(experiment.id, seeds, "train-latents"))


def train(
    experiment: Experiment,
    seeds: list[int],
    images: SeedImages,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    max_steps: int | None = None,
    after_epoch: AfterEpoch | None = None,
) -> Trained:
    """Train every seed; each depends on its own streams alone, not on the seeds beside it.

    `after_epoch` is called with the epoch from 1, the model and the table, and may end training
    by an exception. `max_steps` ends it early, for tests.
    """
    settings = experiment.training
    size = settings.batch_size
    model, table = initial_model(experiment, seeds, images.shape, images.count)
    model.to(device=device, dtype=dtype)
    if table is not None:
        table = table.to(device=device, dtype=dtype).requires_grad_()
    step = step_of(experiment)(experiment, seeds, model, table)
    shuffling = torch_streams(experiment.id, seeds, "shuffling")
    per_epoch = epoch_images(experiment, images.count)
    history, batches, steps, begin = [], [], 0, time.perf_counter()
    epochs = range(1, settings.epochs + 1)
    for epoch in tqdm(epochs, desc=f"train {experiment.id}", mininterval=5):
        order = _epoch_order(images.count, shuffling, settings.shuffle).to(device)
        step.start_epoch(per_epoch)
        sums = torch.zeros(len(step.terms), len(seeds), device=device, dtype=dtype)
        for start in range(0, per_epoch, size):
            index = order[:, start : min(start + size, per_epoch)]
            batch = images.batch(index, dtype)
            of_batch = step(batch, images.target(index, batch), index, start)
            sums += of_batch
            if settings.every_batch:
                batches.append(of_batch / index.shape[1])
            steps += 1
            if steps == max_steps:
                break
        history.append(sums / per_epoch)
        if after_epoch:
            after_epoch(epoch, model, table)
        if steps == max_steps:
            break
    return Trained(
        model.eval().requires_grad_(False),
        None if table is None else table.detach(),
        _by_seed(history),
        _by_seed(batches) if batches else None,
        step.terms,
        time.perf_counter() - begin,
        len(history) * per_epoch,
    )


def _by_seed(rows: list[Tensor]) -> np.ndarray:
    """R of [T,S] → [R,S,T] on the CPU."""
    return torch.stack(rows).permute(0, 2, 1).double().cpu().numpy()


def epoch_images(experiment: Experiment, n: int) -> int:
    """How many of `n` training images an epoch sees: whole batches where it is not all."""
    settings = experiment.training
    if settings.epoch_share == 1:
        return n
    batches = max(1, int(n * settings.epoch_share) // settings.batch_size)
    return min(n, batches * settings.batch_size)


def steps_per_epoch(experiment: Experiment, n: int) -> int:
    """Batches, the last of which may be short, of `n` training images."""
    return -(-epoch_images(experiment, n) // experiment.training.batch_size)


def _epoch_order(n: int, generators: list[torch.Generator], shuffle: bool) -> Tensor:
    if not shuffle:
        return torch.arange(n).repeat(len(generators), 1)
    return torch.stack([torch.randperm(n, generator=g) for g in generators])
