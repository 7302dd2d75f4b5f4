"""Study B's classifiers, for 28×28 images; one network a seed."""

import torch
from torch import Tensor, nn

from latent_atlas.config import classifiers as config
from latent_atlas.config.networks import CONV_SHAPE
from latent_atlas.models.conv import ConvEncoder
from latent_atlas.models.per_seed import drop


class HeadNetwork(nn.Module):
    """[B,latent] → hidden_1 → hidden_2 → [B,classes] (table 3)."""

    def __init__(self, latent: int, config: config.Head, classes: int):
        super().__init__()
        self.hidden1 = nn.Linear(latent, config.hidden_1)
        self.hidden2 = nn.Linear(config.hidden_1, config.hidden_2)
        self.out = nn.Linear(config.hidden_2, classes)
        self.dropout = config.dropout

    def forward(self, z: Tensor, stream: torch.Generator | None = None) -> Tensor:
        z = drop(torch.relu(self.hidden1(z)), self.dropout, stream)
        z = drop(torch.relu(self.hidden2(z)), self.dropout, stream)
        return self.out(z)


class EncoderWithHead(nn.Module):
    """Images [B,784] → logits [B,classes]. A frozen encoder drops no units."""

    def __init__(self, encoder: ConvEncoder, head: HeadNetwork, frozen: bool):
        super().__init__()
        self.encoder, self.head, self.frozen = encoder, head, frozen
        self.encoder.requires_grad_(not frozen)

    def forward(self, x: Tensor, stream: torch.Generator | None = None) -> Tensor:
        return self.head(self.encoder(x, None if self.frozen else stream), stream)


class Cnn(nn.Module):
    """Images [B,784] → 3×3 convolutions 32×28×28, 64×28×28, pooled to 64×14×14, 64×12×12, pooled
    to 64×6×6, each with batch norm and ReLU → 2304 → 784 → 128 → [B,classes]."""

    def __init__(self, classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.norm1 = nn.BatchNorm2d(32)
        self.norm2 = nn.BatchNorm2d(64)
        self.norm3 = nn.BatchNorm2d(64)
        self.hidden1 = nn.Linear(2304, 784)
        self.hidden2 = nn.Linear(784, 128)
        self.out = nn.Linear(128, classes)

    def forward(self, x: Tensor, stream: torch.Generator | None = None) -> Tensor:
        x = torch.relu(self.norm1(self.conv1(x.view(-1, *CONV_SHAPE))))
        x = torch.relu(self.norm2(self.conv2(x)))
        x = nn.functional.max_pool2d(x, 2)
        x = torch.relu(self.norm3(self.conv3(x)))
        x = nn.functional.max_pool2d(x, 2).flatten(1)
        x = drop(torch.relu(self.hidden1(x)), 0.25, stream)
        x = drop(torch.relu(self.hidden2(x)), 0.15, stream)
        return self.out(x)
