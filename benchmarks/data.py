"""Files to tensors, codes to a map: the project's way and the usual ones. Every function prepares a
case and returns its warm-up and what is to be timed."""

import io
import struct
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.cases import DATA, made_up
from benchmarks.ours import Work

IDX_IMAGES, FOLDER_IMAGES, CODES = (DATA[name].amount for name in ("idx", "folder", "tsne"))
SIDE = 64
DIMENSIONS = 16

Prepared = tuple[Work, Work]


def _twice(work: Callable[[object], object], small: object, whole: object) -> Prepared:
    return partial(work, small), partial(work, whole)


def idx_payload(n: int) -> bytes:
    return struct.pack(">4I", 2051, n, 28, 28) + made_up(n).tobytes()


def idx_ours() -> Prepared:
    """A checked view of the payload, then one copy."""
    from latent_atlas.datasets.idx import parse_idx

    def read(payload: bytes) -> torch.Tensor:
        return torch.from_numpy(parse_idx(payload, "images").copy())

    return _twice(read, idx_payload(100), idx_payload(IDX_IMAGES))


def idx_torchvision() -> Prepared:
    """torchvision's reader, from a file as it wants it."""
    from torchvision.datasets.mnist import read_image_file

    folder = Path(tempfile.mkdtemp())
    for name, n in (("small", 100), ("whole", IDX_IMAGES)):
        (folder / name).write_bytes(idx_payload(n))
    return _twice(read_image_file, str(folder / "small"), str(folder / "whole"))


def idx_pixels() -> Prepared:
    """Image by image with struct, as loaders written by hand do."""

    def read(payload: bytes) -> torch.Tensor:
        n, height, width = struct.unpack(">3I", payload[4:16])
        size = height * width
        images = [
            struct.unpack(f"{size}B", payload[16 + i * size : 16 + (i + 1) * size])
            for i in range(n)
        ]
        return torch.tensor(images, dtype=torch.uint8).view(n, height, width)

    return _twice(read, idx_payload(100), idx_payload(IDX_IMAGES))


def jpegs(n: int) -> Path:
    """A folder of two classes, 64×64 in colour."""
    root = Path(tempfile.mkdtemp())
    rng = np.random.default_rng(0)
    for i in range(n):
        low = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        data = io.BytesIO()
        low.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
        path = root / ("even" if i % 2 == 0 else "odd") / f"{i:05}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data.getvalue())
    return root


def folder_ours() -> Prepared:
    """The decoder of `datasets.images`, which also turns, flattens and crops what needs it."""
    from latent_atlas.datasets.images import decode_image

    def read(root: Path) -> torch.Tensor:
        files = sorted(root.rglob("*.jpg"))
        shape = [3, SIDE, SIDE]
        return torch.from_numpy(
            np.stack([decode_image(f.read_bytes(), f.name, shape) for f in files])
        )

    return _twice(read, jpegs(100), jpegs(FOLDER_IMAGES))


def folder_torchvision(workers: int) -> Prepared:
    """torchvision's ImageFolder, ToTensor and a DataLoader, every batch kept."""
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import ToTensor

    def read(root: Path) -> torch.Tensor:
        loader = DataLoader(ImageFolder(str(root), ToTensor()), 256, num_workers=workers)
        return torch.cat([images for images, _ in loader])

    return _twice(read, jpegs(100), jpegs(FOLDER_IMAGES))


def _codes(n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, DIMENSIONS)) * 3
    return (centres[rng.integers(0, 10, n)] + rng.normal(size=(n, DIMENSIONS))).astype(np.float32)


def tsne_sklearn() -> Prepared:
    """As the project's maps are made, on one thread."""
    from sklearn.manifold import TSNE

    def place(codes: np.ndarray) -> np.ndarray:
        return TSNE(perplexity=30, random_state=0, n_jobs=1).fit_transform(codes)

    return _twice(place, _codes(100), _codes(CODES))


def tsne_opentsne() -> Prepared:
    """openTSNE with its defaults, on one thread."""
    from openTSNE import TSNE

    def place(codes: np.ndarray) -> np.ndarray:
        return np.asarray(TSNE(perplexity=30, random_state=0, n_jobs=1).fit(codes))

    return _twice(place, _codes(100), _codes(CODES))


WAYS: dict[str, dict[str, Callable[[], Prepared]]] = {
    "idx": {
        "ours": idx_ours,
        "torchvision": idx_torchvision,
        "image by image with struct": idx_pixels,
    },
    "folder": {
        "ours": folder_ours,
        "torchvision": partial(folder_torchvision, 0),
        "torchvision, 2 workers": partial(folder_torchvision, 2),
    },
    "tsne": {"ours (scikit-learn)": tsne_sklearn, "openTSNE": tsne_opentsne},
}
