"""Walks along single coordinates of a code, and what they change in the image."""

from collections.abc import Callable

import numpy as np

SPAN = 2.0
COORDINATES_AT_ONCE = 16
Decode = Callable[[np.ndarray], np.ndarray]


def image_properties(images: np.ndarray) -> dict[str, np.ndarray]:
    """Named properties [N,k] of images [N,C,H,W] in [0, 1].

    Ink is the grey level of a grey image, the distance from the mean colour of its border (over
    √C) in a colour image. ink_area is its mean; width √12 standard deviations of its columns over
    the image's width, which of a plain bar is the bar's width; mean_colour, of colour images
    alone, the mean of each channel.
    """
    channels, height, width = images.shape[1:]
    ink = images[:, 0]
    if channels > 1:
        edge = np.ones((height, width), bool)
        edge[1:-1, 1:-1] = False
        border = images[:, :, edge].mean(2)[:, :, None, None]
        ink = np.linalg.norm(images - border, axis=1) / np.sqrt(channels)
    columns = ink.sum(1)
    weight = columns / np.maximum(columns.sum(1, keepdims=True), 1e-12)
    place = np.arange(width) + 0.5
    centre = (weight * place).sum(1, keepdims=True)
    spread = np.sqrt((weight * (place - centre) ** 2).sum(1))
    found = {
        "ink_area": ink.mean((1, 2))[:, None],
        "width": np.sqrt(12) * spread[:, None] / width,
    }
    return found | ({"mean_colour": images.mean((2, 3))} if channels > 1 else {})


def coordinate_effects(
    decode: Decode, bases: np.ndarray, spreads: dict[str, np.ndarray], coordinates: np.ndarray
) -> dict[str, np.ndarray]:
    """Effect of coordinates [S,K] on each property, [S,K]: the norm of the property's mean change
    over `bases` [S,M,d] when the coordinate is set to +2 rather than −2, over `spreads` [S], the
    property's standard deviation among samples. `decode` maps [S,n,d] to images [S,n,C,H,W]."""
    seeds, count, latent = bases.shape
    effects: dict[str, list[np.ndarray]] = {name: [] for name in spreads}
    for start in range(0, coordinates.shape[1], COORDINATES_AT_ONCE):
        some = coordinates[:, start : start + COORDINATES_AT_ONCE]
        codes = np.tile(bases[:, None, None], (1, some.shape[1], 2, 1, 1))
        for (s, k), coordinate in np.ndenumerate(some):
            codes[s, k, 0, :, coordinate], codes[s, k, 1, :, coordinate] = -SPAN, SPAN
        images = decode(codes.reshape(seeds, -1, latent))
        properties = image_properties(images.reshape(-1, *images.shape[2:]))
        for name in spreads:
            values = properties[name]
            means = values.reshape(seeds, some.shape[1], 2, count, -1).mean(3)
            change = np.linalg.norm(means[:, :, 1] - means[:, :, 0], axis=-1)
            effects[name].append(change / spreads[name][:, None])
    return {name: np.concatenate(values, 1) for name, values in effects.items()}


def property_spreads(images: np.ndarray) -> dict[str, np.ndarray]:
    """Standard deviation of each property [S] among images [S,n,C,H,W]: the root of the variances'
    sum where it is a vector; at least 1e-6, so that a collapsed decoder has no effects."""
    properties = image_properties(images.reshape(-1, *images.shape[2:]))
    return {
        name: np.sqrt(values.reshape(*images.shape[:2], -1).var(1).sum(-1)).clip(1e-6)
        for name, values in properties.items()
    }


def coordinate_walk(bases: np.ndarray, coordinate: int, values: np.ndarray) -> np.ndarray:
    """Codes […,points,d]: `bases` […,d] with one coordinate set to each of `values` [points]."""
    codes = np.repeat(bases[..., None, :], len(values), -2)
    codes[..., coordinate] = values
    return codes
