"""Measures: whole blocks of ties, real thresholds, exact counts, the same digits for any order of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from arrays import AUC, LOW_FPR_TPR, base, low_fpr
from mia_core.base.errors import ArrayError, SettingsError
from mia_core.measures.metrics import auc, level_column, measure, most_false_positives, roc, tpr_at_fpr

TIES = ([9, 9, 5, 5], [1, 0, 1, 0])

sides = st.lists(st.integers(-3, 3), min_size=1, max_size=25)


def joined(inside, outside):
    return np.array([*inside, *outside], dtype=float), np.array([1] * len(inside) + [0] * len(outside))


@given(sides, sides)
@settings(deadline=None, derandomize=True, max_examples=100)
def test_auc_and_roc_are_those_of_counting_and_of_scikit_learn(inside, outside):
    scores, members = joined(inside, outside)
    wins = sum((a > b) + (a == b) / 2 for a in inside for b in outside)
    assert auc(scores, members) == pytest.approx(wins / (len(inside) * len(outside)), abs=1e-12)
    assert auc(scores, members) == pytest.approx(roc_auc_score(members, scores), abs=1e-12)
    curve = roc(scores, members)
    for found, expected in zip(
        (curve.fpr, curve.tpr, curve.thresholds), roc_curve(members, scores, drop_intermediate=False), strict=True
    ):
        np.testing.assert_allclose(found, expected)


@given(sides, sides, st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 0.99]))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_low_fpr_is_the_best_that_any_threshold_reaches(inside, outside, level):
    scores, members = joined(inside, outside)
    point = tpr_at_fpr(scores, members, level)
    if level > 0 and len(outside) < 1 / level:
        assert point.tpr is None and "not measurable" in point.reason
        return
    reached = [
        (sum(a >= t for a in inside) / len(inside), sum(b >= t for b in outside))
        for t in [*set(inside + outside), 99]
        if sum(b >= t for b in outside) <= level * len(outside)
    ]
    assert point.tpr == max(tpr for tpr, _ in reached)
    assert point.fpr == point.false_positives / len(outside) <= level
    if point.threshold is not None:
        assert point.true_positives == sum(a >= point.threshold for a in inside)
        assert point.false_positives == sum(b >= point.threshold for b in outside)


@given(sides, sides, st.randoms(use_true_random=False))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_the_order_of_rows_changes_no_digit(inside, outside, random):
    scores, members = joined(inside, outside)
    scores = scores * 0.1 + 1 / 3
    order = list(range(len(scores)))
    random.shuffle(order)
    assert measure(scores, members, 0.3) == measure(scores[order], members[order], 0.3)


def test_tpr_at_low_fpr_with_what_is_behind_it():
    scores, members = low_fpr()
    for level, tpr in LOW_FPR_TPR.items():
        point = tpr_at_fpr(scores, members, level)
        assert (point.tpr, point.fpr, point.false_positives) == (tpr, level, round(level * 1000))
        assert point.true_positives == round(tpr * 1000) and point.reason is None


def test_levels_between_ties_take_the_last_whole_block_and_nothing_is_flipped():
    arrays = base("target")
    top, members = arrays["posteriors"].max(axis=1), arrays["members"]
    assert auc(top, members) == AUC and auc(top, 1 - members) == 0.1768
    point = tpr_at_fpr(top, members, 0.1)
    assert (point.tpr, point.fpr, point.false_positives) == (0.35, 0.06, 60)
    for level in (0.0, 0.001, 0.01):
        point = tpr_at_fpr(top, members, level)
        assert (point.tpr, point.fpr, point.false_positives, point.threshold) == (0, 0, 0, None)


@pytest.mark.parametrize(
    ("non_members", "level", "allowed"),
    [(999, 0.001, None), (1000, 0.001, 1), (1999, 0.001, 1), (99, 0.01, None), (100, 0.01, 1), (100, 0.29, 29),
     (5, 0, 0), (1, 0.5, None), (30, 0.1, 3)],
)  # fmt: skip
def test_how_many_false_positives_a_level_allows(non_members, level, allowed):
    assert most_false_positives(non_members, level) == allowed


def test_not_measurable_says_how_many_are_needed():
    point = tpr_at_fpr([3, 2, 1], [1, 0, 0], 0.001)
    assert point.tpr is None and point.reason == "not measurable: 2 non-members, at least 1000 needed"
    assert measure([3, 2, 1], [1, 0, 0], 2)["tpr_at_fpr_0.001"] is None


@pytest.mark.parametrize("level", [-0.1, 1, 2, float("nan")])
def test_a_level_that_is_no_rate_is_refused(level):
    with pytest.raises(SettingsError, match="level"):
        tpr_at_fpr(*TIES, level)


def test_columns_and_their_values():
    values = measure([5, 4, 3, 2, 1], [1, 1, 0, 1, 0], threshold=3, levels=(0.0, 0.5, 0.00001))
    assert values == pytest.approx({
        "attack_accuracy": 0.6, "balanced_accuracy": (2 / 3 + 1 / 2) / 2,
        "recall_members": 2 / 3, "recall_non_members": 0.5, "auc": 5 / 6,
        "tpr_at_fpr_0": 2 / 3, "tpr_at_fpr_0.5": 1.0, "tpr_at_fpr_0.00001": None,
    })  # fmt: skip
    assert list(measure(*TIES, 5))[-2:] == ["tpr_at_fpr_0.01", "tpr_at_fpr_0.001"]
    assert level_column(0.1) == "tpr_at_fpr_0.1"
    assert all(type(value) is float for value in values.values() if value is not None)
    for threshold, inside in ((10, 0), (5, 1)):  # beyond all scores: nobody or everybody is a member
        found = measure(*TIES, threshold)
        assert (found["recall_members"], found["recall_non_members"]) == (inside, 1 - inside)


@pytest.mark.parametrize("function", [auc, roc, lambda s, m: tpr_at_fpr(s, m, 0.1), lambda s, m: measure(s, m, 0)])
@pytest.mark.parametrize("arrays", [([1, np.nan], [1, 0]), ([1, 2], [1, 1]), ([1, 2, 3], [1, 0])])
def test_scores_pass_the_gate(function, arrays):
    with pytest.raises(ArrayError):
        function(*arrays)
