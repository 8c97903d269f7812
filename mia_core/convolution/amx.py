"""Instructions of a processor's matrix unit for compiled loops (Intel's AMX): products of bfloat16, summed in float32.

There are eight tiles, numbered by constants, of at most 16 rows of 64 bytes: 32 bfloat16 or 16 float32. To tile c
[M, 16] the product of tiles a [M, K] and b is added. Row k of b holds numbers 2k and 2k + 1 of each column of a matrix
[K, 16] side by side: a product is a sum over pairs of numbers (Intel, "Architecture Instruction Set Extensions
Programming Reference", TDPBF16PS). The rows of a tile are loaded from addresses any number of bytes apart; those that
lie in two of the cache's lines of 64 bytes take several times as long.
"""

import functools
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

ROWS = 16
WIDE = 64  # bytes of a row


@functools.cache
def available() -> bool:
    """Whether the processor has such a unit, the system lets this process use it and Numba compiles for it."""
    features = cpu_target.target_context.codegen().magic_tuple()[2]
    return "+amx-bf16" in features and torch.cpu._is_amx_tile_supported() and torch.cpu._init_amx()


@functools.cache
def shapes(rows: tuple[int, ...], widths: tuple[int, ...]) -> np.ndarray:
    """The configuration, uint8 [64], of tiles of so many rows and so many bytes a row."""
    found = np.zeros(64, np.uint8)
    found[0] = 1  # the palette: all known processors have but this one
    found[16 : 16 + 2 * len(widths) : 2] = widths
    found[48 : 48 + len(rows)] = rows
    return found


def _instruction(name: str, tiles: int, *kinds: Any) -> tuple[Any, Any]:
    """The instruction on so many tiles, then on an address and on the distance of rows, in bytes."""
    if not all(isinstance(kind, types.Integer) for kind in kinds):
        return None  # which Numba takes for a mistake of types, as it is: addresses in float64 lose bits

    def emitted(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        given = [ir.Constant(ir.IntType(8), kind.literal_value) for kind in signature.args[:tiles]]
        rest = zip(values[tiles:], signature.args[tiles:], strict=True)
        given += [target.cast(builder, value, kind, types.int64) for value, kind in rest]
        if len(given) > tiles:
            given[tiles] = builder.inttoptr(given[tiles], ir.IntType(8).as_pointer())
        function = ir.FunctionType(ir.VoidType(), [value.type for value in given])
        builder.call(cgutils.get_or_insert_function(builder.module, function, f"llvm.x86.{name}"), given)
        return target.get_dummy_value()

    return types.void(*kinds), emitted


@intrinsic
def configure(_, address):
    """Before all else: the shapes at this address. Tiles are those of the thread."""
    return _instruction("ldtilecfg", 0, address)


@intrinsic
def release(_):
    """After all else."""
    return _instruction("tilerelease", 0)


@intrinsic(prefer_literal=True)
def zero(_, tile):
    """Fill a tile with zeros."""
    return _instruction("tilezero", 1, tile)


@intrinsic(prefer_literal=True)
def load(_, tile, address, apart):
    """Load a tile from rows that begin at `address` and lie `apart`, in bytes."""
    return _instruction("tileloadd64", 1, tile, address, apart)


@intrinsic(prefer_literal=True)
def store(_, tile, address, apart):
    """Store a tile to such rows."""
    return _instruction("tilestored64", 1, tile, address, apart)


@intrinsic(prefer_literal=True)
def add_product(_, c, a, b):
    """Add to tile c the product of tiles a and b."""
    return _instruction("tdpbf16ps", 3, c, a, b)
