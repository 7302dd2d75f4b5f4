"""The least time that a case can take on a machine: its arithmetic over the measured matrix rate,
or its bytes over the measured copy rate, whichever is more."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cases import Case, DataCase, seed_images
from latent_atlas.processor import prepare_torch
from latent_atlas.training.loop import initial_model, train

MATRIX = 1024
COPIED = 2**28
OPTIMISER_BYTES = 4 * (1 + 3 + 3)
"""Of float32 a parameter and step: Adam reads gradient, weight and two means, writes the last
three."""


@dataclass(frozen=True)
class Rates:
    """Of all cores together, in FLOP/s and bytes/s."""

    matrix: float
    copy: float


def rates(threads: int, device: str = "cpu") -> Rates:
    """The best of many tries, as a shared machine has slow seconds: a float32 product of
    two 1024×1024 matrices, by the library that the project takes, and a copy of 256 MiB, of which
    each byte is read once and written once."""
    prepare_torch(threads)
    a, b = torch.randn(2, MATRIX, MATRIX, device=device)
    out = torch.empty(MATRIX, MATRIX, device=device)
    source, target = torch.ones(2, COPIED // 4, device=device)
    return Rates(
        matrix=2 * MATRIX**3 / _best(lambda: torch.mm(a, b, out=out)),
        copy=2 * COPIED / _best(lambda: target.copy_(source)),
    )


def _best(work: Callable[[], object], tries: int = 200) -> float:
    found = []
    for _ in range(tries):
        begin = time.perf_counter()
        work()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        found.append(time.perf_counter() - begin)
    return min(found)


@dataclass(frozen=True)
class Floor:
    """Seconds of one unit of a case's work by arithmetic and by memory."""

    arithmetic: float
    memory: float

    @property
    def seconds(self) -> float:
        return max(self.arithmetic, self.memory)

    @property
    def binds(self) -> str:
        return "arithmetic" if self.arithmetic >= self.memory else "memory"


def data_floor(case: DataCase, rates: Rates) -> Floor:
    """Of one image or code."""
    each = 1 / case.amount
    return Floor(each * case.flops / rates.matrix, each * case.moved / rates.copy)


def floor(case: Case, rates: Rates) -> Floor:
    """Of one seed-epoch, or of one image and step: FLOPs as torch counts them in one batch, bytes
    that its backward pass keeps (written and read once), and the optimiser's."""
    flops, kept, parameters = _one_batch(case)
    units = 1.0
    if case.epochs:
        units = -(-case.images // case.batch)
        kept = 2 * kept + OPTIMISER_BYTES * parameters
    else:
        kept = 2 * kept / case.batch + OPTIMISER_BYTES * case.settings().model.latent
        flops /= case.batch
    return Floor(units * flops / rates.matrix, units * kept / rates.copy)


def _one_batch(case: Case) -> tuple[int, int, int]:
    """FLOPs, bytes kept for the backward pass and parameters of one seed's batch. The gradient by
    the code takes as many FLOPs as decoding does."""
    experiment, kept = case.settings(), 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    images = seed_images(case.batch)
    counter, keeping = FlopCounterMode(display=False), saved_tensors_hooks(keep, lambda t: t)
    if case.epochs:
        with counter, keeping:
            model = train(experiment, [0], images, max_steps=1).model
        flops = counter.get_total_flops()
    else:
        model, _ = initial_model(experiment, [0], images.shape, 1)
        codes = torch.zeros(1, case.batch, experiment.model.latent)
        with counter:
            model.requires_grad_(False).decode(codes)
        with keeping:
            model.decode(codes.requires_grad_())
        flops = 2 * counter.get_total_flops()
    return flops, kept, sum(p.numel() for p in model.parameters())
