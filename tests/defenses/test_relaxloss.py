"""RelaxLoss against the values and gradients of the authors' code (with the label's distribution held constant)."""

import pytest
import torch

from losses import Y, Z
from mia_core.defenses.relaxloss import RelaxLoss


@pytest.mark.parametrize(("alpha", "upper", "epoch", "expected"), [
    (0.5, 1, 1, 0.183214), (0.5, 1, 2, 0.683214), (2, 1, 1, 1.316786), (2, 1, 2, -0.219339), (2, 0.2, 4, -0.220147),
])  # fmt: skip
def test_loss(alpha, upper, epoch, expected):
    assert float(RelaxLoss(alpha=alpha, upper=upper).loss(Z, Y, epoch)) == pytest.approx(expected, abs=1e-6)


def test_what_the_wrong_are_pulled_to_is_no_part_of_the_gradient():
    logits = Z.clone().requires_grad_()
    RelaxLoss(alpha=2).loss(logits, Y, 2).backward()
    assert logits.grad[1].tolist() == pytest.approx([-0.084852, 0.254557, -0.084852, -0.084852], abs=1e-6)
    assert torch.allclose(logits.grad[0], (Y - Z.softmax(1))[0] / 3)  # right: ascent
