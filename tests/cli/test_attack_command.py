"""`mia attack`: reports of counted outputs, strict JSON, and what is said of outputs that look odd."""

import numpy as np
import pytest

from arrays import AUC, LOW_FPR_TPR, base, low_fpr, rows_of
from attack_commands import RATES, attacked, rates, refused, run
from mia_core.audits.text import as_text


def test_report_of_counted_outputs(capsys, shadow, target):
    report, err = attacked(capsys, shadow, target)
    assert err == [] and report["warnings"] == [] and report["notes"] == []
    (result,) = report["attacks"]
    assert result["auc"] == AUC and rates(result) == RATES
    assert [point["level"] for point in result["tpr_at_fpr"]] == [0, 0.001, 0.01, 0.1]
    asked = {"attack": "adversary1", "features": "posteriors", "classifier": "logistic", "k": 3}
    assert asked.items() <= result.items()
    assert (report["direction"], report["fitted_on"], report["attacked"]) == ("shadow_to_target", "shadow", "target")
    assert (report["reference_models"], report["queries_per_example"]) == (1, 1)
    counts = {"examples": 2000, "members": 1000, "non_members": 1000, "classes": 10}
    for side, train, test in (("shadow", 0.973, 0.574), ("target", 0.977, 0.57)):
        assert report[side].items() >= {**counts, "train_accuracy": train, "test_accuracy": test}.items()
    for name in ("attack_accuracy", "balanced_accuracy", "recall_members", "recall_non_members", "auc"):
        low, high = result[f"{name}_interval"]
        assert low <= result[name] <= high
    assert result["tpr_at_fpr_0.1"] == 0.35
    assert result["tpr_at_fpr"][0]["tpr_clopper_pearson"] == [0, pytest.approx(1 - 0.025 ** (1 / 1000))]
    # What a call means stands next to how often it is right.
    assert result["advantage"] == pytest.approx(result["recall_members"] + result["recall_non_members"] - 1)
    assert result["advantage_interval"] == [2 * bound - 1 for bound in result["balanced_accuracy_interval"]]
    found = {point["prior"]: point["precision"] for point in result["precision"]}
    inside, outside = result["recall_members"], 1 - result["recall_non_members"]
    assert found == {p: pytest.approx(p * inside / (p * inside + (1 - p) * outside)) for p in (0.5, 0.1, 0.01)}
    assert [point["level"] for point in result["tnr_at_fnr"]] == [0.001, 0.01]
    assert all(point["fnr"] <= point["level"] for point in result["tnr_at_fnr"])


def test_options_reach_the_attack(capsys, shadow, target):
    for name, given in (("features", "logs"), ("classifier", "network"), ("k", 1), ("k", 50)):
        report, _ = attacked(capsys, shadow, target, f"--{name}", given)
        assert report["attacks"][0][name] == (10 if given == 50 else given) and report["attacks"][0]["auc"] == AUC
    report, _ = attacked(capsys, shadow, target, "--direction", "target_to_shadow")
    assert (report["fitted_on"], report["attacked"]) == ("target", "shadow")
    assert report["attacks"][0]["tpr_at_fpr"][3]["false_positives"] == 70


@pytest.mark.parametrize("change", [
    lambda a: {**a, "posteriors": a["posteriors"].astype(">f4")},
    lambda a: {**a, "posteriors": np.asfortranarray(a["posteriors"])},
    lambda a: {**a, "posteriors": a["posteriors"].astype(np.float16)},
    lambda a: {"logits": np.log(a["posteriors"].astype(float)), "members": a["members"], "labels": a["labels"]},
    lambda a: {**a, "labels": a["labels"][:, None]}, lambda a: {**a, "labels": a["labels"].astype(float)},
    lambda a: {**a, "labels": np.eye(10)[a["labels"]]}, lambda a: [a["posteriors"], a["members"].astype(np.int32)],
    lambda a: {**a, "members": a["members"].astype(bool)[:, None]},
])  # fmt: skip
def test_every_way_to_save_the_same_outputs_gives_the_same_values(capsys, files, shadow, change):
    report, _ = attacked(capsys, shadow, files("changed", change(base("target"))))
    assert report["attacks"][0]["auc"] == AUC and rates(report["attacks"][0]) == RATES
    assert report["target"]["train_accuracy"] in (0.977, None)


def test_arrays_saved_by_position_are_noted(capsys, files):
    paths = [files(side, [base(side)["posteriors"], base(side)["members"]]) for side in ("shadow", "target")]
    report, err = attacked(capsys, *paths)
    assert len(err) == 2 and all(line.startswith("mia: note: ") and "arr_0 read as posteriors" in line for line in err)
    assert report["target"]["reasons"]["train_accuracy"] == "no labels given"


def test_two_classes_and_three_values(capsys, files):
    paths = []
    for seed, side in enumerate(("shadow", "target")):
        scores, members = low_fpr(seed)
        predicted = np.random.default_rng(seed).integers(0, 2, len(scores))
        paths.append(files(side, {"posteriors": rows_of(0.5 + scores / 2, predicted, 2), "members": members}))
    report, err = attacked(capsys, *paths)
    (result,) = report["attacks"]
    assert [point["tpr"] for point in result["tpr_at_fpr"]] == list(LOW_FPR_TPR.values())
    assert [point["realised_fpr"] for point in result["tpr_at_fpr"]] == list(LOW_FPR_TPR)
    assert result["k"] == 2 and any("capped at the 2 classes" in line for line in err)


def test_another_number_of_classes(capsys, files, shadow):
    arrays = base("target")
    three = {"posteriors": rows_of(arrays["posteriors"].max(axis=1), arrays["labels"] % 3, 3)}
    report, err = attacked(capsys, shadow, files("three", {**three, "members": arrays["members"]}))
    assert report["attacks"][0]["auc"] == AUC and "has 10 classes" in err[0] and "has 3" in err[0]
    two = {"posteriors": rows_of(arrays["posteriors"].max(axis=1), arrays["labels"] % 2, 2)}
    # The labels would be worth a warning, but a refusal is one line.
    path = files("two", {**two, "members": arrays["members"], "labels": 1 - arrays["labels"] % 2})
    assert "expected k of at most 2" in refused(capsys, "attack", "--shadow", shadow, "--target", path)


def inverted(side):
    arrays = base(side)
    return {**arrays, "members": 1 - arrays["members"]}


def test_inverted_membership_is_warned_about_and_not_flipped(capsys, files, shadow):
    arrays = inverted("target")
    report, err = attacked(capsys, shadow, files("inverted", arrays))
    assert report["attacks"][0]["auc"] == 0.1768
    assert any("far below 0.5" in line for line in err) and err == [f"mia: warning: {w}" for w in report["warnings"]]
    del arrays["labels"]
    _, err = attacked(capsys, shadow, files("inverted", arrays))
    assert len(err) == 1 and "far below 0.5" in err[0]
    report, err = attacked(capsys, *(files(side, inverted(side)) for side in ("shadow", "target")))
    assert report["attacks"][0]["auc"] == AUC and len(err) == 2
    assert "members are classified worse (0.570) than non-members (0.977)" in err[1], "on both sides only this tells"


def hard(side):
    arrays = base(side)
    return {**arrays, "posteriors": np.eye(10)[arrays["posteriors"].argmax(axis=1)]}


@pytest.mark.parametrize("make_shadow", [base, hard])
def test_hard_labels_with_true_labels_are_answered_by_the_gap_attack(capsys, files, make_shadow):
    report, err = attacked(capsys, files("shadow", make_shadow("shadow")), files("hard", hard("target")))
    first, gap = report["attacks"]
    assert (first["auc"], first["balanced_accuracy"]) == (0.5, 0.5) and "hard labels" in first["remark"]
    assert (gap["attack"], gap["balanced_accuracy"], gap["auc"]) == ("gap", 0.7035, 0.7035)
    assert any("hard labels only" in line for line in err)


@pytest.mark.parametrize("features", ["posteriors", "logs"])
def test_hard_labels_alone_say_nothing(capsys, files, shadow, features):
    arrays = hard("target")
    del arrays["labels"]
    report, _ = attacked(capsys, shadow, files("hard", arrays), "--features", features)
    (result,) = report["attacks"]
    assert (result["auc"], result["balanced_accuracy"]) == (0.5, 0.5)
    assert "nothing tells members from non-members: the posteriors are hard labels" in result["remark"]
    assert result["remark"] in as_text(report)


def test_one_model_on_both_sides_is_warned_about(capsys, files, target):
    order = np.random.default_rng(0).permutation(2000)
    copy = files("copy", {name: array[order] for name, array in base("target").items()})
    for other in (target, copy):
        _, err = attacked(capsys, other, target)
        assert any(line.startswith("mia: warning: ") and "hold the same rows" in line for line in err)


def test_text_is_plain_and_short(capsys, files, shadow):
    path = files("ziel-größe", base("target"))
    status, out, err = run(capsys, "attack", "--shadow", shadow, "--target", path, "--replicates", "20")
    assert status == 0 and err == [] and out.isascii() and "np." not in out and "\x1b" not in out
    assert "AUC                     0.8232" in out and "realised FPR 0.0600, false positives 60" in out
    assert "accuracy 0.9770 train, 0.5700 test" in out


def test_zero_replicates_leave_only_the_exact_intervals_and_the_text_says_which(capsys, shadow, target):
    report, _ = attacked(capsys, shadow, target, replicates=0)
    (result,) = report["attacks"]
    assert result["auc"] == AUC and result["auc_interval"] is None and result["reasons"]["intervals"]
    assert result["tpr_at_fpr"][0]["tpr_interval"] is None and result["tpr_at_fpr"][0]["tpr_clopper_pearson"]
    lines = as_text(report).splitlines()
    assert "95% interval" in next(line for line in lines if "measure" in line) and "bootstrap" not in as_text(report)
    assert len([line for line in lines if " to " in line and "TPR" not in line]) == 0
    assert "Clopper-Pearson" in lines[-1]
