"""Adversarial regularisation: its objective, whom its attack reads, and what it does to the model."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from losses import Y, Z
from mia_core.base.errors import DataError
from mia_core.defenses.adversarial_regularisation import against
from mia_core.model.train import train
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()
MEMBERS, COUNTED = np.arange(64) < 20, np.arange(64) < 40
RECIPE = RECIPE.replace(epochs=6, record=())


def trained(defenses, data=DATA):
    return list(train(data, half_job(data, RECIPE, defenses)._replace(members=MEMBERS, counted=COUNTED)))[-1]


def test_the_objective_is_the_loss_and_the_log_of_what_the_attack_says():
    said = torch.tensor([0.8, 0.6, 0.5], dtype=torch.float64).logit()
    assert float(against(F.cross_entropy(Z, Y), said, 3)) == pytest.approx(-0.743902, abs=1e-6)


def test_the_warm_up_is_plain_training_and_then_the_attack_counts():
    plain, defended = trained("none"), trained("adversarial-regularisation(factor=10)")
    assert np.array_equal(plain.history["loss"][:4], defended.history["loss"][:4])
    assert not np.array_equal(plain.logits, defended.logits)


def test_its_attack_reads_examples_that_nobody_is_judged_on_and_no_others():
    name, images = "adversarial-regularisation(warm_up=0)", DATA.images.copy()
    before = trained(name)
    images[20:40] = 255 - images[20:40]  # judged and no members
    same = trained(name, type(DATA)("tiny", images, DATA.labels, DATA.classes, 64))
    images[40:] = 255 - images[40:]
    other = trained(name, type(DATA)("tiny", images, DATA.labels, DATA.classes, 64))
    assert np.array_equal(before.weights["out.weight"], same.weights["out.weight"])
    assert not np.array_equal(before.weights["out.weight"], other.weights["out.weight"])


def test_without_such_examples_it_says_what_leaves_some():
    with pytest.raises(DataError, match="neither trains nor is judged, found none; a smaller part or population"):
        list(train(DATA, half_job(DATA, RECIPE, "adversarial-regularisation")))
