"""Training one network on one seed's labelled images."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from tqdm import tqdm

from latent_atlas import interruption
from latent_atlas.classification.augment import rotate_and_mirror
from latent_atlas.config.networks import CONV_SHAPE
from latent_atlas.streams import stream_seed
from latent_atlas.training.checkpoints import Checkpoints, State, prefixed, under
from latent_atlas.training.optimisers import Optimiser

BLOCK = 1000
SPLITS = ("train", "validation")
STREAMS = {"shuffling": "shuffling", "dropout": "dropping", "augmentation": "augmenting"}
"""The purposes that random streams are named by, and what draws from them."""
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
    checkpoints: Checkpoints | None = None,
) -> Fitted:
    """Cross-entropy, averaged over the batch, for `epochs` or until `patience` epochs brought no
    better validation accuracy; then, and only with a patience, the best epoch's weights.

    `name` names the random streams. With `augment` each epoch also sees a rotated, mirrored copy
    of every image. `after_epoch` gets the epoch from 1 and the validation accuracy in percent.
    """
    fitting = Fitting(network, optimisers, train, validation, name, batch_size, augment)
    if checkpoints and (state := checkpoints.load()):
        fitting.restore(state)
    with interruption.polled():
        fitting.run(epochs, patience, after_epoch, checkpoints)
    return fitting.fitted


class Fitting:
    """A network under way. `epoch` and `start` are those of the next batch; the order of an epoch
    under way is drawn again from where its stream was."""

    def __init__(
        self,
        network: nn.Module,
        optimisers: list[Optimiser],
        train: Labelled,
        validation: Labelled | None,
        name: tuple[str | int, ...],
        batch_size: int,
        augment: bool,
    ):
        self.fitted, self.optimisers = Fitted(network), optimisers
        self.train, self.validation = train, validation
        self.name, self.batch_size = name, batch_size
        self.seen = len(train.labels) * (2 if augment else 1)
        self.shuffling, self.dropping, self.augmenting = (
            torch.Generator().manual_seed(stream_seed(*name, purpose)) for purpose in STREAMS
        )
        self.epoch, self.start = 1, 0
        self.sums = torch.zeros(2, dtype=torch.float64)
        self.best: tuple[float, State] | None = None
        self.waited = 0

    def run(
        self,
        epochs: int,
        patience: int | None,
        after_epoch: AfterEpoch | None,
        checkpoints: Checkpoints | None,
    ) -> None:
        begun, network = time.perf_counter() - self.fitted.seconds, self.fitted.network
        title, batches = f"classify {self.name[0]}", 0
        with tqdm(desc=title, total=epochs, initial=self.epoch - 1, mininterval=5) as shown:
            while self.epoch <= epochs and self.waited != patience:
                network.train()
                self.shuffled_from = self.shuffling.get_state()
                order = torch.randperm(self.seen, generator=self.shuffling)
                first = -(-self.start // self.batch_size)
                for index in order.split(self.batch_size)[first:]:
                    self._batch(index)
                    batches += 1
                    self.fitted.seconds = time.perf_counter() - begun
                    if checkpoints:
                        checkpoints.after_step(self.state)
                    else:
                        interruption.check()
                self._end_epoch(patience, after_epoch)
                shown.update()
        self.fitted.seconds = time.perf_counter() - begun
        if checkpoints and batches:
            checkpoints.save(self.state())
        if self.best is not None:
            network.load_state_dict(self.best[1])

    def _batch(self, index: Tensor) -> None:
        n = len(self.train.labels)
        x = self.train.pixels[index % n]
        if self.seen > n:
            x[index >= n] = _augmented(x[index >= n], self.augmenting)
        labels = self.train.labels[index % n]
        logits = self.fitted.network(x.float() / 255, self.dropping)
        loss = nn.functional.cross_entropy(logits, labels)
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        loss.backward()
        for optimiser in self.optimisers:
            optimiser.step()
        correct = (logits.detach().argmax(1) == labels).sum()
        self.sums += torch.stack([loss.detach() * len(index), correct]).double().cpu()
        self.start += len(index)

    def _end_epoch(self, patience: int | None, after_epoch: AfterEpoch | None) -> None:
        fitted, epoch = self.fitted, self.epoch
        fitted.images_seen += self.seen
        fitted.history.append((epoch, "train", *_means(self.sums, self.seen)))
        self.epoch, self.start, self.sums = epoch + 1, 0, torch.zeros_like(self.sums)
        if self.validation is None:
            return
        loss, accuracy = assess(fitted.network, self.validation)
        fitted.history.append((epoch, "validation", loss, accuracy))
        if after_epoch:
            after_epoch(epoch, accuracy)
        if patience is None:
            return
        if self.best is None or accuracy > self.best[0]:
            self.best, self.waited = (accuracy, copy.deepcopy(fitted.network.state_dict())), 0
        else:
            self.waited += 1

    def state(self) -> State:
        """After a batch."""
        rows = [(epoch, SPLITS.index(split), *v) for epoch, split, *v in self.fitted.history]
        state = {
            "history": torch.tensor(rows, dtype=torch.float64).reshape(-1, 4),
            "sums": self.sums,
            "at": torch.tensor([self.epoch, self.start, self.waited, self.fitted.images_seen]),
            "seconds": torch.tensor(self.fitted.seconds, dtype=torch.float64),
            "shuffling": self.shuffled_from,
            "dropping": self.dropping.get_state(),
            "augmenting": self.augmenting.get_state(),
            **prefixed("network", self.fitted.network.state_dict()),
        }
        for number, optimiser in enumerate(self.optimisers):
            state |= prefixed(f"optimiser.{number}", optimiser.state())
        if self.best is not None:
            accuracy = torch.tensor(self.best[0], dtype=torch.float64)
            state |= {"accuracy": accuracy, **prefixed("best", self.best[1])}
        return state

    def restore(self, state: State) -> None:
        fitted = self.fitted
        fitted.history = [
            (int(epoch), SPLITS[int(split)], loss, accuracy)
            for epoch, split, loss, accuracy in state["history"].tolist()
        ]
        self.sums.copy_(state["sums"])
        self.epoch, self.start, self.waited, fitted.images_seen = state["at"].tolist()
        fitted.seconds = state["seconds"].item()
        fitted.network.load_state_dict(under("network", state))
        for purpose, stream in zip(
            STREAMS.values(), (self.shuffling, self.dropping, self.augmenting), strict=True
        ):
            stream.set_state(state[purpose].clone())
        for number, optimiser in enumerate(self.optimisers):
            optimiser.restore(under(f"optimiser.{number}", state))
        if "accuracy" in state:
            self.best = (state["accuracy"].item(), under("best", state))


def _augmented(pixels: Tensor, stream: torch.Generator) -> Tensor:
    return rotate_and_mirror(pixels.view(-1, *CONV_SHAPE), stream).flatten(1)


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
