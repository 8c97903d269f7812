"""`mia attack-models`: reference attacks on a user's file, what it says of the models, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

import attack_commands
from arrays import save
from attack_commands import named
from known import reported_cases
from mia_core.audits.models_file import read_models
from mia_core.data.splits import exactly_half, pairs, random_halves
from mia_core.gate.npz import read_score_sets
from mia_core.gate.posteriors import softmax
from mia_core.references import REFERENCE_ATTACKS


def models(design=pairs, count=8, pool=200, outside=20, signal=2.0, seed=0):
    """Logits [M, N, 3], labels and members of imaginary models that are surer of what they trained on."""
    random = np.random.default_rng(seed)
    members = design(pool, count, seed, pool + outside).members
    labels = random.integers(0, 3, pool + outside)
    logits = random.normal(size=(*members.shape, 3)) + random.normal(size=(pool + outside, 3))
    logits[:, np.arange(pool + outside), labels] += 1 + signal * members
    return {"logits": logits, "labels": labels, "members": members}


def noise(seed, pool=300, outside=600):
    """A statistic [8, N] that knows nothing, of pairs of models, with examples that none of them trained on."""
    members = pairs(pool, 8, seed, pool + outside).members
    return {"statistic": np.random.default_rng(seed).normal(size=members.shape), "members": members}


def attack(capsys, *arguments):
    """The report of a run that must succeed, and the lines of stderr."""
    return attack_commands.report_of(capsys, "attack-models", *arguments, "--replicates", 0)


def refused(capsys, *arguments):
    return attack_commands.refused(capsys, "attack-models", *arguments, "--replicates", 0)


@pytest.fixture
def path(tmp_path):
    return save(tmp_path, "models", models())


def test_every_attack_finds_the_signal_and_names_what_it_rests_on(capsys, path):
    report, err = attack(capsys, "--models", path, *named(REFERENCE_ATTACKS))
    assert len(err) == 2 and "a target's partner is left out" in err[0] and "20 of 220 examples not judged" in err[1]
    assert [result["attack"] for result in report["attacks"]] == list(REFERENCE_ATTACKS)
    for result in report["attacks"]:
        assert (result["target"], result["partner_left_out"], result["references"]) == (0, 1, 6)
        assert result["queries_per_example"] == 1 and result["train_accuracy"] > result["test_accuracy"]
        assert result["auc"] > 0.55 and result["balanced_accuracy"] > 0.5, result["attack"]
        fixed = REFERENCE_ATTACKS[result["attack"]].threshold is not None
        assert result["threshold_from"] == ("fixed" if fixed else "model 2")
    assert report["attacks"][list(REFERENCE_ATTACKS).index("lira")]["settings"]["form"] == "online"


def test_posteriors_give_what_logits_give(capsys, tmp_path, path):
    arrays = models()
    other = save(tmp_path, "other", {"posteriors": softmax(arrays.pop("logits")), **arrays})
    first, second = (attack(capsys, "--models", file, *named(["lira", "rmia"]))[0]["attacks"] for file in (path, other))
    assert [result["auc"] for result in first] == pytest.approx([result["auc"] for result in second])


def test_logits_of_minus_infinity_are_what_posteriors_of_zero_are(capsys, tmp_path):
    arrays = models()
    logits = arrays.pop("logits")
    cut = np.where(logits == logits.min(axis=2, keepdims=True), -np.inf, logits)
    files = [
        save(tmp_path, "cut", {"logits": cut, **arrays}),
        save(tmp_path, "p", {"posteriors": softmax(cut), **arrays}),
    ]
    first, second = (attack(capsys, "--models", file, *named(REFERENCE_ATTACKS))[0]["attacks"] for file in files)
    assert [result["auc"] for result in first] == pytest.approx([result["auc"] for result in second], abs=1e-3)
    assert min(result["auc"] for result in first) > 0.55


@pytest.mark.parametrize("order", [[0, 2, 4, 6, 1, 3, 5, 7], [7, 0, 3, 5, 4, 1, 6, 2]], ids=["halves", "anyhow"])
@pytest.mark.parametrize("values", ["logits", "statistic"])
def test_complements_are_found_by_what_they_hold_wherever_they_stand(capsys, tmp_path, order, values):
    beside = noise(3) if values == "statistic" else models()
    moved = {name: array if name == "labels" else array[order] for name, array in beside.items()}
    chosen = ["--target", "all", *named(["lira", "rmia"] if values == "logits" else ["lira"])]
    (one, _), (two, err) = (
        attack(capsys, "--models", save(tmp_path, name, arrays), *chosen)
        for name, arrays in (("beside", beside), ("moved", moved))
    )
    assert "train on complementary examples; a target's partner is left out" in err[0]
    found = {(result["attack"], order[result["target"]]): result for result in two["attacks"]}
    for result in one["attacks"]:
        other = found[result["attack"], result["target"]]
        assert order[other["partner_left_out"]] == result["partner_left_out"] == result["target"] ^ 1
        assert other["auc"] == pytest.approx(result["auc"], abs=1e-9) and other["references"] == 6
        assert other.get("train_accuracy") == result.get("train_accuracy")


def test_the_complement_of_a_target_is_left_out_also_where_not_all_models_are_in_pairs(capsys, tmp_path):
    arrays = {name: array if name == "labels" else array[[0, 2, 3, 4, 6]] for name, array in models().items()}
    report, err = attack(capsys, "--models", save(tmp_path, "five", arrays), "--target", "all", *named(["lira"]))
    assert "no complementary pairs; all others are references, but for the complement of 2 of them" in err[0]
    found = [(result["partner_left_out"], result["references"]) for result in report["attacks"]]
    assert found == [(None, 4), (2, 3), (1, 3), (None, 4), (None, 4)]


def test_all_targets_and_scores_in_the_order_of_the_input(capsys, tmp_path, path):
    assert attack(capsys, "--models", path, "--references", 4)[0]["attacks"][0]["references"] == 4
    report = attack(capsys, "--models", path, "--target", "all")[0]
    assert [result["target"] for result in report["attacks"]] == list(range(8))
    out = tmp_path / "scores.npz"
    assert attack(capsys, "--models", path, "--target", 3, "--scores", out)[0]["attacks"][0] == report["attacks"][3]
    (scores,), members = read_score_sets(out)
    assert np.array_equal(members, models()["members"][3]) and scores.shape == (220,)
    order = np.random.default_rng(0).permutation(220)
    other = save(tmp_path, "permuted", {k: a[order] if k == "labels" else a[:, order] for k, a in models().items()})
    attack(capsys, "--models", other, "--target", 3, "--scores", out)
    assert np.array_equal(read_score_sets(out)[0][0], scores[order])


def test_neither_scores_nor_thresholds_read_what_the_target_trained_on(capsys, tmp_path, path):
    arrays = models()
    members = arrays["members"].copy()
    members[0, :200] = np.random.default_rng(0).permutation(members[0, :200])
    members[1, :200] = ~members[0, :200]  # the partner, which is left out; the models stay complementary
    other = save(tmp_path, "other", arrays | {"members": members})
    made = {}
    for file in (path, other):
        out = tmp_path / "scores.npz"
        report, _ = attack(capsys, "--models", file, "--scores", out, *named(REFERENCE_ATTACKS))
        with np.load(out) as scores:
            made[file] = report["attacks"], {name: scores[name] for name in REFERENCE_ATTACKS}
    (before, scores), (after, others) = made.values()
    for one, changed in zip(before, after, strict=True):
        assert np.array_equal(scores[one["attack"]], others[one["attack"]]), one["attack"]
        assert one["threshold"] is not None and one["threshold"] == changed["threshold"], one["attack"]
        assert one["auc"] != changed["auc"], "the answers did change"


def test_independent_models_are_all_references_and_the_biased_design_is_pointed_out(capsys, tmp_path):
    file = save(tmp_path, "coins", models(random_halves))
    report, err = attack(capsys, "--models", file)
    assert report["attacks"][0]["references"] == 7 and report["attacks"][0]["partner_left_out"] is None
    assert len(err) == 2 and "no complementary pairs" in err[0] and "22 of 220 examples not judged" in err[1]
    report, _ = attack(capsys, "--models", save(tmp_path, "half", models(exactly_half)))
    assert len(report["warnings"]) == 1 and "exactly half of the models" in report["warnings"][0]


def test_examples_that_no_model_trained_on_give_no_attack_an_edge(capsys, tmp_path):
    # Noise without any signal: what a target's AUC strays from one half by is chance, in either direction.
    attacks, found = ["lira", "lira-own-variance", "t-lira"], []
    for seed in range(6):
        file = save(tmp_path, f"noise{seed}", noise(seed))
        report, _ = attack(capsys, "--models", file, "--target", "all", *named(attacks))
        found.append([result["auc"] for result in report["attacks"]])
        assert {result["examples_not_judged"] for result in report["attacks"]} == {600}
    means = np.array(found).reshape(6, 8, len(attacks)).mean(axis=1)
    low, high = means.mean(axis=0) - 4 * means.std(axis=0), means.mean(axis=0) + 4 * means.std(axis=0)
    assert (low < 0.5).all() and (high > 0.5).all() and (np.abs(means.mean(axis=0) - 0.5) < 0.01).all()


def test_references_that_trained_on_nothing_here_leave_all_to_be_judged(capsys, tmp_path):
    arrays = models(outside=0)
    arrays["members"][1:] = False
    result = attack(capsys, "--models", save(tmp_path, "offline", arrays), "--attack", "attack-r")[0]["attacks"][0]
    assert result["examples_not_judged"] == 0 and result["references"] == 7
    arrays["members"][1:, arrays["members"][0]] = True
    assert "give the answer away" in refused(capsys, "--models", save(tmp_path, "told", arrays), "--attack", "attack-r")


def test_one_statistic_stands_for_outputs(capsys, tmp_path):
    random = np.random.default_rng(0)
    members = pairs(100, 6, 0).members
    file = save(tmp_path, "statistic", {"statistic": random.normal(size=(6, 100)) + 2 * members, "members": members})
    report, _ = attack(capsys, "--models", file, *named(["lira", "calibrated-loss", "attack-r"]))
    for result in report["attacks"]:
        assert result["auc"] > 0.7 and result["train_accuracy"] is None and result["reasons"]["train_accuracy"]
    for name in ("gap", "label-only"):
        assert f"{name} needs logits" in refused(capsys, "--models", file, "--attack", name)
    assert "outside 0 to 1" in refused(capsys, "--models", file, "--attack", "rmia")
    assert "no model trained on, found none" in refused(capsys, "--models", file, "--attack", "attack-p")


def changed(**arrays):
    return {**models(), **arrays}


NAN_IN_MODEL_3 = models()["logits"]
NAN_IN_MODEL_3[3, 7, 1] = np.nan


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            changed(logits=NAN_IN_MODEL_3),
            "model 3: logits: found 1 value not finite (NaN or infinite), the first in row",
        ),
        (changed(members=models()["members"] + 1.0), "members: found the value 2; expected 1 (or true) = member"),
        (changed(members=np.zeros((8, 9))), "members (8, 9); expected logits"),
        (changed(members=np.zeros((8, 220))), "model 0 has 0 members, 220 non-members; expected both sides"),
        (changed(labels=models()["labels"] + 3), "labels: found 220 values outside the range"),
        (changed(labels=models()["labels"][:5]), "labels: found shape (5,); expected one for each example, (220,)"),
        (changed(logits=models()["logits"][0]), "expected logits or posteriors [M, N, K]"),
        (changed(posteriors=np.zeros(3)), "found logits (8, 220, 3)"),
        ({"logits": np.zeros((2, 3, 4)), "members": np.eye(2, 3)}, "with labels [N], or statistic"),
        ({"statistic": np.zeros((2, 0)), "members": np.zeros((2, 0))}, "none empty"),
        ({"statistic": np.zeros((1, 3)), "members": [[1, 0, 1]]}, "no reference besides target"),
        ({"statistic": np.array([["a", "b"]]), "members": [[1, 0]]}, "found text"),
    ],
)
def test_bad_files_are_refused_and_nothing_is_written(capsys, tmp_path, arrays, message):
    out = tmp_path / "out.csv"
    line = refused(capsys, "--models", save(tmp_path, "bad", arrays), "--scores", out)
    assert message in line and "bad.npz" in line and not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--attack liira", "did you mean lira"), ("--target first", "expected all or a row"),
        ("--target 8", "target: expected all or a row from 0 to 7, found '8'"),
        ("--target all --scores s.csv", "expected a single target"), ("--scores s.txt", ".csv or .npz"),
        ("-p forms=online", "did you mean form"), ("-p form=ofline", "'offline_tail'"),
        ("--attack attack-r -p form=online", "attack that has settings (lira, t-lira"),
        ("--attack lira --attack rmia -p form=online", "a single attack"),
        ("--references 8", "references: asked for 8, found 6"), ("--references 3", "expected an even number"),
        ("--scores models.npz", "one of the inputs"), ("--models nowhere.npz", "nowhere.npz: cannot be read"),
    ],
)  # fmt: skip
def test_bad_options_are_refused(capsys, path, monkeypatch, options, message):
    monkeypatch.chdir(Path(path).parent)
    assert message in refused(capsys, "--models", path, *options.split())


def test_reported_examples_in_all_or_no_models(capsys, shared, tmp_path):
    file = reported_cases(shared, tmp_path, "models/coverage") / "models" / "coverage.npz"
    assert read_models(file).pairs
    names = [name for name in REFERENCE_ATTACKS if name != "rapid"]
    for target in range(6):
        out = tmp_path / "scores.csv"
        report, _ = attack(capsys, "--models", file, "--target", target, "--scores", out, *named(names))
        assert report["attacks"][0]["references"] == 4
        rows = np.loadtxt(out, delimiter=",", skiprows=1)
        assert rows.shape == (8, 5 + len(names)) and np.isfinite(rows).all()


@pytest.mark.parametrize(
    ("form", "expected"),
    [("offline_tail", [-0.00135, -6.6077, -0.6931]), ("offline_density", [5.4189, 5.4189, 0.9189])],
)
def test_reported_offline_formulas_are_known_by_name(capsys, shared, tmp_path, form, expected):
    file = reported_cases(shared, tmp_path, "models/lira_sign") / "models" / "lira_sign.npz"
    out = tmp_path / "scores.csv"
    report, _ = attack(capsys, "--models", file, "-p", f"form={form}", "-p", "divisor=n", "--scores", out)
    assert np.loadtxt(out, delimiter=",", skiprows=1)[:, 2] == pytest.approx(expected, abs=5e-5)
    assert report["attacks"][0]["settings"]["form"] == form
