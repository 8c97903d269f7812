"""How the loops over pixels are compiled.

No PyTorch operation does them in one pass. Each innermost loop runs over the channels of one pixel, `CHANNELS` of them,
a number known to Numba's compiler: it becomes a few vector instructions. What an innermost loop writes goes to an array
made inside first, and from there to where it belongs, as the compiler may vectorise only what it knows not to overlap.
"""

import contextlib
import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba import njit

CHANNELS = 32

FAST = {"contract"}  # a product and a sum may be rounded once; no other liberty


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, compiled at its first call for the processor at hand; the code is kept for later processes."""
    try:
        with _kept_with_sources():
            return njit(cache=True, fastmath=FAST)(function)
    except RuntimeError:  # no folder can be written: compiled once per process
        return njit(fastmath=FAST)(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a part of the compiled ones that call it, as if it were written there."""
    return njit(fastmath=FAST, inline="always")(function)


def called(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one of its own, which compiled ones call: what they do besides does not keep it from vectors."""
    return njit(fastmath=FAST)(function)


@contextlib.contextmanager
def _kept_with_sources() -> Iterator[None]:
    """Numba's folder of compiled code is, inside, one for the sources of this package as they are.

    By itself Numba compiles a function again when its own file changes, but not when that of one that it calls does.
    """
    before = numba.config.CACHE_DIR
    folder = Path(before or Path(__file__).parent / "__pycache__")
    if before or os.access(folder if folder.exists() else folder.parent, os.W_OK):
        numba.config.CACHE_DIR = str(folder / _fingerprint())
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


@functools.cache
def _fingerprint() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return "compiled-" + hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
