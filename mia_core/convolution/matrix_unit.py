"""The CNN's block in bfloat16 where the processor has a matrix unit; see `mia_core.convolution.tiles`."""

import math
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from mia_core.convolution.amx import ROWS, WIDE, available, shapes
from mia_core.convolution.compiled import CHANNELS
from mia_core.convolution.tiles import (
    SIDE,
    convolve_and_pool,
    image_gradient,
    kernel_gradient,
    kernel_to_tiles,
    small_kernel_gradient,
)

ALL = shapes((ROWS,) * 8, (WIDE,) * 8)


def fits_tiles(x: torch.Tensor) -> bool:
    """Whether x [B, C, H, W] has a form on tiles here: C is `CHANNELS`, or a row of its windows is one of a tile."""
    channels = x.shape[1]
    few = SIDE * channels < ROWS and not x.requires_grad
    return (few or channels == CHANNELS) and min(x.shape[2:]) > SIDE and available()


def tiled(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The block of bfloat16 x [B, C, H, W] that `fits_tiles`, and weight [O, C, 5, 5], O = `CHANNELS`."""
    return _Tiled.apply(x, weight, bias)


class _Tiled(torch.autograd.Function):
    """See `tiled`; here and below, pooled pixels and x are kept channels last."""

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
    """The shapes for two rows of results, so many pixels wide."""
    columns, pairs = min(ROWS, width), kernel.shape[3]
    return shapes((columns,) * 5 + (pairs,) * 2, (WIDE,) * 4 + (4 * pairs,) + (WIDE,) * 2)


def _bits(x: torch.Tensor) -> np.ndarray:
    """Of bfloat16, uint16."""
    return x.contiguous().view(torch.uint16).numpy()


def _room(*size: int, dtype: torch.dtype = torch.uint32) -> np.ndarray:
    """Zeros. Not by NumPy, whose arrays begin anywhere within 64 bytes; see `mia_core.convolution.amx`."""
    return torch.zeros(size, dtype=dtype).numpy()
