"""ML-Leaks' network for flat input (Salem et al. 2019): one hidden layer."""

import math

import numpy as np
import torch
from torch import nn

from mia_core.model.network import Network


class MLP(Network):
    """A hidden layer of tanh units between two dense ones, for data sets other than images."""

    def __init__(self, mean: np.ndarray, scale: np.ndarray, classes: int, hidden_units: int) -> None:
        super().__init__(mean, scale)
        self.dense = nn.Linear(math.prod(mean.shape), hidden_units)
        self.out = nn.Linear(hidden_units, classes)
        self.leave_places(input=mean.shape[0], dense=hidden_units, hidden=hidden_units)

    def body(self, x: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of standardised input [n, C, H, W]."""
        x = self.at_input(x)
        x = torch.tanh(self.at_dense(self.dense(x.flatten(1))))
        return self.out(self.at_hidden(x))
