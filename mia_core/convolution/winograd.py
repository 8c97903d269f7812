"""The CNN's block in float32 on a CPU by minimal filtering: the same function from fewer products.

A tile of 4x4 outputs takes 400 products for each pair of channels. Transformed at eight points a dimension, it takes
64, and the transforms cost little where channels are many (Winograd 1980; Lavin and Gray, "Fast Algorithms for
Convolutional Neural Networks", CVPR 2016, whose F(4x4, 5x5) this is). Results differ from the direct form by rounding:
by some 2e-6 of their size, where the direct form is off by some 4e-7 and bfloat16 by some 3e-3.
"""

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from mia_core.convolution.backward import gradient_to_points, points_to_gradient
from mia_core.convolution.compiled import CHANNELS
from mia_core.convolution.forward import images_to_points, points_to_pooled

SIDE = 5  # of the kernel
OUTPUTS = 4  # of a tile, in each dimension
TILE = OUTPUTS + SIDE - 1
CACHED = 50  # tiles at once: some 400 kB before and as many after the products
POINTS = (0, 1, -1, 2, -2, 1 / 2, -1 / 2)  # and infinity; small powers of two keep the rounding small


def filters_well(shape: torch.Size) -> bool:
    """Whether tiles of 4x4 cover the outputs of x [B, C, H, W] without computing more than twice as many."""
    tall, wide = _tiled(shape)
    height, width = (2 * ((size - SIDE + 1) // 2) for size in shape[2:])
    return shape[1] == CHANNELS and tall * wide <= 2 * height * width


def filtered(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The block of float32 x [B, C, H, W] and weight [O, C, 5, 5], C = O = `CHANNELS`."""
    missing = [max(0, size + SIDE - 1 - had) for size, had in zip(_tiled(x.shape), x.shape[2:], strict=True)]
    padded = F.pad(x, (0, missing[1], 0, missing[0])) if any(missing) else x
    height, width = ((size - SIDE + 1) // 2 for size in x.shape[2:])
    return _Filtered.apply(padded, weight, bias)[..., :height, :width]


def _tiled(shape: torch.Size) -> list[int]:
    """Height and width of the outputs that are pooled, of x [B, C, H, W], rounded up to whole tiles."""
    return [OUTPUTS * math.ceil((size - SIDE + 1) // 2 * 2 / OUTPUTS) for size in shape[2:]]


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
    """x [B, C, H, W] convolved with weight [O, C, 5, 5], pooled with bias [O]; see `convolved_and_pooled`.

    A few images are done from beginning to end, so that their tiles stay in the processor's cache; for the gradients
    tiles are made anew, which takes less time than to fetch them.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        pixels = x.detach().permute(0, 2, 3, 1).contiguous()
        count, height, width, channels = pixels.shape
        # [64, C, O]. Of a kernel, which is small, both dimensions at once take less time than one after the other.
        kernel = torch.mm(_kernel_transform(), weight.permute(2, 3, 1, 0).reshape(SIDE**2, -1))
        kernel = kernel.view(TILE**2, channels, len(weight))
        size = count, (height - SIDE + 1) // 2, (width - SIDE + 1) // 2, len(weight)
        found, which = pixels.new_empty(size), torch.empty(size, dtype=torch.uint8)
        given, out, places, added = pixels.numpy(), found.numpy(), which.numpy(), bias.detach().numpy()
        for first, points, filtered in _tiles(*size[:3]):
            images_to_points(given, first, points.array)
            torch.bmm(points.matrices, kernel, out=filtered.matrices)
            points_to_pooled(filtered.array, added, first, out, places)
        ctx.save_for_backward(pixels, kernel, which)
        return found.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
        pixels, kernel, which = ctx.saved_tensors
        out = gradient.permute(0, 2, 3, 1).contiguous()
        wanted = torch.empty_like(pixels) if ctx.needs_input_grad[0] else None
        kernels, total = torch.zeros_like(kernel), torch.zeros(out.shape[-1], dtype=torch.float64)
        given, had, places, sums = pixels.numpy(), out.numpy(), which.numpy(), total.numpy()
        for first, points, filtered in _tiles(*out.shape[:3]):
            gradient_to_points(had, places, first, filtered.array, sums)
            images_to_points(given, first, points.array)
            kernels.baddbmm_(points.matrices.mT, filtered.matrices)
            if wanted is not None:
                torch.bmm(filtered.matrices, kernel.mT, out=points.matrices)
                points_to_gradient(points.array, first, wanted.numpy())
        weight = torch.mm(_kernel_transform().mT, kernels.flatten(1)).view(SIDE, SIDE, *kernels.shape[1:])
        return None if wanted is None else wanted.permute(0, 3, 1, 2), weight.permute(3, 2, 0, 1), total.float()


class _Points:
    """Transformed tiles: as an array [8, 8, N, C] and as matrices [64, N, C], of one memory."""

    def __init__(self, tiles: int) -> None:
        self.matrices = torch.empty(TILE**2, tiles, CHANNELS)
        self.array = self.matrices.unflatten(0, (TILE, TILE)).numpy()


def _tiles(count: int, height: int, width: int) -> Iterator[tuple[int, _Points, _Points]]:
    """For a few images after the other, the first of them and room for their tiles, twice.

    height, width  of the pooled outputs, of which a tile has 2x2
    """
    each = height * width * 4 // OUTPUTS**2
    parts = math.ceil(count / max(1, CACHED // each))
    room: dict[int, tuple[_Points, _Points]] = {}
    for part in range(parts):
        first, last = count * part // parts, count * (part + 1) // parts
        tiles = each * (last - first)
        if tiles not in room:
            room[tiles] = _Points(tiles), _Points(tiles)
        yield first, *room[tiles]
