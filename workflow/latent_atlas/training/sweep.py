"""An experiment trained at every point of a sweep."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from latent_atlas.config.experiments import Experiment
from latent_atlas.config.metrics import unit_of
from latent_atlas.config.searches import with_values
from latent_atlas.config.stacks import Member
from latent_atlas.config.sweeps import Sweep
from latent_atlas.training.checkpoints import Unfinished
from latent_atlas.training.copies import training_sets
from latent_atlas.training.costs import cost_of
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.kept import Tensors
from latent_atlas.training.loop import SeedImages, train
from latent_atlas.training.optimisers import Rates
from latent_atlas.training.records import EpochRecords


@dataclass
class SweepTraining:
    """Trains members of equal shape, [point, seed], together; `inputs` are those of the sweep's
    base. A seed's random streams are the same at every point, so that points compare pairwise."""

    sweep: Sweep
    inputs: ExperimentInputs
    unfinished: Unfinished

    def __call__(self, stack: list[Member]) -> tuple[list[Tensors], list[dict]]:
        """The last validation `loss` of each, NaN where it diverged, and what training them
        cost."""
        each, seeds = [self.experiment(point) for point, _ in stack], [seed for _, seed in stack]
        places = [self.inputs.seeds.index(seed) for seed in seeds]
        images, validation = (some and some.of_places(places) for some in self.sets)
        records = EpochRecords(each[0], seeds, images, validation)
        trained = train(
            each[0],
            seeds,
            images,
            self.inputs.device,
            after_epoch=records,
            checkpoints=self.unfinished.part(stack=stack),
            rates=rates_of(each),
        )
        last = records.validation[-1][:, 0].double().numpy()
        last[list(trained.diverged)] = np.nan
        cost = cost_of(trained, replace(self.inputs, experiment=each[0], seeds=seeds))
        return [{"loss": np.asarray(loss)} for loss in last], [cost]

    @cached_property
    def sets(self) -> tuple[SeedImages, SeedImages | None]:
        return training_sets(self.inputs)

    def experiment(self, point: str) -> Experiment:
        epochs = {"training.epochs": self.sweep.epochs} if self.sweep.epochs else {}
        values = self.sweep.named_points()[point] | epochs | {"id": self.sweep.id}
        return Experiment.model_validate(with_values(self.inputs.experiment.model_dump(), values))


def rates_of(experiments: list[Experiment]) -> list[Rates] | None:
    """Each one's, where they differ."""
    each = [(e.training.learning_rate, e.training.weight_decay) for e in experiments]
    return each if len(set(each)) > 1 else None


def sweep_frame(
    sweep: Sweep, dataset: str, members: list[Member], parts: list[Tensors]
) -> pd.DataFrame:
    """Tidy metrics of every point and seed."""
    losses = pd.DataFrame(members, columns=["point", "seed"])
    losses["loss"] = [float(part["loss"]) for part in parts]
    table = losses.pivot(index="seed", columns="point", values="loss")[list(sweep.named_points())]
    best = table.min(axis=1)
    excess = table.sub(best, axis=0).div(best.abs(), axis=0)
    rows = [
        {
            "experiment": sweep.id,
            "seed": seed,
            "dataset": dataset,
            "split": "validation",
            "metric": f"{metric}/{name}",
            "value": values.at[seed, name],
            "unit": unit_of(metric),
        }
        for metric, values in (("sweep_loss", table), ("sweep_excess", excess))
        for name in table
        for seed in table.index
    ]
    return pd.DataFrame(rows)
