"""Runs read lately are given again, unless the file has changed; the memory for them is bounded."""

import os

import numpy as np
import pytest

from mia_core.base.errors import MiaWarning
from mia_core.store import runs
from mia_core.store.runs import Run, Store


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store, which takes every file for one written long ago, and notes in `read` what it reads."""
    store, original = Store(tmp_path), runs.read_run
    store.read = []
    monkeypatch.setattr(runs, "read_run", lambda path: store.read.append(path) or original(path))
    monkeypatch.setattr(runs, "SETTLED", -1)
    runs._KEPT.clear()
    return store


def key(seed):
    return {"dataset": "x", "recipe": {"network": "cnn", "epochs": 1}, "defenses": {}, "seed": [seed, 0]}


def put(store, seed, value=0.0, rows=4):
    flags = np.arange(rows) % 2 == 0
    logits = np.full((rows, 2), value, np.float32)
    return store.put(Run(logits, np.zeros(rows, int), flags, flags | True, {}, {}, {"identity": key(seed)}))


def test_a_run_is_read_once_and_again_when_changed_and_cannot_be_altered(store):
    path = put(store, 0)
    assert len({id(store.get(key(0))) for _ in range(3)}) == 1 and store.read == [path]
    assert not store.get(key(0)).logits.flags.writeable and store.get(key(0)).logits[0, 0] == 0
    put(store, 0, value=1)
    assert store.get(key(0)).logits[0, 0] == 1
    path.unlink()
    assert store.get(key(0)) is None


def test_a_file_written_a_moment_ago_is_not_relied_upon(store, monkeypatch):
    monkeypatch.setattr(runs, "SETTLED", 60)
    path = put(store, 0)
    assert not any(store.get(key(0)).logits.flags.writeable for _ in range(2)) and store.read == [path] * 2


def test_the_least_recently_used_goes_first_and_what_is_too_large_is_not_kept(store, monkeypatch):
    size = runs._size(runs.read_run(put(store, 0)))
    store.read.clear()
    monkeypatch.setattr(runs._KEPT, "_Cache__maxsize", 2 * size)
    paths = [put(store, seed) for seed in range(3)]
    for seed in (0, 1, 0, 2, 0, 1):
        store.get(key(seed))
    assert store.read == [paths[seed] for seed in (0, 1, 2, 1)]
    large = put(store, 3, rows=100)
    assert store.get(key(3)).logits.shape == store.get(key(3)).logits.shape == (100, 2)
    assert store.read[-2:] == [large] * 2


def test_a_damaged_file_is_reported_each_time(store):
    os.truncate(put(store, 0), 100)
    for _ in range(2):
        with pytest.warns(MiaWarning, match="damaged"):
            assert store.get(key(0)) is None
