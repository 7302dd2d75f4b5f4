"""The families by name."""

from collections.abc import Sequence

import torch

from latent_atlas.config.experiments import Model
from latent_atlas.models.auto_decoder import AutoDecoder, VariationalAutoDecoder
from latent_atlas.models.base import LatentModel
from latent_atlas.models.conv import ConvAutoencoder, ConvVae
from latent_atlas.models.gan import Gan
from latent_atlas.models.image import ImageAutoencoder, ImageVae
from latent_atlas.models.mlp import MlpAutoencoder, MlpGan, MlpVae
from latent_atlas.models.pool import PoolVae

FAMILIES: dict[str, type[LatentModel]] = {
    "auto-decoder": AutoDecoder,
    "variational-auto-decoder": VariationalAutoDecoder,
    "mlp-autoencoder": MlpAutoencoder,
    "mlp-vae": MlpVae,
    "mlp-gan": MlpGan,
    "conv-autoencoder": ConvAutoencoder,
    "conv-vae": ConvVae,
    "image-autoencoder": ImageAutoencoder,
    "image-vae": ImageVae,
    "pool-vae": PoolVae,
    "gan": Gan,
}


def build_model(
    config: Model, shape: Sequence[int], generators: Sequence[torch.Generator]
) -> LatentModel:
    """S stacked models for flat images of `shape` (channels, height, width), one generator a
    seed."""
    return FAMILIES[config.family](config, shape, generators)
