"""The studies' networks as one writes them by hand, for the rivals; of equal size to the project's,
which `rivals.py` checks."""

import itertools
import math

from torch import Tensor, nn

from latent_atlas.config.experiments import Experiment
from latent_atlas.config.networks import ConvAutoencoder, MlpVae


def mlp(widths: list[int]) -> list[nn.Module]:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return layers[:-1]


def auto_decoder(experiment: Experiment) -> nn.Sequential:
    """[B,latent] → [B,784]."""
    model = experiment.model
    return nn.Sequential(*mlp([model.latent, *model.hidden, 784]), nn.Sigmoid())


def conv_encoder(model: ConvAutoencoder) -> nn.Sequential:
    """[B,1,28,28] → [B,latent]."""
    third = [nn.ReLU()] if model.third_relu else []
    dropped = nn.Dropout(model.dropout)
    return nn.Sequential(
        nn.Conv2d(1, 8, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2),
        *third,
        nn.Flatten(),
        nn.Linear(288, 64),
        nn.ReLU(),
        dropped,
        nn.Linear(64, model.latent),
        *([dropped] if model.latent_dropout else []),
    )


def conv_decoder(model: ConvAutoencoder) -> nn.Sequential:
    """[B,latent] → [B,1,28,28]."""
    return nn.Sequential(
        nn.Linear(model.latent, 64),
        nn.ReLU(),
        nn.Dropout(model.dropout),
        nn.Linear(64, 288),
        nn.ReLU(),
        nn.Dropout(model.dropout),
        nn.Unflatten(1, (32, 3, 3)),
        nn.ConvTranspose2d(32, 16, 3, stride=2),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
        nn.Sigmoid(),
    )


class GaussianEncoder(nn.Module):
    """[B,1,28,28] → mean and log variance, each [B,latent]."""

    def __init__(self, model: MlpVae):
        super().__init__()
        widths = [784, *model.encoder_hidden]
        self.body = nn.Sequential(nn.Flatten(), *mlp(widths), nn.ReLU())
        self.mean = nn.Linear(widths[-1], model.latent)
        self.logvar = nn.Linear(widths[-1], model.latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.body(x)
        return self.mean(hidden), self.logvar(hidden)


def mlp_decoder(model: MlpVae) -> nn.Sequential:
    """[B,latent] → [B,1,28,28]."""
    layers = mlp([model.latent, *model.hidden, math.prod((1, 28, 28))])
    return nn.Sequential(*layers, nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)))
