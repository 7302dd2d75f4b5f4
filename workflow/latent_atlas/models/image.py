"""Study C's convolutional autoencoder and variational autoencoder."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from latent_atlas.config import networks as config
from latent_atlas.models.base import LatentModel
from latent_atlas.models.per_seed import PerSeed, Streams
from latent_atlas.models.posterior import soft_clamp


@dataclass(frozen=True)
class Layout:
    """`down` lists (filters, kernel, stride) of the encoder's convolutions, which `hidden` units
    with ReLU follow where there are any; the decoder starts with `start` filters at 1/`shrink` of
    the image's size, goes `up` by transposed convolutions (filters, kernel) of stride 2 and ends,
    where the last of these does not, in a 3×3 convolution to the image's channels."""

    down: tuple[tuple[int, int, int], ...]
    shrink: int
    start: int
    up: tuple[tuple[int, int], ...]
    hidden: int = 0


LAYOUTS = {
    "one-stride": Layout(((32, 3, 1), (64, 3, 2), (64, 3, 1), (64, 3, 1)), 2, 64, ((32, 3),)),
    "two-stride": Layout(((32, 3, 2), (64, 3, 2)), 4, 64, ((64, 3), (32, 3)), hidden=16),
    "five-stride": Layout(((128, 3, 2),) * 5, 16, 128, ((128, 3),) * 4),
    "four-stride": Layout(
        ((32, 4, 2), (64, 4, 2), (128, 4, 2), (256, 4, 2)), 16, 256, ((128, 4), (64, 4), (32, 4))
    ),
}


class ImageEncoder(nn.Module):
    """Flat images [B,C·H·W] → [B,outputs], ReLU after every convolution.

    one-stride, 28×28: 32×28×28, 64×14×14, 64×14×14, 64×14×14 → 12544. two-stride, 28×28: 32×14×14,
    64×7×7 → 3136 → 16. five-stride, 64×64: 128×32×32, 128×16×16, 128×8×8, 128×4×4, 128×2×2 → 512.
    four-stride, 64×64: 32×32×32, 64×16×16, 128×8×8, 256×4×4 → 4096.
    """

    def __init__(self, layout: str, shape: Sequence[int], outputs: int):
        super().__init__()
        self.shape = tuple(shape)
        channels, height, width = shape
        convolutions = []
        for filters, kernel, stride in LAYOUTS[layout].down:
            convolutions.append(nn.Conv2d(channels, filters, kernel, stride, padding=1))
            channels = filters
            height, width = (_strided(size, kernel, stride) for size in (height, width))
        self.convolutions = nn.ModuleList(convolutions)
        flat, hidden = channels * height * width, LAYOUTS[layout].hidden
        self.hidden = nn.Linear(flat, hidden) if hidden else None
        self.out = nn.Linear(hidden or flat, outputs)

    def forward(self, x: Tensor, stream: torch.Generator | None = None) -> Tensor:
        x = x.view(-1, *self.shape)
        *first, last = self.convolutions
        for convolution in first:
            x = torch.relu(convolution(x))
        x = torch.relu(last(x).flatten(1))
        return self.out(torch.relu(self.hidden(x)) if self.hidden else x)


class ImageDecoder(nn.Module):
    """Codes [B,latent] → flat images [B,C·H·W] before their last non-linearity, ReLU before that.

    one-stride, 28×28: 64×14×14, 32×28×28 → C×28×28. two-stride, 28×28: 64×7×7, 64×14×14, 32×28×28 →
    C×28×28. five-stride, 64×64: 128×4×4, 128×8×8,
    128×16×16, 128×32×32, 128×64×64 → C×64×64. four-stride, 64×64: 256×4×4, 128×8×8, 64×16×16,
    32×32×32 → C×64×64.
    """

    def __init__(self, layout: str, shape: Sequence[int], latent: int):
        super().__init__()
        chosen = LAYOUTS[layout]
        channels, height, width = shape
        self.start = (chosen.start, height // chosen.shrink, width // chosen.shrink)
        self.dense = nn.Linear(latent, self.start[0] * self.start[1] * self.start[2])
        filters, raised = chosen.start, []
        for more, kernel in chosen.up:
            raised.append(_doubling(filters, more, kernel))
            filters = more
        if 2 ** len(chosen.up) == chosen.shrink:
            raised.append(nn.Conv2d(filters, channels, 3, padding=1))
        else:
            raised.append(_doubling(filters, channels, 4))
        self.convolutions = nn.ModuleList(raised)

    def forward(self, z: Tensor, stream: torch.Generator | None = None) -> Tensor:
        x = self.dense(z).view(-1, *self.start).contiguous(memory_format=torch.channels_last)
        for convolution in self.convolutions:
            x = convolution(torch.relu(x))
        return x.flatten(1)


def _strided(size: int, kernel: int, stride: int) -> int:
    return (size + 2 - kernel) // stride + 1


def _doubling(filters: int, more: int, kernel: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(filters, more, kernel, 2, padding=1, output_padding=4 - kernel)


class SigmoidHeads(nn.Module):
    """An encoder, a sigmoid, and two linear heads, here one of twice the size."""

    def __init__(self, encoder: ImageEncoder, outputs: int):
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Linear(outputs, outputs)

    def forward(self, x: Tensor, stream: torch.Generator | None = None) -> Tensor:
        return self.heads(torch.sigmoid(self.encoder(x)))


class ImageAutoencoder(LatentModel):
    """Its code is a point; grey levels by a sigmoid."""

    def __init__(
        self,
        config: config.ImageAutoencoder,
        shape: Sequence[int],
        generators: Sequence[torch.Generator],
    ):
        super().__init__()
        self.latent, self.sigmoid_code = config.latent, config.sigmoid_code
        self.encoder = PerSeed(
            lambda: ImageEncoder(config.layout, shape, config.latent),
            config.initialisation,
            generators,
        )
        self.decoder = image_decoder(config, shape, generators)

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, None]:
        code = self.encoder(inputs)
        return torch.sigmoid(code) if self.sigmoid_code else code, None

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        return torch.sigmoid(self.decoder(z))


class ImageVae(LatentModel):
    """Its code is Gaussian; the log variance is clamped softly to ±10; grey levels by a sigmoid."""

    def __init__(
        self, config: config.ImageVae, shape: Sequence[int], generators: Sequence[torch.Generator]
    ):
        super().__init__()
        self.latent, outputs = config.latent, 2 * config.latent
        self.posterior_kind = "gaussian"

        def build() -> nn.Module:
            encoder = ImageEncoder(config.layout, shape, outputs)
            return SigmoidHeads(encoder, outputs) if config.sigmoid_heads else encoder

        self.encoder = PerSeed(build, config.initialisation, generators)
        self.decoder = image_decoder(config, shape, generators)

    def posterior(self, inputs: Tensor, dropout: Streams = None) -> tuple[Tensor, Tensor]:
        mean, logvar = self.encoder(inputs).split(self.latent, dim=-1)
        return mean, soft_clamp(logvar)

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        return torch.sigmoid(self.decoder(z))


def image_decoder(
    config: config.ImageNetwork, shape: Sequence[int], generators: Sequence[torch.Generator]
) -> PerSeed:
    return PerSeed(
        lambda: ImageDecoder(config.layout, shape, config.latent),
        config.initialisation,
        generators,
    )
