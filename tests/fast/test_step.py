"""The faster step is the textbook's up to rounding: its optimiser, its gradient of the loss, and where it attaches."""

import numpy as np
import pytest
import torch

from mia_core.fast import step
from mia_core.fast.optimiser import Adam
from mia_core.fast.step import FastStep
from mia_core.model.build import network_of
from mia_core.model.recipe import Recipe
from mia_core.model.step import Step
from mia_core.model.train import train
from mia_core.store.machine import cpu_threads
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()


def parameters():
    generator = torch.Generator().manual_seed(0)
    shapes = {"a.weight": (4, 3, 5, 5), "a.bias": (4,), "b.weight": (6, 8), "b.bias": (6,)}
    named = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    named["a.weight"] = named["a.weight"].to(memory_format=torch.channels_last)
    return {name: value.requires_grad_() for name, value in named.items()}


def test_steps_are_those_of_pytorchs_adam_with_l2_on_weights_alone():
    recipe = Recipe(l2=0.05, learning_rate=0.01)
    mine, theirs = parameters(), parameters()
    optimiser = Adam(mine.items(), recipe)
    groups = [
        {"params": [theirs["a.weight"], theirs["b.weight"]], "weight_decay": 2 * recipe.l2},
        {"params": [theirs["a.bias"], theirs["b.bias"]]},
    ]
    reference = torch.optim.Adam(groups, lr=recipe.learning_rate)
    for number in range(5):
        for values in (mine, theirs):
            sum(((value - number) ** 2).sum() for value in values.values()).backward()
        optimiser.step()
        reference.step()
        reference.zero_grad()
        assert all(value.grad is None for value in mine.values())
    for name, value in mine.items():
        assert torch.allclose(value, theirs[name], rtol=1e-5, atol=1e-6), name
        assert not torch.allclose(value, parameters()[name], atol=0.01), name


@pytest.mark.parametrize("network", ["cnn", "mlp"])
@pytest.mark.parametrize("defenses", ["dropout+smoothing", "augmentation+mixup+relaxloss+weight-decay"])
def test_a_training_is_the_textbooks_up_to_rounding(network, defenses):
    job = half_job(DATA, RECIPE.replace(network=network, l2=0.01), defenses, (3, 1))
    with cpu_threads(1):
        for ours, theirs in zip(train(DATA, job, FastStep), train(DATA, job, Step), strict=True):
            np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-5)
            np.testing.assert_allclose(ours.logits, theirs.logits, atol=1e-4)
            for name, value in theirs.weights.items():
                np.testing.assert_allclose(ours.weights[name], value, atol=1e-4, err_msg=name)


def test_the_block_of_a_cnn_is_the_compiled_one_where_there_is_numba(monkeypatch):
    def attached(name):
        recipe = RECIPE.replace(network=name)
        return getattr(FastStep(network_of(DATA, half_job(DATA, recipe)), recipe).network, "block", None)

    assert attached("mlp") is None
    with monkeypatch.context() as patch:
        patch.setattr(step, "_block", lambda: None)
        assert attached("cnn") is step.pooled_first
    pytest.importorskip("numba")
    from mia_core.fast.block import block

    assert attached("cnn") is block


def test_the_same_seed_gives_the_same_bits_and_a_recorded_epoch_is_the_run_that_stops_there():
    job = half_job(DATA, RECIPE, "dropout+smoothing", (3, 0))
    with cpu_threads(1):
        for snapshot in train(DATA, job, FastStep):
            again = list(train(DATA, job.stopped_at(snapshot.epoch), FastStep))[-1]
            assert np.array_equal(snapshot.logits, again.logits)
            assert all(np.array_equal(snapshot.weights[name], again.weights[name]) for name in again.weights)
