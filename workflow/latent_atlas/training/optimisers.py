"""Optimisers as the studies use them, by torch's fused formulas.

torch's classes around these formulas import its compiler at their first use, which costs every job
more than a second.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from latent_atlas.config.experiments import Optimiser as Name

Rates = tuple[float, float]
"""Learning rate and weight decay."""
LANES = 16
"""Numbers that one instruction takes; those left over at a tensor's end are rounded by another."""


Piece = tuple[Tensor, int | slice | None]
"""A tensor, or some members of a stacked one."""


@dataclass(frozen=True)
class Group:
    """What moves alike."""

    pieces: list[Piece]
    learning_rate: float
    weight_decay: float

    def moved(self) -> list[Tensor]:
        return [tensor if at is None else tensor[at] for tensor, at in self.pieces]

    def gradients(self) -> list[Tensor]:
        return [tensor.grad if at is None else tensor.grad[at] for tensor, at in self.pieces]


class Optimiser:
    """Moves groups of tensors; all of them have a gradient at every step."""

    def __init__(self, groups: list[Group]):
        self.groups = groups

    def zero_grad(self) -> None:
        for group in self.groups:
            for tensor, _ in group.pieces:
                tensor.grad = None

    def step(self) -> None:
        raise NotImplementedError

    def state(self) -> dict[str, Tensor]:
        """What it remembers between steps."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


class Sgd(Optimiser):
    """Without momentum."""

    @torch.no_grad()
    def step(self) -> None:
        for group in self.groups:
            sgd(
                group.moved(),
                group.gradients(),
                [None] * len(group.pieces),
                fused=True,
                lr=group.learning_rate,
                weight_decay=group.weight_decay,
                momentum=0.0,
                dampening=0.0,
                nesterov=False,
                maximize=False,
            )


class Adam(Optimiser):
    """β₂ .999, eps 1e-8 (Kingma and Ba 2015, algorithm 1)."""

    def __init__(self, groups: list[Group], beta_1: float = 0.9):
        super().__init__(groups)
        self.beta_1 = beta_1
        self.states = [
            (
                [torch.zeros_like(tensor) for tensor in group.moved()],
                [torch.zeros_like(tensor) for tensor in group.moved()],
                [torch.zeros((), device=tensor.device) for tensor in group.moved()],
            )
            for group in groups
        ]

    @torch.no_grad()
    def step(self) -> None:
        for group, (means, squares, steps) in zip(self.groups, self.states, strict=True):
            adam(
                group.moved(),
                group.gradients(),
                means,
                squares,
                [],
                steps,
                fused=True,
                amsgrad=False,
                beta1=self.beta_1,
                beta2=0.999,
                lr=group.learning_rate,
                weight_decay=group.weight_decay,
                eps=1e-8,
                maximize=False,
            )

    def state(self) -> dict[str, Tensor]:
        return {
            f"{group}.{kind}.{i}": tensor
            for group, kinds in enumerate(self.states)
            for kind, tensors in zip(("means", "squares", "steps"), kinds, strict=True)
            for i, tensor in enumerate(tensors)
        }


def build_optimiser(
    name: Name,
    weights: Iterable[Tensor],
    learning_rate: float,
    weight_decay: float = 0.0,
    latents: Tensor | None = None,
    beta_1: float = 0.9,
    members: int = 0,
    rates: Sequence[Rates] | None = None,
) -> Optimiser:
    """Adam (dense: it moves every latent at every step) or SGD. Weight decay is added to the
    gradient and spares latents. `members` says how many are stacked in each tensor, 0 that they are
    not; `rates` of each member stand for `learning_rate` and `weight_decay`."""
    weights, groups = list(weights), []
    for (rate, decay), some in _alike(rates or [(learning_rate, weight_decay)] * max(members, 1)):
        groups.append(Group(_pieces(weights, members, some), rate, decay))
        if latents is not None:
            groups.append(Group(_pieces([latents], members, some), rate, 0.0))
    return Sgd(groups) if name == "sgd" else Adam(groups, beta_1)


def _alike(rates: Sequence[Rates]) -> Iterator[tuple[Rates, range]]:
    """Members one after the other that have the same rates."""
    start = 0
    for of_some, some in itertools.groupby(rates):
        end = start + len(list(some))
        yield of_some, range(start, end)
        start = end


def _pieces(tensors: list[Tensor], members: int, some: range) -> list[Piece]:
    """Some members of stacked tensors, such that each is rounded as if it were alone."""
    if not members:
        return [(tensor, None) for tensor in tensors]
    pieces: list[Piece] = []
    for tensor in tensors:
        if tensor[0].numel() % LANES:
            pieces += [(tensor, member) for member in some]
        else:
            pieces.append((tensor, slice(some.start, some.stop)))
    return pieces
