"""Compiled loops of the backward pass: gradients of what `mia_core.convolution.forward` computes.

A gradient that has passed the pooling also passes to the bias: `total`, float64 [C], has its sum added.
"""

import numpy as np

from mia_core.convolution.compiled import CHANNELS, compiled, inlined
from mia_core.convolution.layouts import unpool
from mia_core.convolution.pixels import SHUT, spread


@compiled
def unpool_float32(gradient, which, whole, total):
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


@compiled
def unpool_bfloat16(gradient, which, whole, total):
    """The same of the bits of bfloat16 numbers (uint16)."""
    sums = np.empty(CHANNELS, np.float32)
    for b in range(len(gradient)):
        sums[:] = 0
        unpool(gradient[b], which[b], 0, whole[b], sums)
        for c in range(CHANNELS):
            total[c] += sums[c]


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


# The transforms of `mia_core.convolution.forward`, transposed.


@inlined
def _to_input_transposed(v0, v1, v2, v3, v4, v5, v6, v7):
    f = np.float32
    even1, even2, even3 = v1 + v2, v3 + v4, v5 + v6
    odd1, odd2, odd3 = v1 - v2, v3 - v4, v5 - v6
    return (
        f(-0.5) * v0,
        f(0.25) * odd1 + f(0.125) * odd2 + odd3 - f(0.5) * v7,
        f(2.625) * v0 + f(0.25) * even1 + f(0.0625) * even2 + f(2) * even3,
        f(-1.0625) * odd1 - f(0.625) * odd2 - f(1.25) * odd3 + f(2.625) * v7,
        f(-2.625) * v0 - f(1.0625) * even1 - f(0.3125) * even2 - f(2.5) * even3,
        f(0.25) * odd1 + f(0.5) * odd2 + f(0.25) * odd3 - f(2.625) * v7,
        f(0.5) * v0 + f(0.25) * even1 + f(0.25) * even2 + f(0.5) * even3,
        f(0.5) * v7,
    )


@inlined
def _to_output_transposed(y0, y1, y2, y3):
    f = np.float32
    even1, even2, even3 = y0 + y2, y0 + f(4) * y2, y0 + f(0.25) * y2
    odd1, odd2, odd3 = y1 + y3, f(2) * y1 + f(8) * y3, f(0.5) * y1 + f(0.125) * y3
    return y0, even1 + odd1, even1 - odd1, even2 + odd2, even2 - odd2, even3 + odd3, even3 - odd3, y3


@compiled
def gradient_to_points(gradient, which, first, points, total):
    """The gradient of the `points` that `points_to_pooled` took, by that of the pooled pixels [B, h, w, C]."""
    outputs, half = np.empty((4, 4, CHANNELS), np.float32), np.empty((8, 4, CHANNELS), np.float32)
    line, sums = np.empty((8, CHANNELS), np.float32), np.zeros(CHANNELS, np.float32)
    zero = np.float32(0)
    tall, wide = gradient.shape[1] // 2, gradient.shape[2] // 2
    for tile in range(points.shape[2]):
        b, row, column = first + tile // (tall * wide), tile // wide % tall * 2, tile % wide * 2
        for i in range(2):
            for j in range(2):
                for c in range(CHANNELS):
                    value, place = gradient[b, row + i, column + j, c], which[b, row + i, column + j, c]
                    upper, lower = 2 * i, 2 * i + 1
                    left, right = 2 * j, 2 * j + 1
                    (
                        outputs[upper, left, c], outputs[upper, right, c],
                        outputs[lower, left, c], outputs[lower, right, c],
                    ) = spread(value, place, zero)  # fmt: skip
                    sums[c] += value if place < SHUT else zero
        for j in range(4):
            for c in range(CHANNELS):
                (
                    half[0, j, c], half[1, j, c], half[2, j, c], half[3, j, c],
                    half[4, j, c], half[5, j, c], half[6, j, c], half[7, j, c],
                ) = _to_output_transposed(
                    outputs[0, j, c], outputs[1, j, c], outputs[2, j, c], outputs[3, j, c]
                )  # fmt: skip
        for i in range(8):
            for c in range(CHANNELS):
                (
                    line[0, c], line[1, c], line[2, c], line[3, c], line[4, c], line[5, c], line[6, c], line[7, c]
                ) = _to_output_transposed(half[i, 0, c], half[i, 1, c], half[i, 2, c], half[i, 3, c])  # fmt: skip
            for j in range(8):
                for c in range(CHANNELS):
                    points[i, j, tile, c] = line[j, c]
    for c in range(CHANNELS):
        total[c] += sums[c]


@compiled
def points_to_gradient(points, first, gradient):
    """The gradient of x [B, H, W, C], by that of the `points` that `images_to_points` gave; for these images."""
    half, line = np.empty((8, 8, CHANNELS), np.float32), np.empty((8, CHANNELS), np.float32)
    tall, wide = (gradient.shape[1] - 4) // 4, (gradient.shape[2] - 4) // 4
    for tile in range(points.shape[2]):
        b, row, column = first + tile // (tall * wide), tile // wide % tall * 4, tile % wide * 4
        if row + column == 0:
            gradient[b] = 0
        for j in range(8):
            for c in range(CHANNELS):
                (
                    half[0, j, c], half[1, j, c], half[2, j, c], half[3, j, c],
                    half[4, j, c], half[5, j, c], half[6, j, c], half[7, j, c],
                ) = _to_input_transposed(
                    points[0, j, tile, c], points[1, j, tile, c], points[2, j, tile, c], points[3, j, tile, c],
                    points[4, j, tile, c], points[5, j, tile, c], points[6, j, tile, c], points[7, j, tile, c],
                )  # fmt: skip
        for i in range(8):
            for c in range(CHANNELS):
                (
                    line[0, c], line[1, c], line[2, c], line[3, c], line[4, c], line[5, c], line[6, c], line[7, c]
                ) = _to_input_transposed(
                    half[i, 0, c], half[i, 1, c], half[i, 2, c], half[i, 3, c],
                    half[i, 4, c], half[i, 5, c], half[i, 6, c], half[i, 7, c],
                )  # fmt: skip
            for j in range(8):
                for c in range(CHANNELS):
                    gradient[b, row + i, column + j, c] += line[j, c]
