"""Study E's convolutional variational autoencoder with max-pooling."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from latent_atlas.config import networks as config
from latent_atlas.models.base import LatentModel
from latent_atlas.models.per_seed import PerSeed
from latent_atlas.models.posterior import soft_clamp


class PoolEncoder(nn.Module):
    """Flat images [B,C·H·W] → 3×3 convolutions without padding, each with ReLU and 2×2
    max-pooling → linear layers with ReLU → [B,outputs].

    Of 28×28 images, 32 and 64 filters leave 32×13×13 and 64×5×5 → 1600; of 32×32 images 32×15×15
    and 64×6×6 → 2304, with 128 filters 4608.
    """

    def __init__(self, network: config.PoolVae, shape: Sequence[int]):
        super().__init__()
        self.shape = tuple(shape)
        channels = [shape[0], *network.convolutions]
        pairs = itertools.pairwise(channels)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in pairs)
        height, width = (network.sides(side)[-1][1] for side in shape[1:])
        widths = [channels[-1] * height * width, *network.hidden, 2 * network.latent]
        self.linear = _linear(widths)

    def forward(self, x: Tensor, stream: torch.Generator | None = None) -> Tensor:
        x = x.view(-1, *self.shape)
        for convolution in self.convolutions:
            x = functional.max_pool2d(torch.relu(convolution(x)), 2)
        return self.linear(x.flatten(1))


class PoolDecoder(nn.Module):
    """Codes [B,latent] → flat images [B,C·H·W] before their last non-linearity: the encoder in
    reverse, nearest upsampling to each size before pooling, then a transposed 3×3 convolution."""

    def __init__(self, network: config.PoolVae, shape: Sequence[int]):
        super().__init__()
        sizes = [network.sides(side) for side in shape[1:]]
        self.raised = [tuple(size[i][0] for size in sizes) for i in range(len(sizes[0]))][::-1]
        self.start = (network.convolutions[-1], *(size[-1][1] for size in sizes))
        start = self.start[0] * self.start[1] * self.start[2]
        self.linear = _linear([network.latent, *network.hidden[::-1], start])
        channels = [*network.convolutions[::-1], shape[0]]
        pairs = itertools.pairwise(channels)
        self.convolutions = nn.ModuleList(nn.ConvTranspose2d(a, b, 3) for a, b in pairs)

    def forward(self, z: Tensor, stream: torch.Generator | None = None) -> Tensor:
        x = self.linear(z).view(-1, *self.start)
        for size, convolution in zip(self.raised, self.convolutions, strict=True):
            x = convolution(functional.interpolate(torch.relu(x), size=size))
        return x.flatten(1)


def _linear(widths: list[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class PoolVae(LatentModel):
    """Its code is Gaussian; the log variance is clamped softly to ±10; grey levels by a sigmoid."""

    def __init__(
        self, config: config.PoolVae, shape: Sequence[int], generators: Sequence[torch.Generator]
    ):
        super().__init__()
        self.latent, how = config.latent, config.initialisation
        self.posterior_kind = "gaussian"
        self.encoder = PerSeed(lambda: PoolEncoder(config, shape), how, generators)
        self.decoder = PerSeed(lambda: PoolDecoder(config, shape), how, generators)

    def posterior(self, inputs: Tensor, dropout=None) -> tuple[Tensor, Tensor]:
        mean, logvar = self.encoder(inputs).split(self.latent, dim=-1)
        return mean, soft_clamp(logvar)

    def decode(self, z: Tensor, dropout=None) -> Tensor:
        return torch.sigmoid(self.decoder(z))
