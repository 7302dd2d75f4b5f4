"""An experiment trained at every point of a sweep."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from latent_atlas.config.experiments import Experiment
from latent_atlas.config.metrics import unit_of
from latent_atlas.config.searches import with_values
from latent_atlas.config.sweeps import Sweep
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.copies import training_sets
from latent_atlas.training.costs import cost_of
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.kept import Tensors
from latent_atlas.training.loop import train
from latent_atlas.training.records import EpochRecords


def train_sweep(
    sweep: Sweep,
    inputs: ExperimentInputs,
    files: Mapping[str, str],
    unfinished: Unfinished,
    seeds: list[int],
) -> tuple[list[Tensors], list[dict]]:
    """Train some of the seeds of `inputs`, those of the sweep's base, at every point: the last
    validation `losses` [points] of each seed, NaN where it diverged, and what each point cost.

    A seed's random streams are the same at every point, so that points compare pairwise.
    """
    some = inputs
    if seeds != inputs.seeds:
        some = ExperimentInputs.load(inputs.spec | {"seeds": seeds}, files, inputs.device)
    images, validation = training_sets(some)
    losses, costs = [], []
    fixed = {"id": sweep.id} | ({"training.epochs": sweep.epochs} if sweep.epochs else {})
    for values in sweep.points().values():
        changed = with_values(some.experiment.model_dump(), values | fixed)
        experiment = Experiment.model_validate(changed)
        records = EpochRecords(experiment, seeds, images, validation)
        trained = train(
            experiment,
            seeds,
            images,
            some.device,
            after_epoch=records,
            checkpoints=unfinished.part(seeds=seeds, values=values),
        )
        last = records.validation[-1][:, 0].double().numpy()
        last[list(trained.diverged)] = np.nan
        losses.append(last)
        costs.append(cost_of(trained, replace(some, experiment=experiment)))
    return [{"losses": of_seed} for of_seed in np.stack(losses, 1)], costs


def sweep_frame(sweep: Sweep, dataset: str, seeds: list[int], parts: list[Tensors]) -> pd.DataFrame:
    """Tidy metrics."""
    table = pd.DataFrame(
        [part["losses"] for part in parts],
        index=pd.Index(seeds, name="seed"),
        columns=list(sweep.points()),
    )
    best = table.min(axis=1)
    excess = table.sub(best, axis=0).div(best.abs(), axis=0)
    rows = [
        {
            "experiment": sweep.id,
            "seed": seed,
            "dataset": dataset,
            "split": "validation",
            "metric": f"{metric}/{name}",
            "value": float(values.loc[seed, name]),
            "unit": unit_of(metric),
        }
        for metric, values in (("sweep_loss", table), ("sweep_excess", excess))
        for name in table
        for seed in seeds
    ]
    return pd.DataFrame(rows)
