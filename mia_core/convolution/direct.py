"""Pooling with bias and ReLU in one pass, and the same within the convolution of images of a single channel."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from mia_core.convolution.backward import grey_gradient, unpool_bfloat16, unpool_float32
from mia_core.convolution.forward import convolve_grey, pool_bfloat16, pool_float32


def pooled(x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """ReLU(largest of 2x2 pixels + bias): [B, C, H // 2, W // 2] of float32 or bfloat16 x [B, C, H, W] on a CPU."""
    return _Pooled.apply(x, bias)


def grey(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The block of float32 x [B, 1, H, W], which needs no gradient, and weight [C, 1, 5, 5]."""
    return _Grey.apply(x, weight, bias)


class _Pooled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = x.shape
        size = count, height // 2, width // 2, channels
        found, which = x.new_empty(size), torch.empty(size, dtype=torch.uint8)
        pool = pool_float32 if x.dtype == torch.float32 else pool_bfloat16
        pool(_array(x.permute(0, 2, 3, 1)), _array(bias), _array(found), which.numpy())
        ctx.save_for_backward(which)
        ctx.shape = count, height, width, channels
        return found.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        (which,), (_, height, width, channels) = ctx.saved_tensors, ctx.shape
        odd = height % 2 or width % 2  # a last row or column that no pooled pixel covers
        whole = (gradient.new_zeros if odd else gradient.new_empty)(ctx.shape)
        total = torch.zeros(channels, dtype=torch.float64)
        unpool = unpool_float32 if gradient.dtype == torch.float32 else unpool_bfloat16
        unpool(_array(gradient.permute(0, 2, 3, 1)), which.numpy(), _array(whole), total.numpy())
        return whole.permute(0, 3, 1, 2), total.float()


class _Grey(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        pixels, kernel = x[:, 0].contiguous(), weight[:, 0].permute(1, 2, 0).contiguous()
        size = len(x), (x.shape[2] - 4) // 2, (x.shape[3] - 4) // 2, len(weight)
        found, which = x.new_empty(size), torch.empty(size, dtype=torch.uint8)
        convolve_grey(_array(pixels), _array(kernel), _array(bias), found.numpy(), which.numpy())
        ctx.save_for_backward(pixels, which)
        return found.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[None, torch.Tensor, torch.Tensor]:
        pixels, which = ctx.saved_tensors
        channels = gradient.shape[1]
        kernel, total = torch.empty(5, 5, channels), torch.zeros(channels, dtype=torch.float64)
        grey_gradient(
            pixels.numpy(), _array(gradient.permute(0, 2, 3, 1)), which.numpy(), kernel.numpy(), total.numpy()
        )
        return None, kernel.permute(2, 0, 1)[:, None], total.float()


def _array(x: torch.Tensor) -> Any:
    """The tensor's numbers as a contiguous NumPy array, of bfloat16 their bits as uint16; a copy if not in order."""
    x = x.detach().contiguous()
    return x.view(torch.uint16).numpy() if x.dtype == torch.bfloat16 else x.numpy()
