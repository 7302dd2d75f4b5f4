"""Study B's convolutional autoencoder and variational autoencoder, for 28×28 images."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from latent_atlas.config import networks as config
from latent_atlas.models.base import LatentModel
from latent_atlas.models.per_seed import PerSeed, Streams, drop
from latent_atlas.models.posterior import soft_clamp
from latent_atlas.models.strided import StridedConv2d, TransposedConv2d


class ConvEncoder(nn.Module):
    """[B,784] → convolutions 8×14×14, 16×7×7, 32×3×3 → 288 → 64 → [B,outputs] (table 1)."""

    def __init__(
        self, outputs: int, third_relu: bool, dropout: float = 0.0, latent_dropout: bool = False
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 4, stride=2, padding=1)
        self.conv2 = StridedConv2d(8, 16)
        self.conv3 = nn.Conv2d(16, 32, 3, stride=2)
        self.hidden = nn.Linear(288, 64)
        self.code = nn.Linear(64, outputs)
        self.third_relu = third_relu
        self.dropout = dropout
        self.latent_dropout = dropout if latent_dropout else 0.0

    def forward(self, x: Tensor, stream: torch.Generator | None = None) -> Tensor:
        x = torch.relu(self.conv1(x.view(-1, *config.CONV_SHAPE)))
        x = self.conv3(torch.relu(self.conv2(x)))
        if self.third_relu:
            x = torch.relu(x)
        x = drop(torch.relu(self.hidden(x.flatten(1))), self.dropout, stream)
        return drop(self.code(x), self.latent_dropout, stream)


class ConvDecoder(nn.Module):
    """[B,latent] → 64 → 288 → transposed convolutions 16×7×7, 8×14×14, 1×28×28 → [B,784]
    (table 2)."""

    def __init__(self, latent: int, dropout: float = 0.0):
        super().__init__()
        self.hidden1 = nn.Linear(latent, 64)
        self.hidden2 = nn.Linear(64, 288)
        self.conv1 = nn.ConvTranspose2d(32, 16, 3, stride=2)
        self.conv2 = TransposedConv2d(16, 8)
        self.conv3 = TransposedConv2d(8, 1)
        self.dropout = dropout

    def forward(self, z: Tensor, stream: torch.Generator | None = None) -> Tensor:
        z = drop(torch.relu(self.hidden1(z)), self.dropout, stream)
        z = drop(torch.relu(self.hidden2(z)), self.dropout, stream)
        x = torch.relu(self.conv1(z.view(-1, 32, 3, 3)))
        x = self.conv3(torch.relu(self.conv2(x)))
        return torch.sigmoid(x.flatten(1))


class ConvAutoencoder(LatentModel):
    """Its code is a point."""

    def __init__(
        self,
        config: config.ConvAutoencoder,
        shape: Sequence[int],
        generators: Sequence[torch.Generator],
    ):
        super().__init__()
        self.latent = config.latent
        how = config.initialisation
        self.encoder = PerSeed(lambda: autoencoder_encoder(config), how, generators)
        self.decoder = PerSeed(lambda: ConvDecoder(config.latent, config.dropout), how, generators)

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, None]:
        return self.encoder(inputs, dropout), None

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        return self.decoder(z, dropout)


class ConvVae(LatentModel):
    """Its code is Gaussian; the log variance is clamped softly to ±10."""

    def __init__(
        self, config: config.ConvVae, shape: Sequence[int], generators: Sequence[torch.Generator]
    ):
        super().__init__()
        self.latent = config.latent
        self.posterior_kind = "gaussian"
        outputs, how = 2 * config.latent, config.initialisation
        self.encoder = PerSeed(lambda: ConvEncoder(outputs, config.third_relu), how, generators)
        self.decoder = PerSeed(lambda: ConvDecoder(config.latent), how, generators)

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, Tensor]:
        mean, logvar = self.encoder(inputs).split(self.latent, dim=-1)
        return mean, soft_clamp(logvar)

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        return self.decoder(z)


def autoencoder_encoder(config: config.ConvAutoencoder) -> ConvEncoder:
    return ConvEncoder(config.latent, config.third_relu, config.dropout, config.latent_dropout)
