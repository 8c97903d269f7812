"""A 5x5 convolution in float32 on a CPU by minimal filtering: the same function from fewer products.

A tile of 4x4 outputs takes 400 products for each pair of channels. Transformed at eight points a dimension, it takes
64, and the transforms cost little where channels are many (Winograd 1980; Lavin and Gray, "Fast Algorithms for
Convolutional Neural Networks", CVPR 2016, whose F(4x4, 5x5) this is). Results differ from the direct form by rounding:
by some 2e-6 of their size, where the direct form is off by some 4e-7 and bfloat16 by some 3e-3.
"""

import functools
import math
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

SIDE = 5  # of the kernel
OUTPUTS = 4  # of a tile, in each dimension
TILE = OUTPUTS + SIDE - 1
POINTS = (0, 1, -1, 2, -2, 1 / 2, -1 / 2)  # and infinity; small powers of two keep the rounding small


def convolve(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Convolution 5x5 with stride 1 and no padding: [B, O, H - 4, W - 4] of x [B, C, H, W] and weight [O, C, 5, 5].

    Filtered minimally where that is faster: in float32 on a CPU, on outputs that tiles of 4x4 cover without computing
    more than twice as many; outputs are then channels last, and gradients of gradients not available. Elsewhere it is
    what `F.conv2d` does.
    """
    height, width = (size - SIDE + 1 for size in x.shape[2:])
    tall, wide = (OUTPUTS * math.ceil(size / OUTPUTS) for size in (height, width))
    if not _filters(x) or tall * wide > 2 * height * width:
        return F.conv2d(x, weight)
    padded = F.pad(x, (0, wide - width, 0, tall - height)) if (tall, wide) != (height, width) else x
    return _Filtered.apply(padded, weight)[..., :height, :width]


def _filters(x: torch.Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


@functools.cache
def transforms() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The transforms of input [8, 8], kernel [8, 5] and output [4, 8], in one dimension.

    The output is `output @ ((kernel @ g) * (input @ d))` for 8 inputs d and 5 weights g. The polynomials with
    coefficients d and g are evaluated and interpolated as Toom and Cook multiply, transposed to make it a correlation.
    """
    points = np.array(POINTS, float)
    input_, kernel, output = np.zeros((TILE, TILE)), np.zeros((TILE, SIDE)), np.zeros((OUTPUTS, TILE))
    for index, point in enumerate(points):
        others = np.delete(points, index)
        input_[index, :-1] = np.poly(others)[::-1]
        kernel[index] = point ** np.arange(SIDE) / np.prod(point - others)
        output[:, index] = point ** np.arange(OUTPUTS)
    input_[-1], kernel[-1, -1], output[-1, -1] = np.poly(points)[::-1], 1, 1
    # Input and kernel are brought to one magnitude; by powers of two, which round nothing.
    balance = 2 ** np.round(np.log2(np.abs(kernel).max(1) / np.abs(input_).max(1)) / 2)[:, None]
    return tuple(torch.from_numpy(m.astype(np.float32)) for m in (input_ * balance, kernel / balance, output))


@functools.cache
def _kernel_transform() -> torch.Tensor:
    """The kernel's transform in both dimensions, [64, 25]."""
    kernel = transforms()[1]
    return torch.kron(kernel, kernel)


class _Filtered(torch.autograd.Function):
    """The convolution of x [B, C, H, W] with weight [O, C, 5, 5]; H - 4 and W - 4 are multiples of 4.

    Inside, pixels come first and channels last, [H, W, B, C]: each transform is then a product of one small matrix
    with one wide one. A tile is done from beginning to end, so that it stays in the processor's cache.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        to_input, _, to_output = transforms()
        pixels = x.permute(2, 3, 0, 1).contiguous()
        height, width, count, _ = pixels.shape
        # [64, C, O]. Of a kernel, which is small, both dimensions at once take less time than one after the other.
        kernel = torch.mm(_kernel_transform(), weight.permute(2, 3, 1, 0).reshape(SIDE**2, -1))
        kernel = kernel.view(TILE**2, weight.shape[1], len(weight))
        size = height - SIDE + 1, width - SIDE + 1
        corners, tiles = _corners(*size), []
        out = pixels.new_empty(*size, count, len(weight)) if len(corners) > 1 else None
        for rows, columns in corners:
            tile = _both(to_input, pixels[rows : rows + TILE, columns : columns + TILE]).flatten(0, 1)  # [64, B, C]
            found = _both(to_output, torch.bmm(tile, kernel).unflatten(0, (TILE, TILE)))
            if out is None:  # a single tile is all there is
                out = found
            else:
                out[rows : rows + OUTPUTS, columns : columns + OUTPUTS] = found
            tiles.append(tile)
        ctx.save_for_backward(kernel, *tiles)
        ctx.shape = pixels.shape
        return _channels_last(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor]:
        to_input, _, to_output = (matrix.mT for matrix in transforms())
        kernel, *tiles = ctx.saved_tensors
        out = gradient.permute(2, 3, 0, 1).contiguous()
        pixels = out.new_zeros(ctx.shape) if ctx.needs_input_grad[0] and len(tiles) > 1 else None
        kernels = None
        for tile, (rows, columns) in zip(tiles, _corners(*out.shape[:2]), strict=True):
            found = _both(to_output, out[rows : rows + OUTPUTS, columns : columns + OUTPUTS]).flatten(0, 1)
            kernels = torch.bmm(tile.mT, found) if kernels is None else kernels.baddbmm_(tile.mT, found)
            if ctx.needs_input_grad[0]:
                own = _both(to_input, torch.bmm(found, kernel.mT).unflatten(0, (TILE, TILE)))
                if pixels is None:
                    pixels = own
                else:
                    pixels[rows : rows + TILE, columns : columns + TILE] += own
        weight = torch.mm(_kernel_transform().mT, kernels.flatten(1)).view(SIDE, SIDE, *kernels.shape[1:])
        weight = weight.permute(3, 2, 0, 1)
        return None if pixels is None else _channels_last(pixels), weight


def _corners(height: int, width: int) -> list[tuple[int, int]]:
    """Upper left corners of the tiles of height x width outputs."""
    return [(row, column) for row in range(0, height, OUTPUTS) for column in range(0, width, OUTPUTS)]


def _both(matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """`matrix` [m, n] applied to both leading dimensions of x [n, n, b, c]: [m, m, b, c]."""
    m, n = matrix.shape
    rows = torch.mm(matrix, x.reshape(n, -1)).view(m, n, -1)
    return torch.bmm(matrix.expand(m, m, n), rows).view(m, m, *x.shape[2:])


def _channels_last(pixels: torch.Tensor) -> torch.Tensor:
    """[H, W, B, C] as [B, C, H, W] in channels-last memory."""
    return pixels.permute(2, 0, 1, 3).contiguous().permute(0, 3, 1, 2)
