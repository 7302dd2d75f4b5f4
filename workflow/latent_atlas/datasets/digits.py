"""The embedded data sets: scikit-learn's 1,797 handwritten digits, enlarged, and the same in
colour over photographs."""

import hashlib
from pathlib import Path

import numpy as np

from latent_atlas.config.datasets import DigitsOnPhotographsSource
from latent_atlas.datasets.subset import stratified_rows
from latent_atlas.errors import InputError
from latent_atlas.files import sha256_file
from latent_atlas.streams import numpy_stream

Splits = dict[str, tuple[np.ndarray, np.ndarray]]


def load_digits_split(shape: list[int], sizes: dict[str, int], sha256: str) -> Splits:
    """Split → (images uint8 [N,1,H,W], labels int64 [N]); a stratified, seeded split of the
    1,797 8×8 digits of `sklearn.datasets.load_digits`, enlarged by linear interpolation."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.int64)
    found = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    _check("digits", found, sha256)
    enlarged = enlarge(images / 16, shape[1:])
    train = stratified_rows(labels, sizes["train"], numpy_stream("digits", "split"))
    test = np.setdiff1d(np.arange(len(labels)), train)[: sizes["test"]]
    return {
        split: (enlarged[rows][:, None], labels[rows])
        for split, rows in (("train", train), ("test", test))
    }


def load_digits_on_photographs(
    shape: list[int], sizes: dict[str, int], source: DigitsOnPhotographsSource
) -> Splits:
    """Split → (images uint8 [N,3,H,W], labels int64 [N]): the same digits, each blended with a
    random patch of scikit-learn's sample photographs by the absolute difference of the two, as
    MNIST-M is made (Ganin and Lempitsky 2015, §4.1)."""
    from sklearn.datasets import load_sample_images

    bunch = load_sample_images()
    for path in map(Path, bunch.filenames):
        _check(path.name, sha256_file(path), source.photographs[path.name])
    height, width = shape[1:]
    splits = {}
    for split, (digits, labels) in load_digits_split(shape, sizes, source.sha256).items():
        rng = numpy_stream("digits-m", split, height, width)
        blended = np.empty((len(digits), 3, height, width), np.uint8)
        for image, digit in zip(blended, digits.astype(np.int16), strict=True):
            photograph = bunch.images[rng.integers(len(bunch.images))]
            top = rng.integers(photograph.shape[0] - height + 1)
            left = rng.integers(photograph.shape[1] - width + 1)
            patch = photograph[top : top + height, left : left + width].transpose(2, 0, 1)
            image[:] = np.abs(patch - digit)
        splits[split] = (blended, labels)
    return splits


def _check(name: str, found: str, expected: str) -> None:
    if found != expected:
        raise InputError(
            f"scikit-learn's {name} has SHA-256 {found}, expected {expected}: "
            "install the locked scikit-learn"
        )


def enlarge(images: np.ndarray, size: list[int]) -> np.ndarray:
    """[N,h,w] in [0, 1] → uint8 [N,*size] by linear interpolation between pixel centres."""
    rows = _interpolation(images.shape[1], size[0])
    columns = _interpolation(images.shape[2], size[1])
    return np.rint(np.einsum("ih,nhw,jw->nij", rows, images, columns) * 255).astype(np.uint8)


def _interpolation(old: int, new: int) -> np.ndarray:
    """[new, old] weights; rows sum to 1."""
    centres = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    lower = np.minimum(centres.astype(int), old - 2)
    weights = np.zeros((new, old))
    weights[np.arange(new), lower] = 1 - (centres - lower)
    weights[np.arange(new), lower + 1] = centres - lower
    return weights
