"""Transposed convolution of stride 2 with few channels: torch's results, two to three times as fast
on a CPU.

Each 2×2 block of its output depends on a 2×2 window of its input, so it is a convolution of stride
1 with four times the filters (Shi et al. 2016, arXiv:1609.07009).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDEST = 4
"""The largest kernel that needs no more than a 2×2 window."""


class TransposedConv2d(nn.ConvTranspose2d):
    """Of stride 2 and kernel 3 or 4. Beyond some 16 channels torch's own is faster."""

    def __init__(self, channels: int, filters: int, kernel: int, padding: int = 0):
        super().__init__(channels, filters, kernel, stride=2, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        """[B,C,H,W] → [B,F,2H + k − 2 − 2·padding,2W + k − 2 − 2·padding]."""
        if x.is_cuda:
            return super().forward(x)
        return _ByWindows.apply(x, self.weight, self.bias, self.padding[0])


class _ByWindows(torch.autograd.Function):
    """Forward by windows; torch's own gradients, which are fast."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return by_windows(x, weight, bias, padding)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        found = torch.ops.aten.convolution_backward(
            gradient,
            x,
            weight,
            bias_sizes=[weight.shape[1]],
            stride=[2, 2],
            padding=[ctx.padding] * 2,
            dilation=[1, 1],
            transposed=True,
            output_padding=[0, 0],
            groups=1,
            output_mask=ctx.needs_input_grad[:3],
        )
        return *found, None


def by_windows(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """`conv_transpose2d` of stride 2 of `x` [B,C,H,W] with `weight` [C,F,k,k], k ≤ 4."""
    channels, filters, kernel, _ = weight.shape
    missing, more = WIDEST - kernel, kernel - 2 - 2 * padding
    taps = functional.pad(weight, (0, missing, 0, missing)).view(channels, filters, 2, 2, 2, 2)
    windows = taps.flip(2, 4).permute(3, 5, 1, 0, 2, 4).reshape(4 * filters, channels, 2, 2)
    windows = windows.contiguous(memory_format=torch.channels_last)
    blocks = functional.conv2d(x, windows, bias.repeat(4), padding=1)
    blocks = blocks.permute(0, 2, 3, 1).unflatten(3, (2, 2, filters))
    out = x.new_empty(len(x), *(2 * side + more for side in x.shape[2:]), filters)
    for row in (0, 1):
        for column in (0, 1):
            part = out[:, (row - padding) % 2 :: 2, (column - padding) % 2 :: 2]
            top, left = (padding + 1 - row) // 2, (padding + 1 - column) // 2
            height, width = part.shape[1:3]
            part.copy_(blocks[:, top : top + height, left : left + width, row, column])
    return out.permute(0, 3, 1, 2)
