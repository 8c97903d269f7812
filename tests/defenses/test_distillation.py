"""Distillation: the loss of its student, whom it learns from, and that it never sees a member."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from losses import Z
from mia_core.base.errors import DataError
from mia_core.data.dataset import Dataset
from mia_core.defenses.distillation import surest
from mia_core.model.train import train
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()
TEACHER = torch.tensor([[3, 0, -1, 1], [0, 1, 0.5, -0.5], [0, 0.5, -0.5, 2]], dtype=torch.float64)


def trained(defenses, data=DATA, epochs=4):
    rows = np.arange(64)
    job = half_job(data, RECIPE.replace(network="mlp", epochs=epochs, record=()), defenses)._replace(
        members=rows < 20, counted=rows < 40
    )
    return list(train(data, job))[-1]


def test_the_students_cross_entropy_is_the_known_divergence_and_a_constant():
    targets = TEACHER.softmax(1)
    entropies = -(targets * targets.log()).sum(1).mean()
    assert float(F.cross_entropy(Z, targets) - entropies) == pytest.approx(0.105118, abs=1e-6)


def test_those_of_which_the_teacher_is_surest():
    assert surest(TEACHER, 0.34).tolist() == [0] and surest(TEACHER, 0.67).tolist() == [0, 2]
    assert surest(TEACHER, 1).tolist() == [0, 1, 2] and surest(TEACHER, 0.01).tolist() == [0]


def test_members_reach_the_student_through_the_teacher_alone():
    other = 255 - DATA.images[20:40]  # judged, and no members: nobody trains on them
    same = Dataset("tiny", np.concatenate([DATA.images[:20], other, DATA.images[40:]]), DATA.labels, DATA.classes, 64)
    labels = np.concatenate([DATA.labels[:40], (DATA.labels[40:] + 1) % 3])  # of the student's examples: not used
    unlabelled = Dataset("tiny", DATA.images, labels, DATA.classes, 64)
    found, weights = trained("distillation"), [trained("distillation", data).weights for data in (same, unlabelled)]
    assert all(np.array_equal(found.weights["out.weight"], one["out.weight"]) for one in weights)
    answers = found.logits[40:], trained("none").logits[:20]
    assert np.isnan(answers[0]).all() and np.isfinite(answers[1]).all()


def test_the_temperature_is_taken_back_in_the_last_layer():
    # Before a first step worth speaking of, the student is its initial weights, and the last layer T times these.
    one, four = (trained(f"distillation(temperature={t},share=0.05)", epochs=1).weights for t in (1, 4))
    assert np.allclose(one["dense.weight"], four["dense.weight"], atol=0.01)
    assert np.allclose(4 * one["out.weight"], four["out.weight"], atol=0.04)


def test_without_other_examples_it_says_what_leaves_some():
    with pytest.raises(DataError, match="neither trains nor is judged, found none"):
        list(train(DATA, half_job(DATA, RECIPE, "distillation")))
