"""How the loops over pixels are compiled, and what they have in common.

No PyTorch operation does them in one pass. Each innermost loop runs over the channels of one pixel, `CHANNELS` of them,
a number known to Numba's compiler: it becomes a few vector instructions. What an innermost loop writes goes to an array
made inside first, and from there to where it belongs, as the compiler may vectorise only what it knows not to overlap.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

CHANNELS = 32

UPPER_LEFT, UPPER_RIGHT, LOWER_LEFT, LOWER_RIGHT, SHUT = (np.uint8(place) for place in range(5))
"""`which` of 2x2 pixels is the largest, the first of equal ones; or `SHUT`: the ReLU gives 0 and no gradient passes."""

HALF = np.uint32(16)  # bits of a bfloat16, which is the upper half of a float32

FAST = {"contract"}  # a product and a sum may be rounded once; no other liberty


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, compiled at its first call for the processor at hand.

    Compiled code is kept beside the function's file, or in the user's cache folder, until that file changes. A change
    elsewhere does not make Numba compile anew: what a compiled function calls must be in its own file.
    """
    try:
        return njit(cache=True, fastmath=FAST)(function)
    except RuntimeError:  # neither folder can be written: compiled once a process
        return njit(fastmath=FAST)(function)
