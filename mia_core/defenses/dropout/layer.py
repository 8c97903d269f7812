"""The layer that dropout puts into a network, in a file of its own: reading dropout's settings imports no PyTorch."""

import torch
from torch import nn


class Drop(nn.Module):
    """Dropout whose noise comes from a generator of its own, so that models never share a random state."""

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        super().__init__()
        self.rate, self.generator = rate, generator

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.rate == 0:
            return x
        # Bernoulli numbers by uniform ones, which are drawn faster; in float32, as bfloat16 would round the share.
        keep = torch.empty_like(x, dtype=torch.float32).uniform_(generator=self.generator).lt_(1 - self.rate)
        return x * keep.mul_(1 / (1 - self.rate)).to(x.dtype)
