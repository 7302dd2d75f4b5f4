"""A classifier's configuration, data and encoder."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from latent_atlas.classification.fit import Labelled
from latent_atlas.config.classifiers import Classifier
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.config.experiments import Experiment
from latent_atlas.files import read_tensor_metadata, read_tensors
from latent_atlas.training.inputs import (
    load_images,
    provenance,
    seed_facts,
    tuned_experiment,
    with_found,
)
from latent_atlas.training.store import living_seeds

ENCODER = "encoder."


@dataclass
class ClassifierInputs:
    """`data` holds "train", "validation" and "test" for each seed; `encoder` and `weights`
    (tensors [S,…] by the encoder's own names) are None for a classifier without an autoencoder."""

    classifier: Classifier
    dataset: DatasetConfig
    seeds: list[int]
    data: dict[str, list[Labelled]]
    encoder: Experiment | None
    weights: dict[str, torch.Tensor] | None
    hashes: dict[str, str]
    spec: dict
    device: str

    @classmethod
    def load(cls, spec: dict, files: Mapping[str, str], device: str) -> "ClassifierInputs":
        """From `Project.spec` and the files of `Paths.inputs`."""
        classifier = Classifier.model_validate(with_found(spec["run"], files.get("tuned")))
        seeds = spec["seeds"]
        if "encoder" in spec:
            seeds = living_seeds(files["encoder_weights"], seeds)
        images, labels, hashes = load_images(classifier, seeds, files, device)
        data = {
            split: [
                Labelled(
                    pixels.of_seed(s), torch.from_numpy(np.ascontiguousarray(of_seed)).to(device)
                )
                for s, of_seed in enumerate(labels[split])
            ]
            for split, pixels in images.items()
        }
        encoder = weights = None
        if "encoder" in spec:
            encoder = tuned_experiment(spec["encoder"], files.get("encoder_tuned"))
            weights = _encoder_weights(files["encoder_weights"], seeds)
        dataset = DatasetConfig.model_validate(spec["dataset"])
        return cls(classifier, dataset, seeds, data, encoder, weights, hashes, spec, device)

    def provenance(self) -> dict:
        return provenance(self.spec, self.device, self.hashes)

    def facts(self, code: str) -> dict:
        """Everything that decides what training leaves of a seed but its encoder's weights."""
        encoder = {} if self.encoder is None else {"encoder": self.encoder.model_dump()}
        return seed_facts(self.classifier, self.provenance(), self.spec, code) | encoder

    def encoder_hash(self, seed: int) -> str:
        """Of the seed's encoder weights; empty where there are none."""
        digest, s = hashlib.sha256(), self.seeds.index(seed)
        for _, tensor in sorted((self.weights or {}).items()):
            digest.update(np.ascontiguousarray(tensor[s].numpy()).tobytes())
        return digest.hexdigest() if self.weights else ""


def _encoder_weights(path: str, seeds: list[int]) -> dict[str, torch.Tensor]:
    """The encoder's tensors, the rows of `seeds` alone."""
    saved = read_tensor_metadata(path)["seeds"]
    rows = [saved.index(seed) for seed in seeds]
    return {
        name.removeprefix(ENCODER): torch.from_numpy(tensor[rows])
        for name, tensor in read_tensors(path).items()
        if name.startswith(ENCODER)
    }
