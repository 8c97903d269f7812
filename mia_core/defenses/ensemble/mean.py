"""The mean of posteriors as a layer."""

import math

import torch
from torch import nn


class Mean(nn.Module):
    """From the logits [n, P, K] of P networks, logits [n, K] whose softmax is the mean of their posteriors."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.log_softmax(2).logsumexp(1) - math.log(logits.shape[1])
