"""The CNN's block on tiles of a processor's matrix unit, one image after the other; see `mia_core.fast.block.amx`.

On few channels a library's convolution spends most of its time on bringing numbers into tiles. Here tiles are loaded
from images as these are, as a window's numbers are side by side, and what lies between image and result is of one image
at a time and stays in the cache. Numbers of bfloat16 are given as their bits, uint16.

Weights are given as tiles uint16 [5, S, 2, K / 2, 32]: for each row of the kernel, and each of the S parts of a row, K
numbers long, that are multiplied at once, both halves of the outputs. `shapes` configure tiles 0 to 3 for results, 4
for pixels, and 5 and 6 for weights; all are whole where a kernel's gradient is computed.
"""

import math
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from mia_core.fast.block.amx import ROWS, WIDE, add_product, available, configure, load, release, shapes, store, zero
from mia_core.fast.block.compiled import CHANNELS, called, compiled, inlined
from mia_core.fast.block.pixels import HALF, LOWER_LEFT, SHUT, UPPER_RIGHT, largest, spread, to_bfloat16

SIDE = 5  # of the kernel
ALL = shapes((ROWS,) * 8, (WIDE,) * 8)


def fits(shape: tuple[int, int, int], gradient: bool, precision: torch.dtype) -> bool:
    """Whether images [C, H, W] fit tiles here: C is `CHANNELS`, or a row of its windows is one of a tile."""
    few = SIDE * shape[0] < ROWS and not gradient
    return precision == torch.bfloat16 and (few or shape[0] == CHANNELS) and min(shape[1:]) > SIDE and available()


def block(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """See `mia_core.fast.block.convolved_and_pooled`."""
    return _Tiled.apply(x.to(torch.bfloat16), weight, bias)


# Images and gradients in the order in which tiles are loaded from them. A pair is two pixels side by side, the left one
# in the lower half of a uint32; an image has `row` pairs of pixels from which a 5x5 window begins.


@inlined
def image_to_pairs(x, row, pairs):
    """x [H, L] into `pairs` [5, Q, C]: one row after the other, beginning 0 to 4 pixels from the left."""
    numbers = pairs.shape[2]
    for shift in range(len(pairs)):
        for line in range(len(x) // 2 * 2):
            for pair in range(row):
                first = (2 * pair + shift) * numbers
                left, right = x[line, first : first + numbers], x[line, first + numbers : first + 2 * numbers]
                both = pairs[shift, line * row + pair]
                for k in range(len(both)):
                    both[k] = np.uint32(left[k]) | np.uint32(np.uint32(right[k]) << HALF)


@inlined
def image_to_planes(x, channels, row, planes):
    """x [H, L] into `planes` uint16 [at least 5 * C, P]: of each channel, beginning 0 to 4 pixels from the left."""
    single = np.empty(2 * row + 4, np.uint16)
    for line in range(len(x) // 2 * 2):
        for channel in range(channels):
            for column in range(len(single)):
                single[column] = x[line, column * channels + channel]
            for shift in range(5):
                plane = planes[shift * channels + channel, 2 * line * row : 2 * (line + 1) * row]
                for column in range(len(plane)):
                    plane[column] = single[shift + column]


@inlined
def _unpool(values, places, upper, lower, sums):
    """The gradient of a pooled pixel as pairs of its upper and of its lower pixels; `sums` of what passes."""
    zero = np.uint32(0)
    for c in range(CHANNELS):
        place = places[c]
        value = np.uint32(values[c]) if place < SHUT else zero
        sums[c] += np.uint32(value << HALF).view(np.float32)
        pair = np.uint32(value << HALF) if place & UPPER_RIGHT else value
        upper[c] = pair if place < LOWER_LEFT else zero
        lower[c] = zero if place < LOWER_LEFT else pair


@inlined
def unpool_to_pairs(gradient, which, pairs, sums):
    """The gradient of pooled pixels [h, w, C] into `pairs` [Q, C], and added to `sums` [C] what passes."""
    height, row, _ = gradient.shape
    for line in range(height):
        for column in range(row):
            upper, lower = pairs[2 * line * row + column], pairs[(2 * line + 1) * row + column]
            _unpool(gradient[line, column], which[line, column], upper, lower, sums)


@inlined
def unpool_to_planes(gradient, which, planes, sums):
    """The same into `planes` [C, Q]."""
    height, row, _ = gradient.shape
    pairs = np.empty((2 * row, CHANNELS), np.uint32)
    for line in range(height):
        for column in range(row):
            _unpool(gradient[line, column], which[line, column], pairs[column], pairs[row + column], sums)
        for c in range(CHANNELS):
            plane = planes[c, 2 * line * row : 2 * (line + 1) * row]
            for pair in range(len(plane)):
                plane[pair] = pairs[pair, c]


@inlined
def unpool(gradient, which, margin, whole, sums):
    """The same into `whole` uint16 [2h and more, 2w and more, C], within a margin."""
    height, width, _ = gradient.shape
    window, zero = np.empty((4, CHANNELS), np.uint16), np.uint16(0)
    for line in range(height):
        for column in range(width):
            for c in range(CHANNELS):
                value, place = gradient[line, column, c], which[line, column, c]
                window[0, c], window[1, c], window[2, c], window[3, c] = spread(value, place, zero)
            for c in range(CHANNELS):
                passed = window[0, c] | window[1, c] | window[2, c] | window[3, c]
                sums[c] += np.uint32(np.uint32(passed) << HALF).view(np.float32)
            for place in range(4):
                for c in range(CHANNELS):
                    whole[margin + 2 * line + place // 2, margin + 2 * column + place % 2, c] = window[place, c]


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
    """An image at an address into `found` float32 [h, w, 32], h even; pixels `step`, lines `line` bytes apart."""
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


class _Tiled(torch.autograd.Function):
    """See `mia_core.fast.block.convolved_and_pooled`; here and below, pooled pixels and x have their channels last."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        x = x.detach().permute(0, 2, 3, 1).contiguous()
        count, height, width, channels = x.shape
        size = count, (height - SIDE + 1) // 2, (width - SIDE + 1) // 2, CHANNELS
        pooled, which = torch.empty(size, dtype=torch.bfloat16), torch.empty(size, dtype=torch.uint8)
        kernel = _tiles(weight, turned=False)
        convolve_and_pool(
            _bits(x.flatten(2)),
            channels,
            kernel,
            bias.detach().numpy(),
            _two_rows(2 * size[2], kernel),
            _room(height * width * channels + 1, dtype=torch.uint16),
            _room(2 * size[1], 2 * size[2], CHANNELS, dtype=torch.float32),
            _bits(pooled),
            which.numpy(),
        )
        ctx.save_for_backward(x, weight, which)
        return pooled.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
        x, weight, which = ctx.saved_tensors
        given, places = _bits(gradient.permute(0, 2, 3, 1)), which.numpy()
        of_images = _image_gradient(given, places, weight, x) if ctx.needs_input_grad[0] else None
        return of_images, *_kernel_gradient(given, places, x)


def _image_gradient(gradient: np.ndarray, which: np.ndarray, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """[B, C, H, W] by that of the pooled pixels [B, h, w, C], of x [B, H, W, C]."""
    _, height, width, _ = x.shape
    found, kernel = torch.empty_like(x), _tiles(weight, turned=True)
    even, margin = height + height % 2, SIDE - 1
    padded = _room(even + margin, width + margin, CHANNELS, dtype=torch.uint16)
    whole = _room(even, width, CHANNELS, dtype=torch.float32)
    image_gradient(gradient, which, kernel, _two_rows(width, kernel), padded, whole, _bits(found))
    return found.permute(0, 3, 1, 2)


def _kernel_gradient(gradient: np.ndarray, which: np.ndarray, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[O, C, 5, 5] and the bias's [O] by that of the pooled pixels [B, h, w, O], of x [B, H, W, C]."""
    _, height, row, _ = which.shape
    channels, images = x.shape[-1], _bits(x.flatten(2))
    outputs = math.ceil(2 * height * row / ROWS) * ROWS  # pairs of pixels, in whole tiles
    inputs, total = outputs + (SIDE - 1) * row, torch.zeros(CHANNELS, dtype=torch.float64)
    if channels == CHANNELS:
        found = torch.zeros(SIDE, SIDE, CHANNELS, CHANNELS)
        planes, pairs = _room(CHANNELS, outputs), _room(SIDE, inputs, CHANNELS)
        kernel_gradient(images, gradient, which, ALL, planes, pairs, found.numpy(), total.numpy())
        return found.permute(2, 3, 0, 1), total.float()
    found = torch.zeros(SIDE, 1, ROWS, CHANNELS)
    planes, pairs = _room(ROWS, inputs), _room(1, outputs, CHANNELS)
    small_kernel_gradient(images, channels, gradient, which, ALL, planes, pairs, found.numpy(), total.numpy())
    return found[:, 0, : SIDE * channels].unflatten(1, (SIDE, channels)).permute(3, 2, 0, 1), total.float()


def _tiles(weight: torch.Tensor, turned: bool) -> np.ndarray:
    """Weight [O, C, 5, 5] as tiles: pixel by pixel or, of few channels, row by row."""
    found = weight.detach().permute(0, 2, 3, 1).contiguous().float()
    if found.shape[-1] < CHANNELS:
        found = found.reshape(CHANNELS, SIDE, 1, -1)
    tiles = _room(SIDE, found.shape[2], 2, math.ceil(found.shape[3] / 2), 2 * ROWS, dtype=torch.uint16)
    kernel_to_tiles(found.numpy(), turned, tiles)
    return tiles


def _two_rows(width: int, kernel: np.ndarray) -> np.ndarray:
    """The shapes for two rows of results that are `width` pixels wide."""
    columns, pairs = min(ROWS, width), kernel.shape[3]
    return shapes((columns,) * 5 + (pairs,) * 2, (WIDE,) * 4 + (4 * pairs,) + (WIDE,) * 2)


def _bits(x: torch.Tensor) -> np.ndarray:
    """The bits, uint16, of bfloat16 numbers."""
    return x.contiguous().view(torch.uint16).numpy()


def _room(*size: int, dtype: torch.dtype = torch.uint32) -> np.ndarray:
    """Zeros. Not by NumPy, whose arrays begin anywhere within 64 bytes; see `mia_core.fast.block.amx`."""
    return torch.zeros(size, dtype=dtype).numpy()
