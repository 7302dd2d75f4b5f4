"""A data set's source → its two split files."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from latent_atlas.config.datasets import DatasetConfig
from latent_atlas.datasets.arrays import read_arrays
from latent_atlas.datasets.cifar import read_cifar
from latent_atlas.datasets.digits import Splits, load_digits_on_photographs, load_digits_split
from latent_atlas.datasets.fetch import fetch_archive, fetch_cifar, fetch_idx
from latent_atlas.datasets.idx import parse_idx
from latent_atlas.datasets.images import read_image_folder
from latent_atlas.errors import InputError
from latent_atlas.files import write_tensors
from latent_atlas.streams import numpy_stream


def build_dataset(
    config: DatasetConfig, mirror: str | None, downloads: Path, outputs: dict[str, Path]
) -> None:
    """Fetch, check and write `{split}.safetensors` (images uint8 [N,C,H,W], labels int64 [N])."""
    splits = _read(config, mirror, downloads)
    for split, (images, labels) in splits.items():
        check_split(images, labels, config, split)
    for split, (images, labels) in splits.items():
        digest = hashlib.sha256(np.ascontiguousarray(images).data)
        digest.update(np.ascontiguousarray(labels).data)
        write_tensors(
            outputs[split],
            {"images": images, "labels": labels},
            classes=config.classes,
            source=config.source.kind,
            dataset=config.id,
            sha256=digest.hexdigest(),
        )


def _read(config: DatasetConfig, mirror: str | None, downloads: Path) -> Splits:
    source, where = config.source, f"config/datasets/{config.id}.yaml"
    match source.kind:
        case "idx":
            return _idx_splits(fetch_idx(source, mirror, downloads, where), config)
        case "digits":
            return load_digits_split(config.shape, config.sizes, source.sha256)
        case "digits-m":
            return load_digits_on_photographs(config.shape, config.sizes, source)
        case "cifar-binary":
            return fetch_cifar(source, mirror, downloads, where, partial(read_cifar, config=config))
        case "image-folder":
            path = Path(source.path).expanduser() if source.path else None
            path = path or fetch_archive(source, mirror, downloads, where)
            return _mixed(_labelled(read_image_folder(path, config)), config)
    return _mixed(read_arrays(config), config) if source.test is None else read_arrays(config)


def _labelled(found: dict[str, dict[str, list[np.ndarray]]]) -> Splits:
    """Split → images, and labels by the order of the classes."""
    return {
        split: (
            np.stack([image for images in classes.values() for image in images]),
            np.repeat(np.arange(len(classes)), [len(images) for images in classes.values()]),
        )
        for split, classes in found.items()
    }


def _mixed(splits: Splits, config: DatasetConfig) -> Splits:
    """Each split in a seeded random order, so that its first images are of all classes; where
    there is one split "all", the test share of each class is held out of it."""
    if "all" in splits:
        images, labels = splits["all"]
        held = _held_out(labels, config)
        splits = {
            split: (images[rows], labels[rows])
            for split, rows in (("train", ~held), ("test", held))
        }
    mixed = {}
    for split, (images, labels) in splits.items():
        order = numpy_stream(config.id, split, "order").permutation(len(labels))
        mixed[split] = (images[order], labels[order])
    return mixed


def _held_out(labels: np.ndarray, config: DatasetConfig) -> np.ndarray:
    """Whether each image [N] is for testing; at least one of each class on either side."""
    held = np.zeros(len(labels), bool)
    rng = numpy_stream(config.id, "test share")
    for number in np.unique(labels):
        rows = np.flatnonzero(labels == number)
        if len(rows) < 2:
            name = config.classes[number] if number < len(config.classes) else number
            raise InputError(
                f"{config.source.path}: class {name!r} has one image; two are needed to test on one"
            )
        count = min(max(1, round(config.source.test_share * len(rows))), len(rows) - 1)
        held[rng.permutation(rows)[:count]] = True
    return held


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
    if labels.ndim != 1:
        raise InputError(f"{where}: labels are {labels.shape}, one number an image is needed")
    if len(images) != len(labels):
        raise InputError(f"{where}: {len(images)} images but {len(labels)} labels")
    if len(images) != config.sizes[split]:
        raise InputError(
            f"{where}: {len(images)} images, the data set's file says {config.sizes[split]}; "
            f"write sizes.{split}: {len(images)} there if that is right"
        )
    if labels.min() < 0 or labels.max() >= len(config.classes):
        row = int(np.flatnonzero((labels < 0) | (labels >= len(config.classes)))[0])
        raise InputError(
            f"{where}: row {row} has label {labels[row]}, allowed 0 to {len(config.classes) - 1}"
        )
