"""Combinations of defenses: their order, how they are written and read, and what cannot be read."""

import numpy as np
import pytest

from mia_core.base.errors import SettingsError
from mia_core.defenses import DEFENSES, REPORT_COMBINATIONS, apply_outputs, combination, describe, shaping
from mia_core.defenses import split_combinations as split
from mia_core.defenses.clipping import Clipping
from mia_core.defenses.masking import TopKMasking


def test_combinations_have_one_order_and_one_name():
    assert list(DEFENSES) == [
        "dropout", "batch-norm", "ensemble", "stacking",
        "smoothing", "augmentation", "adversarial-training", "mixup", "relaxloss", "hamp", "ccl", "weight-decay", "l1",
        "pruning", "adversarial-regularisation", "early-stopping", "dp-sgd", "distillation", "selena",
        "memguard",
        "temperature", "gaussian-noise", "laplace-noise", "masking", "clipping", "rounding", "label-only",
    ]  # fmt: skip
    for name in REPORT_COMBINATIONS:
        assert describe(combination(name)) == name
    for given, name in (
        ("masking + smoothing+dropout", "dropout+smoothing+masking"),
        ("label-only+rounding(digits=2)+dropout", "dropout+rounding(digits=2)+label-only"),
        ("smoothing(epsilon=0.1)", "smoothing"),
        ("smoothing(epsilon=-0.1)", "smoothing(epsilon=-0.1)"),
        ("masking(k=1)+dropout(rate=.25,input=no)", "dropout(rate=0.25,input=False)+masking(k=1)"),
    ):
        assert describe(combination(given)) == describe(combination(describe(combination(given)))) == name


def test_output_stages_apply_in_order_and_the_others_shape_the_weights():
    before = np.random.default_rng(3).dirichlet(np.full(5, 0.3), size=6)
    chosen = combination("clipping+masking+dropout+smoothing")
    assert np.array_equal(apply_outputs(chosen, before), Clipping().outputs(TopKMasking().outputs(before)))
    assert describe(shaping(chosen)) == "dropout+smoothing"


def test_lists_of_combinations_split_outside_parentheses():
    several = ["none", "dropout(rate=0.2,input=no)+masking"]
    assert split(",".join(several)) == several
    assert split("all") == list(REPORT_COMBINATIONS)


@pytest.mark.parametrize(("text", "message"), [
    ("dropot", "did you mean dropout"), ("dropout+dropout", "twice"), ("smoothing(eps=0.1)", "did you mean epsilon"),
    ("smoothing(epsilon)", "setting=value"), ("smoothing(epsilon=0.1,epsilon=0.2)", "twice"),
    ("smoothing(epsilon=1)", "less than 1"), ("", "cannot read"), ("dropout+", "cannot read"),
    ("none+dropout", "none is the undefended model and stands alone"),
    ("none(k=1)", "none is the undefended model and stands alone"),
    ("dropout(self=1)", "dropout: self: unknown; Known: "), ("masking(k=1_0)", "expected a number, found '1_0'"),
    ("mixup+dp-sgd+masking", "dp-sgd stands by itself; beside it only defenses on the output can stand"),
    ("ccl+relaxloss", "ccl and relaxloss both replace the loss; give one of them"),
    ("d" * 1000, "unknown defense ddd"), ("dropout)(", "cannot read"),
])  # fmt: skip
def test_what_cannot_be_read_is_one_clear_line(text, message):
    with pytest.raises(SettingsError, match=r"^defenses: ") as caught:
        combination(text)
    assert message in str(caught.value) and "\n" not in str(caught.value)
