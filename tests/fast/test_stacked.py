"""Models trained together are the models trained one at a time, up to the rounding of sums."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from mia_core.base.errors import SettingsError, TrainingError
from mia_core.defenses import combination
from mia_core.defenses.dropout import Dropout
from mia_core.fast import stacked, stacked_networks
from mia_core.fast.stacked import groups, train_together
from mia_core.fast.stacked_networks import FORMS, fastest_form
from mia_core.model.build import NETWORKS
from mia_core.model.job import Job
from mia_core.model.train import train
from mia_core.store import trainings
from mia_core.store.identity import identity
from mia_core.store.machine import cpu_threads
from mia_core.store.runs import Store
from mia_core.store.trainings import stored, train_all
from small import RECIPE, tiny_dataset

DATA = tiny_dataset()
DEFENSES = ("none", "dropout", "smoothing(epsilon=0.3)", "dropout(rate=0.2,input=no)+smoothing(epsilon=-0.1)")


def jobs(recipe=RECIPE, defenses=DEFENSES):
    """One job a combination, each with its own members (24 of 64), counted examples and seed."""
    random, found = np.random.default_rng(5), []
    for index, spec in enumerate(defenses):
        order = random.permutation(64)
        members, counted = np.zeros(64, bool), np.zeros(64, bool)
        members[order[:24]], counted[order[: 40 + index]] = True, True
        found.append(Job(members, counted, recipe, combination(spec), (index, index % 2)))
    return found


@pytest.fixture(autouse=True)
def one_thread():
    with cpu_threads(1):
        yield


@pytest.mark.parametrize("network", ["cnn", "mlp"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("channels", "batch"), [(1, 7), (3, 23)])  # of 24 members, the last one joins a batch of 23
def test_every_snapshot_is_that_of_the_training_alone(network, form, channels, batch):
    data = tiny_dataset(side=13)
    if channels == 3:
        images = np.random.default_rng(1).integers(0, 256, (64, 3, 13, 17), dtype=np.uint8)
        data = type(data)("colour", images, data.labels, data.classes, 64)
    wanted = jobs(RECIPE.replace(network=network, l2=0.01, batch_size=batch, hidden_units=16))
    together = list(train_together(data, wanted, form))
    assert [(one.snapshot.epoch, one.index) for one in together] == [(e, i) for e in (1, 2, 3) for i in range(4)]
    for index, job in enumerate(wanted):
        mine = [one.snapshot for one in together if one.index == index]
        for ours, theirs in zip(mine, train(data, job), strict=True):
            for name in ("loss", "train_accuracy"):
                np.testing.assert_allclose(ours.history[name], theirs.history[name], rtol=1e-4, err_msg=name)
            np.testing.assert_allclose(ours.logits, theirs.logits, atol=2e-3)
            assert ours.logits.dtype == np.float32 and ours.weights.keys() == theirs.weights.keys()
            for name, value in theirs.weights.items():
                np.testing.assert_allclose(ours.weights[name], value, atol=1e-3, err_msg=name)
                assert ours.weights[name].dtype == value.dtype


def test_a_model_does_not_depend_on_its_company():
    wanted = jobs()
    four = [one.snapshot for one in train_together(DATA, wanted, "each") if one.index == 1]
    one = [one.snapshot for one in train_together(DATA, wanted[1:2], "each")]
    for ours, theirs in zip(four, one, strict=True):
        np.testing.assert_allclose(ours.logits, theirs.logits, atol=1e-5)


def test_noise_targets_order_and_weights_are_each_models_own():
    same = [job._replace(members=jobs()[0].members, seed=(0, 0)) for job in jobs()]
    losses = {i: one.history["loss"][0] for i, one in train_together(DATA, same) if one.epoch == 1}
    assert len(set(losses.values())) == 4
    seeds = [same[0]._replace(seed=(0, model)) for model in range(3)]
    assert len({one.history["loss"][0] for _, one in train_together(DATA, seeds) if one.epoch == 1}) == 3


def test_bfloat16_is_trained_as_alone_up_to_its_rounding():
    wanted = jobs(RECIPE.replace(precision="bfloat16", epochs=2), ("none", "smoothing"))
    for one in train_together(DATA, wanted, "each"):
        theirs = next(t for t in train(DATA, wanted[one.index]) if t.epoch == one.snapshot.epoch)
        np.testing.assert_allclose(one.snapshot.history["loss"], theirs.history["loss"], rtol=0.05)


def test_a_loss_that_is_no_number_names_the_model(monkeypatch):
    real, steps = stacked.body, []

    def broken(*arguments):
        logits = real(*arguments)
        if logits.requires_grad:
            steps.append(1)
            if len(steps) == 5:  # three steps an epoch
                logits = torch.where(torch.arange(4)[:, None, None] == 2, torch.nan, logits)
        return logits

    monkeypatch.setattr(stacked, "body", broken)
    seen = []
    with pytest.raises(TrainingError, match=r"smoothing\(epsilon=0.3\), seed 2, model 0: .* nan in epoch 2, step 2"):
        for one in train_together(DATA, jobs(), "each"):
            seen.append(one.snapshot.epoch)
    assert seen == [1] * 4, "the epoch before the failure has been given"


def test_what_does_not_fit_together_is_refused_and_jobs_are_grouped(monkeypatch):
    mixed = jobs()
    mixed[1] = mixed[1]._replace(recipe=RECIPE.replace(l2=0.5))
    fewer = mixed[3].members.copy()
    fewer[np.flatnonzero(fewer)[0]] = False
    mixed[3] = mixed[3]._replace(members=fewer)
    assert groups(mixed) == [[0, 2], [1], [3]]
    with pytest.raises(SettingsError, match="one recipe and one number of members"):
        next(train_together(DATA, mixed))
    with pytest.raises(SettingsError, match="form: expected auto, each, grouped, matrix, found 'fast'"):
        next(train_together(DATA, jobs(), "fast"))
    monkeypatch.setattr(Dropout, "layers", lambda self, generator, widths: {"hidden": torch.nn.Softsign()})
    with pytest.raises(SettingsError, match="dropout: models trained together can have dropout at the input and"):
        next(train_together(DATA, jobs()))


def test_the_form_is_chosen_by_time(monkeypatch):
    seconds = {"each": 3.0, "grouped": 2.0, "matrix": 1.0}
    monkeypatch.setattr(stacked_networks, "_step_seconds", lambda kind, p, x, form: seconds[form])
    x = torch.zeros(2, 1, 12, 12, 1, device="meta")  # any device but a processor
    assert fastest_form(NETWORKS["cnn"], {}, x) == "matrix"
    assert fastest_form(NETWORKS["cnn"], {}, x[:1]) == "each"
    assert fastest_form(NETWORKS["mlp"], {}, x) == "each"
    assert fastest_form(NETWORKS["cnn"], {}, torch.zeros(2, 1, 12, 12, 1)) == "each"


def test_train_all_stores_what_was_trained_together_under_the_same_names(tmp_path, monkeypatch):
    wanted = jobs(RECIPE.replace(epochs=2), (*DEFENSES, "mixup"))  # which is not known there
    wanted[3] = wanted[3]._replace(recipe=RECIPE.replace(epochs=2, l2=0.5))  # of another group
    train_all(Store(tmp_path / "alone"), DATA, wanted, jobs=1)
    train_all(Store(tmp_path / "together"), DATA, wanted[:1], jobs=1)
    train_all(Store(tmp_path / "together"), DATA, wanted, together=2)
    names = [sorted(path.name for path in (tmp_path / name).glob("*.npz")) for name in ("alone", "together")]
    assert names[0] == names[1] and len(names[0]) == 10
    for job, count in zip(wanted, (1, 2, 2, 1, 1), strict=True):
        assert stored(Store(tmp_path / "together"), DATA, job)
        found, theirs = (Store(tmp_path / name).get(identity(DATA, job)) for name in ("together", "alone"))
        assert found.about["together"] == count and theirs.about["together"] == 1
        np.testing.assert_allclose(found.logits, theirs.logits, atol=2e-3)
    monkeypatch.setattr(stacked, "train_together", None)
    train_all(Store(tmp_path / "together"), DATA, wanted, together=4)  # nothing is missing


def test_models_trained_together_are_held_against_other_processes(tmp_path, monkeypatch):
    store, wanted, held, together = Store(tmp_path), jobs(), [], stacked.train_together
    train_all(store, DATA, wanted[:1], together=1)

    @contextmanager
    def watched(self, key):
        held.append(self.path(key).name)
        yield
        held.remove(self.path(key).name)

    def spied(dataset, batch):
        assert held == sorted(store.path(identity(DATA, job)).name for job in wanted)
        assert [job.seed for job in batch] == [job.seed for job in wanted[1:]], (
            "what was trained meanwhile is not again"
        )
        yield from together(dataset, batch)

    looks = iter([False] * len(wanted))  # at the first look nothing was there yet
    monkeypatch.setattr(trainings, "stored", lambda *about: next(looks, None) is None and stored(*about))
    monkeypatch.setattr(Store, "held", watched)
    monkeypatch.setattr(stacked, "train_together", spied)
    train_all(store, DATA, wanted, together=4)
    assert next(looks, None) is None and all(stored(store, DATA, job) for job in wanted) and not held
