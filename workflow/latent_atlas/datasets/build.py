"""A data set's source → its two split files."""

import hashlib
from pathlib import Path

import numpy as np

from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.datasets.digits import load_digits_split
from latent_atlas.datasets.fetch import fetch_idx
from latent_atlas.datasets.idx import parse_idx
from latent_atlas.errors import InputError
from latent_atlas.files import write_tensors

Splits = dict[str, tuple[np.ndarray, np.ndarray]]


def build_dataset(
    config: DatasetConfig, mirror: str | None, downloads: Path, outputs: dict[str, Path]
) -> None:
    """Fetch, check and write `{split}.safetensors` (images uint8 [N,C,H,W], labels int64 [N])."""
    where = f"config/datasets/{config.id}.yaml"
    if config.source.kind == "idx":
        splits = _idx_splits(fetch_idx(config.source, mirror, downloads, where), config)
    else:
        splits = load_digits_split(config.shape, config.sizes, config.source.sha256)
    for split, (images, labels) in splits.items():
        check_split(images, labels, config, split)
    for split, (images, labels) in splits.items():
        digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
        write_tensors(
            outputs[split],
            {"images": images, "labels": labels},
            classes=config.classes,
            source=config.source.kind,
            dataset=config.id,
            sha256=digest,
        )


def _idx_splits(payloads: dict[str, bytes], config: DatasetConfig) -> Splits:
    """idx images are [N,H,W]; a channel axis is put in front of H."""
    arrays = {
        role: parse_idx(payload, getattr(config.source.files, role).name)
        for role, payload in payloads.items()
    }
    return {
        split: (arrays[f"{split}_images"][:, None], arrays[f"{split}_labels"].astype(np.int64))
        for split in ("train", "test")
    }


def check_split(images: np.ndarray, labels: np.ndarray, config: DatasetConfig, split: str) -> None:
    """Shapes, counts and label range against the data set's file; InputError where they differ."""
    where = f"{config.id}, {split} split"
    if list(images.shape[1:]) != config.shape:
        raise InputError(
            f"{where}: images are {' × '.join(map(str, images.shape[1:]))}, "
            f"the data set's file says {' × '.join(map(str, config.shape))}"
        )
    if len(images) != len(labels):
        raise InputError(f"{where}: {len(images)} images but {len(labels)} labels")
    if len(images) != config.sizes[split]:
        raise InputError(
            f"{where}: {len(images)} images, the data set's file says {config.sizes[split]}"
        )
    if labels.min() < 0 or labels.max() >= len(config.classes):
        row = int(np.flatnonzero((labels < 0) | (labels >= len(config.classes)))[0])
        raise InputError(
            f"{where}: row {row} has label {labels[row]}, allowed 0 to {len(config.classes) - 1}"
        )
