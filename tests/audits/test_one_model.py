"""One model audited without a shadow: nothing found where nothing leaks, and everything that does is."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from mia_core import audit
from mia_core.audits.one_model.attacks import FOLDS, folds_of, score_all
from mia_core.audits.one_model.audit import AuditSettings, _void, audit_outputs
from mia_core.audits.one_model.best import max_t
from mia_core.audits.one_model.qmia import quantile_scores
from mia_core.audits.one_model.validity import Blind, blind_baselines, cautions, duplicates, numbers
from mia_core.gate.outputs import check_outputs
from mia_core.gate.posteriors import softmax
from mia_core.measures.intervals import clopper_pearson, difference_interval
from mia_core.report.audit import audit_file


def made(seed: int, count: int = 500, leak: float = 0.0, classes: int = 4):
    """Outputs of a model that treats a share `leak` of its members differently, and nobody else."""
    random = np.random.default_rng(seed)
    labels, logits = random.integers(0, classes, 2 * count), 2 * random.normal(size=(2 * count, classes))
    members = np.arange(2 * count) < count
    logits[np.arange(2 * count), labels] += 2
    hit = members & (random.random(2 * count) < leak)
    logits[hit, labels[hit]] += 12
    return check_outputs(members=members, logits=logits, labels=labels)


def test_the_best_of_several_attacks_by_all_twenty_labellings():
    scores = {"one": np.array([5, 4, 1, 3, 2, 0.0]), "other": np.array([2, 6, 5, 4, 1, 3.0])}
    found = max_t(scores, np.arange(6) < 3, level=None)
    assert [one.value for one in found.values()] == pytest.approx([7 / 9, 7 / 9])
    assert [one.p for one in found.values()] == [0.35, 0.35]


def test_a_permuted_order_of_examples_changes_no_statistic():
    outputs, random = made(0, 200, leak=0.3), np.random.default_rng(1)
    scores, order = random.normal(size=400).round(1) + outputs.members, random.permutation(400)
    found = max_t({"a": scores}, outputs.members, permutations=99)
    moved = max_t({"a": scores[order]}, outputs.members[order], permutations=99)
    assert [one.value for one in found.values()] == [one.value for one in moved.values()]


def test_noise_raises_few_false_alarms():
    alarms = sum(
        audit_outputs(made(seed, 150), AuditSettings(permutations=99, seed=seed))[0]["leak"] for seed in range(60)
    )
    # At 5% more than 8 of 60 have a probability of 0.3%.
    assert alarms <= 8


def test_a_leak_for_two_in_a_hundred_rows_is_found():
    report, _ = audit_outputs(made(3, 2000, leak=0.02), AuditSettings(permutations=199))
    assert report["leak"]
    point = next(one for one in report["attacks"] if one["attack"] == report["best_at_low_fpr"])["found"][0]
    assert point["low"] > 0.01
    assert sum(row["found"] for row in report["at_risk"]["most_exposed"]) == 20


def test_no_less_is_reported_than_the_gap_attack_shows():
    members = np.arange(2000) < 1000
    labels = np.zeros(2000, dtype=int)
    correct = np.where(members, np.arange(2000) % 100 < 88, np.arange(2000) % 100 < 62)
    posteriors = np.where(correct[:, None], [[0.9, 0.1]], [[0.1, 0.9]])
    report, _ = audit_outputs(check_outputs(members=members, posteriors=posteriors, labels=labels))
    best = next(one for one in report["attacks"] if one["attack"] == report["best_advantage"])
    assert best["advantage"] == pytest.approx(0.26)
    assert best["advantage_low"] > 0
    assert report["leak"]


def test_thresholds_are_chosen_on_other_examples_than_those_they_are_counted_on():
    outputs = made(5, 200)
    fold = folds_of(outputs.members, 0)
    assert all(
        np.bincount(fold[side], minlength=FOLDS).tolist() == [40] * 5 for side in (outputs.members, ~outputs.members)
    )
    done = score_all(outputs.logits, outputs.posteriors, outputs.labels, outputs.members, fold)
    held = fold == 2
    turned = outputs.members ^ held  # the counted fold's own membership changes none of its calls
    again = score_all(outputs.logits, outputs.posteriors, outputs.labels, turned, fold)
    for name, called in done.called.items():
        np.testing.assert_array_equal(called[held], again.called[name][held])


def test_quantile_regression_agrees_with_its_quantile_and_counts_no_fitted_row():
    random = np.random.default_rng(0)
    features = random.normal(size=(4000, 1))
    statistic = 3 * features[:, 0] + random.normal(size=4000)
    members = np.arange(4000) < 1000
    statistic[members] += 2
    fold = folds_of(members, 0)
    scores = quantile_scores(statistic, features, members, fold)
    from mia_core.measures.metrics import auc

    # Shifted by two standard deviations at every x: the AUC of the true difference is 0.921, of the raw values 0.67.
    assert 0.88 < auc(scores, members) < 0.935
    assert auc(statistic, members) < 0.72
    others = scores[~members]
    assert abs((others > 0.9).mean() - 0.1) < 0.03


def test_the_quantile_loss_is_that_of_the_textbook():
    x = np.arange(20.0)[:, None]
    s = [0.3, -0.8, 1.1, 0.2, -1.4, 0.9, 0.5, -0.2, 1.7, 0.1, 2.4, 1.9, 3.2, 2.1, 1.2, 3.8, 2.7, 2.2, 4.1, 2.6]
    fitted = GradientBoostingRegressor(
        loss="quantile", alpha=0.9, n_estimators=10, learning_rate=0.5, max_depth=1, random_state=0
    ).fit(x, s)
    assert 1.5 - fitted.predict([[2.0], [7.0]]) == pytest.approx([-0.200254, -0.200254], abs=1e-5)


def test_sides_that_differ_make_the_audit_void():
    random = np.random.default_rng(0)
    members = np.arange(1200) < 600
    shifted = random.normal(size=(1200, 3)) + members[:, None]
    assert min(one.p for one in blind_baselines(shifted, members)) < 0.001
    assert min(one.p for one in blind_baselines(random.normal(size=(1200, 3)), members)) > 0.05
    outputs = made(0, 600)
    report, _ = audit_outputs(outputs, AuditSettings(permutations=99), features=shifted)
    assert "never saw the model" in report["void"]
    # One honest split in 20 has a p-value below 0.05: that is told, and voids nothing.
    differ = Blind("linear", 0.54, 0.02, 0.002)
    assert "may be void" in " ".join(cautions(members, outputs.posteriors, None, None, True, differ))
    assert _void([differ], 0, members) is None and _void([replace(differ, p=0.0009)], 0, members)


def test_a_frame_with_text_and_missing_values_has_numbers():
    frame = pd.DataFrame(
        {"age": pd.array([30, None, 50], dtype="Int64"), "town": ["a", None, "a"], "dose": [1.0, 2, 3]}
    )
    assert numbers(frame, None, 2).tolist() == [[30, 0, 1], [40, -1, 2], [50, 0, 3]]


@pytest.mark.parametrize(("decimals", "words"), [(1, "take 6 different"), (3, "are rounded to 3 decimals"), (9, "")])
def test_rounded_outputs_and_unequal_sides_are_told(decimals, words):
    top = np.random.default_rng(0).uniform(0.5, 1, 2000).round(decimals)
    told = " ".join(cautions(np.arange(2000) < 1700, np.column_stack([top, 1 - top]), None, None, True))
    assert words in told and ("ties" in told) == bool(words)
    assert "85% of the examples are members" in told and "300 non-members" in told


def test_rows_on_both_sides_are_counted():
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 5))
    rows[200:250] = rows[:50]
    rows[250:300] = rows[50:100] + 1e-6
    same, near = duplicates(rows, np.arange(400) < 200)
    assert same == 50
    assert near == 50


def test_intervals_of_differences_cover():
    random = np.random.default_rng(0)
    first, second = random.binomial(120, 0.06, 2000), random.binomial(120, 0.03, 2000)
    inside = [
        low <= 0.03 <= high
        for low, high in (difference_interval(int(a), 120, int(b), 120) for a, b in zip(first, second, strict=True))
    ]
    assert np.mean(inside) > 0.94
    assert difference_interval(20, 20, 0, 20)[0] == pytest.approx(
        1 - np.hypot(1 - clopper_pearson(20, 20)[0], clopper_pearson(0, 20)[1])
    )


def test_a_forest_without_a_leak_to_the_loss_leaks_to_its_clones():
    inputs, labels = load_digits(return_X_y=True)
    report = audit(RandomForestClassifier(100), inputs, labels, models=8, permutations=99).numbers
    found = {one["attack"]: one["found"][0]["tpr"] for one in report["attacks"]}
    assert report["test_accuracy"] > 0.95
    assert found["gap"] == 0
    assert found["loss"] < 0.1
    assert found["base"] > 0.4
    assert report["void"] is None


def test_a_model_without_a_leak_and_a_page_that_says_so(tmp_path):
    inputs, labels = make_classification(
        4000, n_features=20, n_informative=10, n_redundant=5, flip_y=0.1, random_state=0
    )
    fitted = LogisticRegression().fit(inputs[::2], labels[::2])
    report = audit(
        fitted.predict_proba, members=(inputs[::2], labels[::2]), non_members=(inputs[1::2], labels[1::2]),
        criteria="<b>mine</b>",
    )  # fmt: skip
    assert not report.numbers["leak"]
    text = str(report).splitlines()
    assert [line.split()[0] for line in text[:5]] == ["answer", "best", "found", "epsilon", "not"]
    assert "none" in text[3]
    page = report.to_html(tmp_path / "audit.html").read_text(encoding="utf-8")
    assert len(page) < 1_000_000
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    assert json.loads(report.to_json(tmp_path / "audit.json").read_text())["members"] == 2000
    # The interval of a TPR is the same in text and JSON.
    point = next(one for one in report.numbers["attacks"] if one["attack"] == report.numbers["best_at_low_fpr"])[
        "found"
    ][0]
    assert f"[{100 * point['low']:.1f}%" in text[2]


def test_an_interrupted_audit_goes_on_and_a_damaged_file_is_trained_again(tmp_path):
    inputs, labels = load_digits(n_class=3, return_X_y=True)
    trained = []

    def train(x, y, seed):
        trained.append(seed)
        return RandomForestClassifier(20, random_state=seed).fit(x, y)

    fitted = train(inputs[::2], labels[::2], 0)
    ask = {"members": (inputs[::2], labels[::2]), "non_members": (inputs[1::2], labels[1::2])}
    more = {"train": train, "models": 4, "keep": tmp_path, "jobs": 1, "permutations": 99}
    first = audit(fitted, **ask, **more).numbers
    files = sorted(tmp_path.iterdir())
    assert len(files) == 4
    assert len(trained) == 5
    files[0].write_bytes(files[0].read_bytes()[:-50])
    files[1].unlink()
    assert audit(fitted, **ask, **more).numbers == first
    assert len(trained) == 7


def test_references_of_a_half_without_a_class_still_answer_for_it(tmp_path):
    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(60, 2)), np.array(["a", "b"] * 28 + ["c"] * 4)
    report = audit(RandomForestClassifier(10), inputs, labels, models=4, permutations=99).numbers
    assert {"lira", "base"} <= {one["attack"] for one in report["attacks"]}


def test_an_audit_of_a_file_tells_its_name_and_no_path(tmp_path):
    outputs = made(0, 100)
    np.savez(tmp_path / "o.npz", logits=outputs.logits, members=outputs.members, labels=outputs.labels)
    report = audit_file(tmp_path / "o.npz", permutations=99)
    assert report.numbers["model"] == "o.npz"
    assert str(tmp_path) not in report.to_html(tmp_path / "a.html").read_text(encoding="utf-8")


def test_probabilities_of_masked_classes_keep_every_score_finite():
    outputs = made(0, 100)
    masked = np.where(outputs.posteriors >= np.sort(outputs.posteriors, axis=1)[:, -2:-1], outputs.posteriors, 0)
    report, scores = audit_outputs(
        check_outputs(members=outputs.members, posteriors=masked / masked.sum(1, keepdims=True), labels=outputs.labels),
        AuditSettings(permutations=99),
    )
    assert all(np.isfinite(values).all() for values in scores.values())
    assert json.dumps(report, allow_nan=False)


def test_exposure_falls_with_the_rank(tmp_path):
    from mia_core.audits.one_shadow import exposure

    outputs = made(0, 200, leak=0.2)
    scores = softmax(outputs.logits).max(axis=1)
    marks = exposure(scores, outputs.members)
    order = np.argsort(marks["rank"], kind="stable")
    assert all(scores[a] >= scores[b] for a, b in pairwise(order))
    assert not marks["found"][~outputs.members].any()
    assert marks["found"].sum() > 0
