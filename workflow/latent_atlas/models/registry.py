"""Networks from their configuration."""

from collections.abc import Sequence
from importlib import import_module

import torch

from latent_atlas.config.networks import NETWORKS, Model, module_of
from latent_atlas.models.base import LatentModel


def build_model(
    config: Model, shape: Sequence[int], generators: Sequence[torch.Generator]
) -> LatentModel:
    """S stacked models for flat images of `shape` (channels, height, width), one generator a
    seed."""
    network = NETWORKS[config.family].partition(".")[2]
    return getattr(import_module(module_of(config.family)), network)(config, shape, generators)
