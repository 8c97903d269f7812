"""What the compiled loops share: arrays of tensors, and what is done to a single number of a pixel."""

import numpy as np
import torch

from mia_core.fast.block.compiled import inlined

UPPER_LEFT, UPPER_RIGHT, LOWER_LEFT, LOWER_RIGHT, SHUT = (np.uint8(place) for place in range(5))
"""`which` of 2x2 pixels is the largest, the first of equal ones; or `SHUT`: the ReLU gives 0 and no gradient passes."""

HALF = np.uint32(16)  # bits of a bfloat16, which is the upper half of a float32


def as_array(x: torch.Tensor) -> np.ndarray:
    """The tensor's numbers as a contiguous NumPy array; a copy where they are not in order."""
    return x.detach().contiguous().numpy()


@inlined
def to_bfloat16(value):
    """The nearest, of two equally near ones the even."""
    bits = np.float32(value).view(np.uint32)
    odd = np.uint32(np.uint32(bits >> HALF) & np.uint32(1))
    return np.uint16(np.uint32(np.uint32(bits + np.uint32(np.uint32(0x7FFF) + odd)) >> HALF))


@inlined
def largest(upper_left, upper_right, lower_left, lower_right, bias):
    """ReLU(largest + bias), and which it was. What is not a number is the largest, so that it does not go unnoticed."""
    value, which = upper_left, UPPER_LEFT
    if upper_right > value or upper_right != upper_right:
        value, which = upper_right, UPPER_RIGHT
    if lower_left > value or lower_left != lower_left:
        value, which = lower_left, LOWER_LEFT
    if lower_right > value or lower_right != lower_right:
        value, which = lower_right, LOWER_RIGHT
    value += bias
    if value <= 0:
        value, which = np.float32(0), SHUT
    return value, which


@inlined
def spread(value, place, zero):
    """`value` at its place among 2x2 pixels, row by row, and `zero` elsewhere; everywhere if it is `SHUT`."""
    return (
        value if place == UPPER_LEFT else zero,
        value if place == UPPER_RIGHT else zero,
        value if place == LOWER_LEFT else zero,
        value if place == LOWER_RIGHT else zero,
    )
