"""What one trial does: train the base with the trial's values and say how each epoch validates."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from latent_atlas.classification.inputs import ClassifierInputs
from latent_atlas.classification.train import ClassifierTraining
from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.searches import with_values
from latent_atlas.models.base import LatentModel
from latent_atlas.training.copies import training_sets
from latent_atlas.training.inputs import ExperimentInputs
from latent_atlas.training.loop import train
from latent_atlas.training.records import EpochRecords

Report = Callable[[int, float], None]


class ExperimentObjective:
    """Validation loss of an experiment's first seed; streams are named by the trial."""

    direction, measures = "minimize", "validation loss"

    def __init__(self, spec: dict, files: Mapping[str, str], device: str):
        self.spec = spec
        self.inputs = ExperimentInputs.load(spec, files, device)
        self.images = training_sets(self.inputs)

    def __call__(self, name: str, values: dict[str, Any], report: Report) -> None:
        run = with_values(self.spec["run"], {**values, "id": name})
        experiment, seeds = Experiment.model_validate(run), self.inputs.seeds[:1]
        images, validation = self.images
        records = EpochRecords(experiment, seeds, images, validation)

        def after_epoch(epoch: int, model: LatentModel, table: torch.Tensor | None) -> None:
            records(epoch, model, table)
            report(epoch, float(records.validation[-1][0, 0]))

        train(experiment, seeds, images, self.inputs.device, after_epoch=after_epoch)


class ClassifierObjective:
    """Validation accuracy in percent of a classifier's first seed."""

    direction, measures = "maximize", "validation accuracy, percent"

    def __init__(self, spec: dict, files: Mapping[str, str], device: str):
        self.spec = spec
        self.inputs = ClassifierInputs.load(spec, files, device)

    def __call__(self, name: str, values: dict[str, Any], report: Report) -> None:
        classifier = Classifier.model_validate(with_values(self.spec["run"], values))
        inputs = replace(self.inputs, classifier=classifier)
        ClassifierTraining(inputs, 0, name, after_epoch=report).run()


def build_objective(
    spec: dict, files: Mapping[str, str], device: str
) -> ExperimentObjective | ClassifierObjective:
    """Of the experiment or classifier of a `Project.spec`."""
    kind = ExperimentObjective if "training" in spec["run"] else ClassifierObjective
    return kind(spec, files, device)
