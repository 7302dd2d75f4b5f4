"""The classifier whose features measure how good samples are."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

DIMENSION = 64
LAYER = "hidden"


class FeatureNet(nn.Module):
    """Flat images [B,C·H·W] in [0, 1] → three 3×3 convolutions of stride 2 with 32, 64 and 128
    filters, batch norm and ReLU → 64 features with ReLU → [B,classes]. 28×28 images become
    32×14×14, 64×7×7, 128×4×4."""

    def __init__(self, shape: Sequence[int], classes: int):
        super().__init__()
        self.shape = tuple(shape)
        channels, height, width = shape
        widths = (channels, 32, 64, 128)
        layers = []
        for fan_in, fan_out in itertools.pairwise(widths):
            layers += [
                nn.Conv2d(fan_in, fan_out, 3, stride=2, padding=1),
                nn.BatchNorm2d(fan_out),
                nn.ReLU(),
            ]
            height, width = -(-height // 2), -(-width // 2)
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Linear(128 * height * width, DIMENSION)
        self.out = nn.Linear(DIMENSION, classes)

    def features(self, x: Tensor) -> Tensor:
        """[B,64]."""
        x = self.convolutions(x.view(-1, *self.shape))
        return torch.relu(self.hidden(x.flatten(1)))

    def forward(self, x: Tensor, stream: torch.Generator | None = None) -> Tensor:
        return self.out(self.features(x))
