"""`mia attack-models`: what is said of files that look odd, of examples that are not judged, and of the settings."""

import numpy as np
import pytest
from test_attack_models import changed, models, noise

from arrays import save
from attack_commands import named, rates, refused, report_of, run
from mia_core.gate.posteriors import softmax


def attack(capsys, folder, arrays, *options):
    """Report and stderr of an attack on these models."""
    path = save(folder, "models", arrays)
    return report_of(capsys, "attack-models", "--models", path, "--replicates", 0, *options)


def test_models_that_look_right_are_not_warned_about(capsys, tmp_path):
    report, _ = attack(capsys, tmp_path, models(), "--target", "all", *named(["lira", "rmia", "gap"]))
    assert report["warnings"] == []


def test_inverted_membership_is_warned_about_once_a_file(capsys, tmp_path):
    inverted = changed(members=~models()["members"])
    report, err = attack(capsys, tmp_path, inverted, "--target", "all", *named(["attack-r", "loss"]))
    worse, low = report["warnings"]
    assert "model 0: members are classified worse" in worse and "(so in 8 of 8 models)" in worse
    assert "AUC far below 0.5 (attack-r on model 0 0." in low and "and 11 more): is membership coded" in low
    assert [line for line in err if "warning" in line] == [f"mia: warning: {text}" for text in report["warnings"]]


ONE_TWICE = noise(0)
ONE_TWICE["statistic"][3] = ONE_TWICE["statistic"][5]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (changed(labels=np.random.default_rng(1).permutation(models()["labels"])), "labels in the order of the rows"),
        (changed(logits=softmax(models()["logits"])), "posteriors under the name posteriors (so in 8 of 8 models)"),
        ({**models(signal=0), "logits": np.repeat(models(signal=0)["logits"][:1], 8, axis=0)}, "all 8 models say"),
        (ONE_TWICE, "2 of 8 models say the same of every example"),
    ],
)
def test_what_looks_odd_is_warned_about_once_a_file(capsys, tmp_path, arrays, words):
    (warning,) = attack(capsys, tmp_path, arrays)[0]["warnings"]
    assert words in warning and "8 models" in warning


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
    marks = np.genfromtxt(table, delimiter=",", names=True)["judged"]
    assert sum(marks) == 200 and np.array_equal(marks, np.load(out)["judged"])


def test_a_mark_that_fits_no_example_is_refused(capsys, files):
    scores = {"scores": [3.0, 2, 1], "members": [1, 0, 1]}
    for judged, words in (([1, 1], "judged: found shape (2,)"), ([0, 0, 0], "judged"), ([1, 0, 1], "2 members, 0 non")):
        assert words in refused(capsys, "measure", "--scores", files("marked", {**scores, "judged": judged}))


def test_text_names_model_references_settings_and_what_is_not_judged(capsys, tmp_path):
    path = save(tmp_path, "models", models())
    status, out, _ = run(capsys, "attack-models", "--models", path, "--replicates", 0, "-p", "divisor=n")
    assert status == 0 and "20 of 220 examples not judged: no reference trained on them" in out and out.isascii()
    assert "lira on model 0: 6 references, 1 query, accuracy " in out
    assert "settings: form online, variance fixed, pooled residuals, centre mean, divisor n\n" in out
    out = run(capsys, "attack-models", "--models", path, "--replicates", 0, "--attack", "loss")[1]
    assert "settings: " not in out


@pytest.mark.parametrize("name", ["lira", "t-lira"])
def test_logits_that_overflow_name_the_file_the_array_and_the_attack(capsys, tmp_path, name):
    arrays = models()
    path = save(tmp_path, "huge", {**arrays, "logits": arrays["logits"] * 1e307})
    line = refused(capsys, "attack-models", "--models", path, "--attack", name)
    assert "huge.npz: logits: " in line and f"for {name} on model 0" in line
