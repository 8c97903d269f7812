"""A study with reference models: its pool and population, its trainings in order, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

import mia_core.store.trainings as training_jobs
from mia_core.base.errors import DataError, RunError, SettingsError
from mia_core.store.identity import identity
from mia_core.store.runs import Store
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.settings import ReferenceSettings
from small import RECIPE, tiny_dataset

SMALL = {**RECIPE.model_dump(), "epochs": 2, "record": (1,), "models": 4, "part": 40, "canaries": 2, "seed": 5}
SETTINGS = ReferenceSettings(**SMALL, defenses="none,masking(k=2),dropout")
DATA = tiny_dataset(160)


def study(folder, data=DATA, **changes):
    return ReferenceStudy(SETTINGS.replace(**changes), Store(folder), data)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    with pytest.warns(match="canaries: 2 are 2.5%"):
        made = study(tmp_path_factory.mktemp("store"))
    return made.train(jobs=1)


pytestmark = pytest.mark.filterwarnings("ignore:canaries")


def test_pool_and_population_are_random_disjoint_and_hold_every_class(tmp_path):
    made = study(tmp_path)
    assert len(made.pool) == 80 and len(made.population) == 80
    assert not np.isin(made.pool, made.population).any()
    assert not np.array_equal(made.pool, np.arange(80))
    assert not np.array_equal(made.pool, study(tmp_path, seed=6).pool)
    order = np.argsort(DATA.labels, kind="stable")
    by_class = type(DATA)("sorted", DATA.images[order], DATA.labels[order], DATA.classes, DATA.pool)
    assert np.bincount(by_class.labels[study(tmp_path, by_class).pool], minlength=3).min() > 15
    assert np.bincount(DATA.labels[made.pool]).min() > 15  # three classes in 80 examples


def test_pairs_share_the_pool_and_no_model_trains_on_the_population(tmp_path):
    made = study(tmp_path)
    members, counted = made.split.members, made.split.counted
    for even in (0, 2):
        assert np.array_equal(np.flatnonzero(members[even] ^ members[even + 1]), made.pool)
        assert not (members[even] & members[even + 1]).any()
    assert not members[:, made.population].any()
    assert np.array_equal(np.flatnonzero(counted.all(0)), np.sort(np.concatenate([made.pool, made.population])))
    assert (members[:, made.canaries].sum(0) == 2).all() and made.canaries.sum() == 2
    assert [made.partner(target) for target in range(4)] == [1, 0, 3, 2]


@pytest.mark.parametrize("design", ["random_halves", "exactly_half"])
def test_other_designs_have_no_partner_and_stay_in_the_pool(tmp_path, design):
    made = study(tmp_path, design=design)
    assert made.partner(0) is None
    outside = np.setdiff1d(np.arange(160), made.pool)
    assert not made.split.members[:, outside].any() and made.split.members[:, made.pool].any(0).sum() > 60
    assert (made.split.members[:, made.pool].sum(0) == 2).all() == (design == "exactly_half")


def test_more_models_leave_the_first_ones_as_they_are(done):
    more = ReferenceStudy(SETTINGS.replace(models=6), done.store, DATA)
    assert np.array_equal(more.split.members[:4], done.split.members)
    assert {model for model, _ in more.missing()} == {4, 5}


def test_canaries_change_the_data_and_so_the_key_of_every_run(done):
    assert np.array_equal(np.flatnonzero(done.dataset.labels != DATA.labels), np.flatnonzero(done.canaries))
    without = ReferenceStudy(SETTINGS.replace(canaries=0), done.store, DATA)
    assert without.dataset is DATA and len(list(without.missing())) == 4 * 2


def test_pair_by_pair_under_every_combination_that_shapes_weights(tmp_path):
    order = [(model, len(defenses)) for model, defenses in study(tmp_path).missing()]
    assert order == [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (3, 0), (2, 1), (3, 1)]


def test_only_the_undefended_models_are_recorded_early(done):
    none, masking, dropout = done.combinations
    assert (done.epochs(none), done.epochs(masking), done.epochs(dropout)) == ([1, 2], [1, 2], [2])
    assert len(list(done.store.root.iterdir())) == 4 * (2 + 1)
    with pytest.raises(RunError, match=r"no run of dropout, seed 5, model 0, epoch 1;.*recorded epochs: \[2\]"):
        done.run(0, dropout, 1)


def test_a_run_holds_the_outputs_on_all_examples_and_the_canaries_labels(done):
    dropout = done.combinations[2]
    run = done.run(3, dropout)
    assert run.logits.shape == (160, 3) and np.isfinite(run.logits).all()
    assert np.array_equal(run.labels, done.dataset.labels) and np.array_equal(run.members, done.split.members[3])
    assert run.about["identity"] == identity(done.dataset, done.job(3, dropout).stopped_at(2))


def test_an_interrupted_study_goes_on_where_it_stopped(tmp_path, monkeypatch):
    real, count = training_jobs.train_missing, []

    def sixth_fails(*arguments, **how):
        count.append(0)
        if len(count) == 6:
            raise KeyboardInterrupt
        return real(*arguments, **how)

    monkeypatch.setattr(training_jobs, "train_missing", sixth_fails)
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path).train(jobs=1)
    monkeypatch.undo()
    again = study(tmp_path)
    assert [model for model, _ in again.missing()] == [3, 2, 3]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again.train(jobs=1)
    assert not list(again.missing())
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


@pytest.mark.parametrize(("changes", "message"), [
    ({"part": 81}, "part: a pool of two halves of 81 needs 162 examples, found 160"),
    ({"population": 81}, "population: asked for 81 examples outside the pool of 80, found 80"),
    ({"canaries": 9}, r"canaries: expected at most 8 .*, found 9"),
])  # fmt: skip
def test_what_does_not_fit_the_data_is_refused(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        study(tmp_path, **changes)


@pytest.mark.parametrize(("given", "message"), [
    ({"models": 7}, "models: expected an even number, found 7"),
    ({"models": 2}, "models: .*greater than or equal to 4"),
    ({"design": "thirds"}, "design: expected 'pairs', 'random_halves' or 'exactly_half'"),
    ({"defenses": "dropuot"}, "unknown defense dropuot"), ({"model": 4}, "model: unknown.*models"),
])  # fmt: skip
def test_settings_that_cannot_be_are_refused_in_a_line(given, message):
    with pytest.raises(SettingsError, match=message):
        ReferenceSettings(**given)


def test_held_out_examples_fill_the_population_when_the_pool_takes_all(tmp_path):
    made = study(tmp_path, replace(DATA, pool=100, fingerprint=""), part=50)
    assert made.pool.max() == 99 and np.array_equal(made.population, np.arange(100, 160))
