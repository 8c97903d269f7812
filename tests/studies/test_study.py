"""A study: its table, its independence of jobs and order, what it reuses and what it refuses."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mia_core.attacks import EVERY
from mia_core.base.errors import DataError, MiaWarning, RunError, SettingsError
from mia_core.data.dataset import Dataset
from mia_core.defenses.masking import TopKMasking
from mia_core.store.runs import Store
from mia_core.studies.columns import COLUMNS as COLUMN_MEANINGS
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import ATTACK_MEASURES, MODEL_MEASURES, SHADOW, TARGET, Study, evaluate, over_the_seeds
from small import RECIPE, tiny_dataset

COLUMNS = [
    "dataset",
    "defenses",
    "seed",
    "attack",
    "target_train_accuracy",
    "target_accuracy",
    "shadow_accuracy",
    "attack_accuracy",
    "balanced_accuracy",
    "recall_members",
    "recall_non_members",
    "auc",
    "tpr_at_fpr_0.01",
    "tpr_at_fpr_0.001",
]
SETTINGS = StudySettings(
    **{
        **RECIPE.model_dump(),
        "epochs": 2,
        "record": (1,),
        "seeds": 2,
        "replicates": 50,
        "attacks": ["adversary1", "gap"],
    },
    defenses="none,masking(k=2),dropout+smoothing",
)
DATA = tiny_dataset(160)


def study(folder, settings=SETTINGS, data=DATA):
    return Study(settings, Store(folder), data)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return study(tmp_path_factory.mktemp("store")).train(jobs=1)


def test_the_table_is_tidy(done):
    table = done.table()
    assert list(table.columns[: len(COLUMNS) + 1]) == [*COLUMNS[:6], "generalisation_gap", *COLUMNS[6:]]
    assert len(table) == 2 * 3 * 2
    assert list(table["defenses"].unique()) == ["none", "masking(k=2)", "dropout+smoothing"]
    assert (table["dataset"] == "tiny").all() and not table.duplicated(["defenses", "seed", "attack"]).any()
    shares = table[["target_accuracy", "attack_accuracy", "recall_members", "auc"]]
    assert ((shares >= 0) & (shares <= 1)).all().all()
    mean = (table["recall_members"] + table["recall_non_members"]) / 2
    assert np.allclose(table["balanced_accuracy"], mean)
    assert table["tpr_at_fpr_0.01"].isna().all()  # 40 non-members measure no FPR of 1%
    assert ((table["auc_low"] <= table["auc"]) & (table["auc"] <= table["auc_high"])).mean() > 0.8


def test_every_column_is_described(done):
    intervals = {f"{name}_{side}" for name in ATTACK_MEASURES for side in ("low", "high")}
    assert set(done.table().columns) == set(COLUMN_MEANINGS) | intervals


def test_masking_trains_nothing_and_keeps_the_accuracy(done):
    assert len(list(done.store.root.iterdir())) == 2 * 2 * 2 * 2  # seeds, weights, models, epochs
    table = done.table().set_index(["defenses", "seed", "attack"])
    for column in ("target_train_accuracy", "target_accuracy", "shadow_accuracy"):
        assert table.loc["none"][column].equals(table.loc["masking(k=2)"][column])
    assert (
        table.loc["none"]
        .xs("gap", level="attack")["auc"]
        .equals(table.loc["masking(k=2)"].xs("gap", level="attack")["auc"])
    )


def test_jobs_and_the_order_of_seeds_change_no_digit(done, tmp_path):
    other = study(tmp_path, SETTINGS.replace(seeds=[1, 0])).train(jobs=2)
    first = done.table().sort_values(["seed", "defenses", "attack"]).to_csv(index=False)
    second = other.table().sort_values(["seed", "defenses", "attack"]).to_csv(index=False)
    assert first == second


def test_a_study_goes_on_where_it_stopped(tmp_path, monkeypatch):
    import mia_core.store.trainings as module

    real, count = module.train_missing, []

    def third_fails(*arguments, **how):
        count.append(0)
        if len(count) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **how)

    monkeypatch.setattr(module, "train_missing", third_fails)
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path).train(jobs=1)
    monkeypatch.undo()
    again = study(tmp_path)
    assert len(list(again.missing())) == 6
    again.train(jobs=1)
    assert not list(again.missing())


def test_before_training_the_table_says_what_is_missing(tmp_path):
    with pytest.raises(RunError, match=r"holds no run of none, seed 0, model 0, epoch 2; train the study first"):
        study(tmp_path).table()


def test_recorded_epochs_have_tables_of_their_own(done):
    early = done.table(epoch=1)
    assert (early["epochs"] == 1).all() and not early["auc"].equals(done.table()["auc"])
    with pytest.raises(RunError, match=r"recorded epochs: \[1, 2\]"):
        done.table(epoch=7)


def test_changed_pixels_train_anew_and_the_old_ones_are_found_again(done):
    pixels = DATA.images.copy()
    pixels[0, 0, 0, 0] ^= 1
    changed = Dataset(DATA.name, pixels, DATA.labels, DATA.classes, DATA.pool)
    other = study(done.store.root, data=changed)
    assert len(list(other.missing())) == 8
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
    table = done.table()
    summary = over_the_seeds(table)
    row = summary[(summary["defenses"] == "none") & (summary["attack"] == "adversary1")].iloc[0]
    values = table[(table["defenses"] == "none") & (table["attack"] == "adversary1")]["auc"]
    assert row["seeds"] == 2 and np.isclose(row["auc"], values.mean())
    assert np.isclose(row["auc_high"] - row["auc"], 12.7062 * values.std(ddof=1) / 2**0.5, rtol=1e-4)
    assert pd.isna(row["tpr_at_fpr_0.01"])
    assert {*MODEL_MEASURES, *ATTACK_MEASURES} < set(summary.columns)
    single = over_the_seeds(table[table["seed"] == 0])
    assert single["auc"].notna().all() and single["auc_low"].isna().all()


def test_intervals_stay_within_what_a_measure_can_be():
    rows = [dict.fromkeys((*MODEL_MEASURES, *ATTACK_MEASURES), value) for value in (0.0, 0.1)]
    table = pd.DataFrame(rows).assign(dataset="tiny", defenses="none", attack="gap")
    table["auc"], table["generalisation_gap"] = [0.9, 1.0], [-0.1, 0.1]
    row = over_the_seeds(table).iloc[0]
    assert row["target_accuracy_low"] == 0 and 0.05 < row["target_accuracy_high"] < 1
    assert row["auc_high"] == 1 and 0 < row["auc_low"] < 0.95
    assert row["generalisation_gap_low"] == -1 and row["generalisation_gap_high"] == 1


def test_warnings_of_trainings_reach_the_user(tmp_path):
    data = tiny_dataset(160)
    data.images[:] = 0
    with pytest.warns(MiaWarning, match="did not learn"):
        study(tmp_path, SETTINGS.replace(seeds=1, defenses="none"), data).train(jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study(tmp_path, SETTINGS.replace(seeds=1, defenses="none"), data).train(jobs=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 0}, "expected 1 to 1000 seeds, found 0"),
        ({"seeds": "many"}, "expected a number of seeds"),
        ({"seeds": [0, 0]}, "each once"),
        ({"seeds": [-1]}, "greater than or equal to 0"),
        ({"seeds": 2000}, "1 to 1000"),
        ({"defenses": "dropot"}, "did you mean dropout"),
        ({"defenses": "none,none"}, "each once"),
        ({"defenses": "smoothing(epsilon=1)"}, "less than 1"),
        ({"defenses": []}, "at least one"),
        ({"defenses": 3}, "expected combinations"),
        ({"attacks": "adversary9"}, "did you mean adversary3"),
        ({"k": 0}, "k: "),
        ({"epochs": 0}, "epochs: "),
        ({"epoch": 3}, "epoch: unknown; did you mean epochs?"),
        ({"dataset": "cifar11"}, "cifar10"),
        ({"learning_rate": -1}, "learning_rate: "),
        ({"part": 0}, "part: "),
    ],
)
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


def test_too_many_examples_name_how_many_there_are(tmp_path):
    with pytest.raises(DataError, match="found 160"):
        study(tmp_path, SETTINGS.replace(part=41))


def test_an_output_stage_that_does_not_fit_the_classes_fails_before_any_training(tmp_path, monkeypatch):
    masked = SETTINGS.replace(defenses="masking(k=7)")
    assert study(tmp_path, masked).settings == masked

    def outputs(self, posteriors):
        raise SettingsError(f"found {posteriors.shape[-1]} classes")

    monkeypatch.setattr(TopKMasking, "outputs", outputs)
    with pytest.raises(SettingsError, match="found 3 classes"):
        study(tmp_path, masked)
