"""Weight decay through Adam, as PyTorch's own; what it is of and what it is not."""

import pytest
import torch

from mia_core.defenses.weight_decay import WeightDecay


@pytest.mark.parametrize(("optimiser", "expected"), [
    (torch.optim.SGD, [[1.93, -0.505], [1.8907, -0.46995]]), (torch.optim.Adam, [[1.9, -0.6], [1.805242, -0.535506]]),
])  # fmt: skip
def test_two_steps_are_those_of_pytorchs_weight_decay(optimiser, expected):
    weight = torch.tensor([2.0, -0.5], dtype=torch.float64, requires_grad=True)
    steps = optimiser([weight], lr=0.1)
    for gradient, after in zip(([0.5, 0.1], [0.2, -0.3]), expected, strict=True):
        steps.zero_grad()
        loss = (weight * torch.tensor(gradient)).sum() + WeightDecay(factor=0.1).penalty([weight])
        loss.backward()
        steps.step()
        assert weight.tolist() == pytest.approx(after, abs=1e-6)
