"""Weights and history on disk."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from latent_atlas.config.experiments import Experiment
from latent_atlas.errors import InputError
from latent_atlas.files import read_tensor_metadata, read_tensors, write_tensors
from latent_atlas.models.base import LatentModel
from latent_atlas.training.loop import SeedImages, Trained, initial_model

TABLE = "latents.train"


def save_weights(path, trained: Trained, seeds: list[int]) -> None:
    """Every parameter [S,…]; the table of training latents, if any, as `latents.train` [S,N,w]."""
    tensors = {name: p.cpu().numpy() for name, p in trained.model.state_dict().items()}
    if trained.table is not None:
        tensors[TABLE] = trained.table.cpu().numpy()
    write_tensors(path, tensors, seeds=seeds)


def load_trained(path, experiment: Experiment, seeds: list[int], images: SeedImages):
    """The frozen stack in eval mode and its table or None; InputError where shapes disagree."""
    saved = read_tensors(path)
    if read_tensor_metadata(path).get("seeds") != seeds:
        raise InputError(f"{path}: holds other seeds than {seeds}; delete it and run again")
    table = saved.pop(TABLE, None)
    model, _ = initial_model(experiment, seeds, images.shape, images.count)
    return _filled(model, saved, path), None if table is None else torch.from_numpy(table)


def load_first(path, experiment: Experiment, shape: Sequence[int]) -> LatentModel:
    """The first seed alone, frozen and in eval mode, of an experiment with an encoder."""
    saved = {name: array[:1] for name, array in read_tensors(path).items()}
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
    batches: np.ndarray | None,
    terms: tuple[str, ...],
    experiment: str,
    seeds: list[int],
    steps_per_epoch: int,
) -> pd.DataFrame:
    """Split → [E,S,terms], and single batches [steps,S,terms] as the split "batch", as tidy rows:
    experiment, seed, epoch, step, split, term, value."""
    every = {"batch": (batches, 1)} if batches is not None else {}
    every |= {split: (history, steps_per_epoch) for split, history in histories.items()}
    frames = []
    for split, (history, stride) in every.items():
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
