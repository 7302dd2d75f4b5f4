"""Training an experiment's seeds, and what of them is kept."""

from dataclasses import replace

import numpy as np
import pandas as pd

from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.copies import training_sets
from latent_atlas.training.costs import cost_of
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.kept import DIVERGED, Tensors, stacked
from latent_atlas.training.loop import TABLE, Trained, steps_per_epoch, train
from latent_atlas.training.records import EpochRecords
from latent_atlas.training.steps import step_of
from latent_atlas.training.store import MODEL, history_frame

GROWTH = "growth."
HISTORY = "history."


def train_seeds(
    inputs: ExperimentInputs, unfinished: Unfinished, seeds: list[int]
) -> tuple[list[Tensors], list[dict]]:
    """Train some of the seeds of `inputs` together: what is kept of each, and the cost."""
    experiment, places = inputs.experiment, [inputs.seeds.index(seed) for seed in seeds]
    images, validation = (some and some.of_places(places) for some in training_sets(inputs))
    records = EpochRecords(experiment, seeds, images, validation)
    trained = train(
        experiment,
        seeds,
        images,
        inputs.device,
        after_epoch=records,
        checkpoints=unfinished.part(seeds=seeds),
    )
    cost = cost_of(trained, replace(inputs, seeds=seeds))
    return [seed_tensors(trained, records, s) for s in range(len(seeds))], [cost]


def seed_tensors(trained: Trained, records: EpochRecords, s: int) -> Tensors:
    """Of the `s`-th seed: `model.NAME`, `latents.train` where there is a table, histories [E,T] by
    split as `history.SPLIT`, and `growth.NAME`; `diverged`, the epoch, where it has."""
    histories = {"train": trained.history, **records.history()}
    if trained.batches is not None:
        histories["batch"] = trained.batches
    found = {MODEL + n: p[s].cpu().numpy() for n, p in trained.model.state_dict().items()}
    found |= {HISTORY + split: history[:, s] for split, history in histories.items()}
    found |= {GROWTH + name: array for name, array in records.growth_tensors(s).items()}
    if trained.table is not None:
        found[TABLE] = trained.table[s].cpu().numpy()
    if s in trained.diverged:
        found[DIVERGED] = np.asarray(trained.diverged[s].epoch)
    return found


def growth_of(parts: list[Tensors]) -> Tensors:
    """`image` [S,pixels], `reconstructions` [S,kept,pixels], `epochs` [kept]."""
    growth = stacked(parts, GROWTH)
    return growth | {"epochs": growth["epochs"][0]}


def history_of(parts: list[Tensors], seeds: list[int], inputs: ExperimentInputs) -> pd.DataFrame:
    """As `history_frame`, of some of the seeds of `inputs`."""
    histories = {
        split: np.swapaxes(history, 0, 1) for split, history in stacked(parts, HISTORY).items()
    }
    experiment = inputs.experiment
    steps = steps_per_epoch(experiment, training_sets(inputs)[0].count)
    return history_frame(histories, step_of(experiment).terms, experiment.id, seeds, steps)
