"""The two target networks: the report's CNN and ML-Leaks' one-hidden-layer network, with Lasagne's initialisation.

Each takes raw pixels (0-255) and owns its standardisation as its first layer, so a saved model needs nothing else.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from mia_core.convolution import convolved_and_pooled
from mia_core.defenses import Combination
from mia_core.errors import SettingsError

SMALLEST_SIDE = 12  # two 5x5 convolutions and two poolings leave one pixel of 12


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


class Network(nn.Module):
    """Standardisation, then what a subclass computes in `body`; defenses' layers at "input" and "hidden".

    mean, scale  float32 [C, H, W] on the 0-255 scale, of the model's own members
    """

    def __init__(self, mean: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("scale", torch.tensor(scale))
        self.at_input: nn.Module = nn.Identity()
        self.at_hidden: nn.Module = nn.Identity()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of pixels [n, C, H, W] on the 0-255 scale."""
        return self.body(self.prepared((pixels.float() - self.mean) / self.scale))

    def prepared(self, x: torch.Tensor) -> torch.Tensor:
        """Standardised images [n, C, H, W] as `body` takes them: what is the same at each step is done but once."""
        return x

    def body(self, x: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of standardised and `prepared` images."""
        raise NotImplementedError


class CNN(Network):
    """Conv 5x5x32 same - pool - ReLU - conv 5x5x32 valid - pool - ReLU - dense tanh - dense (176,938 parameters on
    3x32x32 with ten classes).

    The report's order is bias, ReLU, pooling. Pooling first is the same function, as all three are monotone, and
    faster: what comes after it, gradients included, then has a quarter as many numbers.
    """

    def __init__(self, mean: np.ndarray, scale: np.ndarray, classes: int, hidden_units: int) -> None:
        super().__init__(mean, scale)
        channels, height, width = mean.shape
        self.conv1 = nn.Conv2d(channels, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 32, 5)
        left = ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
        self.dense = nn.Linear(32 * left, hidden_units)
        self.out = nn.Linear(hidden_units, classes)

    def prepared(self, x: torch.Tensor) -> torch.Tensor:
        return self._padded(x) if isinstance(self.at_input, nn.Identity) else x

    def body(self, x: torch.Tensor) -> torch.Tensor:
        if not isinstance(self.at_input, nn.Identity):
            x = self._padded(self.at_input(x))
        x = convolved_and_pooled(x, self.conv1.weight, self.conv1.bias)
        x = convolved_and_pooled(x, self.conv2.weight, self.conv2.bias)
        x = self.at_hidden(torch.tanh(self.dense(x.flatten(1))))
        return self.out(x)

    @staticmethod
    def _padded(x: torch.Tensor) -> torch.Tensor:
        return F.pad(x, (2, 2, 2, 2))


class MLP(Network):
    """One hidden layer with tanh, for flat input (ML-Leaks, for data sets other than images)."""

    def __init__(self, mean: np.ndarray, scale: np.ndarray, classes: int, hidden_units: int) -> None:
        super().__init__(mean, scale)
        self.dense = nn.Linear(math.prod(mean.shape), hidden_units)
        self.out = nn.Linear(hidden_units, classes)

    def body(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.at_hidden(torch.tanh(self.dense(self.at_input(x).flatten(1)))))


NETWORKS: dict[str, type[Network]] = {"cnn": CNN, "mlp": MLP}


def standardisation(images: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale [C, H, W] of the members' pixels: per pixel and channel, the scale at least 1 (of 255)."""
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


def build_network(
    name: str,
    mean: np.ndarray,
    scale: np.ndarray,
    classes: int,
    hidden_units: int,
    defenses: Combination,
    seeds: tuple[int, int],
    device: torch.device,
) -> Network:
    """A freshly initialised network on `device`, with the model-stage defenses' layers in place.

    seeds  of the initial weights (drawn on the CPU, so the same on every device) and of the defenses' noise
    Raises `SettingsError` where the images are too small for the CNN.
    """
    if name == "cnn" and min(mean.shape[1:]) < SMALLEST_SIDE:
        raise SettingsError(
            f"network: cnn needs images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, found "
            f"{mean.shape[1]}x{mean.shape[2]}; give a larger size, or choose mlp"
        )
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):  # layers draw default weights on creation
        network = NETWORKS[name](mean, scale, classes, hidden_units)
    _initialise(network, torch.Generator().manual_seed(seeds[0]))
    noise = torch.Generator(device).manual_seed(seeds[1])
    for defense in defenses:
        for place, layer in defense.layers(noise).items():
            before = getattr(network, f"at_{place}")
            setattr(network, f"at_{place}", layer if isinstance(before, nn.Identity) else nn.Sequential(before, layer))
    return network.to(device, memory_format=torch.channels_last)


def _initialise(network: Network, generator: torch.Generator) -> None:
    """Glorot and Bengio's uniform weights (2010), with gain sqrt(2) on convolutions, and biases of zero."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                gain = math.sqrt(2) if isinstance(module, nn.Conv2d) else 1.0
                nn.init.xavier_uniform_(module.weight, gain, generator=generator)
                nn.init.zeros_(module.bias)
