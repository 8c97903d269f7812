"""Batch normalisation: its numbers, its places, and that no other example changes an answer."""

import numpy as np
import pytest
import torch

from mia_core.defenses.batch_norm import BatchNorm
from mia_core.model.build import network_of
from mia_core.model.train import query, train
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()


def test_it_normalises_by_the_batch_and_keeps_running_means():
    layer = BatchNorm(after=3).layers(torch.Generator(), {"dense": 1})["dense"].train()
    found = layer(torch.tensor([[1.0], [2.0], [3.0], [4.0]])).flatten().tolist()
    assert found == pytest.approx([-1.341635, -0.447212, 0.447212, 1.341635], abs=1e-5)
    assert float(layer.running_mean) == pytest.approx(0.25) and float(layer.running_var) == pytest.approx(1.066667)


@pytest.mark.parametrize(("network", "after", "places"), [
    ("cnn", 1, ["conv1"]), ("cnn", 2, ["conv1", "conv2"]), ("cnn", 3, ["conv1", "conv2", "dense"]),
    ("mlp", 1, ["dense"]), ("mlp", 3, ["dense"]),
])  # fmt: skip
def test_it_stands_behind_the_first_layers(network, after, places):
    built = network_of(DATA, half_job(DATA, RECIPE.replace(network=network), f"batch-norm(after={after})"))
    normed = [place for place in built.widths if not isinstance(getattr(built, f"at_{place}"), torch.nn.Identity)]
    assert normed == places


def test_an_answer_depends_on_nothing_else_that_is_asked():
    (snapshot,) = train(DATA, half_job(DATA, RECIPE.replace(record=()), "batch-norm"))
    network = network_of(DATA, half_job(DATA, RECIPE, "batch-norm"))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in snapshot.weights.items()})
    assert np.allclose(query(network, DATA.images[5:7]), snapshot.logits[5:7], atol=1e-5)
