"""A generative adversarial network."""

from collections.abc import Sequence

import torch
from torch import Tensor

from latent_atlas.config import networks as config
from latent_atlas.models.base import Adversarial
from latent_atlas.models.image import ImageEncoder, image_decoder
from latent_atlas.models.per_seed import PerSeed, Streams


class Gan(Adversarial):
    """The decoder and, as discriminator, the encoder of study C's networks."""

    def __init__(
        self, config: config.Gan, shape: Sequence[int], generators: Sequence[torch.Generator]
    ):
        super().__init__()
        self.latent = self.table_width = config.latent
        self.symmetric = config.pixel_range == "symmetric"
        self.decoder = image_decoder(config, shape, generators)
        self.discriminator = PerSeed(
            lambda: ImageEncoder(config.layout, shape, 1), config.initialisation, generators
        )

    def generate(self, z: Tensor) -> Tensor:
        """In (−1, 1)."""
        return torch.tanh(self.decoder(z))

    def seen(self, images: Tensor) -> Tensor:
        return 2 * images - 1 if self.symmetric else images

    def decode(self, z: Tensor, dropout: Streams = None) -> Tensor:
        """In [0, 1]; what a generator of unit range leaves below 0 is cut off."""
        images = self.generate(z)
        return (images + 1) / 2 if self.symmetric else images.clamp(min=0)
