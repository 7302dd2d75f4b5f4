"""CIFAR-10's official binary archive: records of a label and an image, nothing to unpickle."""

import hashlib
import tarfile
from pathlib import Path

import numpy as np

from latent_atlas.config.datasets import CifarFile, DatasetConfig
from latent_atlas.datasets.images import UNREADABLE
from latent_atlas.errors import InputError

MOST_BYTES = 2**26
"""Of a file in the archive; its largest has 31 million."""
Split = tuple[np.ndarray, np.ndarray]


def read_cifar(path: Path, config: DatasetConfig) -> dict[str, Split]:
    """Split → (images uint8 [N,C,H,W], labels int64 [N]) in the order of the source's files.
    InputError for the first thing that is not as the data set's file says."""
    source = config.source
    wanted = {file.name for files in source.files.values() for file in files} | {source.class_names}
    payloads = _members(path, wanted)
    _check_classes(payloads[source.class_names], config)
    splits = {}
    for split, files in source.files.items():
        parts = [_records(payloads[file.name], file, config) for file in files]
        images, labels = zip(*parts, strict=True)
        splits[split] = (np.concatenate(images), np.concatenate(labels))
    return splits


def _members(path: Path, wanted: set[str]) -> dict[str, bytes]:
    try:
        with tarfile.open(path) as archive:
            members = [m for m in archive if m.name in wanted and m.size <= MOST_BYTES]
            found = {m.name: archive.extractfile(m).read() for m in members}
    except (*UNREADABLE, AttributeError) as error:
        raise InputError(f"truncated or damaged archive ({error})") from None
    for name in sorted(wanted - set(found)):
        raise InputError(f"holds no file {name} of at most {MOST_BYTES} bytes")
    return found


def _check_classes(names: bytes, config: DatasetConfig) -> None:
    found = names.decode("utf-8", "replace").split()
    if found != config.classes:
        raise InputError(
            f"{config.source.class_names} names the classes {', '.join(found)}; the data set's "
            f"file names {', '.join(config.classes)}"
        )


def _records(payload: bytes, file: CifarFile, config: DatasetConfig) -> Split:
    """Each record is a label byte and the image's bytes, channel by channel, row by row (Krizhevsky
    2009, https://www.cs.toronto.edu/~kriz/cifar.html)."""
    size = 1 + int(np.prod(config.shape))
    if not payload or len(payload) % size:
        raise InputError(f"{file.name} has {len(payload)} bytes, no whole number of {size}")
    records = np.frombuffer(payload, np.uint8).reshape(-1, size)
    labels = records[:, 0].astype(np.int64)
    wrong = np.flatnonzero(labels >= len(config.classes))
    if len(wrong):
        raise InputError(
            f"{file.name}: record {wrong[0]} has label {labels[wrong[0]]}, allowed 0 to "
            f"{len(config.classes) - 1}"
        )
    found = hashlib.sha256(payload).hexdigest()
    if found != file.sha256:
        raise InputError(f"{file.name}: SHA-256 is {found}, expected {file.sha256}")
    return records[:, 1:].reshape(-1, *config.shape), labels
