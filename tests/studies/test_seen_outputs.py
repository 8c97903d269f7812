"""A row's accuracies are of what a model says behind its defenses, and its intervals follow their seed."""

import numpy as np
import pytest

from mia_core.attacks import AttackSettings
from mia_core.defenses import combination
from mia_core.gate.arrays import Outputs
from mia_core.references.answers import seen_as_logits, without_zeros
from mia_core.studies.reference_rows import table
from mia_core.studies.study import accuracies, attack_columns
from references_made import made_study


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
    row = accuracies(said, said)
    assert row["target_accuracy"] == row["target_train_accuracy"] == row["shadow_accuracy"] == accuracy
    assert row["generalisation_gap"] == 0


def test_the_intervals_of_a_row_follow_the_attack_seed():
    random = np.random.default_rng(0)
    members = random.random(300) < 0.5
    scores = random.normal(size=300) + members
    rows = [attack_columns(scores, members, 0.5, AttackSettings(attack_seed=seed, replicates=50)) for seed in (1, 1, 2)]
    assert rows[0] == rows[1] and rows[0]["auc"] == rows[2]["auc"]
    assert (rows[0]["auc_low"], rows[0]["auc_high"]) != (rows[2]["auc_low"], rows[2]["auc_high"])


def test_what_a_mask_hides_counts_as_half_of_the_least_it_shows():
    logits = np.log([[0.6, 0.25, 0.1, 0.05], [0.1, 0.2, 0.3, 0.4]])
    values = np.exp(without_zeros(seen_as_logits(combination("masking(k=2)"), logits)))
    kept = np.array([[0.6, 0.25], [0.3, 0.4]]) / [[0.85], [0.7]]
    assert np.allclose(values, [[*kept[0], kept[0, 1] / 2, kept[0, 1] / 2], [kept[1, 0] / 2, kept[1, 0] / 2, *kept[1]]])
    assert without_zeros(logits) is logits
    assert np.allclose(
        np.exp(without_zeros(seen_as_logits(combination("masking(k=1)"), logits)))[0], [1, 0.5, 0.5, 0.5]
    )


def test_a_reference_study_judges_accuracy_behind_the_defense(tmp_path):
    study = made_study(tmp_path, defenses=["none", "clipping(maximum=0.34)"], attacks="loss")
    accuracy = table(study).groupby("defenses")["target_accuracy"].mean()
    assert accuracy["clipping(maximum=0.34)"] < accuracy["none"] - 0.01
