"""A row's accuracies are of what a model says behind its defenses, and its intervals follow their seed."""

import numpy as np
import pytest

from mia_core.attacks import AttackSettings
from mia_core.defenses import combination
from mia_core.inputs import Outputs
from mia_core.study import about_models, attack_columns


def outputs(defenses, examples=200):
    """What a model with nearly equal posteriors says of examples whose label is always its first choice."""
    posteriors = np.tile([0.32, 0.36, 0.32], (examples, 1))
    for defense in combination(defenses):
        posteriors = defense.outputs(posteriors)
    members = np.arange(examples) < examples // 2
    return Outputs(posteriors, members, np.ones(examples, np.int64), None, "test")


@pytest.mark.parametrize(("defenses", "accuracy"), [("none", 1.0), ("masking", 1.0), ("clipping(maximum=0.3)", 0.0)])
def test_a_defense_that_changes_the_predicted_class_changes_the_accuracy(defenses, accuracy):
    said = outputs(defenses)
    row = about_models("tiny", combination(defenses), 0, said, said)
    assert row["target_accuracy"] == row["target_train_accuracy"] == row["shadow_accuracy"] == accuracy
    assert row["generalisation_gap"] == 0 and row["defenses"] == defenses


def test_the_intervals_of_a_row_follow_the_attack_seed():
    random = np.random.default_rng(0)
    members = random.random(300) < 0.5
    scores = random.normal(size=300) + members
    rows = [attack_columns(scores, members, 0.5, AttackSettings(attack_seed=seed, replicates=50)) for seed in (1, 1, 2)]
    assert rows[0] == rows[1] and rows[0]["auc"] == rows[2]["auc"]
    assert (rows[0]["auc_low"], rows[0]["auc_high"]) != (rows[2]["auc_low"], rows[2]["auc_high"])
