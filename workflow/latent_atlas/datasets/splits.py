"""Reading a split file."""

from pathlib import Path

import numpy as np

from latent_atlas.files import read_tensors


def read_split(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N,C,H,W] and labels int64 [N] of a split file."""
    tensors = read_tensors(path)
    return tensors["images"], tensors["labels"]
