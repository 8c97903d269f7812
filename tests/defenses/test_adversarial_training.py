"""Adversarial training against a linear model, of which the answer is known, and the ball that it stays within."""

import pytest
import torch
from torch.nn import functional as F

from losses import training
from mia_core.defenses.adversarial_training import AdversarialTraining

W = torch.tensor([[1, -1, 0.5], [-0.5, 2, 0]])
X, TARGETS = torch.tensor([[[[0.2, 0.9, 0.5]]]]), torch.tensor([[1.0, 0.0]])


def body(x):
    return x.reshape(len(x), 3) @ W.T


def test_one_step_is_the_known_one():
    found, targets = AdversarialTraining(epsilon=0.1).batch(X, TARGETS, training(body, (1, 1, 3)))
    assert found.flatten().tolist() == pytest.approx([0.1, 1.0, 0.4]) and targets is TARGETS
    losses = [float(F.cross_entropy(body(x), TARGETS)) for x in (X, found)]
    assert losses == pytest.approx([2.260185, 2.718267], abs=1e-6)


def test_several_steps_stay_within_the_ball_and_the_range_and_raise_the_loss():
    x = torch.rand(200, 1, 1, 3, generator=torch.Generator().manual_seed(1))
    targets = torch.eye(2)[torch.arange(200) % 2]
    found, _ = AdversarialTraining(epsilon=0.1, steps=4).batch(x, targets, training(body, (1, 1, 3)))
    assert float((found - x).abs().max()) <= 0.1 + 1e-6 and float(found.min()) >= 0 and float(found.max()) <= 1
    before, after = (F.cross_entropy(body(images), targets, reduction="none") for images in (x, found))
    assert bool((after > before).all()) and not found.requires_grad
