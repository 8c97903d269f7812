"""What all target networks share: a model owns its standardisation, and leaves places for layers of defenses."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn

from mia_core.defenses import Combination


class Network(nn.Module):
    """Takes raw pixels (0-255) and standardises them first, so that a saved model needs nothing else.

    mean, scale  float32 [C, H, W] on the 0-255 scale, of the model's own members (see `standardisation`)
    widths   place -> channels or units there (see `mia_core.defenses.base.Defense.layers`); what defenses do at a place
             is the attribute "at_" and its name, by default nothing
    defenses those with which it was built
    """

    widths: dict[str, int]
    defenses: Combination = ()

    def __init__(self, mean: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("scale", torch.tensor(scale))

    def leave_places(self, **widths: int) -> None:
        """Make the places at which `body` calls what defenses have put there."""
        self.widths = widths
        for place in widths:
            setattr(self, f"at_{place}", nn.Identity())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of pixels [n, C, H, W] on the 0-255 scale."""
        return self.body(self.standardised(pixels))

    def standardised(self, pixels: torch.Tensor) -> torch.Tensor:
        """Images float32 [n, C, H, W] of pixels [n, C, H, W] on the 0-255 scale, as `body` takes them."""
        return (pixels.float() - self.mean) / self.scale

    def body(self, x: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of standardised images [n, C, H, W]."""
        raise NotImplementedError


class Several(Network):
    """A model of several networks: `parts`, whose logits [n, P, K] `combine` turns into one answer [n, K]."""

    def __init__(self, parts: Sequence[Network], combine: nn.Module) -> None:
        super().__init__(parts[0].mean.cpu().numpy(), parts[0].scale.cpu().numpy())
        self.parts, self.combine = nn.ModuleList(parts), combine

    def body(self, x: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of standardised images [n, C, H, W]."""
        return self.combine(torch.stack([part.body(x) for part in self.parts], 1))


def decayed(named: Iterable[tuple[str, nn.Parameter]]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Parameters that a penalty on weights acts on, and the others: biases, and those of layers of defenses."""
    weights, others = [], []
    for name, parameter in named:
        own = name.endswith("weight") and not any(part.startswith("at_") for part in name.split("."))
        (weights if own else others).append(parameter)
    return weights, others


def standardisation(images: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale, float32 [C, H, W], of the members' pixels; the scale is at least 1 (of 255).

    images uint8 [N, C, H, W], members bool [N]
    """
    total = np.zeros(images.shape[1:])
    squares = np.zeros(images.shape[1:])
    rows = np.flatnonzero(members)
    for start in range(0, len(rows), 1000):  # in blocks, so that no float copy of all images is ever made
        block = images[rows[start : start + 1000]].astype(np.float64)
        total += block.sum(0)
        squares += (block**2).sum(0)
    mean = total / len(rows)
    deviation = np.sqrt(np.maximum(squares / len(rows) - mean**2, 0))
    return mean.astype(np.float32), np.maximum(deviation, 1).astype(np.float32)
