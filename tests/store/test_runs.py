"""Runs on disk: found by what shaped them, verified when read, whole or absent."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from mia_core.base.errors import MiaWarning, RunError
from mia_core.data.dataset import Dataset
from mia_core.gate.npz import read_outputs
from mia_core.store import runs
from mia_core.store.identity import identity
from mia_core.store.runs import Store, read_run
from mia_core.store.trainings import train_missing
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()
FAST = RECIPE.replace(epochs=2, record=(1,))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def key(data=DATA, **given):
    return identity(data, half_job(data, FAST, **given))


def make(store, data=DATA, **given):
    return train_missing(store, data, half_job(data, FAST, **given))


def test_a_run_comes_back_as_it_was_and_is_not_trained_twice(store, monkeypatch):
    make(store)
    assert len(list(store.root.iterdir())) == 2
    run = store.get(key())
    assert run.logits.shape == (64, 3) and run.accuracy(members=True) >= 0
    assert np.array_equal(run.members, half_job(DATA).members) and np.array_equal(run.labels, DATA.labels)
    assert run.about["versions"]["torch"] and run.about["machine"]["cores"]
    monkeypatch.setattr("mia_core.model.train.train", lambda *_: pytest.fail("trained twice"))
    assert make(store) == []


def test_a_run_of_a_newer_version_is_refused_by_name(store, monkeypatch):
    monkeypatch.setattr(runs, "FORMAT", 2)
    make(store)
    monkeypatch.undo()
    with pytest.raises(RunError, match=r"-epochs2-\w+\.npz: mia_format: found 2; expected at most 1"):
        read_run(store.path(key()))


def one_value_changed(path):
    with np.load(path) as file:
        arrays = dict(file)
    arrays["logits"][0, 0] += 1
    np.savez(path, **arrays)


def one_bit_changed(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(bytes(data))


def nested_about(path):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "digest"}
    arrays["about"] = np.array("[" * 100_000)
    np.savez(path, **arrays, digest=np.array(runs._digest(arrays)))


DAMAGES = {
    "nested deeply": nested_about,
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "foreign arrays": lambda path: np.savez(path, weights=np.zeros(3)),
    "text": lambda path: path.write_text("<html>not found</html>"),
    "a value": one_value_changed,
    "a pickle": lambda path: np.savez(path, logits=np.array([{"a": 1}], dtype=object)),
    "a bit": one_bit_changed,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_run_is_reported_and_trained_again(store, damage):
    make(store)
    path, before = store.path(key()), store.get(key())
    damage(path)
    with pytest.raises(RunError) as caught:
        read_run(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.warns(MiaWarning, match="it will be trained again"):
        make(store)
    assert np.array_equal(store.get(key()).logits, before.logits)


def test_a_run_that_would_unpack_to_more_than_it_is_is_not_unpacked(store):
    make(store)
    path = store.path(key())
    np.savez_compressed(path, logits=np.zeros(10**6))
    with pytest.raises(RunError, match=rf"{path.name}: says that it holds 8,000,128 bytes, in a file of"):
        read_run(path)


PLACES = {
    "a folder": lambda path: path.mkdir(),
    "no regular file": os.mkfifo,
    "a link to no file": lambda path: path.symlink_to(path.parent / "nowhere"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_what_stands_in_the_place_of_a_run_is_named_before_training(store, monkeypatch, kind):
    monkeypatch.setattr("mia_core.model.train.train", lambda *_: pytest.fail("trained"))
    store.root.mkdir()
    PLACES[kind](store.path(key()))
    with pytest.raises(RunError, match=rf"{store.path(key()).name}: found {kind} in the place of a stored run"):
        make(store)


def test_a_run_under_anothers_name_is_not_believed(store):
    make(store)
    make(store, seed=(1, 0))
    os.replace(store.path(key(seed=(1, 0))), store.path(key()))
    with pytest.warns(MiaWarning, match="holds another run"):
        assert store.get(key()) is None


def test_an_interrupted_training_leaves_whole_runs_only_and_goes_on(store, monkeypatch):
    real = Store.put

    def stop_after_the_first(self, run):
        real(self, run)
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "put", stop_after_the_first)
    with pytest.raises(KeyboardInterrupt):
        make(store)
    monkeypatch.undo()
    assert [read_run(path).about["identity"]["recipe"]["epochs"] for path in store.root.iterdir()] == [1]
    make(store)
    assert store.get(key()) is not None


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(store, monkeypatch):
    def full(file, **arrays):
        file.write(b"PK")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs.np, "savez", full)
    with pytest.raises(RunError, match="No space left on device"):
        make(store)
    assert list(store.root.iterdir()) == []


def test_a_model_that_does_not_learn_is_pointed_out(store):
    labels = np.random.default_rng(0).integers(0, 3, 64)
    noise = Dataset("noise", np.zeros((64, 1, 12, 12), np.uint8), labels, ("a", "b", "c"), 64)
    found = make(store, data=noise)
    assert len(found) == 1 and "did not learn" in found[0] and "learning_rate" in found[0]
    assert store.get(key(noise)).about["warnings"] == found


def test_a_model_that_has_learned_little_more_than_the_commoner_class_has_learned(store):
    classes = np.repeat([0, 0, 1, 1], 2 * np.array([66, 6, 16, 12]))  # rows come in twos, a member and another
    column = np.repeat([0, 1, 1, 0], 2 * np.array([66, 6, 16, 12])).astype(np.uint8)
    table = Dataset("unequal", column[:, None], classes, ("no", "yes"), 200)
    recipe = RECIPE.replace(network="mlp", epochs=30, learning_rate=0.05, record=())
    assert train_missing(store, table, half_job(table, recipe)) == []
    assert store.get(identity(table, half_job(table, recipe))).accuracy(members=True) == 0.82


def test_file_names_say_what_is_inside_and_stay_in_their_folder(store):
    path = store.path(key(replace(DATA, name="../../my data"), defenses="dropout(rate=0.25)+smoothing"))
    assert path.parent == store.root
    assert path.name.startswith(".._.._my_data-cnn-dropout-0.25+smoothing-0.1-seed0-model0-epochs2-")


def test_a_run_is_a_plain_npz_and_can_be_attacked_on_the_examples_it_is_judged_on(store):
    job = half_job(DATA, FAST)._replace(counted=np.arange(64) < 40)
    train_missing(store, DATA, job)
    path = store.path(identity(DATA, job))
    with np.load(path, allow_pickle=False) as file:
        assert {"logits", "labels", "members", "counted", "about", "digest"} < set(file.files)
        assert json.loads(str(file["about"]))["identity"]["seed"] == [0, 0]
    outputs = read_outputs(path)
    assert np.array_equal(outputs.members, job.members[:40]) and np.array_equal(outputs.labels, DATA.labels[:40])
    assert outputs.notes == ("a run of this package: its 40 counted of 64 examples are taken",)
