"""MemGuard as a layer behind the network: the defender's classifier, and the answers that it lets through."""

import numpy as np
import torch
from torch import nn

from mia_core.defenses.logistic import fit_logistic
from mia_core.defenses.memguard.noise import chosen, crossing
from mia_core.defenses.per_query import uniforms
from mia_core.gate.posteriors import log_posteriors, softmax


class Guard(nn.Module):
    """From the logits [n, 1, K] of the network, those whose softmax is the answer [n, K].

    slopes, offset  of the classifier: log-odds of membership of sorted posteriors, largest first
    """

    def __init__(self, classes: int, budget: float, key: int) -> None:
        super().__init__()
        self.budget, self.key = budget, key
        self.register_buffer("slopes", torch.zeros(classes))
        self.register_buffer("offset", torch.zeros(()))

    def learn(self, members: torch.Tensor, others: torch.Tensor) -> None:
        """Fit the classifier to the network's logits [n, K] of members and [m, K] of other examples."""
        features = torch.cat([members, others]).double().softmax(1).sort(1, descending=True).values
        inside = torch.arange(len(features), device=features.device) < len(members)
        sides = torch.stack([~inside, inside], 1)
        slopes, biases = fit_logistic(features, sides, (len(features) / 2 / sides.sum(0))[inside.long()])
        self.slopes.copy_(slopes[:, 1] - slopes[:, 0])
        self.offset.copy_(biases[1] - biases[0])

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        logits = logits[:, 0]
        rows, slopes = (value.double().cpu().numpy() for value in (logits, self.slopes))
        offset, posteriors = float(self.offset), softmax(rows)
        noise = crossing(rows, slopes, offset)
        answers = chosen(posteriors, noise, slopes, offset, self.budget, uniforms(rows, self.key, 1)[:, 0])
        changed = (answers != posteriors).any(axis=1, keepdims=True)
        found = np.where(changed, log_posteriors(answers), rows)  # an answer without noise is the network's to the bit
        return torch.from_numpy(found).to(logits)
