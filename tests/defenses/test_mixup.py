"""Mixup: its loss is the mixture of two, and images are mixed as their labels are."""

import pytest
import torch
from torch.nn import functional as F

from losses import Y, Z, training
from mia_core.defenses.mixup import Mixup, mixed


def test_mixed_labels_give_the_mixture_of_the_losses():
    other = torch.eye(4, dtype=torch.float64)[[1, 3, 0]]
    assert float(F.cross_entropy(Z, mixed(Y, other, 0.3))) == pytest.approx(1.803214, abs=1e-6)


def test_images_and_labels_are_mixed_alike_by_a_share_that_changes():
    shares = []
    about = training()
    for _ in range(20):
        targets = torch.eye(50)
        images, found = Mixup().batch(targets.reshape(50, 1, 5, 10), targets, about)
        assert torch.equal(images.reshape(50, 50), found) and torch.allclose(found.sum(1), torch.ones(50))
        shares.append(float(found.diagonal().min()))
    assert 0 < min(shares) < 0.3 and 0.7 < max(shares) < 1
