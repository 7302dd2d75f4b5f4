"""One classifier a data set, whose features measure every model's samples there."""

import hashlib

import numpy as np
import torch
from torch import Tensor

from latent_atlas.classification.fit import Labelled, assess, fit
from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.datasets.splits import read_split
from latent_atlas.errors import InputError
from latent_atlas.files import read_tensor_metadata, read_tensors, write_tensors
from latent_atlas.models.features import DIMENSION, LAYER, FeatureNet
from latent_atlas.models.per_seed import initialised
from latent_atlas.streams import stream_seed
from latent_atlas.training.optimisers import build_optimiser

BATCH = 128
LEARNING_RATE = 1e-3
BLOCK = 200


def train_features(dataset: DatasetConfig, files: dict[str, str], steps: int, output: str) -> None:
    """Train on all training images of a data set for about `steps` batches of 128, by Adam and
    cross-entropy; save the weights with layer, dimension, test accuracy and their hash."""
    train, test = (labelled(files[split]) for split in ("train", "test"))
    stream = torch.Generator().manual_seed(stream_seed("features", dataset.id, "initialisation"))
    classes = len(dataset.classes)
    network = initialised(lambda: FeatureNet(dataset.shape, classes), "kaiming", stream)
    network = network.to(memory_format=torch.channels_last)
    optimiser = build_optimiser("adam", network.parameters(), LEARNING_RATE)
    epochs = max(1, round(steps * BATCH / len(train.labels)))
    fit(network, [optimiser], train, None, ("features", dataset.id), epochs, BATCH)
    _, accuracy = assess(network, test)
    weights = {name: tensor.contiguous().numpy() for name, tensor in network.state_dict().items()}
    digest = hashlib.sha256(b"".join(weights[name].tobytes() for name in sorted(weights)))
    write_tensors(
        output,
        weights,
        dataset=dataset.id,
        layer=LAYER,
        dimension=DIMENSION,
        epochs=epochs,
        accuracy_percent=round(accuracy, 2),
        weights_sha256=digest.hexdigest(),
    )


def labelled(path: str) -> Labelled:
    images, labels = read_split(path)
    return Labelled(
        torch.from_numpy(images.reshape(len(images), -1)), torch.from_numpy(labels.copy())
    )


class Features:
    """A trained feature classifier; `facts` are those saved with it."""

    def __init__(self, dataset: DatasetConfig, weights: str):
        self.facts = read_tensor_metadata(weights)
        self.network = FeatureNet(dataset.shape, len(dataset.classes))
        expected = {name: list(p.shape) for name, p in self.network.state_dict().items()}
        saved = read_tensors(weights)
        if {name: list(array.shape) for name, array in saved.items()} != expected:
            raise InputError(f"{weights}: not the classifier of {dataset.id}; delete it")
        self.network.load_state_dict({name: torch.from_numpy(a) for name, a in saved.items()})
        self.network.eval().requires_grad_(False)

    def of(self, images: np.ndarray) -> np.ndarray:
        """Features float64 [N,64] of flat uint8 images [N,pixels]."""
        return self._blocks(images, self.network.features)

    def classes(self, images: np.ndarray) -> np.ndarray:
        """Classes [N] of flat uint8 images [N,pixels]."""
        return self._blocks(images, self.network).argmax(1)

    def _blocks(self, images: np.ndarray, function) -> np.ndarray:
        parts: tuple[Tensor, ...] = torch.from_numpy(images).split(BLOCK)
        return torch.cat([function(part.float() / 255) for part in parts]).double().numpy()
