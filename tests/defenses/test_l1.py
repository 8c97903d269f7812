"""L1 by hand."""

import torch

from mia_core.defenses.l1 import L1


def test_its_gradient_is_the_sign_and_nothing_at_zero():
    weights = [torch.tensor([2.0, -0.5, 0.0], requires_grad=True), torch.tensor([[1.0]], requires_grad=True)]
    value = L1(factor=0.5).penalty(weights)
    value.backward()
    assert float(value.detach()) == 1.75
    assert weights[0].grad.tolist() == [0.5, -0.5, 0] and weights[1].grad.tolist() == [[0.5]]
