"""Logits, labels and a stand-in for a training, on which the answers of the defenses' tests were computed elsewhere."""

from types import SimpleNamespace

import numpy as np
import torch

Z = torch.tensor([[2, 0.5, -1, 0], [0.1, 0.2, 0.3, 0.4], [-0.5, 1.5, 0, 3]], dtype=torch.float64)
Y = torch.eye(4, dtype=torch.float64)[[0, 1, 3]]
"""Distributions of the true classes; the second row of `Z` is classified wrong."""


def training(body=None, shape=(1, 2, 2), epoch=1, epochs=1, mean=0.0, scale=255.0, network=None):
    """What a hook asks of a training: a network of this `body`, and random numbers of seed 0 for every name."""
    network = network or torch.nn.Module()
    network.body = body
    network.mean, network.scale = (torch.tensor(np.full(shape, value, np.float32)) for value in (mean, scale))
    generator = torch.Generator().manual_seed(0)
    return SimpleNamespace(network=network, forward=body, epoch=epoch, epochs=epochs, random=lambda name: generator)
