"""Posteriors and the numbers read from them: values by hand, extremes, and no look at the order of the classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mia_core.attacks.adversary1 import largest
from mia_core.attacks.adversary3 import Adversary3Deviation
from mia_core.gate.posteriors import (
    LOG_FLOOR,
    entropy,
    finite_logits,
    log_posteriors,
    logit_statistic,
    modified_entropy,
    softmax,
)


@given(st.lists(st.floats(-800, 800), min_size=2, max_size=12), st.randoms(use_true_random=False))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_softmax_is_a_posterior_and_does_not_see_the_order_of_classes(row, random):
    order = list(range(len(row)))
    random.shuffle(order)
    row = np.array(row)
    result = softmax(row)
    assert result.dtype == np.float64 and (result >= 0).all() and result.sum() == pytest.approx(1)
    assert np.array_equal(softmax(row[order]), result[order])


def test_softmax_of_extreme_logits_and_of_any_layout():
    assert softmax([1e308, -1e308, 0]).tolist() == [1, 0, 0]
    np.testing.assert_allclose(softmax(np.float32([1e4, 1e4])), [0.5, 0.5])
    logits = np.random.default_rng(0).normal(size=(3, 50, 10))
    whole = softmax(logits)
    assert np.array_equal(softmax(np.asfortranarray(logits)), whole)
    assert np.array_equal(softmax(logits[1, 7]), whole[1, 7]) and np.array_equal(softmax(logits[:, 7:8]), whole[:, 7:8])


def test_minus_infinity_is_a_logarithm_of_next_to_nothing_and_never_above_a_finite_logit():
    floor = np.log(LOG_FLOOR)
    logits = np.array([[3.0, -np.inf, 1], [-np.inf, 2, -np.inf], [0, -200, -np.inf]])
    assert finite_logits(logits).tolist() == [[3, 3 + floor, 1], [2 + floor, 2, 2 + floor], [0, -200, -200]]
    assert logit_statistic(logits, [0, 0, 1]) == pytest.approx([2, floor, -200])
    assert logit_statistic(logits, [1, 1, 0]) == pytest.approx(
        [floor - np.log1p(np.exp(-2)), -floor - np.log(2), 200 - np.log(2)]
    )


def test_logs_have_a_floor():
    assert log_posteriors([1.0, 0.0, 1e-300]).tolist() == [0, np.log(LOG_FLOOR), np.log(LOG_FLOOR)]


def test_entropy_of_hard_and_of_flat_posteriors():
    assert entropy([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]]) == pytest.approx([0, np.log(3)])
    assert not np.signbit(entropy([1.0, 0.0]))


def test_logit_statistic_by_hand_and_where_posteriors_would_fail():
    logits = np.array([[1, 2, -3], [-1, 1, 0]], dtype=float)
    p = softmax(logits)[[0, 1], [1, 2]]
    np.testing.assert_allclose(logit_statistic(logits, [1, 2]), np.log(p / (1 - p)))
    np.testing.assert_allclose(logit_statistic([[100.0, 0.0, 0.0]], [0]), [100 - np.log(2)])
    np.testing.assert_allclose(logit_statistic([[[3.0, 1.0]], [[1.0, 3.0]]], [0]), [[2], [-2]])


def test_modified_entropy_by_hand():
    # The values come from the paper's formula: p = (0.7, 0.2, 0.1), y = 0.
    expected = -0.3 * np.log(0.7) - 0.2 * np.log(0.8) - 0.1 * np.log(0.9)
    assert modified_entropy([[0.7, 0.2, 0.1]], [0]) == pytest.approx([expected])


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 9), st.integers(1, 60))
@settings(deadline=None, max_examples=40)
def test_some_rows_at_a_time_give_what_all_give_at_once(seed, rows, classes, block):
    random = np.random.default_rng(seed)
    logits, labels = random.normal(size=(2, rows, classes)) * 9, random.integers(0, classes, rows)
    posteriors = softmax(logits)

    def values():
        return [
            softmax(logits), entropy(posteriors), modified_entropy(posteriors, labels), logit_statistic(logits, labels),
            largest(posteriors[0], 3), Adversary3Deviation().score(posteriors[0]),
        ]  # fmt: skip

    at_once = values()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mia_core.gate.posteriors.BLOCK", block)
        for part, whole in zip(values(), at_once, strict=True):
            assert np.array_equal(part, whole)
