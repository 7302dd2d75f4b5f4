"""Training: one loop for likelihood models, with or without a table of latents."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from latent_atlas.config.experiments import Experiment
from latent_atlas.models.base import LatentModel, per_sample_terms
from latent_atlas.models.posterior import draw_noise
from latent_atlas.models.registry import build_model
from latent_atlas.streams import torch_streams
from latent_atlas.training.objective import batch_loss
from latent_atlas.training.optimisers import build_optimiser

HISTORY_TERMS = ("loss", "reconstruction_mse", "kl_nats")
AfterEpoch = Callable[[int, LatentModel, Tensor | None], None]


@dataclass
class Trained:
    """A stacked model after training. `table` [S,N,table_width] or None; `history` [E,S,3] in the
    order of HISTORY_TERMS; `seconds` of the loop alone."""

    model: LatentModel
    table: Tensor | None
    history: np.ndarray
    seconds: float


@dataclass
class SeedImages:
    """Images of all seeds: uint8 [1,N,pixels], or [S,N,pixels] where each seed has its own."""

    pixels: Tensor

    @classmethod
    def select(cls, images: np.ndarray, rows: np.ndarray, device: str) -> "SeedImages":
        """`images` uint8 [M,C,H,W] and `rows` [S,N]; one copy where all seeds share their rows."""
        shared = (rows == rows[0]).all()
        chosen = images[rows[:1] if shared else rows]
        flat = chosen.reshape(*chosen.shape[:2], -1)
        return cls(torch.from_numpy(np.ascontiguousarray(flat)).to(device))

    @property
    def count(self) -> int:
        return self.pixels.shape[1]

    def of_seed(self, s: int) -> Tensor:
        """uint8 [N,pixels]."""
        return self.pixels[s if len(self.pixels) > 1 else 0]

    def batch(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Grey levels in [0, 1], [S,B,pixels], of image numbers `index` [S,B]."""
        seeds = torch.arange(index.shape[0], device=index.device)[:, None]
        stack = seeds if self.pixels.shape[0] > 1 else torch.zeros_like(seeds)
        return self.pixels[stack, index].to(dtype).div_(255)


def initial_model(
    experiment: Experiment, seeds: list[int], pixels: int, images: int
) -> tuple[LatentModel, Tensor | None]:
    """The untrained stack, and its table [S,images,table_width] if the family has one."""
    model = build_model(
        experiment.model, pixels, torch_streams(experiment.id, seeds, "initialisation")
    )
    if not model.table_width:
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
    n, size = images.count, settings.batch_size
    model, table = initial_model(experiment, seeds, images.pixels.shape[-1], n)
    model.to(device=device, dtype=dtype)
    if table is not None:
        table = table.to(device=device, dtype=dtype).requires_grad_()
    optimiser = build_optimiser(
        settings.optimiser,
        model.parameters(),
        settings.learning_rate,
        settings.weight_decay,
        latents=table,
    )
    dropping = torch_streams(experiment.id, seeds, "dropout")
    shuffling = torch_streams(experiment.id, seeds, "shuffling")
    noising = torch_streams(experiment.id, seeds, "posterior")
    stack = torch.arange(len(seeds), device=device)[:, None]
    history, steps, begin = [], 0, time.perf_counter()
    epochs = range(1, settings.epochs + 1)
    for epoch in tqdm(epochs, desc=f"train {experiment.id}", mininterval=5):
        order = _epoch_order(n, shuffling, settings.shuffle).to(device)
        noise = None
        if model.posterior_kind:
            shape = (n, model.latent)
            noise = draw_noise(model.posterior_kind, shape, noising).to(device, dtype)
        sums = torch.zeros(3, len(seeds), device=device, dtype=dtype)
        for start in range(0, n, size):
            index = order[:, start : start + size]
            x = images.batch(index, dtype)
            terms = per_sample_terms(
                model,
                x if table is None else table[stack, index],
                x,
                None if noise is None else noise[:, start : start + size],
                settings.objective.kl,
                dropping,
            )
            loss = batch_loss(terms, x.shape[-1], settings.objective)
            optimiser.zero_grad()
            loss.sum().backward()
            optimiser.step()
            sums += step_sums(loss, terms, x)
            steps += 1
            if steps == max_steps:
                break
        history.append((sums / n).cpu())
        if after_epoch:
            after_epoch(epoch, model, table)
        if steps == max_steps:
            break
    return Trained(
        model.eval().requires_grad_(False),
        None if table is None else table.detach(),
        torch.stack(history).permute(0, 2, 1).double().numpy(),
        time.perf_counter() - begin,
    )


def _epoch_order(n: int, generators: list[torch.Generator], shuffle: bool) -> Tensor:
    if not shuffle:
        return torch.arange(n).repeat(len(generators), 1)
    return torch.stack([torch.randperm(n, generator=g) for g in generators])


def step_sums(loss: Tensor, terms: dict[str, Tensor], x: Tensor) -> Tensor:
    """Sums over the batch [3,S], so that a short last batch weighs what it holds."""
    batch, pixels = x.shape[1:]
    return torch.stack(
        [loss.detach() * batch, terms["sse"].detach().sum(1) / pixels, terms["kl"].detach().sum(1)]
    )
