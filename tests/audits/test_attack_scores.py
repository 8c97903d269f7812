"""Scores that `mia attack` writes and `mia measure` reads: row by row, whatever the order and the membership."""

import warnings

import numpy as np

from arrays import AUC, base
from attack_commands import attacked, rates, report_of, run
from mia_core.attacks import EVERY, AttackSettings
from mia_core.audits.one_shadow import attack_outputs
from mia_core.base.errors import MiaWarning
from mia_core.gate.npz import read_score_sets


def test_permuted_rows_permute_the_scores_and_change_no_digit(capsys, files, shadow, target, tmp_path):
    order = np.random.default_rng(0).permutation(2000)
    permuted = files("permuted", {name: array[order] for name, array in base("target").items()})
    results, scores = [], []
    for path in (target, permuted):
        results.append(attacked(capsys, shadow, path, "--scores", tmp_path / "scores.csv")[0]["attacks"])
        scores.append(np.genfromtxt(tmp_path / "scores.csv", delimiter=",", names=True))
    assert results[0] == results[1]
    assert np.array_equal(scores[1]["adversary1"], scores[0]["adversary1"][order])
    assert np.array_equal(scores[0]["member"], base("target")["members"])
    assert np.array_equal(scores[0]["row"], range(2000))


def test_no_attack_sees_the_targets_membership(files, shadow, tmp_path):
    written = []
    for seed in (0, 1):
        arrays = base("target")
        arrays["members"] = np.random.default_rng(seed).permutation(arrays["members"])
        path = tmp_path / f"{seed}.npz"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MiaWarning)
            attack_outputs(shadow, files("t", arrays), AttackSettings(attacks=EVERY, replicates=0), path)
        written.append(np.load(path, allow_pickle=False))
    assert not np.array_equal(written[0]["members"], written[1]["members"])
    for name in EVERY:
        assert np.array_equal(written[0][name], written[1][name])


def test_saved_scores_are_measured_alike(capsys, shadow, target, tmp_path):
    report, _ = attacked(capsys, shadow, target, "--scores", tmp_path / "s.npz", replicates=0)
    assert len(read_score_sets(tmp_path / "s.npz")[0][0]) == 2000 and np.load(tmp_path / "s.npz")["mia_format"] == 1
    measured, err = report_of(capsys, "measure", "--scores", tmp_path / "s.npz")
    again = measured["attacks"][0]
    assert (err, again["auc"], rates(again)) == ([], AUC, rates(report["attacks"][0]))
    assert again["attack_accuracy"] is None and again["reasons"]["attack_accuracy"]


def test_measure_of_four_ties(capsys, files):
    path = files("ties", {"scores": [9.0, 9, 5, 5], "members": [1, 0, 1, 0]})
    (result,) = report_of(capsys, "measure", "--scores", path)[0]["attacks"]
    assert (result["auc"], result["tpr_at_fpr_0"], result["tpr_at_fpr_0.001"]) == (0.5, 0, None)
    assert "2 non-members, at least 1000 needed" in result["reasons"]["tpr_at_fpr_0.001"]
    assert "not measurable: 2 non-members" in run(capsys, "measure", "--scores", path)[1]
