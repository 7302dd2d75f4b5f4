"""The embedded data set: scikit-learn's 1,797 handwritten digits, enlarged."""

import hashlib

import numpy as np

from latent_atlas.datasets.subset import stratified_rows
from latent_atlas.errors import InputError
from latent_atlas.streams import numpy_stream


def load_digits_split(
    shape: list[int], sizes: dict[str, int], sha256: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split → (images uint8 [N,1,H,W], labels int64 [N]); a stratified, seeded split of the
    1,797 8×8 digits of `sklearn.datasets.load_digits`, enlarged by linear interpolation."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.int64)
    found = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    if found != sha256:
        raise InputError(
            f"scikit-learn's digits have SHA-256 {found}, expected {sha256}: "
            "install the locked scikit-learn"
        )
    enlarged = enlarge(images / 16, shape[1:])
    train = stratified_rows(labels, sizes["train"], numpy_stream("digits", "split"))
    test = np.setdiff1d(np.arange(len(labels)), train)[: sizes["test"]]
    return {
        split: (enlarged[rows][:, None], labels[rows])
        for split, rows in (("train", train), ("test", test))
    }


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
