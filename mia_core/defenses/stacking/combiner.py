"""What turns the answers of several networks into one: logistic regression on all their posteriors."""

import torch
from torch import nn

from mia_core.defenses.logistic import fit_logistic


class Combiner(nn.Module):
    """Logits [n, K] from the logits [n, P, K] of P networks."""

    def __init__(self, networks: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("slopes", torch.zeros(networks * classes, classes))
        self.register_buffer("biases", torch.zeros(classes))

    def learn(self, logits: torch.Tensor, targets: torch.Tensor) -> None:
        """Fit to the distributions `targets` [n, K] of examples on which the networks said `logits` [n, P, K]."""
        for mine, found in zip((self.slopes, self.biases), fit_logistic(_features(logits), targets), strict=True):
            mine.copy_(found)

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return _features(logits) @ self.slopes + self.biases


def _features(logits: torch.Tensor) -> torch.Tensor:
    return logits.softmax(2).flatten(1)
