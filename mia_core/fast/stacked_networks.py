"""The target networks with a stack of models in every parameter: the same functions, many models per call.

`mia_core.model.network` defines what a network computes; here the same is written for parameters [M, ...] and inputs
[M, B, ...], in forms that differ only in speed. Which form is fastest depends on device and sizes, so it is timed.
"""

import time
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from mia_core.model.mlp import MLP
from mia_core.model.network import Network

# "each": convolutions model by model; "grouped": one convolution whose groups are the models; "matrix": windows of
# the images, then one batched matrix product.
FORMS = ("each", "grouped", "matrix")
KERNEL = 5

Parameters = dict[str, torch.Tensor]


def stack(networks: Sequence[Network]) -> Parameters:
    """The parameters of M networks of one kind as leaves [M, ...] that require gradients, by name."""
    named = [dict(network.named_parameters()) for network in networks]
    stacked = {name: torch.stack([parameters[name].detach() for parameters in named]) for name in named[0]}
    for name, value in stacked.items():
        if value.dim() == 5:  # of a convolution: channels last, which its output then is too
            models, units, channels, *kernel = value.shape
            # A new one: strides of a single channel are ambiguous, and `contiguous` would leave them as they are.
            last = torch.empty(models, units, *kernel, channels, device=value.device).permute(0, 1, 4, 2, 3)
            stacked[name] = last.copy_(value)
    return {name: value.requires_grad_() for name, value in stacked.items()}


def body(kind: type[Network], p: Parameters, x: torch.Tensor, hidden: torch.Tensor | None, form: str) -> torch.Tensor:
    """Logits [M, B, K] of standardised images x [M, B, H, W, C], each model's under its own parameters.

    hidden  factors [M, B, units] on the hidden layer, such as dropout's; None for evaluation
    form    one of `FORMS`; the MLP has no convolution and ignores it
    """
    if kind is MLP:
        features = x.permute(0, 1, 4, 2, 3).flatten(2)  # pixels in the order of [C, H, W]
    else:
        features = {"each": _each, "grouped": _grouped, "matrix": _matrix}[form](p, x)
    units = torch.tanh(_dense(features, p, "dense"))
    return _dense(units if hidden is None else units * hidden, p, "out")


def fastest_form(kind: type[Network], p: Parameters, x: torch.Tensor) -> str:
    """The form whose step (forward and backward) on x [M, B, H, W, C] takes least time on x's device, timed once.

    On a processor that is "each" without a timing: the others were slower there for every size that was tried, and a
    short training would be over before its timing.
    """
    if kind is MLP or len(x) == 1 or x.device.type == "cpu":
        return FORMS[0]
    seconds = {form: _step_seconds(kind, p, x, form) for form in FORMS}
    return min(seconds, key=lambda form: seconds[form])


def _dense(x: torch.Tensor, p: Parameters, name: str) -> torch.Tensor:
    return torch.baddbmm(p[f"{name}.bias"][:, None], x, p[f"{name}.weight"].transpose(1, 2))


def _each(p: Parameters, x: torch.Tensor) -> torch.Tensor:
    features = []
    # `unbind` and not an index for each model: the gradient of an index is as large as the stack.
    names = ("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias")
    for images, weight1, bias1, weight2, bias2 in zip(x, *(p[name].unbind() for name in names), strict=True):
        x = F.relu(F.max_pool2d(F.conv2d(images.permute(0, 3, 1, 2), weight1, bias1, padding=KERNEL // 2), 2))
        features.append(F.relu(F.max_pool2d(F.conv2d(x, weight2, bias2), 2)).flatten(1))
    return torch.stack(features)


def _grouped(p: Parameters, x: torch.Tensor) -> torch.Tensor:
    models, batch = x.shape[:2]
    # Channels last with the models side by side in the channels, which both convolutions then share.
    x = x.permute(1, 2, 3, 0, 4).flatten(3).permute(0, 3, 1, 2)
    for name, padding in (("conv1", KERNEL // 2), ("conv2", 0)):
        weight, bias = p[f"{name}.weight"].flatten(0, 1), p[f"{name}.bias"].flatten()
        x = F.relu(F.max_pool2d(F.conv2d(x, weight, bias, padding=padding, groups=models), 2))
    return x.reshape(batch, models, -1).transpose(0, 1)


def _matrix(p: Parameters, x: torch.Tensor) -> torch.Tensor:
    models, batch = x.shape[:2]
    for name, padding in (("conv1", KERNEL // 2), ("conv2", 0)):
        weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
        padded = F.pad(x, (0, 0, padding, padding, padding, padding))
        windows = padded.unfold(2, KERNEL, 1).unfold(3, KERNEL, 1)  # [M, B, h, w, C, 5, 5]
        height, width = windows.shape[2:4]
        found = torch.baddbmm(bias[:, None], windows.reshape(models, batch * height * width, -1),
                              weight.flatten(2).transpose(1, 2))  # fmt: skip
        found = found.reshape(models * batch, height, width, -1).permute(0, 3, 1, 2)
        found = F.relu(F.max_pool2d(found, 2)).permute(0, 2, 3, 1)
        x = found.reshape(models, batch, *found.shape[1:])
    return x.permute(0, 1, 4, 2, 3).flatten(2)


def _step_seconds(kind: type[Network], p: Parameters, x: torch.Tensor, form: str) -> float:
    """The least time of a few steps, whose gradients are thrown away; infinite where the memory does not suffice."""
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        try:
            torch.autograd.grad(body(kind, p, x, None, form).float().sum(), list(p.values()))
        except torch.OutOfMemoryError:
            return best
        if x.device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best
