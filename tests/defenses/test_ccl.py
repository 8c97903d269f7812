"""The convex-concave loss against known values, and where it is concave."""

import pytest
import torch

from losses import Y, Z
from mia_core.defenses.ccl import ConvexConcave


def of(p, **settings):
    p = torch.tensor(p, dtype=torch.float64)
    logits = torch.stack([p.log(), (1 - p).log()], 1)
    return [float(ConvexConcave(**settings).loss(row[None], torch.tensor([[1.0, 0.0]]), 1)) for row in logits]


def test_known_values_of_the_exponential_form():
    assert float(ConvexConcave().loss(Z, Y, 1)) == pytest.approx(-0.567547, abs=1e-6)
    assert of([0.9, 0.5, 0.1]) == pytest.approx([-1.177121, -0.477787, 0.598707], abs=1e-6)
    assert of([1 - 1e-9]) == pytest.approx([-1.359141], abs=1e-6)


def test_the_quadratic_form_and_the_share():
    assert of([0.5], form="quadratic", concave=1) == pytest.approx([-0.625])
    half, none = (torch.tensor(0.5, dtype=torch.float64).log(), -0.625)
    assert of([0.5], form="quadratic", concave=0.25) == pytest.approx([-0.75 * float(half) + 0.25 * none])


@pytest.mark.parametrize(("p", "concave"), [(0.69, False), (0.72, True)])
def test_half_and_half_it_is_concave_above_seven_tenths(p, concave):
    below, at, above = of([p - 0.01, p, p + 0.01])
    assert (below + above < 2 * at) == concave
