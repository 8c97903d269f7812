"""The block of images of a single channel: the convolution too is part of the one pass over the pixels."""

from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from mia_core.fast.block.compiled import CHANNELS, compiled
from mia_core.fast.block.pixels import SHUT, as_array, largest, spread


def fits(shape: tuple[int, int, int], gradient: bool, precision: torch.dtype) -> bool:
    """Whether this form computes the block of images [C, H, W] here."""
    return shape[0] == 1 and not gradient and precision == torch.float32


def block(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """See `mia_core.fast.block.convolved_and_pooled`."""
    return _Grey.apply(x, weight, bias)


@compiled
def convolve_grey(x, kernel, bias, pooled, which):
    """Of x [B, H + 4, W + 4] with `kernel` [5, 5, C], plus bias: into `pooled` and `which` [B, H // 2, W // 2, C]."""
    count, height, width, _ = pooled.shape
    window = np.empty((4, CHANNELS), np.float32)
    for b in range(count):
        for row in range(height):
            for column in range(width):
                window[:] = 0
                for r in range(5):
                    upper = x[b, 2 * row + r, 2 * column : 2 * column + 6]
                    lower = x[b, 2 * row + r + 1, 2 * column : 2 * column + 6]
                    u0, u1, u2, u3, u4, u5 = upper[0], upper[1], upper[2], upper[3], upper[4], upper[5]
                    l0, l1, l2, l3, l4, l5 = lower[0], lower[1], lower[2], lower[3], lower[4], lower[5]
                    for c in range(CHANNELS):
                        k0, k1, k2 = kernel[r, 0, c], kernel[r, 1, c], kernel[r, 2, c]
                        k3, k4 = kernel[r, 3, c], kernel[r, 4, c]
                        window[0, c] += k0 * u0 + k1 * u1 + k2 * u2 + k3 * u3 + k4 * u4
                        window[1, c] += k0 * u1 + k1 * u2 + k2 * u3 + k3 * u4 + k4 * u5
                        window[2, c] += k0 * l0 + k1 * l1 + k2 * l2 + k3 * l3 + k4 * l4
                        window[3, c] += k0 * l1 + k1 * l2 + k2 * l3 + k3 * l4 + k4 * l5
                for c in range(CHANNELS):
                    pooled[b, row, column, c], which[b, row, column, c] = largest(
                        window[0, c], window[1, c], window[2, c], window[3, c], bias[c]
                    )


@compiled
def grey_gradient(x, gradient, which, kernel, total):
    """Into `kernel` [5, 5, C], by the gradient [B, h, w, C] of what `convolve_grey` pools, of x [B, 2h + 4, 2w + 4]."""
    count, height, width, _ = gradient.shape
    window, own = np.empty((4, CHANNELS), np.float32), np.zeros((5, 5, CHANNELS), np.float32)
    sums = np.empty(CHANNELS, np.float32)
    zero = np.float32(0)
    for b in range(count):
        sums[:] = 0
        for row in range(height):
            for column in range(width):
                for c in range(CHANNELS):
                    value, place = gradient[b, row, column, c], which[b, row, column, c]
                    window[0, c], window[1, c], window[2, c], window[3, c] = spread(value, place, zero)
                    sums[c] += value if place < SHUT else zero
                for r in range(5):
                    upper = x[b, 2 * row + r, 2 * column : 2 * column + 6]
                    lower = x[b, 2 * row + r + 1, 2 * column : 2 * column + 6]
                    u0, u1, u2, u3, u4, u5 = upper[0], upper[1], upper[2], upper[3], upper[4], upper[5]
                    l0, l1, l2, l3, l4, l5 = lower[0], lower[1], lower[2], lower[3], lower[4], lower[5]
                    for c in range(CHANNELS):
                        g0, g1, g2, g3 = window[0, c], window[1, c], window[2, c], window[3, c]
                        own[r, 0, c] += g0 * u0 + g1 * u1 + g2 * l0 + g3 * l1
                        own[r, 1, c] += g0 * u1 + g1 * u2 + g2 * l1 + g3 * l2
                        own[r, 2, c] += g0 * u2 + g1 * u3 + g2 * l2 + g3 * l3
                        own[r, 3, c] += g0 * u3 + g1 * u4 + g2 * l3 + g3 * l4
                        own[r, 4, c] += g0 * u4 + g1 * u5 + g2 * l4 + g3 * l5
        for c in range(CHANNELS):
            total[c] += sums[c]
    kernel[:] = own


class _Grey(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        pixels, kernel = x[:, 0].contiguous(), weight[:, 0].permute(1, 2, 0).contiguous()
        size = len(x), (x.shape[2] - 4) // 2, (x.shape[3] - 4) // 2, len(weight)
        found, which = x.new_empty(size), torch.empty(size, dtype=torch.uint8)
        convolve_grey(as_array(pixels), as_array(kernel), as_array(bias), found.numpy(), which.numpy())
        ctx.save_for_backward(pixels, which)
        return found.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[None, torch.Tensor, torch.Tensor]:
        pixels, which = ctx.saved_tensors
        channels = gradient.shape[1]
        kernel, total = torch.empty(5, 5, channels), torch.zeros(channels, dtype=torch.float64)
        grey_gradient(
            pixels.numpy(), as_array(gradient.permute(0, 2, 3, 1)), which.numpy(), kernel.numpy(), total.numpy()
        )
        return None, kernel.permute(2, 0, 1)[:, None], total.float()
