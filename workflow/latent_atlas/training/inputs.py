"""An experiment's configuration, data and weights, as every stage that runs a model needs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError

from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.searches import Best, with_values
from latent_atlas.datasets.splits import read_split
from latent_atlas.datasets.subset import hold_out, rows_hash, subset_rows
from latent_atlas.errors import InputError
from latent_atlas.files import Files, read_tensor_metadata, sha256_file, sha256_json
from latent_atlas.models.base import LatentModel
from latent_atlas.training.loop import SeedImages
from latent_atlas.training.store import living_seeds, load_trained


@dataclass
class ExperimentInputs:
    """`images` and `labels` hold "train", "test" and, where images are held out, "validation":
    SeedImages, and int64 [S,N]."""

    experiment: Experiment
    dataset: DatasetConfig
    seeds: list[int]
    images: dict[str, SeedImages]
    labels: dict[str, np.ndarray]
    hashes: dict[str, str]
    spec: dict
    device: str

    @classmethod
    def load(cls, spec: dict, files: Files, device: str) -> "ExperimentInputs":
        """From `config.specs.run_spec` and the files of `Paths.inputs`; where weights are among
        these, of the seeds that have not diverged."""
        experiment, seeds = tuned_experiment(spec, files.get("tuned")), spec["seeds"]
        if "weights" in files:
            seeds = living_seeds(files["weights"], seeds)
        images, labels, hashes = load_images(experiment, seeds, files, device)
        if "own_weights" in files:
            hashes["own_weights"] = sha256_json(
                [sha256_file(file) for file in files["own_weights"]]
            )
        dataset = DatasetConfig.model_validate(spec["dataset"])
        return cls(experiment, dataset, seeds, images, labels, hashes, spec, device)

    @property
    def pixels(self) -> int:
        return self.images["train"].pixels.shape[-1]

    def load_model(self, weights) -> tuple[LatentModel, torch.Tensor | None]:
        """The frozen stack in eval mode and the table of training latents, or None."""
        model, table = load_trained(weights, self.experiment, self.seeds, self.images["train"])
        return model.to(self.device), None if table is None else table.to(self.device)

    def provenance(self) -> dict:
        return provenance(self.spec, self.device, self.hashes)

    def facts(self, code: str) -> dict:
        """Everything that decides what training leaves of a seed; `code` is its hash."""
        return seed_facts(self.experiment, self.provenance(), self.spec, code)


def seed_facts(run: Experiment | Classifier, provenance: dict, spec: dict, code: str) -> dict:
    """Of provenance and specification what holds for every seed, whatever the others are."""
    by_seeds = {"configuration", "train_rows", "validation_rows", "test_rows"}
    return {
        "run": run.model_dump(exclude={"title", "reading"}),
        "dataset": spec["dataset"],
        "code": code,
        "threads": torch.get_num_threads(),
        **{key: value for key, value in provenance.items() if key not in by_seeds},
    }


def tuned_experiment(spec: dict, tuned: str | None) -> Experiment:
    """The experiment of a spec, with the values that its search has found."""
    return Experiment.model_validate(with_found(spec["run"], tuned))


def with_found(run: dict, tuned: str | None) -> dict:
    """A run's configuration with the values of a search's `best.json`, if there is one."""
    if tuned is None:
        return run
    try:
        best = Best.model_validate_json(Path(tuned).read_text(encoding="utf-8"))
        return with_values(run, best.values)
    except (ValidationError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{tuned}: not what a search of {run['id']} finds ({reason}); delete it and run again"
        ) from None


def load_images(
    run: Experiment | Classifier, seeds: list[int], files: Mapping[str, str], device: str
) -> tuple[dict[str, SeedImages], dict[str, np.ndarray], dict[str, str]]:
    """Images, labels and content hashes by split."""
    images, labels, hashes = {}, {}, {}
    for split in ("train", "test"):
        path = files[f"{split}_images"]
        pixels, classes = read_split(path)
        chosen = {split: subset_rows(run.subset, classes, split, run.dataset, seeds)}
        if split == "train" and run.validation and not _splits_copies(run):
            kept, held = hold_out(chosen["train"], run.validation, run.dataset)
            chosen = {"train": kept, "validation": held}
        hashes[f"{split}_data"] = str(read_tensor_metadata(path)["sha256"])
        for part, rows in chosen.items():
            images[part] = SeedImages.select(pixels, rows, device)
            labels[part] = classes[rows]
            hashes[f"{part}_rows"] = rows_hash(rows)
    if getattr(run, "pooled", False):
        both = [images["train"].pixels, images["test"].pixels]
        images["train"] = SeedImages(torch.cat(both, 1), images["train"].shape)
        labels["train"] = np.concatenate([labels["train"], labels["test"]], 1)
    return images, labels, hashes


def _splits_copies(run: Experiment | Classifier) -> bool:
    """Whether images are held out only once there are copies of them."""
    augmentation = getattr(run, "augmentation", None)
    return getattr(augmentation, "split", "") == "copies"


def provenance(spec: dict, device: str, hashes: dict[str, str]) -> dict:
    """For a table's footer; the same from run to run on one device."""
    return {
        "configuration": sha256_json(spec),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        **hashes,
    }
