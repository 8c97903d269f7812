"""The CNN of the report under test, which is that of ML-Leaks (Salem et al. 2019) for CIFAR-10."""

import numpy as np
import torch
from torch import nn

from mia_core.model.network import Network

SMALLEST_SIDE = 12  # two 5x5 convolutions and two poolings leave one pixel of 12


class CNN(Network):
    """Two blocks of convolution, ReLU and pooling, then two dense layers.

    176,938 parameters for images [3, 32, 32] and ten classes.
    """

    def __init__(self, mean: np.ndarray, scale: np.ndarray, classes: int, hidden_units: int) -> None:
        super().__init__(mean, scale)
        channels, height, width = mean.shape
        self.conv1 = nn.Conv2d(channels, 32, kernel_size=5, padding=2)  # [n, 32, H, W]
        self.conv2 = nn.Conv2d(32, 32, kernel_size=5)  # [n, 32, H/2 - 4, W/2 - 4]
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        pixels = ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
        self.dense = nn.Linear(32 * pixels, hidden_units)
        self.out = nn.Linear(hidden_units, classes)
        self.leave_places(input=channels, conv1=32, conv2=32, dense=hidden_units, hidden=hidden_units)

    def body(self, x: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of standardised images [n, C, H, W]."""
        x = self.at_input(x)
        x = self.block(self.conv1, x, self.at_conv1)
        x = self.block(self.conv2, x, self.at_conv2)
        x = torch.tanh(self.at_dense(self.dense(x.flatten(1))))
        return self.out(self.at_hidden(x))

    def block(self, convolution: nn.Conv2d, x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
        """Convolution, the layer of a defense, ReLU and 2x2 max-pooling: [n, 32, h // 2, w // 2]."""
        return self.pool(self.relu(layer(convolution(x))))
