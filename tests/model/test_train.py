"""Training: reproducible to the bit, an epoch is a run of its own, and what goes wrong is said."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mia_core.base.errors import TrainingError
from mia_core.model.build import network_of
from mia_core.model.cnn import CNN
from mia_core.model.job import Job
from mia_core.model.train import batches, query, train
from mia_core.store.machine import cpu_threads
from small import RECIPE, half, half_job, tiny_dataset

DATA = tiny_dataset()


@pytest.fixture(autouse=True)
def one_thread():
    with cpu_threads(1):
        yield


def last(*of, data=DATA, **given):
    return list(train(data, half_job(data, *of, **given)))[-1]


def same_weights(first, second):
    return all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)


@pytest.mark.parametrize("defenses", ["none", "dropout+smoothing"])
def test_the_same_seed_gives_the_same_bits_whatever_happened_before(defenses):
    first = last(defenses=defenses)
    torch.manual_seed(99)
    np.random.rand(3)
    second = last(defenses=defenses)
    assert np.array_equal(first.logits, second.logits) and same_weights(first, second)
    for seed in ((0, 1), (1, 0)):
        assert not np.array_equal(first.logits, last(defenses=defenses, seed=seed).logits)


def test_a_recorded_epoch_is_the_run_that_stops_there():
    snapshots = list(train(DATA, half_job(DATA, RECIPE, "dropout", (3, 0))))
    assert [s.epoch for s in snapshots] == [1, 2, 3]
    for snapshot in snapshots[:2]:
        stopped = last(RECIPE.stopped_at(snapshot.epoch), "dropout", (3, 0))
        assert np.array_equal(snapshot.logits, stopped.logits)
        assert np.array_equal(snapshot.history["loss"], stopped.history["loss"])


def test_outputs_cover_the_counted_examples_and_no_others():
    members, counted = np.arange(64) < 20, np.arange(64) < 41
    found = list(train(DATA, Job(members, counted, RECIPE, (), (0, 0))))[-1].logits
    assert found.shape == (64, 3)
    assert np.isfinite(found[counted]).all() and np.isnan(found[~counted]).all()


def test_outputs_are_those_of_evaluation_mode():
    snapshot = last(defenses="dropout")
    assert snapshot.logits.shape == (64, 3) and snapshot.logits.dtype == np.float32
    net = CNN(snapshot.weights["mean"], snapshot.weights["scale"], 3, 128)
    net.load_state_dict({name: torch.from_numpy(value) for name, value in snapshot.weights.items()})
    assert np.allclose(query(net, DATA.images), snapshot.logits, atol=1e-5)
    assert np.array_equal(query(net, DATA.images), query(net, DATA.images))


def test_it_learns_and_the_history_says_so():
    history = last(RECIPE.replace(epochs=15)).history
    assert {name: len(values) for name, values in history.items()} == {"loss": 15, "train_accuracy": 15}
    assert history["loss"][-1] < 0.5 * history["loss"][0] and history["train_accuracy"][-1] > 0.8


def test_smoothing_pulls_members_to_its_target():
    logits = last(RECIPE.replace(epochs=120, learning_rate=0.003), "smoothing(epsilon=0.4)").logits[half(DATA)[0]]
    top = np.exp(logits.max(1)) / np.exp(logits).sum(1)
    assert abs(np.median(top) - 0.6) < 0.05


def test_non_members_do_not_shape_the_weights():
    images = DATA.images.copy()
    images[1::2] = 255 - images[1::2]
    assert same_weights(last(), last(data=dataclasses.replace(DATA, inputs=images)))


def test_the_loss_and_what_is_learnt_are_those_of_the_mean_cross_entropy():
    """One epoch of two steps against PyTorch's own loss and optimiser, smoothed labels and l2 included."""
    recipe = RECIPE.replace(epochs=1, batch_size=20, l2=0.01, record=())
    job = half_job(DATA, recipe, "smoothing(epsilon=0.3)")
    (snapshot,) = train(DATA, job)
    network = network_of(DATA, job)
    decayed = [p for name, p in network.named_parameters() if name.endswith("weight")]
    others = [p for name, p in network.named_parameters() if not name.endswith("weight")]
    groups = [{"params": decayed, "weight_decay": 2 * recipe.l2}, {"params": others}]
    optimiser = torch.optim.Adam(groups, lr=recipe.learning_rate)
    targets = torch.from_numpy(job.defenses[0].targets(np.eye(3)))
    losses = []
    for step in np.split(np.random.default_rng(job.seeds[2]).permutation(32), [20]):
        rows = np.flatnonzero(job.members)[step]
        loss = F.cross_entropy(network(torch.from_numpy(DATA.images[rows])).double(), targets[DATA.labels[rows]])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses += [float(loss.detach())] * len(rows)
    assert snapshot.history["loss"] == pytest.approx([np.mean(losses)], rel=1e-5)
    for name, value in network.state_dict().items():
        np.testing.assert_allclose(snapshot.weights[name], value.numpy(), atol=2e-5, err_msg=name)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run_and_says_where(monkeypatch, value):
    real, calls = CNN.body, []

    def sixth_step_fails(self, x):
        calls.append(0)
        logits = real(self, x)
        return logits * value if len(calls) == 6 else logits

    monkeypatch.setattr(CNN, "body", sixth_step_fails)
    with pytest.raises(TrainingError, match=r"the loss became nan in epoch 2, step 2 of 4; a lower learning_rate"):
        last(RECIPE.replace(record=()))  # recorded epochs would ask the network too


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 16, 63, 64, 65])
@pytest.mark.parametrize("examples", [1, 2, 9, 64, 65])
def test_no_last_batch_of_one_and_no_example_lost(examples, size):
    order = torch.arange(examples)
    parts = batches(order, size)
    assert torch.equal(torch.cat(parts), order)
    assert all(len(part) == size for part in parts[:-1])
    assert len(parts[-1]) <= size + 1
    assert size == 1 or examples == 1 or min(len(part) for part in parts) > 1


def test_bfloat16_trains_to_much_the_same_loss():
    full, half_width = last(), last(RECIPE.replace(precision="bfloat16"))
    assert np.allclose(full.history["loss"], half_width.history["loss"], rtol=0.1)
    assert half_width.logits.dtype == np.float32
