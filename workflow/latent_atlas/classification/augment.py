"""The augmentation of study B's convolutional baseline."""

import torch
from torch import Tensor

DEGREES = 20.0


def rotate_and_mirror(images: Tensor, stream: torch.Generator) -> Tensor:
    """uint8 [B,C,H,W] → the same shape, type and range: each image rotated by its own angle,
    uniform in ±20°, nearest pixel, black where nothing was, then the batch mirrored left to
    right."""
    from torchvision.transforms.v2 import functional

    angles = (torch.rand(len(images), generator=stream) * 2 - 1) * DEGREES
    rotated = [functional.rotate(i, a) for i, a in zip(images, angles.tolist(), strict=True)]
    return functional.horizontal_flip(torch.stack(rotated))
