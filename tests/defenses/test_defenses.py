"""Defenses: hand-computed targets and masks, what each keeps, and how combinations are read and written."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from mia_core.base.errors import SettingsError
from mia_core.defenses import (
    REPORT_COMBINATIONS,
    apply_outputs,
    combination,
    describe,
    shaping,
    split_combinations,
)
from mia_core.defenses.clipping import Clipping
from mia_core.defenses.dropout import Dropout
from mia_core.defenses.masking import TopKMasking
from mia_core.defenses.smoothing import LabelSmoothing


def posteriors(draw_seed: int, n: int, k: int) -> np.ndarray:
    return np.random.default_rng(draw_seed).dirichlet(np.full(k, 0.3), size=n)


def test_smoothing_as_in_the_report():
    targets = LabelSmoothing(epsilon=0.1).targets(np.eye(10))
    assert np.allclose(np.diag(targets), 0.9)
    assert np.allclose(targets[0, 1:], 0.1 / 9)


def test_smoothing_as_a_mixture_is_what_pytorch_computes():
    logits = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 1])
    targets = torch.from_numpy(LabelSmoothing(epsilon=0.2, convention="uniform").targets(np.eye(5))).float()
    ours = F.cross_entropy(logits, targets[labels])
    assert torch.allclose(ours, F.cross_entropy(logits, labels, label_smoothing=0.2))


@given(st.floats(-1, 0.9), st.integers(2, 12))
def test_the_two_conventions_differ_by_a_factor(epsilon, classes):
    if epsilon * classes / (classes - 1) >= 1 or epsilon * classes / (classes - 1) < -1:
        return
    others = LabelSmoothing(epsilon=epsilon).targets(np.eye(classes))
    uniform = LabelSmoothing(epsilon=epsilon * classes / (classes - 1), convention="uniform").targets(np.eye(classes))
    assert np.allclose(others, uniform)
    assert np.allclose(others.sum(1), 1)


@pytest.mark.parametrize("epsilon", [1, 1.5, -1.01, float("nan"), "much", None, True])
def test_epsilon_out_of_range_names_the_limit(epsilon):
    with pytest.raises(SettingsError, match=r"^epsilon: "):
        LabelSmoothing(epsilon=epsilon)


def test_masking_by_hand():
    seen = TopKMasking(k=3).outputs(np.array([[0.5, 0.1, 0.3, 0.06, 0.04]]))
    assert np.allclose(seen, [[0.5 / 0.9, 0.1 / 0.9, 0.3 / 0.9, 0, 0]])


def test_masking_decides_exact_ties_for_the_lower_class():
    rows = np.array([[0.25] * 4, [0.2, 0.2, 0.2, 0.4], [1.0, 0, 0, 0], [0.4, 0.1, 0.1, 0.4]])
    seen = TopKMasking(k=2).outputs(rows)
    assert np.allclose(seen, [[0.5, 0.5, 0, 0], [1 / 3, 0, 0, 2 / 3], [1, 0, 0, 0], [0.5, 0, 0, 0.5]])


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 12))
def test_masking_keeps_the_prediction_and_at_most_k_values(seed, classes, k):
    if k > classes:
        return
    before = posteriors(seed, 20, classes)
    after = TopKMasking(k=k).outputs(before)
    assert (after.argmax(1) == before.argmax(1)).all()
    assert ((after > 0).sum(1) <= k).all()
    assert np.allclose(after.sum(1), 1)
    assert np.allclose(after, before) or k < classes


def test_masking_and_clipping_act_on_any_leading_axes_and_leave_their_input_alone():
    before = posteriors(0, 12, 5).reshape(3, 4, 5)
    copy = before.copy()
    for defense in (TopKMasking(k=2), Clipping(maximum=0.6)):
        assert np.array_equal(defense.outputs(before)[1], defense.outputs(before[1]))
    assert np.array_equal(before, copy)


def test_masking_to_all_classes_or_more_is_the_identity():
    two = np.array([[0.7, 0.3]])
    assert np.array_equal(TopKMasking().outputs(two), two)  # the default of three hides nothing from two classes
    assert np.array_equal(TopKMasking(k=4).outputs(two), two)
    ten = posteriors(1, 30, 10)
    assert all(np.array_equal(TopKMasking(k=k).outputs(ten), ten) for k in (10, 20, 10**9))


@pytest.mark.parametrize("k", [0, -1, 1.5, "three"])
def test_masking_refuses_other_k(k):
    with pytest.raises(SettingsError, match=r"^k: "):
        TopKMasking(k=k)


def test_clipping_by_hand():
    seen = Clipping(maximum=0.9).outputs(np.array([[0.98, 0.02], [0.6, 0.4]]))
    assert np.allclose(seen, [[0.9 / 0.92, 0.02 / 0.92], [0.6, 0.4]])


def test_dropout_layers_can_be_switched():
    generator = torch.Generator()
    assert set(Dropout().layers(generator)) == {"input", "hidden"}
    assert set(Dropout(input=False).layers(generator)) == {"hidden"}
    with pytest.raises(SettingsError, match="both off"):
        Dropout(input=False, hidden=False)
    for rate in (1, -0.1, 2):
        with pytest.raises(SettingsError, match=r"^rate: "):
            Dropout(rate=rate)


def test_dropout_keeps_the_expectation_and_does_nothing_when_queried():
    layer = Dropout(rate=0.4).layers(torch.Generator().manual_seed(1))["input"]
    x = torch.ones(200, 200)
    dropped = layer(x)
    assert abs(float((dropped == 0).float().mean()) - 0.4) < 0.01
    assert abs(float(dropped.mean()) - 1) < 0.02
    assert torch.equal(layer.eval()(x), x)


def test_combinations_have_one_order_and_one_name():
    for name in REPORT_COMBINATIONS:
        assert describe(combination(name)) == name
    assert describe(combination("masking + smoothing+dropout")) == "dropout+smoothing+masking"
    assert describe(combination("smoothing(epsilon=0.1)")) == "smoothing"
    assert describe(combination("smoothing(epsilon=-0.1)")) == "smoothing(epsilon=-0.1)"
    assert describe(combination(describe(combination("masking(k=1)+dropout(rate=.25,input=no)")))) == (
        "dropout(rate=0.25,input=False)+masking(k=1)"
    )


def test_only_model_and_training_stages_shape_weights():
    assert describe(shaping(combination("dropout+smoothing+masking+clipping"))) == "dropout+smoothing"


def test_output_stages_apply_in_order():
    before = posteriors(3, 6, 5)
    expected = Clipping().outputs(TopKMasking().outputs(before))
    assert np.array_equal(apply_outputs(combination("clipping+masking+dropout"), before), expected)


def test_lists_of_combinations_split_outside_parentheses():
    assert split_combinations("none,dropout(rate=0.2,input=no)+masking") == [
        "none",
        "dropout(rate=0.2,input=no)+masking",
    ]
    assert split_combinations("all") == list(REPORT_COMBINATIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dropot", "did you mean dropout"),
        ("dropout+dropout", "twice"),
        ("smoothing(eps=0.1)", "did you mean epsilon"),
        ("smoothing(epsilon)", "setting=value"),
        ("smoothing(epsilon=0.1,epsilon=0.2)", "twice"),
        ("smoothing(epsilon=1)", "less than 1"),
        ("dropout(rate=1)", "less than 1"),
        ("", "cannot read"),
        ("dropout+", "cannot read"),
        ("none+dropout", "none is the undefended model and stands alone"),
        ("none(k=1)", "none is the undefended model and stands alone"),
        ("dropout(self=1)", "dropout: self: unknown; Known: "),
        ("masking(k=0)", "greater than or equal to 1"),
        ("masking(k=1_0)", "expected a number, found '1_0'"),
        ("d" * 1000, "unknown defense ddd"),
        ("dropout)(", "cannot read"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(text, message):
    with pytest.raises(SettingsError, match=r"^defenses: ") as caught:
        combination(text)
    assert message in str(caught.value) and "\n" not in str(caught.value)
