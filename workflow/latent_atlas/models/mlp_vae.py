"""A variational autoencoder of fully connected layers."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from latent_atlas.config import experiments as config
from latent_atlas.models.base import LatentModel
from latent_atlas.models.layers import StackedLinear, StackedMLP
from latent_atlas.models.per_seed import Streams


class MlpVae(LatentModel):
    """pixels → encoder_hidden… → (mean, log variance); latent → hidden… → pixels, sigmoid out."""

    def __init__(
        self, config: config.MlpVae, shape: Sequence[int], generators: Sequence[torch.Generator]
    ):
        super().__init__()
        self.latent = config.latent
        self.posterior_kind = config.posterior
        self.encoder = StackedMLP([math.prod(shape), *config.encoder_hidden], generators)
        self.heads = StackedLinear(config.encoder_hidden[-1], 2 * config.latent, generators)
        self.decoder = StackedMLP([config.latent, *config.hidden, math.prod(shape)], generators)

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, Tensor]:
        mean, logvar = self.heads(torch.relu(self.encoder(inputs))).split(self.latent, dim=-1)
        return mean, logvar

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        return torch.sigmoid(self.decoder(z))
