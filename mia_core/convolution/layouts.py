"""Parts of compiled loops that bring images and gradients in the order in which tiles are loaded from them.

All numbers are bfloat16, given as their bits. A pair is two pixels side by side, the left one in the lower half of a
uint32; an image has `row` pairs of those pixels from which a window of 5 numbers a side begins.
"""

import numpy as np

from mia_core.convolution.compiled import CHANNELS, inlined
from mia_core.convolution.pixels import HALF, LOWER_LEFT, SHUT, UPPER_RIGHT, spread


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
