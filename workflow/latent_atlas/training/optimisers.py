"""Optimisers as the studies use them, by torch's fused formulas.

torch's classes around these formulas import its compiler at their first use, which costs every job
more than a second.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from latent_atlas.config.experiments import Optimiser as Name


class Optimiser:
    """Moves groups of (tensors, their weight decay); all of them have a gradient at every step."""

    def __init__(self, groups: list[tuple[list[Tensor], float]], learning_rate: float):
        self.groups, self.learning_rate = groups, learning_rate

    def zero_grad(self) -> None:
        for tensors, _ in self.groups:
            for tensor in tensors:
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
        for tensors, decay in self.groups:
            sgd(
                tensors,
                [tensor.grad for tensor in tensors],
                [None] * len(tensors),
                fused=True,
                lr=self.learning_rate,
                weight_decay=decay,
                momentum=0.0,
                dampening=0.0,
                nesterov=False,
                maximize=False,
            )


class Adam(Optimiser):
    """β₂ .999, eps 1e-8 (Kingma and Ba 2015, algorithm 1)."""

    def __init__(
        self,
        groups: list[tuple[list[Tensor], float]],
        learning_rate: float,
        beta_1: float = 0.9,
    ):
        super().__init__(groups, learning_rate)
        self.beta_1 = beta_1
        self.states = [
            (
                [torch.zeros_like(tensor) for tensor in tensors],
                [torch.zeros_like(tensor) for tensor in tensors],
                [torch.zeros((), device=tensor.device) for tensor in tensors],
            )
            for tensors, _ in groups
        ]

    @torch.no_grad()
    def step(self) -> None:
        for (tensors, decay), (means, squares, steps) in zip(self.groups, self.states, strict=True):
            adam(
                tensors,
                [tensor.grad for tensor in tensors],
                means,
                squares,
                [],
                steps,
                fused=True,
                amsgrad=False,
                beta1=self.beta_1,
                beta2=0.999,
                lr=self.learning_rate,
                weight_decay=decay,
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
) -> Optimiser:
    """Adam (dense: it moves every latent at every step) or SGD. Weight decay is added to the
    gradient and spares latents."""
    groups = [(list(weights), weight_decay)]
    if latents is not None:
        groups.append(([latents], 0.0))
    if name == "sgd":
        return Sgd(groups, learning_rate)
    return Adam(groups, learning_rate, beta_1)
