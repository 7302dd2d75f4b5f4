"""Weights that were trained elsewhere."""

import torch

from latent_atlas.config.experiments import Experiment
from latent_atlas.errors import InputError
from latent_atlas.files import read_tensors
from latent_atlas.models.base import LatentModel


def load_pretrained(model: LatentModel, experiment: Experiment, seeds: list[int]) -> None:
    """Into a stack of the user's networks, for each seed those of its file. InputError where names
    or shapes are not the network's."""
    for network, seed in zip(model.of_seeds.networks, seeds, strict=True):
        path = experiment.pretrained[seed]
        found = {name: torch.from_numpy(array) for name, array in read_tensors(path).items()}
        wanted = network.state_dict()
        differing = sorted(
            name
            for name in found.keys() | wanted.keys()
            if name not in found or name not in wanted or found[name].shape != wanted[name].shape
        )
        if differing:
            raise InputError(
                f"{path}: does not fit {experiment.model.network} of {experiment.model.file}: "
                f"{', '.join(differing[:5])}; save its state_dict with safetensors"
            )
        network.load_state_dict(found)
