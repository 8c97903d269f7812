"""`mia attack` and `mia measure`: reports of counted outputs, strict JSON, one line for every mistake."""

import csv
import errno
import io
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from arrays import AUC, LOW_FPR_TPR, base, low_fpr, rows_of, save
from typer.testing import CliRunner

from mia_core.attacks import AttackSettings
from mia_core.cli import app, main
from mia_core.commands.attack_report import attack_outputs
from mia_core.commands.attack_text import as_text
from mia_core.errors import MiaWarning
from mia_core.outputs_file import read_scores

ROOT = Path(__file__).resolve().parents[1]
RATES = [(0.0, 0.0, 0), (0.0, 0.0, 0), (0.0, 0.0, 0), (0.35, 0.06, 60)]
"""TPR, realised FPR and false positives of the counted outputs at the four levels of a report."""


@pytest.fixture
def files(tmp_path):
    """A function that saves arrays and returns the path."""
    return lambda name, arrays: save(tmp_path, name, arrays)


@pytest.fixture
def shadow(files):
    return files("shadow", base("shadow"))


@pytest.fixture
def target(files):
    return files("target", base("target"))


def run(capsys, *arguments):
    """Exit status, stdout and lines of stderr of `mia` with these arguments."""
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err.splitlines()


def strict(text):
    """The value in `text`, which must hold no NaN and no infinity."""

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def attacked(capsys, shadow, target, *options, replicates=20):
    """The report of a run that must succeed, and the lines of stderr."""
    arguments = ["attack", "--shadow", shadow, "--target", target, "--json", "--replicates", replicates, *options]
    status, out, err = run(capsys, *arguments)
    assert status == 0, err
    return strict(out), err


def refused(capsys, *arguments):
    """The one line on stderr of a run that must be refused."""
    status, out, err = run(capsys, *arguments)
    assert status == 2 and out == "" and len(err) == 1 and err[0].startswith("mia: error: "), (status, out, err)
    return err[0]


def rates(result):
    return [(point["tpr"], point["realised_fpr"], point["false_positives"]) for point in result["tpr_at_fpr"]]


def test_report_of_counted_outputs(capsys, shadow, target):
    report, err = attacked(capsys, shadow, target)
    assert err == [] and report["warnings"] == [] and report["notes"] == []
    (result,) = report["attacks"]
    assert result["auc"] == AUC and rates(result) == RATES
    assert [point["level"] for point in result["tpr_at_fpr"]] == [0, 0.001, 0.01, 0.1]
    assert (result["attack"], result["features"], result["classifier"], result["k"]) == (
        "adversary1", "posteriors", "logistic", 3)  # fmt: skip
    assert (report["direction"], report["fitted_on"], report["attacked"]) == ("shadow_to_target", "shadow", "target")
    assert (report["reference_models"], report["queries_per_example"]) == (1, 1)
    for side, train, test in (("shadow", 0.973, 0.574), ("target", 0.977, 0.57)):
        expected = {"examples": 2000, "members": 1000, "non_members": 1000, "classes": 10,
                    "train_accuracy": train, "test_accuracy": test}  # fmt: skip
        assert expected.items() <= report[side].items()
    for name in ("attack_accuracy", "balanced_accuracy", "recall_members", "recall_non_members", "auc"):
        low, high = result[f"{name}_interval"]
        assert low <= result[name] <= high
    assert result["tpr_at_fpr_0.1"] == 0.35
    assert result["tpr_at_fpr"][0]["tpr_clopper_pearson"] == [0, pytest.approx(1 - 0.025 ** (1 / 1000))]


def test_every_attack_in_one_report(capsys, shadow, target):
    options = [word for name in ("loss", "gap", "confidence", "adversary1") for word in ("--attack", name)]
    report, _ = attacked(capsys, shadow, target, *options)
    areas = {result["attack"]: result["auc"] for result in report["attacks"]}
    assert areas == {"loss": 0.847405, "gap": 0.7035, "confidence": AUC, "adversary1": AUC}
    for result in report["attacks"]:
        for name, value in result.items():
            if value is None and name not in ("remark",):
                assert result["reasons"][name], name


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--features", "logs"], {"features": "logs"}),
        (["--classifier", "network"], {"classifier": "network"}),
        (["--k", "1"], {"k": 1}),
        (["--k", "50"], {"k": 10}),
    ],
)
def test_options_reach_the_attack(capsys, shadow, target, options, expected):
    report, _ = attacked(capsys, shadow, target, *options)
    assert expected.items() <= report["attacks"][0].items() and report["attacks"][0]["auc"] == AUC


def test_the_reverse_direction_attacks_the_shadow(capsys, shadow, target):
    report, _ = attacked(capsys, shadow, target, "--direction", "target_to_shadow")
    assert (report["fitted_on"], report["attacked"]) == ("target", "shadow")
    assert report["attacks"][0]["tpr_at_fpr"][3]["false_positives"] == 70


@pytest.mark.parametrize(
    "change",
    [
        lambda a: {**a, "posteriors": a["posteriors"].astype(">f4")},
        lambda a: {**a, "posteriors": np.asfortranarray(a["posteriors"])},
        lambda a: {**a, "posteriors": a["posteriors"].astype(np.float16)},
        lambda a: {"logits": np.log(a["posteriors"].astype(float)), "members": a["members"], "labels": a["labels"]},
        lambda a: {**a, "labels": a["labels"][:, None]},
        lambda a: {**a, "labels": a["labels"].astype(float)},
        lambda a: {**a, "labels": np.eye(10)[a["labels"]]},
        lambda a: {**a, "members": a["members"].astype(bool)[:, None]},
        lambda a: [a["posteriors"], a["members"].astype(np.int32)],
    ],
)
def test_every_way_to_save_the_same_outputs_gives_the_same_values(capsys, files, shadow, change):
    report, _ = attacked(capsys, shadow, files("changed", change(base("target"))))
    assert report["attacks"][0]["auc"] == AUC and rates(report["attacks"][0]) == RATES
    assert report["target"]["train_accuracy"] in (0.977, None)


def test_arrays_saved_by_position_are_noted(capsys, files):
    paths = [files(side, [base(side)["posteriors"], base(side)["members"]]) for side in ("shadow", "target")]
    report, err = attacked(capsys, *paths)
    assert report["attacks"][0]["auc"] == AUC
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


def test_inverted_membership_of_the_target_is_warned_about_and_not_flipped(capsys, files, shadow):
    report, err = attacked(capsys, shadow, files("inverted", inverted("target")))
    assert report["attacks"][0]["auc"] == 0.1768
    assert any("far below 0.5" in line for line in err) and err == [f"mia: warning: {w}" for w in report["warnings"]]


def test_inverted_membership_without_labels_is_warned_about(capsys, files, shadow):
    arrays = inverted("target")
    del arrays["labels"]
    _, err = attacked(capsys, shadow, files("inverted", arrays))
    assert len(err) == 1 and "far below 0.5" in err[0]


def test_inverted_membership_on_both_sides_shows_in_the_accuracies(capsys, files):
    report, err = attacked(capsys, *(files(side, inverted(side)) for side in ("shadow", "target")))
    assert report["attacks"][0]["auc"] == AUC and len(err) == 2
    assert "members are classified worse (0.570) than non-members (0.977)" in err[1]


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
    names = ("adversary1", "gap", "loss", "confidence")
    written = []
    for seed in (0, 1):
        arrays = base("target")
        arrays["members"] = np.random.default_rng(seed).permutation(arrays["members"])
        path = tmp_path / f"{seed}.npz"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MiaWarning)
            attack_outputs(shadow, files("t", arrays), AttackSettings(attacks=names, replicates=0), path)
        written.append(np.load(path, allow_pickle=False))
    assert not np.array_equal(written[0]["members"], written[1]["members"])
    for name in names:
        assert np.array_equal(written[0][name], written[1][name])


def test_saved_scores_are_measured_alike(capsys, shadow, target, tmp_path):
    report, _ = attacked(capsys, shadow, target, "--scores", tmp_path / "s.npz", replicates=0)
    assert len(read_scores(tmp_path / "s.npz")[0]) == 2000
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


def test_text_is_plain_and_short(capsys, files, shadow):
    path = files("ziel-größe", base("target"))
    status, out, err = run(capsys, "attack", "--shadow", shadow, "--target", path, "--replicates", "20")
    assert status == 0 and err == [] and out.isascii() and "np." not in out and "\x1b" not in out
    assert "AUC                     0.8232" in out and "realised FPR 0.0600, false positives 60" in out
    assert "accuracy 0.9770 train, 0.5700 test" in out


def test_zero_replicates_leave_the_intervals_out(capsys, shadow, target):
    report, _ = attacked(capsys, shadow, target, replicates=0)
    (result,) = report["attacks"]
    assert result["auc"] == AUC and result["auc_interval"] is None and result["reasons"]["intervals"]
    assert "interval" not in as_text(report)


def nan_in_row_17():
    arrays = base("target")
    arrays["posteriors"][17, 3] = np.nan
    return arrays


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (nan_in_row_17(), "posteriors: found 1 value not finite (NaN or infinite), the first in row 17"),
        ({**base("target"), "members": np.ones(2000)}, "members: found 2000 members, 0 non-members"),
        ({name: array[:0] for name, array in base("target").items()}, "no examples"),
        ({**base("target"), "posteriors": base("target")["posteriors"] * 100}, "percents"),
        ({**base("target"), "posteriors": np.log(base("target")["posteriors"])}, "negative values"),
        ({**base("target"), "logits": np.log(base("target")["posteriors"])[::-1]}, "contradict each other"),
    ],
)
def test_bad_arrays_are_refused_and_nothing_is_written(capsys, files, shadow, tmp_path, arrays, words):
    scores = tmp_path / "out.csv"
    line = refused(capsys, "attack", "--shadow", shadow, "--target", files("t", arrays), "--scores", scores, "--json")
    assert words in line and "t.npz" in line and not scores.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--attack", "gapp"], "did you mean gap"),
        (["--features", "log"], "features"),
        (["--k", "0"], "k: "),
        (["--k", "three"], "k: expected a number, found 'three'"),
        (["--replicates", "1"], "replicates: expected at least 2"),
        (["--confidence", "95"], "confidence"),
        (["--scores", "scores.txt"], ".csv or .npz"),
        (["--epochs", "3"], "No such option: --epochs"),
    ],
)
def test_bad_options_are_refused(capsys, shadow, target, options, words):
    assert words in refused(capsys, "attack", "--shadow", shadow, "--target", target, *options)


def test_attacks_that_need_labels_say_so(capsys, files, shadow):
    arrays = base("target")
    del arrays["labels"]
    path = files("unlabelled", arrays)
    line = refused(capsys, "attack", "--shadow", shadow, "--target", path, "--attack", "loss")
    assert "unlabelled.npz: labels: missing" in line
    attacked(capsys, path, shadow, "--attack", "gap")  # its threshold is fixed: the shadow needs no labels
    refused(capsys, "attack", "--shadow", path, "--target", shadow, "--attack", "loss")


def test_inputs_are_never_overwritten(capsys, shadow, target):
    before = Path(target).read_bytes()
    line = refused(capsys, "attack", "--shadow", shadow, "--target", target, "--scores", target)
    assert "one of the inputs" in line and Path(target).read_bytes() == before


@pytest.mark.parametrize("arguments", [["attack"], ["attack", "--shadow"], ["atack"], ["attack", "extra"]])
def test_mistaken_command_lines_are_one_line(capsys, arguments):
    refused(capsys, *arguments)


def test_help_names_the_coding_of_membership():
    result = CliRunner().invoke(app, ["attack", "--help"])
    assert result.exit_code == 0 and result.output.isascii()
    assert "1 = member" in " ".join(result.output.split())


def test_no_arguments_show_the_help(capsys):
    status, out, err = run(capsys)
    assert status == 0 and "attack" in out and err == []


class Full(io.StringIO):
    def flush(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fileno(self):
        return self.spare

    def __init__(self, spare):
        super().__init__()
        self.spare = spare


def test_a_result_that_cannot_be_written_is_an_error(capsys, monkeypatch, shadow, target, tmp_path):
    spare = os.open(tmp_path / "spare", os.O_WRONLY | os.O_CREAT)
    monkeypatch.setattr(sys, "stdout", Full(spare))
    assert main(["attack", "--shadow", shadow, "--target", target, "--replicates", "0"]) == 2
    os.close(spare)
    assert "No space left on device" in capsys.readouterr().err


def mia(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, errors="replace", env=environment, timeout=60,
        check=False, **options,
    )  # fmt: skip


def test_neither_help_nor_attack_imports_torch_and_help_imports_little(shadow, target):
    code = (
        "import sys; from mia_core.cli import main; main(['--help']); "
        "heavy = {'torch', 'torchvision', 'sklearn', 'pandas', 'matplotlib', 'scipy', 'numpy'} & set(sys.modules); "
        f"main(['attack', '--shadow', {shadow!r}, '--target', {target!r}, '--json', '--replicates', '0']); "
        "print(sorted(heavy), 'torch' in sys.modules, file=sys.stderr)"
    )
    assert mia("-c", code).stderr.strip() == "[] False"


@pytest.mark.parametrize("encoding", [{"PYTHONIOENCODING": "cp1252"}, {"PYTHONUTF8": "0", "LC_ALL": "C"}])
def test_narrow_encodings_and_names_outside_ascii(files, shadow, encoding):
    path = files("größe-目标-é", {**base("target"), "members": 1 - base("target")["members"]})
    arguments = ["-m", "mia_core.cli", "attack", "--shadow", shadow, "--target", path, "--replicates", "0"]
    result = mia(*arguments, env={**encoding, "PYTHONCOERCECLOCALE": "0"})
    assert result.returncode == 0 and "0.1768" in result.stdout and "Traceback" not in result.stderr
    assert all(line.startswith("mia: warning: ") for line in result.stderr.splitlines())


def test_a_closed_pipe_is_no_traceback(shadow, target):
    program = subprocess.Popen(
        [sys.executable, "-m", "mia_core.cli", "attack", "--shadow", shadow, "--target", target, "--replicates", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    program.stdout.close()
    assert program.stderr.read() == "" and program.wait(60) == 1
    program.stderr.close()
