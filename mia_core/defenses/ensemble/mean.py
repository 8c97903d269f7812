"""The mean of posteriors as a layer."""

import math

import torch
from torch import nn


class Mean(nn.Module):
    """From the logits [n, P, K] of P networks, logits [n, K] whose softmax is the mean of their posteriors."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] of the mean posteriors, of logits [n, P, K]."""
        return logits.log_softmax(2).logsumexp(1) - math.log(logits.shape[1])
