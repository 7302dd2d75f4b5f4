"""How good a model's samples are, in the features of a classifier trained on its data set."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from latent_atlas.classification.features import Features
from latent_atlas.config.metrics import unit_of
from latent_atlas.datasets.splits import read_split
from latent_atlas.evaluation.paths import roughness
from latent_atlas.evaluation.samples import precision_recall_density_coverage
from latent_atlas.files import read_tensor_metadata, read_tensors
from latent_atlas.training.inputs import provenance

SAMPLED = ("random", "mixture")
PATHS = ("slerp", "linear", "random_linear")


def frechet_distance(real: np.ndarray, samples: np.ndarray) -> float:
    """Squared Fréchet distance of the Gaussians with the moments of features [N,D] and [M,D]
    (Dowson and Landau 1982); never below 0."""
    from torch_fidelity.metric_fid import (
        KEY_METRIC_FID,
        fid_features_to_statistics,
        fid_statistics_to_metric,
    )

    first, second = (fid_features_to_statistics(torch.from_numpy(f)) for f in (real, samples))
    return max(0.0, fid_statistics_to_metric(first, second, verbose=False)[KEY_METRIC_FID])


def kernel_distance(real: np.ndarray, samples: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy of features [N,D] and [N,D] under the kernel
    (x·y/D + 1)³ (Bińkowski et al. 2018); may fall below 0 where the laws are equal."""
    from torch_fidelity.metric_kid import kernel_mmd

    kernel = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_coef0": 1}
    return float(kernel_mmd(real, samples, kid_kernel_poly_gamma=None, **kernel))


def sample_quality(real: np.ndarray, samples: np.ndarray) -> dict[str, float]:
    """Every measure of features `samples` [N,D] against `real` [N,D]."""
    found = precision_recall_density_coverage(real, samples)
    return {
        "frechet": frechet_distance(real, samples),
        "kid": kernel_distance(real, samples),
        "precision": found["precision"],
        "recall": found["recall"],
        "feature_density": found["density"],
        "feature_coverage": found["coverage"],
    }


class Quality:
    """Measures the samples of every model of one data set.

    The first `samples` test images (all, where there are fewer) stand for the real ones; as many
    training images against them are the floor, and every model gives as many samples.
    """

    def __init__(self, features: Features, files: Mapping[str, str], samples: int):
        self.features = features
        self.hashes = {
            f"{split}_data": str(read_tensor_metadata(files[split])["sha256"])
            for split in ("train", "test")
        }
        (test, labels), (train, _) = (read_split(files[split]) for split in ("test", "train"))
        self.count = min(samples, len(test), len(train))
        self.real = features.of(self._flat(test))
        self.floor = sample_quality(self.real, features.of(self._flat(train)))
        found = features.classes(self._flat(test))
        self.floor["label_agreement"] = (found == labels[: self.count]).mean()

    def provenance(self, spec: dict) -> dict:
        """For the table's footer: the data, and the classifier by name and hash."""
        return provenance(spec, "cpu", self.hashes) | self.features.facts

    def _flat(self, images: np.ndarray) -> np.ndarray:
        return images[: self.count].reshape(self.count, -1)

    def frame(self, spec: Mapping, samples: list[str]) -> pd.DataFrame:
        """Tidy metrics of the experiments of `spec`, whose stored images are `samples`."""
        rows = []
        pairs = zip(spec["experiments"], samples, strict=True)
        for experiment, path in tqdm(list(pairs), desc="sample quality", mininterval=5):
            stored = read_tensors(path)
            for s, seed in enumerate(read_tensor_metadata(path)["seeds"]):
                for metric, value in self._measures(stored, s).items():
                    rows.append((experiment, seed, spec["dataset"]["id"], metric, value))
        frame = pd.DataFrame(rows, columns=["experiment", "seed", "dataset", "metric", "value"])
        units = frame.metric.map(unit_of) if len(frame) else []
        return frame.assign(split="test", unit=units, value=frame.value.astype(float))

    def _measures(self, stored: dict[str, np.ndarray], s: int) -> dict[str, float]:
        found = {f"real_{name}": value for name, value in self.floor.items()}
        found["quality_images"] = self.count
        for kind in SAMPLED:
            if f"{kind}_decodes" in stored:
                images = stored[f"{kind}_decodes"][s]
                if len(images) != self.count:
                    raise ValueError(f"{len(images)} {kind} samples, {self.count} real images")
                quality = sample_quality(self.real, self.features.of(images))
                found |= {f"{kind}_{name}": value for name, value in quality.items()}
        agreed = self.features.classes(stored["test_decodes"][s]) == stored["test_labels"][s]
        found["test_label_agreement"] = agreed.mean()
        for kind in PATHS:
            if kind in stored:
                rough = roughness(self._nested(stored[kind][s], self.features.of))
                found[f"{kind}_feature_roughness"] = rough.mean()
        for name, images in stored.items():
            if name.endswith("_bases"):
                number = name.removeprefix("walk_").removesuffix("_bases")
                found[f"walk_class_change/{number}"] = self._class_change(images[s])
            elif name.startswith("strongest_"):
                walked = name.removeprefix("strongest_")
                found[f"{walked}_class_change"] = self._class_change(images[s])
        return found

    def _nested(self, images: np.ndarray, function) -> np.ndarray:
        """[P,points,pixels] → [P,points,…]."""
        flat = function(images.reshape(-1, images.shape[-1]))
        return flat.reshape(*images.shape[:2], *flat.shape[1:])

    def _class_change(self, walks: np.ndarray) -> float:
        """Share of walks [M,points,pixels] along which the class found is not one and the same."""
        classes = self._nested(walks, self.features.classes)
        return float((classes != classes[:, :1]).any(1).mean())
