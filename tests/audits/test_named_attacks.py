"""Every attack and every bound by its name on the command line, on files that a user may bring."""

import numpy as np
import pytest

from arrays import AUC, base, save, six
from attack_commands import attacked, named, refused, report_of, run
from known import reported_cases
from mia_core.attacks import ATTACKS, EVERY
from mia_core.gate.npz import FORMAT_NAME


def attack(capsys, shadow, target, *names):
    return attacked(capsys, shadow, target, *named(names), replicates=0)


@pytest.fixture
def sides(shadow, target):
    return [shadow, target]


def test_all_runs_every_attack_and_says_what_each_reads(capsys, sides):
    report, err = attack(capsys, *sides, "all")
    results = {result["attack"]: result for result in report["attacks"]}
    assert tuple(results) == EVERY and err == []
    assert results["modified-entropy"]["auc"] == 0.847405
    assert results["shokri"]["classifier"] == "logistic" and results["shokri"]["k"] is None
    for name in ("confidence", "deviation", "entropy"):  # those of Adversary 3
        assert (results[name]["threshold_from"], results[name]["auc"]) == ("shadow", pytest.approx(AUC)), name
    assert results["shokri"]["threshold_from"] == "fixed"
    for result in results.values():
        unknown = [name for name, value in result.items() if value is None and name != "remark"]
        assert all(result["reasons"][name] for name in unknown if not name.endswith("_interval"))


def test_all_without_labels_runs_what_needs_none(capsys, tmp_path, sides):
    unlabelled = {name: array for name, array in base("target").items() if name != "labels"}
    report, err = attack(capsys, sides[0], save(tmp_path, "unlabelled", unlabelled), "all")
    names = [result["attack"] for result in report["attacks"]]
    assert names == [name for name in EVERY if not ATTACKS[name].needs_labels]
    assert len(err) == 1 and "left out for want of labels: gap, loss, modified-entropy" in err[0]


def test_another_number_of_classes_names_the_file(capsys, tmp_path, sides):
    target = save(tmp_path, "few", six())
    line = refused(capsys, "attack", "--shadow", sides[0], "--target", target, "--attack", "shokri")
    assert "few.npz: posteriors: found 3 classes; expected the 10 of the shadow" in line


@pytest.mark.parametrize("name", ["s_class7_absent", "s_class7_without_non_members"])
def test_reported_class_missing_on_one_side(capsys, shared, tmp_path, name):
    folder = reported_cases(shared, tmp_path, f"arrays/{name}", "arrays/base_target") / "arrays"
    scores = tmp_path / "scores.npz"
    by_class = ("shokri", "modified-entropy-per-class", "entropy-per-class", "risk-score")
    report, err = report_of(
        capsys, "attack", "--shadow", folder / f"{name}.npz", "--target", folder / "base_target.npz",
        *named([*by_class, "adversary1"]), "--replicates", "0", "--scores", scores,
    )  # fmt: skip
    with np.load(folder / "base_target.npz") as target, np.load(scores) as written:
        number = int((target["labels"] == 7).sum())
        for attacked in by_class:
            assert written[attacked].shape == (2000,) and np.isfinite(written[attacked]).all()
    assert len(err) == 1 and f"class 7: {number} rows are judged by what was fitted on all classes" in err[0]
    assert report["warnings"] == [err[0].removeprefix("mia: warning: ")]
    assert report["attacks"][-1]["auc"] == pytest.approx(AUC)


# Bounds on epsilon


def test_bounds_of_an_attack_are_named_with_alpha_and_delta_and_need_a_confidence_above_one_half(capsys, sides):
    bounds = attack(capsys, *sides, "loss")[0]["attacks"][0]["epsilon"]
    assert [bound["bound"] for bound in bounds] == [
        "at the attack's threshold", "any threshold", "any threshold, Gaussian", "one run", "one run, Gaussian"
    ]  # fmt: skip
    assert all(bound["alpha"] == 0.05 and bound["assumes"] and bound["epsilon"] > 0 for bound in bounds)
    assert [bound["delta"] for bound in bounds] == [0, 0, 1e-5, 1e-5, 1e-5]
    half, _ = attacked(capsys, *sides, "--confidence", "0.5", replicates=0)
    for bound in half["attacks"][0]["epsilon"]:
        assert bound["epsilon"] is None and "bounds nothing" in bound["reason"]


def test_sets_of_scores_are_judged_one_by_one(capsys, tmp_path):
    members = np.repeat([1, 0], 200)
    scores = np.random.default_rng(0).normal(size=(20, 400))
    scores[3] += 3 * members
    path = save(tmp_path, "sets", {"scores": scores, "members": members})
    report, _ = report_of(capsys, "measure", "--scores", path, "--replicates", "0")
    assert report["scores"]["sets"] == 20 and len(report["attacks"]) == 20
    above = [[bound["epsilon"] > 0 for bound in result["epsilon"]] for result in report["attacks"]]
    assert all(above[3]) and np.mean(above) < 0.2
    single = save(tmp_path, "single", {"scores": scores[3], "members": members})
    alone, _ = report_of(capsys, "measure", "--scores", single, "--replicates", "0")
    assert {**alone["attacks"][0], "attack": 0} == {**report["attacks"][3], "attack": 0}
    assert "of 20 sets: any threshold, alpha 0.05" in run(capsys, "measure", "--scores", path, "--replicates", 0)[1]
    scores[1, 2] = np.nan
    bad = save(tmp_path, "bad", {"scores": scores, "members": members})
    assert "found 1 value not finite" in refused(capsys, "measure", "--scores", bad)


def test_reported_scores_without_a_signal(capsys, shared, tmp_path):
    path = reported_cases(shared, tmp_path, "scores/null_100x400") / "scores" / "null_100x400.npz"
    report, _ = report_of(capsys, "measure", "--scores", path, "--replicates", "0")
    assert len(report["attacks"]) == 100
    for row in range(4):
        assert sum(result["epsilon"][row]["epsilon"] > 0 for result in report["attacks"]) <= 11


def test_an_attack_that_fails_is_reported_and_the_others_stand(capsys, tmp_path, sides, monkeypatch):
    def fail(error):
        def fit(*_):
            raise error

        return fit

    monkeypatch.setattr(ATTACKS["shokri"].attack, "fit", fail(MemoryError()))
    monkeypatch.setattr(ATTACKS["adversary1"].attack, "fit", fail(ZeroDivisionError("by nought")))
    scores = tmp_path / "scores.npz"
    report, err = attacked(capsys, *sides, "--attack", "all", "--scores", scores, replicates=0)
    done = [name for name in EVERY if name not in ("shokri", "adversary1")]
    assert [result["attack"] for result in report["attacks"]] == done
    assert list(report["not_done"]) == ["adversary1", "shokri"] and "enough memory" in report["not_done"]["shokri"]
    assert len(err) == 1 and "could not be done" in err[0] and "by nought" in err[0]
    with np.load(scores) as file:
        assert set(file) - {FORMAT_NAME, "rank", "found"} == {"scores", "members", *done}
    _, text, _ = run(capsys, "attack", "--shadow", sides[0], "--target", sides[1], *named(["shokri", "gap"]))
    assert "shokri could not be done: not enough memory" in text and "\ngap\n" in text
    assert "no attack could be done" in refused(
        capsys, "attack", "--shadow", sides[0], "--target", sides[1], *named(["shokri", "adversary1"])
    )
