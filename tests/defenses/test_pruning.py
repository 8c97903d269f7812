"""Pruning: which weights go, that they stay away, and that what is left is trained on."""

import numpy as np
import pytest
import torch

from losses import training
from mia_core.defenses.pruning import Pruning
from mia_core.model.train import train
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()


def layer(weights):
    network = torch.nn.Sequential(torch.nn.Linear(4, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor(weights))
    return network


@pytest.mark.parametrize(("share", "expected"), [
    (0.5, [[0, -0.5, 0.3, 0], [0, 0.6, -0.4, 0]]),
    (0.3, [[0, -0.5, 0.3, -0.2], [0, 0.6, -0.4, 0.25]]),  # of eight, 2.4 are two
])  # fmt: skip
def test_the_smallest_go(share, expected):
    network = layer([[0.1, -0.5, 0.3, -0.2], [0.05, 0.6, -0.4, 0.25]])
    Pruning(share=share).epoch_ended(training(network=network))
    assert np.allclose(network[0].weight.detach().numpy(), expected)
    assert {name for name, _ in network.named_parameters()} == {"0.weight", "0.bias"}


def test_a_model_keeps_its_zeros_and_trains_the_rest():
    job = half_job(DATA, RECIPE.replace(epochs=4, record=(2,)), "pruning(share=0.6)")
    early, late = train(DATA, job)
    for name, weights in late.weights.items():
        if name.endswith("weight"):
            assert (weights == 0).mean() == pytest.approx(0.6, abs=0.01), name
            assert early.weights[name].shape == weights.shape and (early.weights[name] == 0).any()
    plain = list(train(DATA, half_job(DATA, RECIPE.replace(epochs=2, record=()))))[-1]
    assert late.history["loss"][:2] == pytest.approx(plain.history["loss"]), "until then it is no defense"
    assert early.history["loss"][0] == plain.history["loss"][0]
