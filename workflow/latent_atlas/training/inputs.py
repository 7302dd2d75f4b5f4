"""An experiment's configuration, data and weights, as every stage that runs a model needs them."""

from dataclasses import dataclass

import numpy as np
import torch

from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.datasets.splits import read_split
from latent_atlas.datasets.subset import rows_hash, subset_rows
from latent_atlas.files import read_tensor_metadata, sha256_json
from latent_atlas.models.base import LatentModel
from latent_atlas.training.loop import SeedImages
from latent_atlas.training.store import load_trained


@dataclass
class ExperimentInputs:
    """`images` and `labels` hold "train" and "test": SeedImages, and int64 [S,N]."""

    experiment: Experiment
    dataset: DatasetConfig
    seeds: list[int]
    images: dict[str, SeedImages]
    labels: dict[str, np.ndarray]
    hashes: dict[str, str]
    spec: dict
    device: str

    @classmethod
    def load(cls, spec: dict, files, device: str) -> "ExperimentInputs":
        """From `Project.spec` and the split files `files.train_images`, `files.test_images`."""
        experiment = Experiment.model_validate(spec["experiment"])
        images, labels, hashes = {}, {}, {}
        for split in ("train", "test"):
            path = getattr(files, f"{split}_images")
            pixels, classes = read_split(path)
            rows = subset_rows(experiment.subset, classes, split, experiment.dataset, spec["seeds"])
            images[split] = SeedImages.select(pixels, rows, device)
            labels[split] = classes[rows]
            hashes[f"{split}_data"] = str(read_tensor_metadata(path)["sha256"])
            hashes[f"{split}_rows"] = rows_hash(rows)
        dataset = DatasetConfig.model_validate(spec["dataset"])
        return cls(experiment, dataset, spec["seeds"], images, labels, hashes, spec, device)

    @property
    def pixels(self) -> int:
        return self.images["train"].pixels.shape[-1]

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.images["train"].count // self.experiment.training.batch_size)

    def load_model(self, weights) -> tuple[LatentModel, torch.Tensor | None]:
        """The frozen stack in eval mode and the table of training latents, or None."""
        count = self.images["train"].count
        model, table = load_trained(weights, self.experiment, self.seeds, self.pixels, count)
        return model.to(self.device), None if table is None else table.to(self.device)

    def provenance(self) -> dict:
        """For a table's footer; the same from run to run on one device."""
        return {
            "configuration": sha256_json(self.spec),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "device": torch.cuda.get_device_name() if self.device == "cuda" else "cpu",
            **self.hashes,
        }
