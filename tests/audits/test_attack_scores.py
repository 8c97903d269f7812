"""Scores that `mia attack` writes and `mia measure` reads: row by row, whatever the order and the membership."""

import csv
import warnings

import numpy as np

from arrays import AUC, base
from attack_commands import attacked, rates, run, strict
from mia_core.attacks import EVERY, AttackSettings
from mia_core.audits.one_shadow import attack_outputs
from mia_core.base.errors import MiaWarning
from mia_core.gate.npz import read_score_sets


def test_permuted_rows_permute_the_scores_and_change_no_digit(capsys, files, shadow, target, tmp_path):
    order = np.random.default_rng(0).permutation(2000)
    permuted = files("permuted", {name: array[order] for name, array in base("target").items()})
    results, scores = [], []
    for name, path in (("a", target), ("b", permuted)):
        out = tmp_path / f"scores-{name}.csv"
        results.append(attacked(capsys, shadow, path, "--scores", out)[0]["attacks"])
        with open(out, newline="") as file:
            scores.append(list(csv.DictReader(file)))
    assert results[0] == results[1]
    assert [row["adversary1"] for row in scores[1]] == [scores[0][row]["adversary1"] for row in order]
    assert [int(row["member"]) for row in scores[0]] == base("target")["members"].tolist()
    assert [int(row["row"]) for row in scores[0]] == list(range(2000))


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
    assert len(read_score_sets(tmp_path / "s.npz")[0][0]) == 2000
    status, out, err = run(capsys, "measure", "--scores", tmp_path / "s.npz", "--json")
    again = strict(out)["attacks"][0]
    assert (status, err, again["auc"], rates(again)) == (0, [], AUC, rates(report["attacks"][0]))
    assert again["attack_accuracy"] is None and again["reasons"]["attack_accuracy"]


def test_measure_of_four_ties(capsys, files):
    path = files("ties", {"scores": [9.0, 9, 5, 5], "members": [1, 0, 1, 0]})
    status, out, _ = run(capsys, "measure", "--scores", path, "--json")
    (result,) = strict(out)["attacks"]
    assert status == 0 and result["auc"] == 0.5 and result["tpr_at_fpr_0"] == 0
    assert result["tpr_at_fpr_0.001"] is None
    assert result["reasons"]["tpr_at_fpr_0.001"] == "not measurable: 2 non-members, at least 1000 needed"
    status, out, _ = run(capsys, "measure", "--scores", path)
    assert status == 0 and "not measurable: 2 non-members" in out
