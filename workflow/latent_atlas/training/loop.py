"""Training: one loop for every family, with or without a table of latents."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from latent_atlas import interruption
from latent_atlas.config.experiments import Experiment
from latent_atlas.memory import gathered
from latent_atlas.models.base import LatentModel
from latent_atlas.models.registry import build_model
from latent_atlas.streams import set_streams, stream_states, torch_streams
from latent_atlas.training.captured import Step, captured
from latent_atlas.training.checkpoints import Checkpoints, Resumable, State, prefixed, under
from latent_atlas.training.divergence import Divergence, Survivors
from latent_atlas.training.optimisers import Rates
from latent_atlas.training.pretrained import load_pretrained
from latent_atlas.training.steps import step_of

TABLE = "latents.train"
AfterEpoch = Callable[[int, LatentModel, Tensor | None], None]


@dataclass
class Trained:
    """A stacked model after training. `table` [S,N,table_width] or None; `history` [E,S,T] with
    `terms` by name, `batches` [steps,S,T] likewise where every batch's are kept; `seconds` of the
    loop alone; `images_seen` by each seed. Seeds that `diverged`, by their place in the stack, are
    as after their last finite epoch."""

    model: LatentModel
    table: Tensor | None
    history: np.ndarray
    batches: np.ndarray | None
    terms: tuple[str, ...]
    seconds: float
    images_seen: int
    diverged: dict[int, Divergence]


@dataclass
class SeedImages:
    """Images of all seeds in grey levels 0 to 255, [1,N,pixels], or [S,N,pixels] where each seed
    has its own: uint8, and float32 where noise was added; `shape` is channels, height, width."""

    pixels: Tensor
    shape: tuple[int, ...]

    @classmethod
    def select(cls, images: np.ndarray, rows: np.ndarray, device: str) -> "SeedImages":
        """`images` uint8 [M,C,H,W] and `rows` [S,N]; one copy where all seeds share their rows."""
        shared = (rows == rows[0]).all()
        chosen = gathered(images, rows[:1] if shared else rows)
        flat = torch.from_numpy(chosen).flatten(2)
        return cls(flat.to(device), images.shape[1:])

    def first(self, n: int | None) -> "SeedImages":
        """The first `n` of each seed; all where `n` is None."""
        return SeedImages(self.pixels[:, :n], self.shape)

    def of_places(self, places: list[int]) -> "SeedImages":
        """For a stack of these members of the present one."""
        return self if len(self.pixels) == 1 else replace(self, pixels=self.pixels[places])

    @property
    def count(self) -> int:
        return self.pixels.shape[1]

    def of_seed(self, s: int) -> Tensor:
        """uint8 [N,pixels]."""
        return self.pixels[s if len(self.pixels) > 1 else 0]

    def batch(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        """Grey levels over 255, [S,B,pixels], of image numbers `index` [S,B]."""
        if len(self.pixels) == 1:
            rows = self.pixels[0].index_select(0, index.flatten()).unflatten(0, index.shape)
        else:
            rows = self.pixels[torch.arange(len(index), device=index.device)[:, None], index]
        return rows.to(dtype).div_(255)

    def target(self, index: Tensor, batch: Tensor) -> Tensor:
        """What reconstructions of `batch`, of image numbers `index`, are held to: itself."""
        return batch


def initial_model(
    experiment: Experiment, seeds: list[int], shape: Sequence[int], images: int
) -> tuple[LatentModel, Tensor | None]:
    """The untrained stack, and its table [S,images,table_width] if training learns one."""
    model = build_model(
        experiment.model, shape, torch_streams(experiment.id, seeds, "initialisation")
    )
    if not (model.table_width and model.learns_codes):
        return model, None
    return model, model.initial_table(images, torch_streams(experiment.id, seeds, "train-latents"))


def train(
    experiment: Experiment,
    seeds: list[int],
    images: SeedImages,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    max_steps: int | None = None,
    after_epoch: AfterEpoch | None = None,
    checkpoints: Checkpoints | None = None,
    rates: Sequence[Rates] | None = None,
) -> Trained:
    """Train every seed; each depends on its own streams alone, not on the seeds beside it. A seed
    may stand there more than once, with `rates` of its own in a family of `STACKED`.

    `after_epoch` is called with the epoch from 1, the model and the table, and may end training
    by an exception; what it collects is kept with `checkpoints` where it is `Resumable`.
    `max_steps` ends training early, for tests.
    """
    training = Training(experiment, seeds, images, device, dtype, after_epoch, rates)
    if checkpoints and (state := checkpoints.load()):
        training.restore(state)
    with interruption.polled():
        training.run(max_steps, checkpoints)
    return training.trained()


class Training:
    """Seeds under way. `epoch` and `start` are those of the next batch; the order of the images and
    the noise of an epoch under way are drawn again from where their streams were."""

    def __init__(
        self,
        experiment: Experiment,
        seeds: list[int],
        images: SeedImages,
        device: str,
        dtype: torch.dtype,
        after_epoch: AfterEpoch | None,
        rates: Sequence[Rates] | None,
    ):
        self.experiment, self.images, self.after_epoch = experiment, images, after_epoch
        model, table = initial_model(experiment, seeds, images.shape, images.count)
        if experiment.pretrained:
            load_pretrained(model, experiment, seeds)
        self.model, self.table = model.to(device=device, dtype=dtype), table
        if table is not None:
            self.table = table.to(device=device, dtype=dtype).requires_grad_()
        self.step = step_of(experiment)(experiment, seeds, self.model, self.table, rates)
        self.shuffling = torch_streams(experiment.id, seeds, "shuffling")
        self.per_epoch = epoch_images(experiment, images.count)
        self.sums = torch.zeros(len(self.step.terms), len(seeds), device=device, dtype=dtype)
        self.take: Step = self._take
        self.to_capture = self.sums.is_cuda and self.step.capturable
        self.history: list[Tensor] = []
        self.batches: list[Tensor] = []
        self.survivors = Survivors(seeds, self.step.terms, self._tensors())
        self.epoch, self.start, self.seconds = 1, 0, 0.0
        self.begun = time.perf_counter()

    def run(self, max_steps: int | None, checkpoints: Checkpoints | None) -> None:
        """To the end, or for `max_steps`, or until no seed is finite."""
        steps, epochs = 0, self.experiment.epochs
        title = f"train {self.experiment.id}"
        with tqdm(desc=title, total=epochs, initial=self.epoch - 1, mininterval=5) as shown:
            while self.epoch <= epochs and self.survivors.any:
                order = self._start_epoch()
                while self.start < self.per_epoch:
                    self._batch(order)
                    steps += 1
                    if checkpoints:
                        checkpoints.after_step(self.state)
                    else:
                        interruption.check()
                    if steps == max_steps:
                        break
                self._end_epoch()
                shown.update()
                if steps == max_steps:
                    break
        if checkpoints and steps and self.epoch > epochs:
            checkpoints.save(self.state())

    def _start_epoch(self) -> Tensor:
        """The numbers of the images, [S,N]."""
        self.shuffled_from = stream_states(self.shuffling)
        shuffle = self.experiment.training.shuffle
        order = _epoch_order(self.images.count, self.shuffling, shuffle).to(self.sums.device)
        self.step.start_epoch(self.per_epoch)
        return order

    def _batch(self, order: Tensor) -> None:
        settings = self.experiment.training
        end = min(self.start + settings.batch_size, self.per_epoch)
        index, drawn = order[:, self.start : end], self.step.draw(self.start, end)
        if self.to_capture and index.shape[1] == settings.batch_size:
            self.take, self.to_capture = captured(self.take, self._moved(), index, drawn), False
        of_batch = self.take(index, drawn)
        self.sums += of_batch
        if settings.every_batch:
            self.batches.append(of_batch / index.shape[1])
        self.start += index.shape[1]

    def _take(self, index: Tensor, drawn: Tensor | None) -> Tensor:
        batch = self.images.batch(index, self.sums.dtype)
        return self.step(batch, self.images.target(index, batch), index, drawn)

    def _moved(self) -> list[Tensor]:
        """All that a step changes."""
        state = (tensor for tensor in self.step.state().values() if tensor.is_floating_point())
        table = [] if self.table is None else [self.table]
        return [*self.model.parameters(), *self.model.buffers(), *table, *state]

    def _end_epoch(self) -> None:
        self.history.append(self.sums / self.per_epoch)
        self.survivors.after_epoch(self.epoch, self.history[-1], self._tensors())
        if self.after_epoch:
            self.after_epoch(self.epoch, self.model, self.table)
        self.epoch, self.start, self.sums = self.epoch + 1, 0, torch.zeros_like(self.sums)

    def _tensors(self) -> State:
        """What training leaves of each seed, [S,…]."""
        return self.model.state_dict() | ({} if self.table is None else {TABLE: self.table})

    def state(self) -> State:
        """After a batch."""
        kept = {"history": self.history, "batches": self.batches}
        state = {name: torch.stack(tensors) for name, tensors in kept.items() if tensors}
        if self.table is not None:
            state["table"] = self.table
        if isinstance(self.after_epoch, Resumable):
            state |= prefixed("records", self.after_epoch.state())
        return {
            **state,
            **prefixed("model", self.model.state_dict()),
            **prefixed("step", self.step.state()),
            **prefixed("survivors", self.survivors.state()),
            "shuffling": self.shuffled_from,
            "sums": self.sums,
            "at": torch.tensor([self.epoch, self.start]),
            "seconds": torch.tensor(self._seconds(), dtype=torch.float64),
        }

    @torch.no_grad()
    def restore(self, state: State) -> None:
        self.history, self.batches = (
            [tensor.to(self.sums) for tensor in state.get(name, ())]
            for name in ("history", "batches")
        )
        if self.table is not None:
            self.table.copy_(state["table"])
        if isinstance(self.after_epoch, Resumable):
            self.after_epoch.restore(under("records", state))
        self.model.load_state_dict(under("model", state))
        self.step.restore(under("step", state))
        self.survivors.restore(under("survivors", state))
        set_streams(self.shuffling, state["shuffling"])
        self.sums.copy_(state["sums"])
        self.epoch, self.start = state["at"].tolist()
        self.seconds = state["seconds"].item()

    def _seconds(self) -> float:
        """Of training, by all processes that took part."""
        return self.seconds + time.perf_counter() - self.begun

    def trained(self) -> Trained:
        good = dict(self.survivors.good)
        table = good.pop(TABLE, None)
        self.model.load_state_dict(good)
        return Trained(
            self.model.eval().requires_grad_(False),
            table,
            _by_seed(self.history),
            _by_seed(self.batches) if self.batches else None,
            self.step.terms,
            self._seconds(),
            len(self.history) * self.per_epoch,
            self.survivors.diverged(),
        )


def _by_seed(rows: list[Tensor]) -> np.ndarray:
    """R of [T,S] → [R,S,T] on the CPU."""
    return torch.stack(rows).permute(0, 2, 1).double().cpu().numpy()


def epoch_images(experiment: Experiment, n: int) -> int:
    """How many of `n` training images an epoch sees: whole batches where it is not all."""
    settings = experiment.training
    if settings.epoch_share == 1:
        return n
    batches = max(1, int(n * settings.epoch_share) // settings.batch_size)
    return min(n, batches * settings.batch_size)


def steps_per_epoch(experiment: Experiment, n: int) -> int:
    """Batches, the last of which may be short, of `n` training images."""
    return -(-epoch_images(experiment, n) // experiment.training.batch_size)


def _epoch_order(n: int, generators: list[torch.Generator], shuffle: bool) -> Tensor:
    if not shuffle:
        return torch.arange(n).repeat(len(generators), 1)
    return torch.stack([torch.randperm(n, generator=g) for g in generators])
