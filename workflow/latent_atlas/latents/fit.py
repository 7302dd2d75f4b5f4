"""Finding codes: by optimisation where a code is free, by one pass where there is an encoder."""

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from latent_atlas import interruption
from latent_atlas.config.experiments import Experiment
from latent_atlas.files import read_tensors
from latent_atlas.models.base import LatentModel, per_sample_terms
from latent_atlas.models.posterior import draw_noise
from latent_atlas.streams import set_streams, stream_states, torch_streams
from latent_atlas.training.checkpoints import Checkpoints, State, Unfinished, prefixed, under
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.loop import SeedImages
from latent_atlas.training.objective import batch_loss, per_image_loss
from latent_atlas.training.optimisers import build_optimiser

BLOCK = 200


def fit_table(
    model: LatentModel,
    experiment: Experiment,
    seeds: list[int],
    images: SeedImages,
    split: str,
    block: int = BLOCK,
    checkpoints: Checkpoints | None = None,
) -> Tensor:
    """The table [S,N,table_width] of `images` after `latents.steps` passes of Adam from a fresh
    start, the model frozen.

    Full batch: the loss is summed over images, so Adam treats every row by itself and `block`
    (how many rows are decoded at once) changes memory, and results by rounding at most. With a
    batch size: batches in file order with the training loss, and a dense Adam moves every row at
    every batch. `checkpoints` are taken between passes.
    """
    parameter = next(model.parameters())
    settings, objective, n = experiment.latents, experiment.training.objective, images.count
    start = model.initial_table(n, torch_streams(experiment.id, seeds, f"{split}-latents-start"))
    table = start.to(parameter).requires_grad_()
    table.grad = torch.zeros_like(table)
    optimiser = build_optimiser("adam", [table], settings.learning_rate, members=len(seeds))
    noising = torch_streams(experiment.id, seeds, f"{split}-latents-noise")
    batched = settings.batch_size is not None
    size = settings.batch_size or block
    stack = torch.arange(len(seeds), device=table.device)[:, None]
    title = f"latents {experiment.id} {split}"
    done = 0

    def state() -> State:
        return {
            "table": table,
            **prefixed("optimiser", optimiser.state()),
            "noising": stream_states(noising),
            "done": torch.tensor(done),
        }

    if checkpoints and (saved := checkpoints.load()):
        with torch.no_grad():
            table.copy_(saved["table"])
        optimiser.restore(under("optimiser", saved))
        set_streams(noising, saved["noising"])
        done = int(saved["done"])
    for step in tqdm(range(done, settings.steps), desc=title, mininterval=5):
        noise = None
        if model.posterior_kind:
            noise = draw_noise(model.posterior_kind, (n, model.latent), noising).to(table)
        for first in range(0, n, size):
            rows = slice(first, min(first + size, n))
            part = table.detach()[:, rows].requires_grad_()
            index = torch.arange(rows.start, rows.stop, device=table.device)
            x = images.batch(index.expand(len(stack), -1), table.dtype)
            some = None if noise is None else noise[:, rows]
            terms = per_sample_terms(model, part, x, some, objective)
            reduce = batch_loss if batched else per_image_loss
            loss = reduce(terms, x.shape[-1], objective).sum()
            if batched:
                table.grad.zero_()
            table.grad[:, rows] = torch.autograd.grad(loss, part)[0]
            if batched:
                optimiser.step()
        if not batched:
            optimiser.step()
        done = step + 1
        if checkpoints:
            checkpoints.after_step(state)
    return table.detach()


@torch.no_grad()
def codes_of(
    model: LatentModel, images: SeedImages, table: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Posterior mean [S,N,d] and log variance (or None) from a table, or by the encoder."""
    parameter, seeds = next(model.parameters()), model.seeds
    means, logvars = [], []
    for first in range(0, images.count, BLOCK):
        last = min(first + BLOCK, images.count)
        if table is not None:
            inputs = table[:, first:last].to(parameter)
        else:
            index = torch.arange(first, last).expand(seeds, -1)
            inputs = images.batch(index.to(parameter.device), parameter.dtype)
        mean, logvar = model.posterior(inputs)
        means.append(mean)
        logvars.append(logvar)
    joined = None if logvars[0] is None else torch.cat(logvars, 1)
    return torch.cat(means, 1), joined


def coded_images(inputs: ExperimentInputs, split: str) -> SeedImages:
    """Those whose codes are found."""
    latents = inputs.experiment.latents
    return inputs.images[split].first(latents.images if latents else None)


def find_codes(
    model: LatentModel, inputs: ExperimentInputs, split: str, unfinished: Unfinished
) -> dict[str, np.ndarray]:
    """`mean` [S,N,d] and, where there is one, `logvar`: fitted for table models, else encoded."""
    images, table = coded_images(inputs, split), None
    if model.table_width:
        checkpoints = unfinished.part(seeds=inputs.seeds, split=split)
        with interruption.polled():
            table = fit_table(
                model, inputs.experiment, inputs.seeds, images, split, checkpoints=checkpoints
            )
    mean, logvar = codes_of(model, images, table)
    found = {"mean": mean.cpu().numpy()}
    if logvar is not None:
        found["logvar"] = logvar.cpu().numpy()
    return found


def load_codes(path, device: str) -> tuple[Tensor, Tensor | None]:
    """Mean and log variance (or None) of a latents file."""
    saved = read_tensors(path)
    logvar = saved.get("logvar")
    mean = torch.from_numpy(saved["mean"]).to(device)
    return mean, None if logvar is None else torch.from_numpy(logvar).to(device)
