"""An experiment trained at every point of a sweep."""

from dataclasses import replace

import pandas as pd

from latent_atlas.config.experiments import Experiment
from latent_atlas.config.metrics import unit_of
from latent_atlas.config.searches import with_values
from latent_atlas.config.sweeps import Sweep
from latent_atlas.training.copies import training_sets
from latent_atlas.training.costs import cost_frame
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.loop import train
from latent_atlas.training.records import EpochRecords


def train_sweep(sweep: Sweep, inputs: ExperimentInputs) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tidy metrics, and what each point's training cost; `inputs` are those of the sweep's base.

    A seed's random streams are the same at every point, so that points compare pairwise.
    """
    images, validation = training_sets(inputs)
    losses, costs = {}, []
    fixed = {"id": sweep.id} | ({"training.epochs": sweep.epochs} if sweep.epochs else {})
    for name, values in sweep.points().items():
        changed = with_values(inputs.experiment.model_dump(), values | fixed)
        experiment = Experiment.model_validate(changed)
        records = EpochRecords(experiment, inputs.seeds, images, validation)
        trained = train(experiment, inputs.seeds, images, inputs.device, after_epoch=records)
        losses[name] = records.validation[-1][:, 0].double().numpy()
        costs.append(cost_frame(trained, replace(inputs, experiment=experiment)))
    table = pd.DataFrame(losses, index=pd.Index(inputs.seeds, name="seed"))
    excess = table.div(table.min(axis=1), axis=0) - 1
    rows = [
        {
            "experiment": sweep.id,
            "seed": seed,
            "dataset": inputs.experiment.dataset,
            "split": "validation",
            "metric": f"{metric}/{name}",
            "value": float(values.loc[seed, name]),
            "unit": unit_of(metric),
        }
        for metric, values in (("sweep_loss", table), ("sweep_excess", excess))
        for name in table
        for seed in inputs.seeds
    ]
    return pd.DataFrame(rows), pd.concat(costs, ignore_index=True)
