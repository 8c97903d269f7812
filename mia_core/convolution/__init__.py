"""The CNN's block, a 5x5 convolution with bias, ReLU and pooling, in the form that takes least time where it runs.

On a CPU most of an ordinary block's time is not arithmetic: convolution, pooling, bias and ReLU each read and write all
pixels, which are more than a processor's cache holds. Here what follows the convolution is one pass (`direct`), or part
of the convolution itself: for grey images (`direct`), where minimal filtering pays (`winograd`), and in bfloat16 where
the processor multiplies matrices of it (`matrix_unit`). All forms compute the same function up to rounding.
"""

import torch
from torch.nn import functional as F

from mia_core.convolution.compiled import CHANNELS
from mia_core.convolution.direct import grey, pooled
from mia_core.convolution.matrix_unit import fits_tiles, tiled
from mia_core.convolution.winograd import filtered, filters_well


def convolved_and_pooled(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """ReLU(largest of each 2x2 pixels of x * weight + bias): [B, O, (H - 4) // 2, (W - 4) // 2].

    x [B, C, H, W], weight [O, C, 5, 5], bias [O]; no padding. Computed in x's type, under autocast in autocast's. With
    O = `CHANNELS` on a CPU, in float32 and bfloat16, gradients of gradients are not available.
    """
    if x.device.type != "cpu" or len(weight) != CHANNELS or x.dtype not in (torch.float32, torch.bfloat16):
        return F.relu(F.max_pool2d(F.conv2d(x, weight), 2) + bias[:, None, None])
    computed = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    if computed == torch.float32:
        if x.shape[1] == 1 and not x.requires_grad:
            return grey(x, weight, bias)
        if filters_well(x.shape):
            return filtered(x, weight, bias)
    if computed == torch.bfloat16 and fits_tiles(x):
        return tiled(x.to(computed), weight, bias)
    return pooled(F.conv2d(x, weight.to(x.dtype)), bias)
