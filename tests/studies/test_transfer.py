"""Adversary 2: a shadow of other data or architecture, seen through what both models have in common."""

import numpy as np
import pytest

from mia_core.base.errors import SettingsError
from mia_core.store.runs import Store
from mia_core.studies.columns import TRANSFER_COLUMNS
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import ATTACK_MEASURES, Study
from mia_core.studies.transfer import Transfer
from small import RECIPE, tiny_dataset

pytestmark = pytest.mark.filterwarnings("ignore:.*did not learn")  # two epochs on noise

SETTINGS = StudySettings(
    **{**RECIPE.model_dump(), "epochs": 2, "record": ()},
    seeds=2, replicates=20, attacks="adversary1,gap", defenses="none",
)  # fmt: skip
DATA = tiny_dataset(160, classes=4)
OTHER = tiny_dataset(120, classes=2, side=8, seed=1, name="other")
MLP = SETTINGS.replace(network="mlp", hidden_units=8)


def transfer(folder, target=SETTINGS, shadow=MLP, datasets=(DATA, OTHER)):
    return Transfer(target, shadow, (Store(folder / "target"), Store(folder / "shadow")), datasets)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return transfer(tmp_path_factory.mktemp("stores")).train(jobs=1)


def test_rows_are_those_of_a_study_and_name_the_shadow(done):
    table = done.table()
    study = Study(SETTINGS, done.target.store, DATA)
    assert len(table) == 4 and list(table["attack"]) == ["adversary1", "gap"] * 2
    intervals = {f"{name}_{side}" for name in ATTACK_MEASURES for side in ("low", "high")}
    assert set(table.columns) == set(TRANSFER_COLUMNS) | intervals
    assert (table["dataset"] == "tiny").all() and (table["shadow_dataset"] == "other").all()
    assert (table["shadow_network"] == "mlp").all() and (table["k"] == 2).all()
    assert np.isclose(table["target_accuracy"].iloc[0], study.run(0, 0, ()).accuracy(members=False))
    # Gap reads nothing of the shadow, so it is what it always is.
    gap = table[table["attack"] == "gap"]
    assert np.allclose(gap["balanced_accuracy"], (1 + gap["generalisation_gap"]) / 2)


def test_only_targets_of_one_and_shadows_of_the_other_are_trained(done):
    for study, model in ((done.target, "model0"), (done.shadow, "model1")):
        assert [path.name.split("-")[4] for path in study.store.root.iterdir()] == [model] * 2


def test_the_same_data_with_another_network_keeps_k(tmp_path, done):
    made = transfer(tmp_path, datasets=(DATA, DATA)).train(jobs=1)
    assert (made.table()["k"] == 3).all()
    assert made.table()["target_accuracy"].equals(done.table()["target_accuracy"])


def test_shadow_defenses_are_assumed_for_all_or_in_pairs(done):
    two, stores = "none,masking(k=1)", (done.target.store, done.shadow.store)
    for_all, in_pairs = (
        Transfer(SETTINGS.replace(defenses=two), shadow, stores, (DATA, OTHER)).table()
        for shadow in (MLP, MLP.replace(defenses=two))
    )
    assert list(for_all["shadow_defenses"].unique()) == ["none"] and len(for_all) == len(in_pairs) == 8
    assert (in_pairs["defenses"] == in_pairs["shadow_defenses"]).all()


@pytest.mark.parametrize(("target", "shadow", "words"), [
    ({}, {"seeds": 1}, "seeds: expected the same"),
    ({"direction": "target_to_shadow"}, {}, "direction: expected shadow_to_target"),
    ({}, {"defenses": "none,dropout"}, "expected one combination for the shadow or the target's 1, found 2"),
    ({"attacks": "shokri"}, {}, "shokri judges each class by itself"),
    ({"attacks": "entropy-per-class"}, {}, "different classes"),
])  # fmt: skip
def test_settings_that_do_not_go_together_are_refused(tmp_path, target, shadow, words):
    with pytest.raises(SettingsError, match=words):
        transfer(tmp_path, SETTINGS.replace(**target), MLP.replace(**shadow))


def test_a_shadow_that_shares_examples_with_a_target_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="belong to target and shadow"):
        transfer(tmp_path, shadow=MLP.replace(part=20), datasets=(DATA, DATA))
