"""Hooks that no defense may need yet, by small ones: several networks, batches of one's own, and what is counted."""

from typing import ClassVar

import numpy as np
import pytest
import torch

from mia_core.defenses import DEFENSES, combination
from mia_core.defenses.base import Defense, Stage
from mia_core.model.train import train
from mia_core.store.faster import stacked, step_class
from mia_core.store.identity import identity
from mia_core.store.runs import Store
from mia_core.store.trainings import train_missing
from mia_core.studies.augmented import ask, network_of
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()


class Mean(torch.nn.Module):
    def forward(self, logits):
        return logits.mean(1)


class Ensemble(Defense):
    """The mean logits of two networks."""

    name: ClassVar[str] = "ensemble-made-up"
    stage: ClassVar[Stage] = "model"

    def several(self, classes):
        return 2, Mean()

    def fit(self, fitting):
        model = fitting.model()
        about = fitting.images, fitting.targets
        histories = [list(fitting.epochs(net, *about, i))[-1] for i, net in enumerate(model.parts)]
        assert torch.equal(fitting.answers(model.parts[0], fitting.images).argmax(1).unique(), fitting.labels.unique())
        return model, histories[0]


class Thirds(Defense):
    """Of each epoch a third of the examples, drawn by a coin for each, in one batch; the first one is empty."""

    name: ClassVar[str] = "thirds-made-up"
    stage: ClassVar[Stage] = "training"

    def sample(self, shuffled, size, training):
        drawn = torch.rand(len(shuffled), generator=training.random(self.name)) < 1 / 3
        return [shuffled[:0], shuffled[drawn]]


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    for kind in (Ensemble, Thirds):
        monkeypatch.setitem(DEFENSES, kind.name, kind)


@pytest.mark.parametrize("network", ["cnn", "mlp"])
def test_a_model_of_several_networks_is_trained_stored_and_asked_again(network, tmp_path):
    recipe = RECIPE.replace(network=network, epochs=2, record=(1,))
    job = half_job(DATA, recipe, "ensemble-made-up")
    plain, found = (list(train(DATA, one)) for one in (half_job(DATA, recipe), job))
    for one, other in zip(plain, found, strict=True):
        assert one.epoch == other.epoch and np.array_equal(one.history["loss"], other.history["loss"])
        for name, value in one.weights.items():
            assert np.array_equal(other.weights[f"parts.0.{name}"], value)
            if name.endswith("weight"):
                assert not np.array_equal(other.weights[f"parts.1.{name}"], value)
    store = Store(tmp_path)
    assert train_missing(store, DATA, job) == []
    run = store.get(identity(DATA, job))
    assert np.allclose(ask(network_of(run), run, DATA.images), run.logits, atol=1e-4)


def test_batches_of_ones_own_are_what_is_trained_on_and_counted():
    (found,) = train(DATA, half_job(DATA, RECIPE.replace(record=()), "thirds-made-up"))
    assert np.isfinite(found.history["loss"]).all() and len(set(found.history["loss"])) == 3


def test_hooks_decide_whether_what_is_faster_stands_in():
    pytest.importorskip("mia_core.fast")
    fast = step_class()
    together = {"none", "dropout", "smoothing"}
    for name in ("none", *DEFENSES):
        alone = name in ("pruning", "adversarial-regularisation", "dp-sgd")
        assert (step_class(combination(name)) is fast) != alone, name
        if combination(name) == () or combination(name)[0].shapes_weights:
            assert (stacked(combination(name)) is not None) == (name in together), name
