"""Rounding and label only: hand-computed answers, and what neither may change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mia_core.attacks import make_attack
from mia_core.base.errors import SettingsError
from mia_core.defenses import combination, describe, shaping
from mia_core.defenses.label_only import LabelOnly
from mia_core.defenses.masking import TopKMasking
from mia_core.defenses.rounding import Rounding


def posteriors(seed: int, n: int, k: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.3), size=n)


def test_rounding_by_hand():
    seen = Rounding().outputs(np.array([[0.62, 0.27, 0.11], [0.97, 0.02, 0.01]]))
    assert np.allclose(seen, [[0.6, 0.3, 0.1], [1, 0, 0]])


def test_rounding_keeps_the_predicted_class_ahead_where_it_ties():
    seen = Rounding().outputs(np.array([[0.26, 0.34, 0.40, 0.0], [0.43, 0.44, 0.13, 0.0]]))
    assert np.allclose(seen, [[0.3, 0.3, 0.4, 0.0], [0.4 / 1.0, 0.5 / 1.0, 0.1 / 1.0, 0.0]])
    assert seen.argmax(1).tolist() == [2, 1]


def test_a_row_that_rounds_to_nothing_keeps_its_prediction():
    row = np.full((1, 50), 0.019)
    row[0, 7] = 1 - 49 * 0.019
    row /= row.sum()
    seen = Rounding().outputs(row)
    assert seen.sum() == pytest.approx(1) and seen.argmax() == 7 and np.isfinite(seen).all()


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(0, 6))
def test_rounding_keeps_predictions_and_gives_posteriors(seed, classes, digits):
    before = posteriors(seed, 20, classes)
    after = Rounding(digits=digits).outputs(before)
    assert (after.argmax(1) == before.argmax(1)).all()
    assert np.allclose(after.sum(1), 1) and (after >= 0).all()


def test_equal_steps_stay_equal_to_the_last_digit_in_any_order_of_classes():
    rows = np.array([[0.71, 0.11, 0.12, 0.06], [0.12, 0.06, 0.11, 0.71]])
    seen = np.sort(Rounding().outputs(rows), axis=1)
    assert np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize("digits", [-1, 7, 0.5, "few", None])
def test_digits_out_of_range_name_the_setting(digits):
    with pytest.raises(SettingsError, match=r"^digits: "):
        Rounding(digits=digits)


def test_label_only_is_the_first_of_the_masks():
    before = posteriors(0, 50, 6).reshape(5, 10, 6)
    seen = LabelOnly().outputs(before)
    assert np.array_equal(seen, TopKMasking(k=1).outputs(before))
    assert np.array_equal(LabelOnly().outputs(np.array([[0.4, 0.4, 0.2]])), [[1.0, 0.0, 0.0]])


def test_the_gap_attack_is_the_same_under_all_of_them():
    before = posteriors(1, 200, 5)
    labels = np.random.default_rng(2).integers(0, 5, 200)
    gap = make_attack("gap")
    for mask in (Rounding(digits=0), Rounding(), LabelOnly()):
        assert np.array_equal(gap.score(mask.outputs(before), labels), gap.score(before, labels))


def test_they_are_known_by_name_and_train_nothing():
    defenses = combination("label-only+rounding(digits=2)+dropout")
    assert describe(defenses) == "dropout+rounding(digits=2)+label-only"
    assert describe(shaping(defenses)) == "dropout"
