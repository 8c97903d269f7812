"""Scores that look odd: AUCs far below one half, scores that are all the same, whole numbers beyond 2**53."""

import numpy as np
from test_attack_command import inverted

from arrays import base, low_fpr
from attack_commands import attacked, named, refused, report_of, run


def test_measure_warns_of_an_auc_far_below_one_half(capsys, files):
    scores, members = low_fpr()
    report, err = report_of(capsys, "measure", "--scores", files("low", {"scores": -scores, "members": 1 - members}))
    assert report["warnings"] == [] and err == []
    rising = np.linspace(0, 1, 200)
    path = files("turned", {"scores": rising, "members": np.arange(200) < 100})
    report, err = report_of(capsys, "measure", "--scores", path)
    assert len(err) == 1 and "turned.npz: AUC far below 0.5 (0.0000): do higher scores mean members" in err[0]
    assert err == [f"mia: warning: {text}" for text in report["warnings"]]
    path = files("sets", {"scores": [rising, -rising, np.zeros(200)], "members": np.arange(200) < 100})
    _, err = report_of(capsys, "measure", "--scores", path)
    assert len(err) == 1 and "AUC far below 0.5 (set 0 0.0000)" in err[0]
    assert "in 1 of 3 sets every example has the same score" in run(capsys, "measure", "--scores", path)[1]


def test_measure_remarks_on_scores_that_are_all_the_same(capsys, files):
    path = files("flat", {"scores": np.ones(6), "members": [1, 0, 1, 0, 1, 0]})
    report, _ = report_of(capsys, "measure", "--scores", path)
    assert "nothing tells members from non-members" in report["attacks"][0]["remark"]
    assert "nothing tells members from non-members" in run(capsys, "measure", "--scores", path)[1]


def test_one_warning_names_all_attacks_whose_auc_is_far_below_one_half(capsys, files, shadow):
    attacks = ["adversary1", "loss", "confidence"]
    report, _ = attacked(capsys, shadow, files("inverted", inverted("target")), *named(attacks))
    (low,) = [text for text in report["warnings"] if "far below 0.5" in text]
    assert all(f"{name} 0.1" in low for name in attacks)


def test_few_examples_give_no_reason_to_suspect_the_coding(capsys, files, shadow):
    posteriors = base("target")["posteriors"]
    order = np.argsort(posteriors.max(axis=1), kind="stable")
    small = {"posteriors": posteriors[[*order[:3], *order[-3:]]], "members": [1, 1, 1, 0, 0, 0]}
    path = files("few", {"scores": [1.0, 2, 3, 4], "members": [1, 1, 0, 0]})
    for replicates in (0, 100):
        assert report_of(capsys, "measure", "--scores", path, "--replicates", replicates)[1] == []
    report, err = attacked(capsys, shadow, files("small", small), replicates=0)
    assert report["attacks"][0]["auc"] == 0 and err == []


def test_whole_numbers_that_float64_cannot_tell_apart_are_refused(capsys, files):
    members = [1, 0, 1, 0]
    for dtype in (np.int64, np.uint64):
        scores = np.array([2**53, 2**53 + 1, 5, 3], dtype=dtype)
        line = refused(capsys, "measure", "--scores", files("large", {"scores": scores, "members": members}))
        assert "large.npz: scores: found 2 whole numbers beyond 2**53" in line
    scores = np.array([2**60, 2**61, -(2**62), 3])
    report, _ = report_of(capsys, "measure", "--scores", files("apart", {"scores": scores, "members": members}))
    assert report["attacks"][0]["auc"] == 0.25
