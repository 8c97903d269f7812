"""What rates mean for people: precision, sure non-members, overlap of what is found."""

import numpy as np
import pytest

from mia_core.base.errors import ArrayError, SettingsError
from mia_core.measures.metrics import tpr_at_fpr
from mia_core.measures.risk import overlap, precision_at, tnr_at_fnr


def test_precision_falls_with_the_prior():
    assert precision_at(0.5, 0.9, 0.01) == pytest.approx(0.989011, abs=1e-6)
    assert precision_at(0.01, 0.05, 0.001) == pytest.approx(0.0005 / (0.0005 + 0.00099))
    assert precision_at(0.1, 0.0, 0.0) is None and precision_at(0.1, 0.2, 0.0) == 1
    with pytest.raises(SettingsError, match="prior"):
        precision_at(1.5, 0.1, 0.1)


def test_published_precisions(answers):
    known = answers["ppv"]
    values = [precision_at(prior, known["tpr"], known["fpr"]) for prior in (0.5, 0.1)]
    assert values == pytest.approx(known["prior 0.5, 0.1"], abs=1e-6)


def test_sure_non_members_mirror_sure_members():
    scores = np.array([1.0, 2, 3, 3, 5, 6, 7, 8])
    members = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    found = tnr_at_fnr(scores, members, 0.25)
    assert (found.tnr, found.fnr, found.true_negatives, found.false_negatives) == (0.75, 0.25, 3, 1)
    assert found.threshold == 3.0
    nobody = tnr_at_fnr(scores, members, 0.0)
    assert (nobody.tnr, nobody.threshold) == (0.5, 2.0)
    assert tnr_at_fnr(scores, members, 0.01).reason == "not measurable: 4 members, at least 100 needed"
    random = np.random.default_rng(0)
    values, inside = random.normal(size=400), random.random(400) < 0.5
    mirrored = tpr_at_fpr(-values, ~inside, 0.1)
    assert tnr_at_fnr(values, inside, 0.1).tnr == mirrored.tpr


def test_overlap_of_true_positives():
    sets = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 1, 1, 0, 0]], bool)
    found = overlap(sets)
    assert (found.coverage, found.core, found.sizes) == (3, 1, (2, 2, 3))
    assert found.jaccard == pytest.approx((1 / 3 + 2 / 3 + 2 / 3) / 3)
    order = np.random.default_rng(0).permutation(5)
    assert overlap(sets[:, order]) == found
    assert overlap(sets[:1]).jaccard is None and overlap(np.zeros((2, 3), bool)).jaccard is None
    assert overlap(sets[[0, 0]]).jaccard == 1 and overlap(np.stack([sets[0], ~sets[2]])).jaccard == 0
    for wrong in (sets.astype(int), sets[0], np.zeros((0, 3), bool)):
        with pytest.raises(ArrayError, match="expected bool"):
            overlap(wrong)
