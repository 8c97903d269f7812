"""PyTorch's convolution, then bias, ReLU and pooling in one pass over the pixels instead of three."""

from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from mia_core.fast.block.compiled import CHANNELS, compiled
from mia_core.fast.block.pixels import SHUT, as_array, largest, spread


def fits(shape: tuple[int, int, int], gradient: bool, precision: torch.dtype) -> bool:
    """Whether this form computes the block of images [C, H, W] here."""
    return precision == torch.float32


def block(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """See `mia_core.fast.block.convolved_and_pooled`."""
    return _Pooled.apply(torch.nn.functional.conv2d(x, weight), bias)


@compiled
def pool(x, bias, pooled, which):
    """ReLU(largest of 2x2 + bias) of float32 x [B, H, W, C], into `pooled` and `which` [B, H // 2, W // 2, C]."""
    count, height, width, _ = x.shape
    for b in range(count):
        for row in range(height // 2):
            for column in range(width // 2):
                for c in range(CHANNELS):
                    pooled[b, row, column, c], which[b, row, column, c] = largest(
                        x[b, 2 * row, 2 * column, c],
                        x[b, 2 * row, 2 * column + 1, c],
                        x[b, 2 * row + 1, 2 * column, c],
                        x[b, 2 * row + 1, 2 * column + 1, c],
                        bias[c],
                    )


@compiled
def unpool(gradient, which, whole, total):
    """The gradient [B, h, w, C] of pooled pixels where the largest was, into `whole` [B, 2h, 2w, C]; 0 elsewhere."""
    count, height, width, _ = gradient.shape
    window, sums = np.empty((4, CHANNELS), np.float32), np.empty(CHANNELS, np.float32)
    zero = np.float32(0)
    for b in range(count):
        sums[:] = 0
        for row in range(height):
            for column in range(width):
                for c in range(CHANNELS):
                    value, place = gradient[b, row, column, c], which[b, row, column, c]
                    window[0, c], window[1, c], window[2, c], window[3, c] = spread(value, place, zero)
                    sums[c] += value if place < SHUT else zero
                for place in range(4):
                    for c in range(CHANNELS):
                        whole[b, 2 * row + place // 2, 2 * column + place % 2, c] = window[place, c]
        for c in range(CHANNELS):
            total[c] += sums[c]


class _Pooled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = x.shape
        size = count, height // 2, width // 2, channels
        found, which = x.new_empty(size), torch.empty(size, dtype=torch.uint8)
        pool(as_array(x.permute(0, 2, 3, 1)), as_array(bias), as_array(found), which.numpy())
        ctx.save_for_backward(which)
        ctx.shape = count, height, width, channels
        return found.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        (which,), (_, height, width, channels) = ctx.saved_tensors, ctx.shape
        odd = height % 2 or width % 2  # a last row or column that no pooled pixel covers
        whole = (gradient.new_zeros if odd else gradient.new_empty)(ctx.shape)
        total = torch.zeros(channels, dtype=torch.float64)
        unpool(as_array(gradient.permute(0, 2, 3, 1)), which.numpy(), as_array(whole), total.numpy())
        return whole.permute(0, 3, 1, 2), total.float()
