"""Stacking: three parts that share no example, and a combiner that learns what scikit-learn's would."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from mia_core.defenses import combination
from mia_core.defenses.stacking import thirds
from mia_core.defenses.stacking.combiner import Combiner
from mia_core.model.step import Step
from mia_core.model.train import train
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()


def test_parts_are_disjoint_and_together_all():
    parts = thirds(torch.randperm(100), 0.2)
    assert [len(part) for part in parts] == [40, 40, 20] and len(torch.cat(parts).unique()) == 100


def test_each_network_sees_a_third_of_the_members_and_no_other_one_does():
    seen = []

    class Watched(Step):
        def make_optimiser(self):
            seen.append(set())
            return super().make_optimiser()

        def changed(self, images, targets):
            seen[-1] |= {image.numpy().tobytes() for image in images}
            return super().changed(images, targets)

    job = half_job(DATA, RECIPE.replace(network="mlp", record=()), "stacking")
    (found,) = train(DATA, job, Watched)
    assert [len(part) for part in seen] == [10, 11] and not seen[0] & seen[1]
    assert found.weights["combine.slopes"].shape == (6, 3) and np.abs(found.weights["combine.slopes"]).max() > 0
    assert combination("stacking")[0].acts


def test_the_combiner_is_logistic_regression_on_all_posteriors():
    generator = torch.Generator().manual_seed(0)
    logits, labels = 3 * torch.randn(200, 2, 3, generator=generator), torch.arange(200) % 3
    logits[torch.arange(200), 0, labels] += 2
    features = logits.double().softmax(2).flatten(1).numpy()
    known = LogisticRegression(tol=1e-10, max_iter=10_000).fit(features, labels).predict_proba(features)
    combiner = Combiner(2, 3)
    combiner.learn(logits, torch.eye(3)[labels])
    assert np.allclose(combiner(logits).softmax(1).numpy(), known, atol=1e-4)
