"""Seeds of a stack whose training is no longer finite."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latent_atlas.training.checkpoints import State, prefixed, under

WEIGHTS = "weights"


@dataclass(frozen=True)
class Divergence:
    """`epoch` in which the seed's `term` of the loss, or its "weights", was NaN or infinite."""

    seed: int
    epoch: int
    term: str

    def __str__(self) -> str:
        last = self.epoch - 1
        return f"seed {self.seed}: {self.term} not finite in epoch {self.epoch}, kept as of {last}"


class Survivors:
    """Which seeds are finite, and the tensors [S,…] of every seed as they were after its last epoch
    that was."""

    def __init__(self, seeds: list[int], terms: tuple[str, ...], tensors: Mapping[str, Tensor]):
        self.seeds, self.terms = seeds, (*terms, WEIGHTS)
        self.good = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        self.epochs = torch.zeros(len(seeds), dtype=torch.int64)
        self.causes = torch.zeros(len(seeds), dtype=torch.int64)

    @property
    def any(self) -> bool:
        return bool((self.epochs == 0).any())

    @torch.no_grad()
    def after_epoch(self, epoch: int, losses: Tensor, tensors: Mapping[str, Tensor]) -> None:
        """`losses` [T,S] of the epoch, `tensors` after it, of which the sums are looked at: not
        finite where a part is not, or where finite weights add up beyond float32."""
        finite = [t.reshape(len(t), -1).sum(1).isfinite() for t in tensors.values()]
        spoilt = ~torch.cat([losses.isfinite(), torch.stack(finite).all(0)[None]]).cpu()
        lost = spoilt.any(0) & (self.epochs == 0)
        self.epochs[lost] = epoch
        self.causes[lost] = spoilt.int().argmax(0)[lost]
        living = (self.epochs == 0).nonzero()[:, 0].tolist()
        for name, tensor in tensors.items():
            for s in living:
                self.good[name][s].copy_(tensor[s])

    def diverged(self) -> dict[int, Divergence]:
        """By place in the stack."""
        return {
            s: Divergence(seed, epoch, self.terms[cause])
            for s, (seed, epoch, cause) in enumerate(
                zip(self.seeds, self.epochs.tolist(), self.causes.tolist(), strict=True)
            )
            if epoch
        }

    def state(self) -> State:
        return {**prefixed("good", self.good), "epochs": self.epochs, "causes": self.causes}

    def restore(self, state: State) -> None:
        for name, tensor in under("good", state).items():
            self.good[name].copy_(tensor)
        self.epochs.copy_(state["epochs"])
        self.causes.copy_(state["causes"])
