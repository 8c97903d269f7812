"""The CNN's block, a 5x5 convolution with bias, ReLU and 2x2 max-pooling, in compiled loops for CPUs.

On a CPU most of an ordinary block's time is not arithmetic: convolution, bias, ReLU and pooling each read and write all
pixels, which are more than a processor's cache holds. Here what follows the convolution is one pass over the pixels, or
part of the convolution itself. Each file is one form of the same function, up to rounding:

grey.py         images of a single channel
winograd.py     minimal filtering, where 32 channels meet 32
matrix_unit.py  bfloat16 on a processor's matrix unit (AMX)

All else is PyTorch's own: one pass over the pixels after its convolution bought less than a tenth of an epoch.

ReLU and pooling are monotone, so the order in which they and the bias come does not change the result.
"""

from types import ModuleType

import torch
from torch import nn
from torch.nn import functional as F

from mia_core.fast.block import amx, compiled, grey, matrix_unit, pixels, winograd
from mia_core.fast.block.compiled import CHANNELS

FORMS = (grey, winograd, matrix_unit)
"""The first that fits is taken."""


def block(convolution: nn.Conv2d, x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    """What `mia_core.model.cnn.CNN.block` computes, for a convolution of 5x5 with equal padding on all sides."""
    if not isinstance(layer, nn.Identity):
        return F.relu(F.max_pool2d(layer(convolution(x)), 2))
    (padding, _) = convolution.padding
    x = F.pad(x, (padding,) * 4) if padding else x
    return convolved_and_pooled(x, convolution.weight, convolution.bias)


def convolved_and_pooled(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """ReLU(largest of each 2x2 pixels of x * weight + bias): [B, O, (H - 4) // 2, (W - 4) // 2].

    x [B, C, H, W], weight [O, C, 5, 5], bias [O]; no padding. Computed in x's type, under autocast in autocast's. With
    O = `CHANNELS` on a CPU, where a form fits, gradients of gradients are not available.
    """
    if x.device.type == "cpu" and len(weight) == CHANNELS and x.dtype in (torch.float32, torch.bfloat16):
        half = torch.is_autocast_enabled("cpu")
        form = form_of(x.shape[1:], x.requires_grad, torch.get_autocast_dtype("cpu") if half else x.dtype)
        if form is not None:
            return form.block(x, weight, bias)
    return F.relu(F.max_pool2d(F.conv2d(x, weight, bias), 2))


def form_of(shape: tuple[int, int, int], gradient: bool, precision: torch.dtype) -> ModuleType | None:
    """The form that computes the block of images [C, H, W] on this CPU; None: PyTorch's own operations do.

    gradient  whether the images need one
    """
    return next((form for form in FORMS if form.fits(tuple(shape), gradient, precision)), None)


def sources(shape: tuple[int, int, int], precision: torch.dtype) -> list[str]:
    """The modules that compute both blocks of the CNN for images [C, H, W], without their padding, on this CPU."""
    channels, height, width = shape
    first = form_of((channels, height + 4, width + 4), False, precision)
    second = form_of((CHANNELS, height // 2, width // 2), True, precision)
    used = [form for form in FORMS if form in (first, second)]
    used += [compiled, pixels] if used else []
    used += [amx] if matrix_unit in used else []
    return [__name__, *(module.__name__ for module in used)]
