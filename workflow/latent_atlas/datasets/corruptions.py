"""Named ways to spoil images, each seeded and with a severity."""

from typing import Literal

import numpy as np

Shape = Literal["square", "bar", "column"]
Place = Literal["centre", "random"]


def gaussian_noise(
    images: np.ndarray, rng: np.random.Generator, scale: float, clip: bool = True
) -> np.ndarray:
    """x + scale · N(0, 1) for images [N,C,H,W] in [0, 1]; back into [0, 1] where `clip`."""
    noisy = images + scale * rng.standard_normal(images.shape, dtype=np.float32)
    return noisy.clip(0, 1) if clip else noisy


def flipped_pixels(images: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """x → 1 − x in `share` of the pixels of each image [N,C,H,W], all channels of a pixel alike;
    the same number in each image, at places drawn anew."""
    n, _, height, width = images.shape
    order = rng.random((n, height * width)).argsort(1)
    flip = (order < round(share * height * width)).reshape(n, 1, height, width)
    return np.where(flip, 1 - images, images)


def occluded(
    images: np.ndarray, rng: np.random.Generator, shape: Shape, share: float, place: Place
) -> np.ndarray:
    """Black over about `share` of the area of each image [N,C,H,W], to the nearest whole pixel: a
    square, a bar across the whole width, or a column of the whole height; in the middle, or where
    the generator puts it."""
    n, _, height, width = images.shape
    tall = height if shape == "column" else _side(height, share, shape)
    wide = width if shape == "bar" else _side(width, share, shape)
    top, left = (
        np.full(n, free // 2) if place == "centre" else rng.integers(0, free + 1, n)
        for free in (height - tall, width - wide)
    )
    rows, columns = np.arange(height), np.arange(width)
    down = (rows >= top[:, None]) & (rows < top[:, None] + tall)
    across = (columns >= left[:, None]) & (columns < left[:, None] + wide)
    return np.where((down[:, :, None] & across[:, None, :])[:, None], 0, images)


def _side(length: int, share: float, shape: Shape) -> int:
    return round(length * (share**0.5 if shape == "square" else share))
