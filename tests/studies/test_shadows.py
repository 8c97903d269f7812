"""Several shadows: what they train on, that nothing is trained twice, and that their rows are pooled."""

import numpy as np
import pytest

from mia_core.base.errors import RunError, SettingsError
from mia_core.data.splits import four_way
from mia_core.store.runs import Store
from mia_core.studies.settings import StudySettings
from mia_core.studies.shadows import pooled, shadow_runs, shadow_splits, table_with_shadows, train_shadows
from mia_core.studies.study import SHADOW, TARGET, Study
from small import RECIPE, tiny_dataset

SETTINGS = StudySettings(
    **{**RECIPE.model_dump(), "epochs": 2, "record": ()},
    seeds=1, replicates=0, attacks="adversary1,shokri", defenses="none,masking(k=2)",
)  # fmt: skip
DATA = tiny_dataset(160)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return train_shadows(Study(SETTINGS, Store(tmp_path_factory.mktemp("store")), DATA), 3, jobs=1)


def test_shadows_share_the_pool_of_the_first_and_nothing_of_the_targets():
    split = four_way(160, None, 0)
    rows = shadow_splits(split, 4, 0)
    assert np.array_equal(rows.members[0], split.members[SHADOW])
    assert (rows.members.sum(axis=1) == 40).all() and not (rows.members & ~split.counted[SHADOW]).any()
    assert not (rows.counted & split.counted[TARGET]).any() and len(np.unique(rows.members, axis=0)) == 4
    assert np.array_equal(shadow_splits(split, 2, 0).members, rows.members[:2])
    assert not np.array_equal(shadow_splits(split, 2, 1).members[1], rows.members[1])
    with pytest.raises(SettingsError, match="at least 1, found 0"):
        shadow_splits(split, 0, 0)


def test_the_first_shadow_is_the_studys_own_and_nothing_is_trained_twice(done, monkeypatch):
    assert len(list(done.store.root.iterdir())) == 4  # target and three shadows; masking trains nothing
    own = done.run(0, SHADOW, ())
    assert np.array_equal(shadow_runs(done, 0, (), 3)[0].logits, own.logits, equal_nan=True)
    monkeypatch.setattr("mia_core.model.train.train", lambda *_: pytest.fail("trained twice"))
    train_shadows(done, 2)


def test_outputs_are_pooled_one_below_the_other(done):
    runs = shadow_runs(done, 0, done.combinations[1], 3)
    outputs = pooled(runs, done.combinations[1])
    assert outputs.posteriors.shape == (240, 3) and outputs.members.sum() == 120
    assert ((outputs.posteriors > 0).sum(axis=1) <= 2).all()
    assert np.array_equal(outputs.labels[80:160], DATA.labels[runs[1].counted])


def test_one_shadow_is_the_study_and_more_are_counted(done):
    assert table_with_shadows(done, 1).equals(done.table())
    table = table_with_shadows(done, 3)
    assert list(table.columns) == list(done.table().columns) and (table["shadow_models"] == 3).all()
    assert len(table) == 4 and not table["auc"].equals(done.table()["auc"])
    assert table["target_accuracy"].equals(done.table()["target_accuracy"])


def test_missing_shadows_and_the_reverse_direction_are_refused(done):
    with pytest.raises(RunError, match=r"model 4, epoch 2; train the 4 shadows first"):
        shadow_runs(done, 0, (), 4)
    study = Study(SETTINGS.replace(direction="target_to_shadow"), done.store, DATA)
    with pytest.raises(SettingsError, match="direction"):
        table_with_shadows(study, 2)
