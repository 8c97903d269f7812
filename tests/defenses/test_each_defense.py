"""Each defense against answers computed by hand, and the limits of its settings."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn import functional as F

from mia_core.base.errors import SettingsError
from mia_core.defenses import DEFENSES
from mia_core.defenses.clipping import Clipping
from mia_core.defenses.dropout import Dropout
from mia_core.defenses.label_only import LabelOnly
from mia_core.defenses.masking import TopKMasking
from mia_core.defenses.rounding import Rounding
from mia_core.defenses.smoothing import LabelSmoothing


def posteriors(seed: int, n: int, k: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.3), size=n)


@pytest.mark.parametrize(("name", "setting", "values"), [
    ("dropout", "rate", [1, -0.1, 2]), ("smoothing", "epsilon", [1, 1.5, -1.01, float("nan"), "much", None, True]),
    ("masking", "k", [0, -1, 1.5, "three"]), ("clipping", "maximum", [0, 1.1, "all"]),
    ("rounding", "digits", [-1, 7, 0.5, "few", None]),
])  # fmt: skip
def test_values_out_of_range_name_the_setting(name, setting, values):
    for value in values:
        with pytest.raises(SettingsError, match=f"^{setting}: "):
            DEFENSES[name](**{setting: value})


def test_dropout_layers_can_be_switched():
    assert set(Dropout().layers(torch.Generator(), {})) == {"input", "hidden"}
    assert set(Dropout(input=False).layers(torch.Generator(), {})) == {"hidden"}
    with pytest.raises(SettingsError, match="both off"):
        Dropout(input=False, hidden=False)


def test_dropout_keeps_the_expectation_and_does_nothing_when_queried():
    layer = Dropout(rate=0.4).layers(torch.Generator().manual_seed(1), {})["input"]
    x = torch.ones(200, 200)
    dropped = layer(x)
    assert abs(float((dropped == 0).float().mean()) - 0.4) < 0.01
    assert abs(float(dropped.mean()) - 1) < 0.02
    assert torch.equal(layer.eval()(x), x)


def test_smoothing_as_in_the_report_and_as_pytorch_computes_it():
    targets = LabelSmoothing(epsilon=0.1).targets(np.eye(10))
    assert np.allclose(np.diag(targets), 0.9) and np.allclose(targets[0, 1:], 0.1 / 9)
    logits = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 1])
    targets = torch.from_numpy(LabelSmoothing(epsilon=0.2, convention="uniform").targets(np.eye(5))).float()
    ours = F.cross_entropy(logits, targets[labels])
    assert torch.allclose(ours, F.cross_entropy(logits, labels, label_smoothing=0.2))


@given(st.floats(-1, 0.9), st.integers(2, 12))
def test_the_two_conventions_of_smoothing_differ_by_a_factor(epsilon, classes):
    mixed = epsilon * classes / (classes - 1)
    assume(-1 <= mixed < 1)
    others = LabelSmoothing(epsilon=epsilon).targets(np.eye(classes))
    uniform = LabelSmoothing(epsilon=mixed, convention="uniform").targets(np.eye(classes))
    assert np.allclose(others, uniform) and np.allclose(others.sum(1), 1)


@pytest.mark.parametrize(("defense", "before", "after"), [
    (TopKMasking(k=3), [0.5, 0.1, 0.3, 0.06, 0.04], [0.5 / 0.9, 0.1 / 0.9, 0.3 / 0.9, 0, 0]),
    # Between exact ties masking keeps the lower class.
    (TopKMasking(k=2), [0.25] * 4, [0.5, 0.5, 0, 0]), (TopKMasking(k=2), [0.2, 0.2, 0.2, 0.4], [1 / 3, 0, 0, 2 / 3]),
    (TopKMasking(k=2), [1.0, 0, 0, 0], [1, 0, 0, 0]), (TopKMasking(k=2), [0.4, 0.1, 0.1, 0.4], [0.5, 0, 0, 0.5]),
    (Clipping(maximum=0.9), [0.98, 0.02], [0.9 / 0.92, 0.02 / 0.92]), (Clipping(maximum=0.9), [0.6, 0.4], [0.6, 0.4]),
    (LabelOnly(), [0.4, 0.4, 0.2], [1, 0, 0]),
    (Rounding(), [0.62, 0.27, 0.11], [0.6, 0.3, 0.1]), (Rounding(), [0.97, 0.02, 0.01], [1, 0, 0]),
    # Where another class rounds to the same value, the predicted one stays ahead.
    (Rounding(), [0.26, 0.34, 0.40, 0.0], [0.3, 0.3, 0.4, 0.0]),
    (Rounding(), [0.43, 0.44, 0.13, 0.0], [0.4, 0.5, 0.1, 0.0]),
], ids=str)  # fmt: skip
def test_outputs(defense, before, after):
    assert np.allclose(defense.outputs(np.array([before])), [after])


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 12), st.integers(0, 6))
def test_masking_and_rounding_keep_predictions_and_give_posteriors(seed, classes, k, digits):
    before = posteriors(seed, 20, classes)
    masked, rounded = TopKMasking(k=k).outputs(before), Rounding(digits=digits).outputs(before)
    assert ((masked > 0).sum(1) <= k).all() and (np.allclose(masked, before) or k < classes)
    for after in (masked, rounded):
        assert (after.argmax(1) == before.argmax(1)).all()
        assert np.allclose(after.sum(1), 1) and (after >= 0).all()


def test_masks_reach_from_label_only_to_the_identity():
    two, ten = np.array([[0.7, 0.3]]), posteriors(1, 30, 10).reshape(3, 10, 10)
    assert np.array_equal(TopKMasking().outputs(two), two)  # the default of three hides nothing from two classes
    assert all(np.array_equal(TopKMasking(k=k).outputs(ten), ten) for k in (10, 20, 10**9))
    assert np.array_equal(LabelOnly().outputs(ten), TopKMasking(k=1).outputs(ten))


def test_a_row_that_rounds_to_nothing_keeps_its_prediction():
    row = np.full((1, 50), 0.019)
    row[0, 7] = 1 - 49 * 0.019
    seen = Rounding().outputs(row / row.sum())
    assert seen.sum() == pytest.approx(1) and seen.argmax() == 7 and np.isfinite(seen).all()


def test_equal_steps_of_rounding_stay_equal_to_the_last_bit_in_any_order_of_classes():
    rows = np.array([[0.71, 0.11, 0.12, 0.06], [0.12, 0.06, 0.11, 0.71]])
    seen = np.sort(Rounding().outputs(rows), axis=1)
    assert np.array_equal(seen[0], seen[1])
