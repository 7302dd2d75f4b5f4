"""Convolutions of kernel 4 and stride 2 with few channels: torch's results, faster on a CPU.

A transposed one doubles height and width: each 2×2 block of its output depends on a 3×3 window of
its input, so it is a convolution of stride 1 with four times the filters (Shi et al. 2016,
arXiv:1609.07009). The gradient of a convolution by its input is a transposed one.
"""

from functools import cache
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNEL, STRIDE, PADDING = 4, 2, 1


class StridedConv2d(nn.Conv2d):
    """Halves height and width, which are even. Torch's own is faster where its input needs no
    gradient, and beyond some 16 channels."""

    def __init__(self, channels: int, filters: int):
        super().__init__(channels, filters, KERNEL, STRIDE, PADDING)

    def forward(self, x: Tensor) -> Tensor:
        """[B,C,H,W] → [B,F,H/2,W/2]."""
        return super().forward(x) if x.is_cuda else _Strided.apply(x, self.weight, self.bias)


class TransposedConv2d(nn.ConvTranspose2d):
    """Doubles height and width. Beyond some 16 channels torch's own is faster."""

    def __init__(self, channels: int, filters: int):
        super().__init__(channels, filters, KERNEL, STRIDE, PADDING)

    def forward(self, x: Tensor) -> Tensor:
        """[B,C,H,W] → [B,F,2H,2W]."""
        return super().forward(x) if x.is_cuda else _Transposed.apply(x, self.weight, self.bias)


class _Strided(torch.autograd.Function):
    """Backward by blocks, as far as the input is concerned."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return functional.conv2d(x, weight, bias, STRIDE, PADDING)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        _, by_weight, by_bias = _gradients(gradient, x, weight, transposed=False)
        return by_blocks(gradient, weight), by_weight, by_bias


class _Transposed(torch.autograd.Function):
    """Forward by blocks; torch's own gradients, which are fast."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return by_blocks(x, weight, bias)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return _gradients(gradient, *ctx.saved_tensors, transposed=True)


def _gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, transposed: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """By the input of a transposed one, by weight and bias; the last by a plain sum, which is
    faster than torch's."""
    by_input, by_weight, _ = torch.ops.aten.convolution_backward(
        gradient,
        x,
        weight,
        bias_sizes=None,
        stride=[STRIDE] * 2,
        padding=[PADDING] * 2,
        dilation=[1, 1],
        transposed=transposed,
        output_padding=[0, 0],
        groups=1,
        output_mask=[transposed, True, False],
    )
    return by_input, by_weight, gradient.sum((0, 2, 3))


def by_blocks(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`conv_transpose2d` of `x` [B,C,H,W] with `weight` [C,F,4,4] to [B,F,2H,2W]."""
    channels, filters, *_ = weight.shape
    numbers = functional.pad(weight.flatten(), (1, 0))[_places(channels, filters)]
    windows = numbers.view(4 * filters, 3, 3, channels).permute(0, 3, 1, 2)
    blocks = functional.conv2d(x, windows, None if bias is None else bias.repeat(4), padding=1)
    rows = blocks.permute(0, 2, 3, 1).unflatten(3, (2, 2, filters)).transpose(2, 3)
    return rows.reshape(len(x), 2 * x.shape[2], 2 * x.shape[3], filters).permute(0, 3, 1, 2)


@cache
def _places(channels: int, filters: int) -> Tensor:
    """Where the numbers of the windows' filters, in the order [row and column in a block, F, row
    and column in a window, C], lie in a flat weight that comes after a 0.

    Row r of a block gets of row d − 1 of its window by row r + 3 − 2d of the kernel, if it has one.
    """
    numbers = torch.arange(1, 1 + channels * filters * KERNEL**2)
    kernel = numbers.view(channels, filters, KERNEL, KERNEL)
    places = torch.zeros(2, 2, filters, 3, 3, channels, dtype=torch.long)
    for row, column, down, right in product(range(2), range(2), range(3), range(3)):
        i, j = row + 3 - 2 * down, column + 3 - 2 * right
        if i in range(KERNEL) and j in range(KERNEL):
            places[row, column, :, down, right] = kernel[:, :, i, j].T
    return places.flatten()
