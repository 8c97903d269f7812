"""Ensembles: the mean of posteriors, and networks that differ."""

import numpy as np
import pytest
import torch

from mia_core.defenses.ensemble.mean import Mean
from mia_core.model.train import train
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()


def test_posteriors_are_averaged_and_not_logits():
    found = Mean()(torch.tensor([[[2.0, 0, 0], [0, 1.5, 0]]])).softmax(1)[0].tolist()
    assert found == pytest.approx([0.470633, 0.398973, 0.130394], abs=1e-6)


def test_the_first_network_is_the_model_without_it_and_the_others_are_their_own():
    job = half_job(DATA, RECIPE.replace(network="mlp", record=()), "ensemble(networks=2)")
    (plain,), (found,) = train(DATA, job._replace(defenses=())), train(DATA, job)
    first, second = (found.weights[f"parts.{part}.out.weight"] for part in (0, 1))
    assert np.array_equal(first, plain.weights["out.weight"]) and not np.array_equal(first, second)
    assert not np.allclose(found.logits, plain.logits) and np.allclose(np.exp(found.logits).sum(1), 1, atol=1e-5)
