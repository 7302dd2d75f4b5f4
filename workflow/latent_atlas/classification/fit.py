"""Training one network on one seed's labelled images."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from tqdm import tqdm

from latent_atlas.classification.augment import rotate_and_mirror
from latent_atlas.models.conv import SIDE
from latent_atlas.streams import stream_seed
from latent_atlas.training.optimisers import Optimiser

BLOCK = 1000
AfterEpoch = Callable[[int, float], None]


@dataclass
class Labelled:
    """Flat images uint8 [N,784] and their classes int64 [N]."""

    pixels: Tensor
    labels: Tensor

    def joined(self, other: "Labelled") -> "Labelled":
        return Labelled(
            torch.cat([self.pixels, other.pixels]), torch.cat([self.labels, other.labels])
        )


@dataclass
class Fitted:
    """`history` holds rows (epoch, split, loss, accuracy in percent)."""

    network: nn.Module
    history: list[tuple[int, str, float, float]] = field(default_factory=list)
    seconds: float = 0.0
    images_seen: int = 0


def fit(
    network: nn.Module,
    optimisers: list[Optimiser],
    train: Labelled,
    validation: Labelled | None,
    name: tuple[str | int, ...],
    epochs: int,
    batch_size: int,
    augment: bool = False,
    patience: int | None = None,
    after_epoch: AfterEpoch | None = None,
) -> Fitted:
    """Cross-entropy, averaged over the batch, for `epochs` or until `patience` epochs brought no
    better validation accuracy; then, and only with a patience, the best epoch's weights.

    `name` names the random streams. With `augment` each epoch also sees a rotated, mirrored copy
    of every image. `after_epoch` gets the epoch from 1 and the validation accuracy in percent.
    """
    shuffling, dropping, augmenting = (
        torch.Generator().manual_seed(stream_seed(*name, purpose))
        for purpose in ("shuffling", "dropout", "augmentation")
    )
    fitted, best, waited = Fitted(network), None, 0
    n = len(train.labels)
    seen = 2 * n if augment else n
    begin = time.perf_counter()
    for epoch in tqdm(range(1, epochs + 1), desc=f"classify {name[0]}", mininterval=5):
        network.train()
        sums = torch.zeros(2, dtype=torch.float64)
        for index in torch.randperm(seen, generator=shuffling).split(batch_size):
            x = train.pixels[index % n]
            if augment:
                x[index >= n] = _augmented(x[index >= n], augmenting)
            labels = train.labels[index % n]
            logits = network(x.float() / 255, dropping)
            loss = nn.functional.cross_entropy(logits, labels)
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()
            for optimiser in optimisers:
                optimiser.step()
            correct = (logits.detach().argmax(1) == labels).sum()
            sums += torch.stack([loss.detach() * len(index), correct]).double().cpu()
        fitted.images_seen += seen
        fitted.history.append((epoch, "train", *_means(sums, seen)))
        if validation is None:
            continue
        loss, accuracy = assess(network, validation)
        fitted.history.append((epoch, "validation", loss, accuracy))
        if after_epoch:
            after_epoch(epoch, accuracy)
        if patience is None:
            continue
        if best is None or accuracy > best[0]:
            best, waited = (accuracy, copy.deepcopy(network.state_dict())), 0
        else:
            waited += 1
        if waited == patience:
            break
    fitted.seconds = time.perf_counter() - begin
    if best is not None:
        network.load_state_dict(best[1])
    return fitted


def _augmented(pixels: Tensor, stream: torch.Generator) -> Tensor:
    return rotate_and_mirror(pixels.view(-1, 1, SIDE, SIDE), stream).flatten(1)


def _means(sums: Tensor, n: int) -> tuple[float, float]:
    return sums[0].item() / n, 100 * sums[1].item() / n


@torch.no_grad()
def logits_of(network: nn.Module, pixels: Tensor) -> Tensor:
    """[N,classes] of flat uint8 images [N,784], the network in eval mode."""
    network.eval()
    return torch.cat([network(part.float() / 255) for part in pixels.split(BLOCK)])


def assess(network: nn.Module, data: Labelled) -> tuple[float, float]:
    """Mean cross-entropy and accuracy in percent."""
    logits = logits_of(network, data.pixels)
    loss = nn.functional.cross_entropy(logits, data.labels, reduction="sum")
    correct = (logits.argmax(1) == data.labels).sum()
    return _means(torch.stack([loss, correct]).double().cpu(), len(data.labels))
