"""A training step that gives what the textbook's gives, up to rounding, in less time.

The gradient of the loss is put in by hand, Adam is PyTorch's kernel without what surrounds it, and the CNN's block
pools before its ReLU; on a CPU it is compiled.
"""

from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mia_core.fast import optimiser
from mia_core.model.cnn import CNN
from mia_core.model.network import Network
from mia_core.model.recipe import Recipe
from mia_core.model.step import Step

KNOWN = (
    "several", "layers", "targets", "sample", "batch", "loss", "penalty", "fit", "answer", "outputs",
)  # fmt: skip
"""Hooks of defenses with which the fast step takes the textbook's place; others may do with network and optimiser what
only the textbook's can, such as reading a convolution's weights through PyTorch's own operations."""


class FastStep(Step):
    """See `mia_core.model.step.Step`."""

    def __init__(self, network: Network, *about: Any) -> None:
        super().__init__(attached(network), *about)

    def make_optimiser(self) -> optimiser.Adam:
        """Adam over all parameters at once."""
        return optimiser.Adam(self.network.named_parameters(), self.recipe)

    def __call__(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """See `mia_core.model.step.Step`."""
        logits = self.forward(images)
        given = logits.detach()
        if self.own_loss or self.penalties:
            self.loss(logits, targets).backward()
        else:
            # The gradient of the mean cross-entropy, given by a product: `backward` with a gradient would import SymPy.
            (logits * ((given.softmax(1) - targets) / len(targets))).sum().backward()
        self.optimiser.step()
        return given


def attached(network: Network) -> Network:
    """The network; the blocks of its CNNs are now the compiled one on a CPU with Numba, and pool first elsewhere."""
    compiled = _block() if network.mean.device.type == "cpu" else None
    for part in network.modules():
        if isinstance(part, CNN):
            part.block = pooled_first if compiled is None else compiled.block
    return network


def pooled_first(convolution: nn.Conv2d, x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    """What `mia_core.model.cnn.CNN.block` computes: ReLU is monotone, and after pooling has a quarter of the pixels."""
    return F.relu(F.max_pool2d(layer(convolution(x)), 2))


def sources(recipe: Recipe, shape: tuple[int, int, int]) -> list[str]:
    """The modules here that compute a training on images [C, H, W] with this recipe on this machine."""
    found = [__name__, optimiser.__name__]
    if recipe.device != "cpu":
        return [*found, "mia_core.fast.stacked", "mia_core.fast.stacked_networks"]
    block = _block()
    if block is None or recipe.network != "cnn":
        return found
    return found + block.sources(shape, getattr(torch, recipe.precision))


def _block() -> ModuleType | None:
    try:
        from mia_core.fast import block
    except ImportError:  # Numba is not installed, or not for this version of NumPy
        return None
    return block
