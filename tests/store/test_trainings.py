"""Other processes are started where there is enough to train, and not for a few small models."""

import errno
import os
import threading
import time

import joblib
import pytest

from mia_core.base.errors import MiaWarning
from mia_core.store import trainings
from mia_core.store.identity import identity
from mia_core.store.runs import Store
from mia_core.store.trainings import stored, train_all, train_missing
from small import half_job, tiny_dataset

DATA = tiny_dataset()
TASKS = [half_job(DATA, seed=(0, model)) for model in range(3)]


@pytest.mark.parametrize(
    ("jobs", "worth", "backend"),
    [(None, 10**6, "sequential"), (None, 0, "loky"), (2, 10**6, "loky"), (1, 0, "sequential")],
)
def test_workers_are_for_what_is_worth_them_or_asked_for(tmp_path, monkeypatch, jobs, worth, backend):
    chosen, config = [], joblib.parallel_config

    def spied(name, **settings):
        chosen.append(name)
        return config("sequential")

    monkeypatch.setattr(joblib, "parallel_config", spied)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 4)
    monkeypatch.setattr(trainings, "WORTH_A_WORKER", worth)
    train_all(Store(tmp_path), DATA, TASKS[:2], jobs)
    assert chosen == [backend] and all(stored(Store(tmp_path), DATA, task) for task in TASKS[:2])


def test_without_locks_in_shared_memory_one_is_trained_at_a_time(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("_multiprocessing.SemLock", full)
    with pytest.warns(MiaWarning, match=r"no other process .*/dev/shm.*: No space left on device; all is done by one"):
        train_all(Store(tmp_path), DATA, TASKS[:2], jobs=2)
    assert all(stored(Store(tmp_path), DATA, task) for task in TASKS[:2])


def test_what_another_trains_is_left_for_last_and_then_waited_for(tmp_path):
    store, holds, meanwhile = Store(tmp_path), threading.Event(), []

    def another():
        with store.held(identity(DATA, TASKS[0])):
            holds.set()
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not meanwhile:
                time.sleep(0.05)
                meanwhile.extend(["trained"] * all(stored(store, DATA, task) for task in TASKS[1:]))

    other = threading.Thread(target=another)
    other.start()
    holds.wait()
    assert train_missing(store, DATA, TASKS[0], wait=False) is None, "it does not wait"
    train_all(store, DATA, TASKS, jobs=1)
    other.join()
    assert meanwhile and stored(store, DATA, TASKS[0]), "let go of and not trained, it is trained here"
