"""The CNN's block in float32 on a CPU by minimal filtering: the same function from fewer products.

A tile of 4x4 outputs takes 400 products for each pair of channels. Transformed at eight points in each dimension, it
takes 64, and the transforms cost little where channels are many (Winograd 1980; Lavin and Gray, "Fast Algorithms for
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

from mia_core.fast.block.compiled import CHANNELS, compiled, inlined
from mia_core.fast.block.pixels import SHUT, largest, spread

SIDE = 5  # of the kernel
OUTPUTS = 4  # of a tile, in each dimension
TILE = OUTPUTS + SIDE - 1
CACHED = 50  # tiles at once: some 400 kB before and as many after the products
POINTS = (0, 1, -1, 2, -2, 1 / 2, -1 / 2)  # and infinity; small powers of two keep the rounding small


def fits(shape: tuple[int, int, int], gradient: bool, precision: torch.dtype) -> bool:
    """Whether tiles of 4x4 cover the outputs of images [C, H, W] without computing more than twice as many."""
    tall, wide = _tiled(shape[1:])
    height, width = (2 * ((size - SIDE + 1) // 2) for size in shape[1:])
    return precision == torch.float32 and shape[0] == CHANNELS and tall * wide <= 2 * height * width


def block(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """See `mia_core.fast.block.convolved_and_pooled`."""
    missing = [max(0, size + SIDE - 1 - had) for size, had in zip(_tiled(x.shape[2:]), x.shape[2:], strict=True)]
    padded = F.pad(x, (0, missing[1], 0, missing[0])) if any(missing) else x
    height, width = ((size - SIDE + 1) // 2 for size in x.shape[2:])
    return _Filtered.apply(padded, weight, bias)[..., :height, :width]


def _tiled(size: tuple[int, int]) -> list[int]:
    """Height and width of the outputs that are pooled, of images [H, W], rounded up to whole tiles."""
    return [OUTPUTS * math.ceil((side - SIDE + 1) // 2 * 2 / OUTPUTS) for side in size]


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


# The transforms in one dimension: products with the matrices of `transforms`, in which the rows of two opposite points
# share their even and their odd terms; then the same transposed, for the gradients. Each is of all channels, from the
# rows of `given` [n, C] that begin at `first` and are `step` apart, into the rows of `found` that begin at `to` and are
# `apart` apart.


@inlined
def _to_input(given, first, step, found, to, apart):
    f = np.float32
    for c in range(CHANNELS):
        d0, d1, d2, d3, d4, d5, d6, d7 = _eight(given, first, step, c)
        even1, odd1 = f(0.25) * (d2 + d6) - f(1.0625) * d4, f(0.25) * (d1 + d5) - f(1.0625) * d3
        even2, odd2 = f(0.0625) * d2 - f(0.3125) * d4 + f(0.25) * d6, f(0.125) * d1 - f(0.625) * d3 + f(0.5) * d5
        even3, odd3 = f(2) * d2 - f(2.5) * d4 + f(0.5) * d6, d1 - f(1.25) * d3 + f(0.25) * d5
        found[to, c] = f(0.5) * (d6 - d0) + f(2.625) * (d2 - d4)
        found[to + apart, c] = even1 + odd1
        found[to + 2 * apart, c] = even1 - odd1
        found[to + 3 * apart, c] = even2 + odd2
        found[to + 4 * apart, c] = even2 - odd2
        found[to + 5 * apart, c] = even3 + odd3
        found[to + 6 * apart, c] = even3 - odd3
        found[to + 7 * apart, c] = f(0.5) * (d7 - d1) + f(2.625) * (d3 - d5)


@inlined
def _to_output(given, first, step, found, to, apart):
    f = np.float32
    for c in range(CHANNELS):
        v0, v1, v2, v3, v4, v5, v6, v7 = _eight(given, first, step, c)
        even1, even2, even3 = v1 + v2, v3 + v4, v5 + v6
        odd1, odd2, odd3 = v1 - v2, v3 - v4, v5 - v6
        found[to, c] = v0 + even1 + even2 + even3
        found[to + apart, c] = odd1 + f(2) * odd2 + f(0.5) * odd3
        found[to + 2 * apart, c] = even1 + f(4) * even2 + f(0.25) * even3
        found[to + 3 * apart, c] = odd1 + f(8) * odd2 + f(0.125) * odd3 + v7


@inlined
def _to_input_transposed(given, first, step, found, to, apart):
    f = np.float32
    for c in range(CHANNELS):
        v0, v1, v2, v3, v4, v5, v6, v7 = _eight(given, first, step, c)
        even1, even2, even3 = v1 + v2, v3 + v4, v5 + v6
        odd1, odd2, odd3 = v1 - v2, v3 - v4, v5 - v6
        found[to, c] = f(-0.5) * v0
        found[to + apart, c] = f(0.25) * odd1 + f(0.125) * odd2 + odd3 - f(0.5) * v7
        found[to + 2 * apart, c] = f(2.625) * v0 + f(0.25) * even1 + f(0.0625) * even2 + f(2) * even3
        found[to + 3 * apart, c] = f(-1.0625) * odd1 - f(0.625) * odd2 - f(1.25) * odd3 + f(2.625) * v7
        found[to + 4 * apart, c] = f(-2.625) * v0 - f(1.0625) * even1 - f(0.3125) * even2 - f(2.5) * even3
        found[to + 5 * apart, c] = f(0.25) * odd1 + f(0.5) * odd2 + f(0.25) * odd3 - f(2.625) * v7
        found[to + 6 * apart, c] = f(0.5) * v0 + f(0.25) * even1 + f(0.25) * even2 + f(0.5) * even3
        found[to + 7 * apart, c] = f(0.5) * v7


@inlined
def _to_output_transposed(given, first, step, found, to, apart):
    f = np.float32
    for c in range(CHANNELS):
        y0, y1, y2, y3 = given[first, c], given[first + step, c], given[first + 2 * step, c], given[first + 3 * step, c]
        even1, even2, even3 = y0 + y2, y0 + f(4) * y2, y0 + f(0.25) * y2
        odd1, odd2, odd3 = y1 + y3, f(2) * y1 + f(8) * y3, f(0.5) * y1 + f(0.125) * y3
        found[to, c] = y0
        found[to + apart, c] = even1 + odd1
        found[to + 2 * apart, c] = even1 - odd1
        found[to + 3 * apart, c] = even2 + odd2
        found[to + 4 * apart, c] = even2 - odd2
        found[to + 5 * apart, c] = even3 + odd3
        found[to + 6 * apart, c] = even3 - odd3
        found[to + 7 * apart, c] = y3


@inlined
def _eight(given, first, step, c):
    return (
        given[first, c], given[first + step, c], given[first + 2 * step, c], given[first + 3 * step, c],
        given[first + 4 * step, c], given[first + 5 * step, c], given[first + 6 * step, c], given[first + 7 * step, c],
    )  # fmt: skip


@inlined
def _copy(line, point, tile, points):
    for j in range(8):
        for c in range(CHANNELS):
            points[point + j, tile, c] = line[j, c]


@compiled
def images_to_points(x, first, points):
    """The input transform of the tiles of x [B, H, W, C], 4 pixels apart, into `points` [64, N, C]."""
    half, line = np.empty((64, CHANNELS), np.float32), np.empty((8, CHANNELS), np.float32)
    _, height, width, channels = x.shape
    tall, wide, pixels = (height - 4) // 4, (width - 4) // 4, x.reshape(-1, channels)
    for tile in range(points.shape[1]):
        b, row, column = first + tile // (tall * wide), tile // wide % tall * 4, tile % wide * 4
        corner = (b * height + row) * width + column
        for j in range(8):
            _to_input(pixels, corner + j, width, half, j, 8)
        for i in range(8):
            _to_input(half, 8 * i, 1, line, 0, 1)
            _copy(line, 8 * i, tile, points)


@compiled
def points_to_pooled(points, bias, first, pooled, which):
    """The 4x4 outputs of each tile, plus bias, pooled to 2x2 pixels of `pooled` and `which` [B, h, w, C]."""
    half, outputs = np.empty((32, CHANNELS), np.float32), np.empty((16, CHANNELS), np.float32)
    _, tiles, channels = points.shape
    tall, wide, rows = pooled.shape[1] // 2, pooled.shape[2] // 2, points.reshape(-1, channels)
    for tile in range(tiles):
        b, row, column = first + tile // (tall * wide), tile // wide % tall * 2, tile % wide * 2
        for j in range(8):
            _to_output(rows, j * tiles + tile, 8 * tiles, half, j, 8)
        for i in range(4):
            _to_output(half, 8 * i, 1, outputs, 4 * i, 1)
        for i in range(2):
            for j in range(2):
                corner = 8 * i + 2 * j
                for c in range(CHANNELS):
                    pooled[b, row + i, column + j, c], which[b, row + i, column + j, c] = largest(
                        outputs[corner, c], outputs[corner + 1, c], outputs[corner + 4, c], outputs[corner + 5, c],
                        bias[c],
                    )  # fmt: skip


@compiled
def gradient_to_points(gradient, which, first, points, total):
    """The gradient of the `points` that `points_to_pooled` took, by that of the pooled pixels [B, h, w, C]."""
    outputs, half = np.empty((16, CHANNELS), np.float32), np.empty((32, CHANNELS), np.float32)
    line, sums = np.empty((8, CHANNELS), np.float32), np.zeros(CHANNELS, np.float32)
    zero = np.float32(0)
    tall, wide = gradient.shape[1] // 2, gradient.shape[2] // 2
    for tile in range(points.shape[1]):
        b, row, column = first + tile // (tall * wide), tile // wide % tall * 2, tile % wide * 2
        for i in range(2):
            for j in range(2):
                corner = 8 * i + 2 * j
                for c in range(CHANNELS):
                    value, place = gradient[b, row + i, column + j, c], which[b, row + i, column + j, c]
                    outputs[corner, c], outputs[corner + 1, c], outputs[corner + 4, c], outputs[corner + 5, c] = spread(
                        value, place, zero
                    )
                    sums[c] += value if place < SHUT else zero
        for j in range(4):
            _to_output_transposed(outputs, j, 4, half, j, 4)
        for i in range(8):
            _to_output_transposed(half, 4 * i, 1, line, 0, 1)
            _copy(line, 8 * i, tile, points)
    for c in range(CHANNELS):
        total[c] += sums[c]


@compiled
def points_to_gradient(points, first, gradient):
    """The gradient of x [B, H, W, C], by that of the `points` that `images_to_points` gave; for these images."""
    half, line = np.empty((64, CHANNELS), np.float32), np.empty((8, CHANNELS), np.float32)
    _, tiles, channels = points.shape
    tall, wide, rows = (gradient.shape[1] - 4) // 4, (gradient.shape[2] - 4) // 4, points.reshape(-1, channels)
    for tile in range(tiles):
        b, row, column = first + tile // (tall * wide), tile // wide % tall * 4, tile % wide * 4
        if row + column == 0:
            gradient[b] = 0
        for j in range(8):
            _to_input_transposed(rows, j * tiles + tile, 8 * tiles, half, j, 8)
        for i in range(8):
            _to_input_transposed(half, 8 * i, 1, line, 0, 1)
            for j in range(8):
                for c in range(CHANNELS):
                    gradient[b, row + i, column + j, c] += line[j, c]


class _Filtered(torch.autograd.Function):
    """x [B, C, H, W] convolved with weight [O, C, 5, 5], pooled with bias [O]; see `convolved_and_pooled`.

    A few images are done from beginning to end, so that their tiles stay in the processor's cache; for the gradients
    tiles are transformed again, which takes less time than to fetch them.
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
            images_to_points(given, first, points.numpy())
            torch.bmm(points, kernel, out=filtered)
            points_to_pooled(filtered.numpy(), added, first, out, places)
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
            gradient_to_points(had, places, first, filtered.numpy(), sums)
            images_to_points(given, first, points.numpy())
            kernels.baddbmm_(points.mT, filtered)
            if wanted is not None:
                torch.bmm(filtered, kernel.mT, out=points)
                points_to_gradient(points.numpy(), first, wanted.numpy())
        weight = torch.mm(_kernel_transform().mT, kernels.flatten(1)).view(SIDE, SIDE, *kernels.shape[1:])
        return None if wanted is None else wanted.permute(0, 3, 1, 2), weight.permute(3, 2, 0, 1), total.float()


def _tiles(count: int, height: int, width: int) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """For a few images after the other, the first of them and room for their transformed tiles [64, N, C], twice.

    height, width  of the pooled outputs, of which a tile has 2x2
    """
    each = height * width * 4 // OUTPUTS**2
    parts = math.ceil(count / max(1, CACHED // each))
    room: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    for part in range(parts):
        first, last = count * part // parts, count * (part + 1) // parts
        tiles = each * (last - first)
        if tiles not in room:
            room[tiles] = torch.empty(TILE**2, tiles, CHANNELS), torch.empty(TILE**2, tiles, CHANNELS)
        yield first, *room[tiles]
