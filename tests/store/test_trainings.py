"""Other processes are started where there is enough to train, and not for a few small models."""

import threading
import time

import joblib
import numpy as np
import pytest

from mia_core.model.job import Job
from mia_core.store import trainings
from mia_core.store.identity import identity
from mia_core.store.runs import Store
from mia_core.store.trainings import stored, train_all, train_missing
from small import RECIPE, tiny_dataset

DATA = tiny_dataset()


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
    tasks = [Job(np.arange(64) < 24, np.ones(64, bool), RECIPE, (), (0, model)) for model in range(2)]
    train_all(Store(tmp_path), DATA, tasks, jobs)
    assert chosen == [backend] and all(stored(Store(tmp_path), DATA, task) for task in tasks)


def test_what_another_trains_is_left_for_last_and_then_waited_for(tmp_path):
    store = Store(tmp_path)
    tasks = [Job(np.arange(64) < 24, np.ones(64, bool), RECIPE, (), (0, model)) for model in range(3)]
    holds, gave_up = threading.Event(), []

    def another():
        with store.held(identity(DATA, tasks[0])):
            holds.set()
            deadline = time.monotonic() + 60
            while not all(stored(store, DATA, task) for task in tasks[1:]):
                if time.monotonic() > deadline:
                    gave_up.append("the others were not trained meanwhile")
                    return
                time.sleep(0.05)

    other = threading.Thread(target=another)
    other.start()
    holds.wait()
    assert train_missing(store, DATA, tasks[0], wait=False) is None, "it does not wait"
    train_all(store, DATA, tasks, jobs=1)
    other.join()
    assert not gave_up and stored(store, DATA, tasks[0]), "let go of and not trained, it is trained here"
