"""Compiled loops of the forward pass: pooling, the convolution of grey images, and minimal filtering.

See `mia_core.convolution.winograd` for the last: `points` [8, 8, N, C] are of the N tiles of some images, those from
`first`: image by image, row by row.
"""

import numpy as np

from mia_core.convolution.compiled import CHANNELS, compiled, inlined
from mia_core.convolution.pixels import from_bfloat16, largest, to_bfloat16


@compiled
def pool_float32(x, bias, pooled, which):
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
def pool_bfloat16(x, bias, pooled, which):
    """The same of the bits of bfloat16 numbers (uint16)."""
    count, height, width, _ = x.shape
    for b in range(count):
        for row in range(height // 2):
            for column in range(width // 2):
                for c in range(CHANNELS):
                    value, place = largest(
                        from_bfloat16(x[b, 2 * row, 2 * column, c]),
                        from_bfloat16(x[b, 2 * row, 2 * column + 1, c]),
                        from_bfloat16(x[b, 2 * row + 1, 2 * column, c]),
                        from_bfloat16(x[b, 2 * row + 1, 2 * column + 1, c]),
                        bias[c],
                    )
                    pooled[b, row, column, c] = to_bfloat16(value)
                    which[b, row, column, c] = place


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
                        k0, k1, k2, k3, k4 = (
                            kernel[r, 0, c],
                            kernel[r, 1, c],
                            kernel[r, 2, c],
                            kernel[r, 3, c],
                            kernel[r, 4, c],
                        )
                        window[0, c] += k0 * u0 + k1 * u1 + k2 * u2 + k3 * u3 + k4 * u4
                        window[1, c] += k0 * u1 + k1 * u2 + k2 * u3 + k3 * u4 + k4 * u5
                        window[2, c] += k0 * l0 + k1 * l1 + k2 * l2 + k3 * l3 + k4 * l4
                        window[3, c] += k0 * l1 + k1 * l2 + k2 * l3 + k3 * l4 + k4 * l5
                for c in range(CHANNELS):
                    pooled[b, row, column, c], which[b, row, column, c] = largest(
                        window[0, c], window[1, c], window[2, c], window[3, c], bias[c]
                    )


# The transforms in one dimension: products with the matrices of `mia_core.convolution.winograd.transforms`, in which
# the rows of two opposite points share their even and their odd terms.


@inlined
def _to_input(d0, d1, d2, d3, d4, d5, d6, d7):
    f = np.float32
    even1, odd1 = f(0.25) * (d2 + d6) - f(1.0625) * d4, f(0.25) * (d1 + d5) - f(1.0625) * d3
    even2, odd2 = f(0.0625) * d2 - f(0.3125) * d4 + f(0.25) * d6, f(0.125) * d1 - f(0.625) * d3 + f(0.5) * d5
    even3, odd3 = f(2) * d2 - f(2.5) * d4 + f(0.5) * d6, d1 - f(1.25) * d3 + f(0.25) * d5
    first, last = f(0.5) * (d6 - d0) + f(2.625) * (d2 - d4), f(0.5) * (d7 - d1) + f(2.625) * (d3 - d5)
    return first, even1 + odd1, even1 - odd1, even2 + odd2, even2 - odd2, even3 + odd3, even3 - odd3, last


@inlined
def _to_output(v0, v1, v2, v3, v4, v5, v6, v7):
    f = np.float32
    even1, even2, even3 = v1 + v2, v3 + v4, v5 + v6
    odd1, odd2, odd3 = v1 - v2, v3 - v4, v5 - v6
    return (
        v0 + even1 + even2 + even3,
        odd1 + f(2) * odd2 + f(0.5) * odd3,
        even1 + f(4) * even2 + f(0.25) * even3,
        odd1 + f(8) * odd2 + f(0.125) * odd3 + v7,
    )


@compiled
def images_to_points(x, first, points):
    """The input transform of the tiles of x [B, H, W, C], whose corners are 4 pixels apart."""
    half, line = np.empty((8, 8, CHANNELS), np.float32), np.empty((8, CHANNELS), np.float32)
    tall, wide = (x.shape[1] - 4) // 4, (x.shape[2] - 4) // 4
    for tile in range(points.shape[2]):
        b, row, column = first + tile // (tall * wide), tile // wide % tall * 4, tile % wide * 4
        for j in range(8):
            k = column + j
            for c in range(CHANNELS):
                (
                    half[0, j, c], half[1, j, c], half[2, j, c], half[3, j, c],
                    half[4, j, c], half[5, j, c], half[6, j, c], half[7, j, c],
                ) = _to_input(
                    x[b, row, k, c], x[b, row + 1, k, c], x[b, row + 2, k, c], x[b, row + 3, k, c],
                    x[b, row + 4, k, c], x[b, row + 5, k, c], x[b, row + 6, k, c], x[b, row + 7, k, c],
                )  # fmt: skip
        for i in range(8):
            for c in range(CHANNELS):
                (
                    line[0, c], line[1, c], line[2, c], line[3, c], line[4, c], line[5, c], line[6, c], line[7, c]
                ) = _to_input(
                    half[i, 0, c], half[i, 1, c], half[i, 2, c], half[i, 3, c],
                    half[i, 4, c], half[i, 5, c], half[i, 6, c], half[i, 7, c],
                )  # fmt: skip
            for j in range(8):
                for c in range(CHANNELS):
                    points[i, j, tile, c] = line[j, c]


@compiled
def points_to_pooled(points, bias, first, pooled, which):
    """The 4x4 outputs of each tile, plus bias, pooled to 2x2 pixels of `pooled` and `which` [B, h, w, C]."""
    half, outputs = np.empty((4, 8, CHANNELS), np.float32), np.empty((4, 4, CHANNELS), np.float32)
    tall, wide = pooled.shape[1] // 2, pooled.shape[2] // 2
    for tile in range(points.shape[2]):
        b, row, column = first + tile // (tall * wide), tile // wide % tall * 2, tile % wide * 2
        for j in range(8):
            for c in range(CHANNELS):
                half[0, j, c], half[1, j, c], half[2, j, c], half[3, j, c] = _to_output(
                    points[0, j, tile, c], points[1, j, tile, c], points[2, j, tile, c], points[3, j, tile, c],
                    points[4, j, tile, c], points[5, j, tile, c], points[6, j, tile, c], points[7, j, tile, c],
                )  # fmt: skip
        for i in range(4):
            for c in range(CHANNELS):
                outputs[i, 0, c], outputs[i, 1, c], outputs[i, 2, c], outputs[i, 3, c] = _to_output(
                    half[i, 0, c], half[i, 1, c], half[i, 2, c], half[i, 3, c],
                    half[i, 4, c], half[i, 5, c], half[i, 6, c], half[i, 7, c],
                )  # fmt: skip
        for i in range(2):
            for j in range(2):
                for c in range(CHANNELS):
                    pooled[b, row + i, column + j, c], which[b, row + i, column + j, c] = largest(
                        outputs[2 * i, 2 * j, c],
                        outputs[2 * i, 2 * j + 1, c],
                        outputs[2 * i + 1, 2 * j, c],
                        outputs[2 * i + 1, 2 * j + 1, c],
                        bias[c],
                    )
