"""A study: its table, its independence of jobs and order, what it reuses and what it refuses."""

import dataclasses
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mia_core.attacks import EVERY, AttackSettings
from mia_core.base.errors import DataError, MiaWarning, RunError, SettingsError
from mia_core.defenses import combination
from mia_core.defenses.masking import TopKMasking
from mia_core.gate.arrays import Outputs
from mia_core.store.runs import Store
from mia_core.studies.columns import COLUMNS
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import (
    ATTACK_MEASURES,
    MODEL_MEASURES,
    SHADOW,
    TARGET,
    Study,
    accuracies,
    attack_columns,
    evaluate,
    over_the_seeds,
)
from small import RECIPE, tiny_dataset

FIRST = ("dataset", "defenses", "seed", "attack", *MODEL_MEASURES, *ATTACK_MEASURES)
LAST = ("epochs", "shadow_models", "queries", "precision")
SETTINGS = StudySettings(
    **{**RECIPE.model_dump(), "epochs": 2, "record": (1,), "seeds": 2, "replicates": 50},
    attacks="adversary1,gap",
    defenses="none,masking(k=2),dropout+smoothing",
)
DATA = tiny_dataset(160)


def study(folder, settings=SETTINGS, data=DATA):
    return Study(settings, Store(folder), data)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return study(tmp_path_factory.mktemp("store")).train(jobs=1)


def test_the_table_is_tidy_and_every_column_described(done):
    table = done.table()
    assert tuple(table.columns[: len(FIRST)]) == FIRST and tuple(table.columns[-4:]) == LAST
    intervals = {f"{name}_{side}" for name in ATTACK_MEASURES for side in ("low", "high")}
    assert set(table.columns) == set(COLUMNS) | intervals
    assert len(table) == 2 * 3 * 2
    assert list(table["defenses"].unique()) == ["none", "masking(k=2)", "dropout+smoothing"]
    assert (table["dataset"] == "tiny").all() and not table.duplicated(["defenses", "seed", "attack"]).any()
    shares = table[["target_accuracy", "attack_accuracy", "recall_members", "auc"]]
    assert ((shares >= 0) & (shares <= 1)).all().all()
    assert np.allclose(table["balanced_accuracy"], (table["recall_members"] + table["recall_non_members"]) / 2)
    assert table["tpr_at_fpr_0.01"].isna().all()  # 40 non-members measure no FPR of 1%
    assert ((table["auc_low"] <= table["auc"]) & (table["auc"] <= table["auc_high"])).mean() > 0.8


def test_masking_trains_nothing_and_keeps_the_accuracy(done):
    assert len(list(done.store.root.iterdir())) == 2 * 2 * 2 * 2  # seeds, weights, models, epochs
    table = done.table().set_index(["defenses", "seed", "attack"])
    none, masked = table.loc["none"], table.loc["masking(k=2)"]
    for column in ("target_train_accuracy", "target_accuracy", "shadow_accuracy"):
        assert none[column].equals(masked[column])
    assert none.xs("gap", level="attack")["auc"].equals(masked.xs("gap", level="attack")["auc"])


def test_jobs_and_the_order_of_seeds_change_no_digit(done, tmp_path):
    other = study(tmp_path, SETTINGS.replace(seeds=[1, 0])).train(jobs=2)
    first, second = (one.table().sort_values(["seed", "defenses", "attack"]) for one in (done, other))
    assert first.to_csv(index=False) == second.to_csv(index=False)


def test_recorded_epochs_have_tables_of_their_own_and_what_is_missing_is_said(done, tmp_path):
    early = done.table(epoch=1)
    assert (early["epochs"] == 1).all() and not early["auc"].equals(done.table()["auc"])
    with pytest.raises(RunError, match=r"recorded epochs: \[1, 2\]"):
        done.table(epoch=7)
    with pytest.raises(RunError, match="no run of none, seed 0, model 0, epoch 2; train the study first"):
        study(tmp_path).table()


def test_changed_pixels_train_again_and_the_old_ones_are_found_again(done):
    pixels = DATA.images.copy()
    pixels[0, 0, 0, 0] ^= 1
    assert len(list(study(done.store.root, data=replace(DATA, inputs=pixels, fingerprint="")).missing())) == 8
    assert not list(study(done.store.root).missing())


@pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")  # classes without members
@pytest.mark.parametrize("name", EVERY)
def test_the_targets_membership_shapes_neither_score_nor_threshold(done, monkeypatch, name):
    made = []
    monkeypatch.setattr("mia_core.studies.study.attack_columns", lambda *found: made.append(found) or {})
    target, shadow = (done.outputs(0, model, done.combinations[0]) for model in (TARGET, SHADOW))
    permuted = np.random.default_rng(0).permutation(target.members)
    for members in (target.members, permuted):
        evaluate(name, replace(target, members=members), shadow, SETTINGS)
    (scores, before, threshold, _), (same, after, cut, _) = made
    assert np.array_equal(scores, same) and threshold == cut
    assert np.array_equal(before, target.members) and np.array_equal(after, permuted)


def test_the_reverse_direction_exchanges_the_roles(done):
    target, shadow = (done.outputs(0, model, done.combinations[0]) for model in (0, 1))
    forward = evaluate("adversary1", shadow, target, SETTINGS)
    assert evaluate("adversary1", target, shadow, SETTINGS.replace(direction="target_to_shadow")) == forward


def test_over_the_seeds_gives_means_and_intervals(done):
    table, case = done.table(), "defenses == 'none' and attack == 'adversary1'"
    summary = over_the_seeds(table)
    row, values = summary.query(case).iloc[0], table.query(case)["auc"]
    assert row["seeds"] == 2 and np.isclose(row["auc"], values.mean())
    assert np.isclose(row["auc_high"] - row["auc"], 12.7062 * values.std(ddof=1) / 2**0.5, rtol=1e-4)
    assert pd.isna(row["tpr_at_fpr_0.01"]) and {*MODEL_MEASURES, *ATTACK_MEASURES} < set(summary.columns)
    single = over_the_seeds(table[table["seed"] == 0])
    assert single["auc"].notna().all() and single["auc_low"].isna().all()


def test_intervals_stay_within_what_a_measure_can_be():
    rows = [dict.fromkeys((*MODEL_MEASURES, *ATTACK_MEASURES), value) for value in (0.0, 0.1)]
    table = pd.DataFrame(rows).assign(dataset="tiny", defenses="none", attack="gap")
    table["auc"], table["generalisation_gap"] = [0.9, 1.0], [-0.1, 0.1]
    row = over_the_seeds(table.assign(members=1000, non_members=1000)).iloc[0]
    assert row["target_accuracy_low"] == 0 and 0.05 < row["target_accuracy_high"] < 1
    assert row["auc_high"] == 1 and 0 < row["auc_low"] < 0.95
    assert row["generalisation_gap_low"] == -1 and row["generalisation_gap_high"] == 1


def test_warnings_of_trainings_reach_the_user_once(tmp_path):
    grey, settings = tiny_dataset(160), SETTINGS.replace(seeds=1, defenses="none")
    data = dataclasses.replace(grey, inputs=np.zeros_like(grey.images))
    with pytest.warns(MiaWarning, match="did not learn"):
        study(tmp_path, settings, data).train(jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study(tmp_path, settings, data).train(jobs=1)


@pytest.mark.parametrize(("change", "message"), [
    ({"seeds": 0}, "expected 1 to 1000 seeds, found 0"), ({"seeds": "many"}, "expected a number of seeds"),
    ({"seeds": [0, 0]}, "each once"), ({"seeds": [-1]}, "greater than or equal to 0"),
    ({"seeds": 2000}, "1 to 1000"), ({"defenses": "dropot"}, "did you mean dropout"),
    ({"defenses": "none,none"}, "each once"), ({"defenses": "smoothing(epsilon=1)"}, "less than 1"),
    ({"defenses": []}, "at least one"), ({"defenses": 3}, "expected combinations"),
    ({"attacks": "adversary9"}, "did you mean adversary3"), ({"k": 0}, "k: "), ({"epochs": 0}, "epochs: "),
    ({"epoch": 3}, "epoch: unknown; did you mean epochs?"), ({"dataset": "cifar11"}, "cifar10"),
    ({"learning_rate": -1}, "learning_rate: "), ({"part": 0}, "part: "),
])  # fmt: skip
def test_bad_settings_are_one_line(change, message):
    with pytest.raises(SettingsError) as caught:
        StudySettings(**change)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_settings_mean_the_same_in_every_spelling():
    assert StudySettings(seeds=3) == StudySettings(seeds="3") == StudySettings(seeds=[0, 1, 2])
    assert StudySettings(seeds="4,2").seeds == (4, 2)
    assert StudySettings(defenses="all") == StudySettings() == StudySettings(defenses=["none,dropout", "all"][1:])
    assert StudySettings(epochs="1e1", learning_rate="1e-3").epochs == 10
    assert StudySettings(attacks=["gap"]).replace(seeds=1).seeds == (0,)


def test_what_does_not_fit_the_data_fails_before_any_training(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="found 160"):
        study(tmp_path, SETTINGS.replace(part=41))
    masked = SETTINGS.replace(defenses="masking(k=7)")
    assert study(tmp_path, masked).settings == masked

    def outputs(self, posteriors):
        raise SettingsError(f"found {posteriors.shape[-1]} classes")

    monkeypatch.setattr(TopKMasking, "outputs", outputs)
    with pytest.raises(SettingsError, match="found 3 classes"):
        study(tmp_path, masked)


@pytest.mark.parametrize(("defenses", "accuracy"), [("none", 1.0), ("masking", 1.0), ("clipping(maximum=0.3)", 0.0)])
def test_a_defense_that_changes_the_predicted_class_changes_the_accuracy(defenses, accuracy):
    posteriors = np.tile([0.32, 0.36, 0.32], (200, 1))  # nearly equal, with the label always the first choice
    for defense in combination(defenses):
        posteriors = defense.outputs(posteriors)
    said = Outputs(posteriors, np.arange(200) < 100, np.ones(200, np.int64), None, "test")
    row = accuracies(said, said)
    assert row["target_accuracy"] == row["target_train_accuracy"] == row["shadow_accuracy"] == accuracy
    assert row["generalisation_gap"] == 0


def test_the_intervals_of_a_row_follow_the_attack_seed():
    random = np.random.default_rng(0)
    members = random.random(300) < 0.5
    scores = random.normal(size=300) + members
    rows = [attack_columns(scores, members, 0.5, AttackSettings(attack_seed=seed, replicates=50)) for seed in (1, 1, 2)]
    assert rows[0] == rows[1] and rows[0]["auc"] == rows[2]["auc"]
    assert rows[0]["tpr_at_fpr_0.01_high"] != rows[2]["tpr_at_fpr_0.01_high"]
