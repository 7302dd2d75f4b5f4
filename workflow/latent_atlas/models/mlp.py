"""An autoencoder, a variational autoencoder and a GAN of fully connected layers."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from latent_atlas.config import networks as config
from latent_atlas.models.base import Adversarial, LatentModel
from latent_atlas.models.layers import StackedLinear, StackedMLP
from latent_atlas.models.per_seed import Streams


class MlpAutoencoder(LatentModel):
    """pixels → encoder_hidden… → code; latent → hidden… → pixels, sigmoid out."""

    def __init__(
        self,
        config: config.MlpAutoencoder,
        shape: Sequence[int],
        generators: Sequence[torch.Generator],
    ):
        super().__init__()
        self.latent, pixels = config.latent, math.prod(shape)
        self.encoder = StackedMLP([pixels, *config.encoder_hidden, config.latent], generators)
        self.decoder = StackedMLP([config.latent, *config.hidden, pixels], generators)

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, None]:
        return self.encoder(inputs), None

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        return torch.sigmoid(self.decoder(z))


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


class MlpGan(Adversarial):
    """latent → hidden… → pixels, sigmoid out; pixels → encoder_hidden… → logit of being real."""

    def __init__(
        self, config: config.MlpGan, shape: Sequence[int], generators: Sequence[torch.Generator]
    ):
        super().__init__()
        self.latent = self.table_width = config.latent
        pixels = math.prod(shape)
        self.decoder = StackedMLP([config.latent, *config.hidden, pixels], generators)
        self.discriminator = StackedMLP([pixels, *config.encoder_hidden, 1], generators)

    def generate(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(z))

    def seen(self, images: Tensor) -> Tensor:
        return images

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        return self.generate(z)
