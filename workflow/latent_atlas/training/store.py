"""Weights and history on disk."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from latent_atlas.config.experiments import Experiment
from latent_atlas.errors import InputError
from latent_atlas.files import AGAIN, read_tensor_metadata, read_tensors, write_tensors
from latent_atlas.models.base import LatentModel
from latent_atlas.training.kept import stacked
from latent_atlas.training.loop import TABLE, SeedImages, initial_model

MODEL = "model."


def save_weights(
    path, parts: list[dict[str, np.ndarray]], seeds: list[int], trained: list[int]
) -> None:
    """Every parameter [S,…]; the table of training latents, if any, as `latents.train` [S,N,w].
    `parts` holds those of each of the `seeds`, parameters as `model.NAME`; the others of the seeds
    that were `trained` have diverged."""
    tensors = stacked(parts, MODEL)
    if TABLE in parts[0]:
        tensors[TABLE] = np.stack([part[TABLE] for part in parts])
    write_tensors(path, tensors, seeds=seeds, trained=trained)


def living_seeds(path, seeds: list[int]) -> list[int]:
    """Those of `seeds` whose weights are in a file; InputError where one is missing that has not
    diverged."""
    facts = read_tensor_metadata(path)
    saved, trained = facts.get("seeds", []), facts.get("trained", [])
    if missing := sorted(set(seeds) - set(trained)):
        raise InputError(f"{path}: holds seeds {trained}, not {missing}; {AGAIN}")
    return [seed for seed in seeds if seed in saved]


def load_trained(path, experiment: Experiment, seeds: list[int], images: SeedImages):
    """The frozen stack in eval mode and its table or None; InputError where shapes disagree."""
    saved = read_tensors(path)
    if read_tensor_metadata(path)["seeds"] != seeds:
        raise InputError(f"{path}: holds other seeds than {seeds}; {AGAIN}")
    table = saved.pop(TABLE, None)
    model, _ = initial_model(experiment, seeds, images.shape, images.count)
    return _filled(model, saved, path), None if table is None else torch.from_numpy(table)


def load_first(path, experiment: Experiment, shape: Sequence[int]) -> LatentModel:
    """The first seed alone, frozen and in eval mode, without the latents of training images."""
    saved = {name: array[:1] for name, array in read_tensors(path).items() if name != TABLE}
    model, _ = initial_model(experiment, [0], shape, 0)
    return _filled(model, saved, path)


def _filled(model: LatentModel, saved: dict[str, np.ndarray], path) -> LatentModel:
    expected = {name: list(p.shape) for name, p in model.state_dict().items()}
    found = {name: list(array.shape) for name, array in saved.items()}
    if expected != found:
        raise InputError(
            f"{path}: shapes {found} differ from the experiment's {expected}; "
            "delete it and run again"
        )
    model.load_state_dict({name: torch.from_numpy(array) for name, array in saved.items()})
    return model.eval().requires_grad_(False)


def history_frame(
    histories: dict[str, np.ndarray],
    terms: tuple[str, ...],
    experiment: str,
    seeds: list[int],
    steps_per_epoch: int,
) -> pd.DataFrame:
    """Split → [E,S,terms] (single batches [steps,S,terms] as the split "batch") as tidy rows:
    experiment, seed, epoch, step, split, term, value."""
    frames = []
    for split, history in sorted(histories.items()):
        stride = 1 if split == "batch" else steps_per_epoch
        row, seed, term = np.indices(history.shape).reshape(3, -1)
        step = (row + 1) * stride
        frames.append(
            pd.DataFrame(
                {
                    "experiment": experiment,
                    "seed": np.asarray(seeds)[seed],
                    "epoch": -(-step // steps_per_epoch),
                    "step": step,
                    "split": split,
                    "term": np.asarray(terms)[term],
                    "value": history.reshape(-1),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
