"""The CNN's block on tiles of a processor's matrix unit, an image after the other; see `mia_core.convolution.amx`.

On few channels a library's convolution spends most of its time on bringing numbers into tiles. Here tiles are loaded
from images as these are, as a window's numbers are side by side, and what lies between image and result is of one image
at a time and stays in the cache. Numbers of bfloat16 are given as their bits, uint16.

Weights are given as tiles uint16 [5, S, 2, K / 2, 32]: for each row of the kernel, and each of the S parts of a row, K
numbers long, that are multiplied at once, both halves of the outputs. `shapes` configure tiles 0 to 3 for results, 4
for pixels, and 5 and 6 for weights; all are whole where a kernel's gradient is computed.
"""

import numpy as np

from mia_core.convolution.amx import ROWS, WIDE, add_product, configure, load, release, store, zero
from mia_core.convolution.compiled import CHANNELS, called, compiled, inlined
from mia_core.convolution.layouts import image_to_pairs, image_to_planes, unpool, unpool_to_pairs, unpool_to_planes
from mia_core.convolution.pixels import largest, to_bfloat16

SIDE = 5  # of the kernel


@compiled
def kernel_to_tiles(weight, turned, tiles):
    """Weight float32 [O, 5, S, K]; turned around, outputs and numbers changed for each other, for the gradient."""
    _, rows, parts, numbers = weight.shape
    for output in range(CHANNELS):
        for row in range(rows):
            for part in range(parts):
                for number in range(numbers):
                    value = to_bfloat16(weight[output, row, part, number])
                    if turned:
                        tile = tiles[rows - 1 - row, parts - 1 - part, number // ROWS, output // 2]
                        tile[number % ROWS * 2 + output % 2] = value
                    else:
                        tile = tiles[row, part, output // ROWS, number // 2]
                        tile[output % ROWS * 2 + number % 2] = value


@inlined
def _convolve(image, step, line, kernel, found):
    """The image at an address, with pixels and lines so many bytes apart, into `found` float32 [h, w, 32], h even."""
    height, width, _ = found.shape
    parts, tile, columns = kernel.shape[1], kernel.shape[3] * WIDE, min(ROWS, width)
    weights, results, pixel = np.int64(kernel.ctypes.data), np.int64(found.ctypes.data), 2 * WIDE
    for upper in range(0, height, 2):  # two rows at once share the tiles of images and of weights
        for start in range(0, width, columns):
            left = min(start, width - columns)  # the last of a row may compute some a second time
            zero(0), zero(1), zero(2), zero(3)
            for part in range(parts):
                for row in range(SIDE + 1):
                    load(4, image + (upper + row) * line + (left + part) * step, step)
                    if row > 0:  # with the weights of the row before
                        add_product(2, 4, 5), add_product(3, 4, 6)
                    if row < SIDE:
                        here = weights + 2 * tile * (row * parts + part)
                        load(5, here, WIDE), load(6, here + tile, WIDE)
                        add_product(0, 4, 5), add_product(1, 4, 6)
            here = results + (upper * width + left) * pixel
            store(0, here, pixel), store(1, here + WIDE, pixel)
            here += width * pixel
            store(2, here, pixel), store(3, here + WIDE, pixel)


@called
def _pool(found, bias, pooled, which):
    for row in range(len(pooled)):
        for column in range(pooled.shape[1]):
            for c in range(CHANNELS):
                value, which[row, column, c] = largest(
                    found[2 * row, 2 * column, c],
                    found[2 * row, 2 * column + 1, c],
                    found[2 * row + 1, 2 * column, c],
                    found[2 * row + 1, 2 * column + 1, c],
                    bias[c],
                )
                pooled[row, column, c] = to_bfloat16(value)


@called
def _round(values, rounded):
    for k in range(len(rounded)):
        rounded[k] = to_bfloat16(values[k])


@called
def _copy(values, copied):
    for k in range(len(values)):
        copied[k] = values[k]


@compiled
def convolve_and_pool(x, channels, kernel, bias, shapes, image, found, pooled, which):
    """x [B, H, W * C] and bias float32 into `pooled` and `which` [B, h, w, 32]; see `pixels.largest`.

    image, found  room for x's numbers and one more, uint16 [H * W * C + 1], and for float32 [2h, 2w, 32]
    """
    configure(np.int64(shapes.ctypes.data))
    for b in range(len(x)):
        _copy(x[b].ravel(), image)
        _convolve(np.int64(image.ctypes.data), 2 * channels, 2 * x.shape[2], kernel, found)
        _pool(found, bias, pooled[b], which[b])
    release()


@compiled
def image_gradient(gradient, which, kernel, shapes, padded, found, out):
    """The gradient of x into `out` [B, H, W, 32]: of the pooled pixels' [B, h, w, 32], with the kernel turned around.

    padded, found  room for it with a margin, uint16 [H + 4, W + 4, 32] of zeros, and for float32 [H, W, 32]; a row more
                   if H is odd
    """
    step, ignored = 2 * CHANNELS, np.zeros(CHANNELS, np.float32)
    configure(np.int64(shapes.ctypes.data))
    for b in range(len(out)):
        unpool(gradient[b], which[b], SIDE - 1, padded, ignored)
        _convolve(np.int64(padded.ctypes.data), step, padded.shape[1] * step, kernel, found)
        _round(found.ravel(), out[b].ravel())
    release()


@inlined
def _correlate(left, right, row, out):
    """Add to `out` float32 [5, S, M, N] the products of planes uint32 [M, L] and pairs [S, Q, N].

    The longer of the two is an image's, from which each row of the kernel takes what lies a row of pixels further.
    """
    outputs, length = left.shape
    parts, pixels, numbers = right.shape
    plane, pixel, whole = 4 * length, 4 * numbers, 4 * parts * outputs * numbers
    line = 4 * row if length > pixels else row * pixel
    for part in range(parts):
        for first in range(0, outputs, ROWS):
            for second in range(0, numbers, ROWS):
                found = np.int64(out.ctypes.data) + (part * outputs + first) * pixel + 4 * second
                load(0, found, pixel), load(1, found + whole, pixel), load(2, found + 2 * whole, pixel)
                load(3, found + 3 * whole, pixel), load(4, found + 4 * whole, pixel)
                planes = np.int64(left.ctypes.data) + first * plane
                pairs = np.int64(right.ctypes.data) + part * pixels * pixel + 4 * second
                for _ in range(min(length, pixels) // ROWS):
                    if length > pixels:
                        load(5, pairs, pixel)
                        load(6, planes, plane), add_product(0, 6, 5)
                        load(7, planes + line, plane), add_product(1, 7, 5)
                        load(6, planes + 2 * line, plane), add_product(2, 6, 5)
                        load(7, planes + 3 * line, plane), add_product(3, 7, 5)
                        load(6, planes + 4 * line, plane), add_product(4, 6, 5)
                    else:
                        load(5, planes, plane)
                        load(6, pairs, pixel), add_product(0, 5, 6)
                        load(7, pairs + line, pixel), add_product(1, 5, 7)
                        load(6, pairs + 2 * line, pixel), add_product(2, 5, 6)
                        load(7, pairs + 3 * line, pixel), add_product(3, 5, 7)
                        load(6, pairs + 4 * line, pixel), add_product(4, 5, 6)
                    planes += WIDE
                    pairs += ROWS * pixel
                store(0, found, pixel), store(1, found + whole, pixel), store(2, found + 2 * whole, pixel)
                store(3, found + 3 * whole, pixel), store(4, found + 4 * whole, pixel)


@compiled
def kernel_gradient(x, gradient, which, shapes, planes, pairs, out, total):
    """Add to `out` float32 [5, 5, O, C] and `total` float64 [O] the gradients of a kernel of 32 channels and its bias.

    planes, pairs  room for the gradient, uint32 [32, Q], Q a multiple of 16, and images [5, Q + 4w, 32]; zeros
    """
    sums = np.empty(CHANNELS, np.float32)
    row = which.shape[2]
    configure(np.int64(shapes.ctypes.data))
    for b in range(len(x)):
        sums[:] = 0  # of an image in float32, of all in float64
        unpool_to_planes(gradient[b], which[b], planes, sums)
        image_to_pairs(x[b], row, pairs)
        _correlate(planes, pairs, row, out)
        for c in range(CHANNELS):
            total[c] += sums[c]
    release()


@compiled
def small_kernel_gradient(x, channels, gradient, which, shapes, planes, pairs, out, total):
    """The same of at most 3 channels, to `out` [5, 1, 16, O]: of a row of the kernel 5 * C numbers, then zeros.

    planes, pairs  room for images, uint32 [16, Q + 4w], and the gradient [1, Q, 32]; zeros
    """
    sums = np.empty(CHANNELS, np.float32)
    row = which.shape[2]
    single = planes.view(np.uint16)
    configure(np.int64(shapes.ctypes.data))
    for b in range(len(x)):
        sums[:] = 0
        image_to_planes(x[b], channels, row, single)
        unpool_to_pairs(gradient[b], which[b], pairs[0], sums)
        _correlate(planes, pairs, row, out)
        for c in range(CHANNELS):
            total[c] += sums[c]
    release()
