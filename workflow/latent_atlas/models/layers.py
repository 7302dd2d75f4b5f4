"""Layers whose parameters carry a leading seed axis; a batched product applies them at once."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

SMALL = 16**3
"""Multiplications of a product up to which torch leaves it to one library; with more it may take
another, and it counts those of all seeds of a stack."""


class StackedLinear(nn.Module):
    """S linear layers: [S,B,fan_in] → [S,B,fan_out].

    Initialised as `torch.nn.Linear` is, uniform in ±1/√fan_in, each seed from its own generator.
    A single output is summed by hand: a batched product with one column rounds by how many are
    stacked.
    """

    def __init__(self, fan_in: int, fan_out: int, generators: Sequence[torch.Generator]):
        super().__init__()
        bound = fan_in**-0.5
        draws = [
            torch.rand(fan_in + 1, fan_out, generator=g).mul_(2 * bound).sub_(bound)
            for g in generators
        ]
        stacked = torch.stack(draws)
        self.weight = nn.Parameter(stacked[:, :-1].clone(memory_format=torch.contiguous_format))
        self.bias = nn.Parameter(stacked[:, -1:].clone(memory_format=torch.contiguous_format))

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.shape[-1] == 1:
            return (x * self.weight.mT).sum(-1, keepdim=True) + self.bias
        if x.is_cuda or x[0].numel() * self.weight.shape[-1] > SMALL:
            return torch.baddbmm(self.bias, x, self.weight)
        seeds = zip(self.bias.split(1), x.split(1), self.weight.split(1), strict=True)
        return torch.cat([torch.baddbmm(*of_seed) for of_seed in seeds])


class StackedMLP(nn.Module):
    """Linear layers of the given widths with ReLU between them; none after the last."""

    def __init__(self, widths: Sequence[int], generators: Sequence[torch.Generator]):
        super().__init__()
        pairs = itertools.pairwise(widths)
        self.layers = nn.ModuleList(StackedLinear(i, o, generators) for i, o in pairs)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)
