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
from llvmlite import binding, ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

ROWS = 16
WIDE = 64  # bytes of a row


@functools.cache
def available() -> bool:
    """Whether the processor has such a unit, the system lets this process use it and Numba compiles for it."""
    if "+amx-bf16" not in cpu_target.target_context.codegen().magic_tuple()[2]:
        return False
    # PyTorch asks the system for leave, as its own products do; `bool()` is False where it has not these functions.
    return all(getattr(torch.cpu, name, bool)() for name in ("_is_amx_tile_supported", "_init_amx"))


@functools.cache
def shapes(rows: tuple[int, ...], widths: tuple[int, ...]) -> np.ndarray:
    """The configuration, uint8 [64], of tiles with these numbers of rows and of bytes per row."""
    found = np.zeros(64, np.uint8)
    found[0] = 1  # the palette: all known processors have but this one
    found[16 : 16 + 2 * len(widths) : 2] = widths
    found[48 : 48 + len(rows)] = rows
    return found


def _instruction(text: str, *kinds: Any) -> tuple[Any, Any] | None:
    """A line of assembly code: tiles, whose numbers are constants, in braces, and other arguments in registers.

    LLVM has a function for each of these instructions too, but may give a tile another number: of those it knows
    only which are read and written, not that a tile without a shape is an illegal instruction.
    """
    if not all(isinstance(kind, types.Integer) for kind in kinds):
        return None  # which Numba reports: an address is no float64, as are sums of signed and unsigned numbers

    def emitted(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        tiles = text.count("{")
        line = text.format(*(f"%tmm{kind.literal_value}" for kind in signature.args[:tiles]))
        rest = zip(values[tiles:], signature.args[tiles:], strict=True)
        given = [target.cast(builder, value, kind, types.int64) for value, kind in rest]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
        binding.initialize_native_asmparser()
        builder.asm(kind, line, ",".join(["r"] * len(given) + ["~{memory}"]), given, side_effect=True)
        return target.get_dummy_value()

    return types.void(*kinds), emitted


@intrinsic
def configure(_, address):
    """Before all else: the shapes at this address. Tiles are those of the thread."""
    return _instruction("ldtilecfg ($0)", address)


@intrinsic
def release(_):
    """After all else."""
    return _instruction("tilerelease")


@intrinsic(prefer_literal=True)
def zero(_, tile):
    """Fill a tile with zeros."""
    return _instruction("tilezero {}", tile)


@intrinsic(prefer_literal=True)
def load(_, tile, address, apart):
    """Load a tile from rows that begin at `address` and lie `apart`, in bytes."""
    return _instruction("tileloadd ($0,$1,1), {}", tile, address, apart)


@intrinsic(prefer_literal=True)
def store(_, tile, address, apart):
    """Store a tile to such rows."""
    return _instruction("tilestored {}, ($0,$1,1)", tile, address, apart)


@intrinsic(prefer_literal=True)
def add_product(_, c, a, b):
    """Add to tile c the product of tiles a and b."""
    return _instruction("tdpbf16ps {2}, {1}, {0}", c, a, b)
