"""`mia attack-models`: what is said of files that look odd, of examples that are not judged, and of the settings."""

import csv

import numpy as np
import pytest
from test_attack_models import models, noise

from arrays import save
from attack_commands import named, rates, refused, report_of, run


def attack(capsys, folder, arrays, *options):
    """Report and stderr of an attack on these models."""
    path = save(folder, "models", arrays)
    return report_of(capsys, "attack-models", "--models", path, "--replicates", 0, *options)


def test_models_that_look_right_are_not_warned_about(capsys, tmp_path):
    report, _ = attack(capsys, tmp_path, models(), "--target", "all", *named(["lira", "rmia", "gap"]))
    assert report["warnings"] == []


def inverted():
    arrays = models()
    return {**arrays, "members": ~arrays["members"]}


def test_inverted_membership_is_warned_about_once_a_file(capsys, tmp_path):
    report, err = attack(capsys, tmp_path, inverted(), "--target", "all", *named(["attack-r", "loss"]))
    worse, low = report["warnings"]
    assert "model 0: members are classified worse" in worse and "(so in 8 of 8 models)" in worse
    assert "AUC far below 0.5 (attack-r on model 0 0." in low and "and 11 more): is membership coded" in low
    assert [line for line in err if "warning" in line] == [f"mia: warning: {text}" for text in report["warnings"]]


def test_labels_in_another_order_are_warned_about_once_a_file(capsys, tmp_path):
    arrays = models()
    arrays["labels"] = np.random.default_rng(1).permutation(arrays["labels"])
    (warning,) = attack(capsys, tmp_path, arrays)[0]["warnings"]
    assert "are labels in the order of the rows" in warning and "of 8 models)" in warning


def test_posteriors_under_the_name_logits_are_warned_about_once_a_file(capsys, tmp_path):
    arrays = models()
    powers = np.exp(arrays["logits"])
    (warning,) = attack(capsys, tmp_path, {**arrays, "logits": powers / powers.sum(axis=2, keepdims=True)})[0][
        "warnings"
    ]
    assert "Save posteriors under the name posteriors (so in 8 of 8 models)" in warning


def test_one_model_saved_several_times_is_warned_about(capsys, tmp_path):
    arrays = models(signal=0.0)
    arrays["logits"] = np.repeat(arrays["logits"][:1], 8, axis=0)
    (warning,) = attack(capsys, tmp_path, arrays)[0]["warnings"]
    assert "all 8 models say the same of every example" in warning
    arrays = noise(0)
    arrays["statistic"][3] = arrays["statistic"][5]
    (warning,) = attack(capsys, tmp_path, arrays)[0]["warnings"]
    assert "2 of 8 models say the same of every example" in warning


def test_examples_that_are_not_judged_are_named_marked_and_measured_alike(capsys, tmp_path):
    out, table = tmp_path / "scores.npz", tmp_path / "scores.csv"
    report, err = attack(capsys, tmp_path, models(outside=60), "--scores", out)
    assert any(line.startswith("mia: note: ") and "60 of 260 examples not judged" in line for line in err)
    again, err = report_of(capsys, "measure", "--scores", out, "--replicates", 0)
    one, other = report["attacks"][0], again["attacks"][0]
    assert (one["auc"], rates(one)) == (other["auc"], rates(other))
    assert again["scores"]["examples_not_judged"] == 60 and again["scores"]["examples"] == 200
    assert len(err) == 1 and "60 of 260 examples not judged" in err[0]
    attack(capsys, tmp_path, models(outside=60), "--scores", table)
    with open(table, newline="") as file:
        marks = [int(row["judged"]) for row in csv.DictReader(file)]
    assert sum(marks) == 200 and marks == np.load(out)["judged"].tolist()


def test_a_mark_that_fits_no_example_is_refused(capsys, files):
    scores = {"scores": [3.0, 2, 1], "members": [1, 0, 1]}
    for judged, words in (([1, 1], "judged: found shape (2,)"), ([0, 0, 0], "judged"), ([1, 0, 1], "2 members, 0 non")):
        assert words in refused(capsys, "measure", "--scores", files("marked", {**scores, "judged": judged}))


def test_text_names_the_settings_and_what_is_not_judged(capsys, tmp_path):
    path = save(tmp_path, "models", models())
    status, out, _ = run(capsys, "attack-models", "--models", path, "--replicates", 0, "-p", "divisor=n")
    assert status == 0 and "20 of 220 examples not judged: no reference trained on them" in out
    assert "settings: form online, variance fixed, pooled residuals, centre mean, divisor n\n" in out
    out = run(capsys, "attack-models", "--models", path, "--replicates", 0, "--attack", "loss")[1]
    assert "settings: " not in out


@pytest.mark.parametrize("name", ["lira", "t-lira"])
def test_logits_that_overflow_name_the_file_the_array_and_the_attack(capsys, tmp_path, name):
    arrays = models()
    path = save(tmp_path, "huge", {**arrays, "logits": arrays["logits"] * 1e307})
    line = refused(capsys, "attack-models", "--models", path, "--attack", name)
    assert "huge.npz: logits: " in line and f"for {name} on model 0" in line
