"""What both target networks share: a model owns its standardisation, and leaves two places for layers of defenses."""

import numpy as np
import torch
from torch import nn

from mia_core.model.columns import of_columns


class Network(nn.Module):
    """Takes raw pixels (0-255), or a table's columns as they are, and standardises them first, so that a saved model
    needs nothing else.

    mean, scale  float32 [C, H, W] on the 0-255 scale, or [D], of the model's own members (see `standardisation`)
    at_input, at_hidden  what defenses do to the standardised input and to the hidden layer; by default nothing
    """

    def __init__(self, mean: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("scale", torch.tensor(scale))
        self.at_input: nn.Module = nn.Identity()
        self.at_hidden: nn.Module = nn.Identity()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of pixels [n, C, H, W] on the 0-255 scale, or of rows [n, D] of a table."""
        return self.body(self.standardised(pixels))

    def standardised(self, pixels: torch.Tensor) -> torch.Tensor:
        """Float32 images [n, C, H, W] or rows [n, D] as `body` takes them; a missing value is 0, the members' mean."""
        x = (pixels.float() - self.mean) / self.scale
        return x if x.dim() == 4 else torch.where(x.isnan(), 0.0, x)

    def body(self, x: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of standardised images [n, C, H, W], or rows [n, D]."""
        raise NotImplementedError


def standardisation(images: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale, float32 [C, H, W], of the members' pixels; the scale is at least 1 (of 255).

    images uint8 [N, C, H, W], members bool [N]; for the rows [N, D] of a table see
    `mia_core.model.columns.of_columns`
    """
    if images.ndim == 2:
        return of_columns(images, members)
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
