"""HAMP: soft labels of a given entropy, its loss, and answers of which only the ranking is left."""

import numpy as np
import pytest
import torch

from losses import Y, Z
from mia_core.defenses.hamp import HAMP, confidence, ranked_as
from mia_core.gate.posteriors import softmax
from mia_core.model.build import network_of
from mia_core.model.train import query, train
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()


@pytest.mark.parametrize(("gamma", "classes", "p"), [
    (0.5, 10, 0.737851), (0.9, 10, 0.352095), (0.95, 10, 0.269814), (0.99, 10, 0.170038), (0.8, 4, 0.602267),
    (0.9, 2, 0.683981),
])  # fmt: skip
def test_the_soft_label_has_the_entropy_that_is_asked_for(gamma, classes, p):
    assert confidence(gamma, classes) == pytest.approx(p, abs=1e-6)
    (row,) = HAMP(gamma=gamma).targets(np.eye(classes)[:1])
    assert row[0] == pytest.approx(p, abs=1e-6) and np.allclose(row[1:], (1 - row[0]) / (classes - 1))


def test_the_loss_is_the_divergence_minus_entropy():
    soft = 0.6 * Y + 0.4 / 3 * (1 - Y)
    assert float(HAMP(alpha=0).loss(Z, soft, 1)) == pytest.approx(0.206313, abs=1e-6)
    assert float(HAMP(alpha=0.001).loss(Z, soft, 1)) == pytest.approx(0.205321, abs=1e-6)
    assert float(HAMP(alpha=0).loss(Z, Y, 1)) == pytest.approx(0.683214, abs=1e-6)  # of hard labels: cross-entropy


def test_scores_take_the_places_of_others_and_ties_go_to_the_lower_class():
    one, tied = np.array([[0.1, 0.6, 0.05, 0.25]]), np.array([[0.4, 0.4, 0.1, 0.1]])
    assert ranked_as(one, np.array([[0.2, 0.3, 0.1, 0.4]])).tolist() == [[0.2, 0.4, 0.1, 0.3]]
    assert ranked_as(tied, np.array([[0.15, 0.2, 0.3, 0.35]])).tolist() == [[0.35, 0.3, 0.2, 0.15]]


def test_a_trained_model_answers_with_nothing_but_its_ranking_left():
    recipe = RECIPE.replace(record=())
    (open_,), (hidden,) = (train(DATA, half_job(DATA, recipe, f"hamp(output={on})")) for on in ("no", "yes"))
    assert all(np.array_equal(open_.weights[name], hidden.weights[name]) for name in open_.weights)
    ranks = [np.argsort(-made.logits, axis=1, kind="stable") for made in (open_, hidden)]
    assert np.array_equal(*ranks) and not np.allclose(softmax(open_.logits), softmax(hidden.logits), atol=0.01)
    network = network_of(DATA, half_job(DATA, recipe, "hamp"))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in hidden.weights.items()})
    again = query(network, np.concatenate([DATA.images[9:10], DATA.images[:3]]))
    assert np.allclose(again, hidden.logits[[9, 0, 1, 2]], atol=1e-5), "the same image, the same answer"
