"""Auto-decoders: no encoder, the code of every image is itself learned."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from latent_atlas.config import networks as config
from latent_atlas.models.base import LatentModel
from latent_atlas.models.layers import StackedLinear, StackedMLP
from latent_atlas.models.per_seed import Streams
from latent_atlas.models.posterior import soft_clamp


class AutoDecoder(LatentModel):
    """latent → hidden… → pixels, ReLU, sigmoid out; the table holds the code, N(0, I) at first."""

    def __init__(
        self,
        config: config.AutoDecoder,
        shape: Sequence[int],
        generators: Sequence[torch.Generator],
    ):
        super().__init__()
        self.latent = self.table_width = config.latent
        self.decoder = StackedMLP([config.latent, *config.hidden, math.prod(shape)], generators)

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, None]:
        return inputs, None

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        return torch.sigmoid(self.decoder(z))


class VariationalAutoDecoder(LatentModel):
    """An auto-decoder whose code is a distribution.

    heads: the table holds a vector of the latent's size, N(0, I) at first, and two linear heads
    shared by all images turn it into mean and log variance. free: the table holds mean, N(0, I)
    at first, and log variance, 0 at first. The log variance is clamped softly to ±10.
    """

    def __init__(
        self,
        config: config.VariationalAutoDecoder,
        shape: Sequence[int],
        generators: Sequence[torch.Generator],
    ):
        super().__init__()
        self.latent = config.latent
        self.posterior_kind = config.posterior
        self.heads = None
        self.table_width = 2 * config.latent
        if config.code == "heads":
            self.table_width = config.latent
            self.heads = StackedLinear(config.latent, 2 * config.latent, generators)
        self.decoder = StackedMLP([config.latent, *config.hidden, math.prod(shape)], generators)

    def initial_table(self, n: int, generators: Sequence[torch.Generator]) -> Tensor:
        table = super().initial_table(n, generators)
        if self.heads is None:
            table[..., self.latent :] = 0
        return table

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, Tensor]:
        parameters = inputs if self.heads is None else self.heads(inputs)
        mean, logvar = parameters.split(self.latent, dim=-1)
        return mean, soft_clamp(logvar)

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        return torch.sigmoid(self.decoder(z))
