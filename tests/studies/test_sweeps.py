"""Sweeps: one table over the values of a knob, and what is trained for it."""

import numpy as np
import pandas as pd
import pytest

from mia_core.base.errors import RunError, SettingsError
from mia_core.defenses import describe
from mia_core.store.runs import Store
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import over_the_seeds
from mia_core.studies.sweeps import Sweep, counts_up_to
from small import RECIPE, tiny_dataset

SETTINGS = StudySettings(
    **{**RECIPE.model_dump(), "epochs": 2, "record": (1,), "seeds": 4, "attacks": ["adversary1", "gap"]}
)
DATA = tiny_dataset(96)


def sweep(folder, *, defense="smoothing", knob="epsilon", values=(0.2, 0, -0.1), off=0, seeds=2):
    return Sweep(SETTINGS, defense, knob, values, off=off, seeds=seeds, store=Store(folder), dataset=DATA)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return sweep(tmp_path_factory.mktemp("store")).train(jobs=1)


def test_a_sweep_is_one_table_with_the_value_in_front(done):
    table = done.table()
    assert table.columns[0] == "value" and sorted(table["value"].unique()) == [-0.1, 0, 0.2]
    names = {-0.1: "smoothing(epsilon=-0.1)", 0: "none", 0.2: "smoothing(epsilon=0.2)"}
    assert (table["defenses"] == table["value"].map(names)).all()
    assert len(table) == 3 * 2 * 2 and set(table["seed"]) == {0, 1}
    assert "auc_low" not in table  # no bootstrap


def test_of_what_only_a_sweep_trains_nothing_is_stored_before_the_last_epoch(done):
    recorded = done.study.recipe.recorded_epochs()
    assert len(recorded) > 1 and done.study.epochs(()) == recorded
    assert done.study.run(0, 0, (), recorded[0]).about["identity"]["recipe"]["epochs"] == recorded[0]
    for value in (-0.1, 0.2):
        assert done.study.epochs(done.steps[value]) == recorded[-1:]
        with pytest.raises(RunError, match=rf"recorded epochs: \[{recorded[-1]}\]"):
            done.study.run(0, 0, done.steps[value], recorded[0])
    assert list(done.study.missing()) == []


def test_the_summary_is_that_of_the_study(done):
    summary = done.summary()
    expected = over_the_seeds(done.study.table())
    pd.testing.assert_frame_equal(summary.drop(columns="value"), expected)
    assert done.name(0) == "none" and done.outputs(0.2).source == "smoothing(epsilon=0.2)"
    assert np.array_equal(done.outputs(0).posteriors, done.study.outputs(0, 0, ()).posteriors)


def test_the_value_that_is_off_needs_no_training_of_its_own_and_all_seeds_are_used_on_demand(done, tmp_path):
    missing = {describe(defenses) for _, _, defenses in sweep(tmp_path).study.missing()}
    assert missing == {"none", "smoothing(epsilon=-0.1)", "smoothing(epsilon=0.2)"}
    again = Sweep(SETTINGS, "masking", "k", (1, 2, 3), seeds=2, store=done.study.store, dataset=DATA)
    assert not list(again.study.missing())
    assert len(sweep(tmp_path, seeds=None).study.settings.seeds) == 4


@pytest.mark.parametrize(("changes", "words"), [
    ({"defense": "smothing"}, "unknown defense smothing"), ({"knob": "eps"}, "eps"),
    ({"values": (0.1,)}, "at least two values"), ({"values": (0.1, 0.1)}, "each once"),
    ({"values": (0, 1.5)}, "epsilon"), ({"seeds": 0}, "seeds: expected at least 1"),
])  # fmt: skip
def test_what_a_sweep_cannot_be_is_refused(tmp_path, changes, words):
    with pytest.raises(SettingsError, match=words):
        sweep(tmp_path, **changes)


def test_counts_are_all_or_thinned():
    assert counts_up_to(10) == list(range(1, 11))
    many = counts_up_to(100)
    assert many[0] == 1 and many[-1] == 100 and len(many) <= 10 and many == sorted(set(many))
    with pytest.raises(SettingsError, match="at least 2"):
        counts_up_to(1)
