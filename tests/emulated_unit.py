"""A processor's matrix unit in Python: what `mia_core.fast.block.amx` has instructions for, on every machine.

Also what all tests of the block use: random numbers and a measure of error.
"""

import ctypes

import numpy as np
import pytest
import torch

from mia_core.fast.block import matrix_unit

USERS = ("_convolve", "_correlate", "convolve_and_pool", "image_gradient", "kernel_gradient", "small_kernel_gradient")


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def off(found: torch.Tensor, exact: torch.Tensor) -> float:
    """Root mean square of the difference, as a share of that of the exact values."""
    found, exact = found.detach().double(), exact.detach().double()
    return float(((found - exact) ** 2).mean().sqrt() / (exact**2).mean().sqrt())


class Unit:
    """Eight tiles, each an array of bytes [rows, bytes a row] of the shape it was configured to."""

    def configure(self, address: int) -> None:
        given = np.frombuffer(ctypes.string_at(int(address), 64), np.uint8)
        assert given[0] == 1
        self.tiles = [np.zeros((given[48 + t], given[16 + 2 * t]), np.uint8) for t in range(8)]

    def release(self) -> None:
        del self.tiles

    def zero(self, tile: int) -> None:
        self.tiles[tile][:] = 0

    def load(self, tile: int, address: int, apart: int) -> None:
        for row, into in enumerate(self.tiles[tile]):
            into[:] = np.frombuffer(ctypes.string_at(int(address) + row * int(apart), len(into)), np.uint8)

    def store(self, tile: int, address: int, apart: int) -> None:
        for row, given in enumerate(self.tiles[tile]):
            ctypes.memmove(int(address) + row * int(apart), given.tobytes(), len(given))

    def add_product(self, c: int, a: int, b: int) -> None:
        left, right = (_floats(self.tiles[tile]) for tile in (a, b))
        assert left.shape[1] == 2 * len(right), "as many numbers in a row of the one as pairs in the other's columns"
        right = right.reshape(len(right), -1, 2).transpose(0, 2, 1).reshape(left.shape[1], -1)
        self.tiles[c].view(np.float32)[:] += left @ right


def _floats(tile: np.ndarray) -> np.ndarray:
    return (tile.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def emulate(patch: pytest.MonkeyPatch) -> None:
    """From here on the block on the matrix unit is run by Python, on a `Unit`."""
    unit = Unit()
    for name in ("configure", "release", "zero", "load", "store", "add_product"):
        patch.setattr(matrix_unit, name, getattr(unit, name))
    for name in USERS:
        patch.setattr(matrix_unit, name, getattr(matrix_unit, name).py_func)
    patch.setattr(matrix_unit, "available", lambda: True)
