"""Models of every kind are asked alike, and what cannot be asked is refused in one line."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mia_core import audit
from mia_core.audits.one_model.ask import BATCH, askable, coded
from mia_core.base.errors import ArrayError, MiaError

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(300, 4)).astype(np.float32)
LABELS = (INPUTS[:, 0] > 0).astype(int)
SIDES = {"members": (INPUTS[:150], LABELS[:150]), "non_members": (INPUTS[150:], LABELS[150:])}
FITTED = LogisticRegression().fit(INPUTS[:150], LABELS[:150])


def found(model, **options) -> dict:
    return audit(model, **(SIDES | options), permutations=99).numbers


def test_a_function_a_classifier_and_a_pipeline_give_the_same_audit():
    by_function = found(FITTED.predict_proba)
    assert found(FITTED) == by_function
    assert found(lambda batch: torch.tensor(FITTED.predict_proba(batch)))["attacks"] == by_function["attacks"]
    by_frame = found(
        make_pipeline(StandardScaler(), LogisticRegression()).fit(pd.DataFrame(INPUTS[:150]), LABELS[:150]),
        members=(pd.DataFrame(INPUTS[:150]), pd.Series(LABELS[:150])),
        non_members=(pd.DataFrame(INPUTS[150:]), pd.Series(LABELS[150:])),
    )
    assert by_frame["members"] == 150


def test_a_torch_module_is_asked_in_evaluation_mode_and_left_as_it_was():
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.9), torch.nn.Linear(8, 2))
    network.train()
    network[2].eval()
    answers = [askable(network).answer(INPUTS, "rows").values for _ in range(2)]
    np.testing.assert_array_equal(*answers)
    assert [part.training for part in network] == [True, True, False]
    assert all(weight.grad is None for weight in network.parameters())
    assert found(network)["notes"]


def test_batches_change_nothing():
    many = np.tile(INPUTS, (40, 1))
    assert len(many) > BATCH
    asked = askable(FITTED).answer(many, "rows").posteriors
    np.testing.assert_array_equal(asked[:300], FITTED.predict_proba(INPUTS))
    assert len(asked) == len(many)


def test_text_labels_are_those_of_the_classifier():
    names = np.array(["no", "yes"])[LABELS]
    fitted = LogisticRegression().fit(INPUTS[:150], names[:150])
    named = found(fitted, members=(INPUTS[:150], names[:150]), non_members=(INPUTS[150:], names[150:]))
    assert named["train_accuracy"] == found(FITTED)["train_accuracy"]
    assert {row["name"] for row in named["at_risk"]["by_class"]} == {"no", "yes"}
    assert coded(names, None, 2, "labels").tolist() == LABELS.tolist()


def test_a_forest_inside_a_pipeline_and_a_search_is_floored_like_a_forest():
    forest = RandomForestClassifier(5)
    inside = GridSearchCV(make_pipeline(StandardScaler(), forest), {"randomforestclassifier__max_depth": [2]}, cv=2)
    found = [askable(model.fit(INPUTS[:60], LABELS[:60])).floor for model in (forest, inside)]
    assert found == [1 / 20, 1 / 20]


def test_a_single_probability_is_that_of_class_one():
    one = found(lambda batch: FITTED.predict_proba(batch)[:, 1])
    assert one["attacks"] == found(FITTED)["attacks"]
    assert "class 1" in one["notes"][0]


def test_a_model_that_holds_rows_is_named():
    near = KNeighborsClassifier().fit(INPUTS[:150], LABELS[:150])
    assert any("KNeighborsClassifier holds rows" in words for words in found(near)["cautions"])


def failing(batch):
    raise RuntimeError("out of\nmemory")


@pytest.mark.parametrize(
    ("model", "options", "telling"),
    [
        (failing, {}, r"rows 0 to 299: it failed with RuntimeError: out of memory"),
        (lambda batch: np.full((len(batch), 2), np.nan), {}, "NaN"),
        (lambda batch: np.ones((3, 2)), {}, r"shape \(3, 2\); expected one row per input, \[300, K\]"),
        (lambda batch: np.full((len(batch), 5), 0.8), {}, "several labels per row"),
        (lambda batch: "text", {}, "expected numbers"),
        (7, {}, "expected a function"),
        (FITTED, {"members": (INPUTS[:0], LABELS[:0])}, "no rows"),
        (FITTED, {"members": (INPUTS[:150], LABELS[:149])}, "150 inputs and 149 labels"),
        (FITTED, {"members": (INPUTS[:150], ["a"] * 150), "non_members": (INPUTS[150:], ["b"] * 150)}, "'a'"),
        (FITTED, {"non_members": None}, "found neither or both"),
        (lambda batch: FITTED.predict_proba(batch), {"models": 2}, "no scikit-learn estimator"),
        (FITTED, {"models": 3}, "even number"),
        (FITTED, {"non_members": (INPUTS[150:, :2], LABELS[150:])}, "fit together"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_one_line(model, options, telling):
    with pytest.raises(MiaError, match=telling) as caught:
        found(model, **options)
    assert "\n" not in str(caught.value)


def test_members_equal_to_non_members_make_the_audit_void():
    report = found(FITTED, non_members=SIDES["members"])
    assert "among the non-members too" in report["void"]


def test_one_class_is_refused_or_audited_without_classes():
    report = found(FITTED, members=(INPUTS[:150], np.zeros(150, int)), non_members=(INPUTS[150:], np.zeros(150, int)))
    assert report["left_out"]["true-confidence-per-class"] == "there is one class"


def test_labels_that_are_no_classes_of_the_model():
    with pytest.raises(ArrayError, match=r"found 9; expected a class of the model \(0, 1, ...\)"):
        coded([0, 9], (0, 1), 2, "labels")
    with pytest.raises(ArrayError, match="whole numbers 0 to 1"):
        coded([0.5, 1], None, 2, "labels")
