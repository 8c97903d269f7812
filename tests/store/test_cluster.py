"""Training on a Dask cluster gives the runs of this machine, and what cannot work is said in a line."""

import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from mia_core.base.errors import RunError, SettingsError, TrainingError
from mia_core.cli.main import main
from mia_core.data.dataset import Dataset
from mia_core.store.cluster import cluster, cluster_client
from mia_core.store.identity import identity
from mia_core.store.runs import Store
from mia_core.store.trainings import train_all
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()
JOBS = [half_job(DATA, RECIPE.replace(epochs=2), spec, (s, 0)) for spec in ("none", "dropout") for s in range(2)]


def found(folder):
    """Logits of the jobs' runs that are stored in a folder."""
    return [run.logits for job in JOBS if (run := Store(folder).get(identity(DATA, job))) is not None]


@contextmanager
def cluster_of(workers):
    """A Dask cluster of so many workers with one thread each, in this process behind a real socket: another process
    would import torch again."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed (extra: cluster)")
    settings = {"threads_per_worker": 1, "processes": False, "protocol": "tcp://", "host": "127.0.0.1"}
    with distributed.LocalCluster(workers, dashboard_address=None, **settings) as local:
        yield local


@pytest.fixture(scope="module")
def scheduler():
    with cluster_of(2) as local:
        yield local.scheduler_address


def test_the_runs_are_those_of_this_machine(scheduler, tmp_path):
    with cluster(scheduler):
        train_all(Store(tmp_path / "there"), DATA, JOBS)
    train_all(Store(tmp_path / "here"), DATA, JOBS, jobs=1)
    there, here = found(tmp_path / "there"), found(tmp_path / "here")
    assert len(there) == 4 and np.array_equal(there, here)


def test_joblibs_own_words_work_as_well(scheduler, tmp_path):
    from distributed import Client
    from joblib import parallel_config

    with Client(scheduler), parallel_config(backend="dask"):
        train_all(Store(tmp_path), DATA, JOBS[:2])
    assert len(found(tmp_path)) == 2


def test_the_data_are_sent_once_and_not_with_every_training(scheduler, tmp_path, monkeypatch):
    sent = []
    monkeypatch.setattr(Dataset, "__getstate__", lambda self: sent.append(self.name) or self.__dict__, raising=False)
    with cluster(scheduler):
        train_all(Store(tmp_path), DATA, JOBS)
    assert 1 <= len(sent) < len(JOBS)


def elsewhere(*arguments, **settings):
    return [threading.current_thread().name]


def test_a_cluster_of_one_place_trains_there_and_not_here(tmp_path, monkeypatch):
    monkeypatch.setattr("mia_core.store.trainings.train_missing", elsewhere)
    monkeypatch.setattr("mia_core.store.trainings.stored", lambda *_: bool(said))
    said = []
    monkeypatch.setattr("mia_core.store.trainings._warn", said.extend)
    with cluster_of(1) as local, cluster(local.scheduler_address):
        train_all(Store(tmp_path), DATA, JOBS[:2])
    assert len(said) == 2 and all("Dask" in name for name in said)


def test_a_cluster_that_is_gone_is_a_line_that_says_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("mia_core.store.cluster.SECONDS_TO_ANSWER", 1)
    gone = r"scheduler: it or all of its workers are gone \(\w+\); 1 of 4 models are kept, and the same command goes on"
    train_all(Store(tmp_path), DATA, JOBS[:1])
    monkeypatch.setattr("mia_core.store.trainings.train_missing", lambda *_, **__: time.sleep(3))
    # All workers at first, then the scheduler as well; the time is for a training to be under way.
    for end in (lambda local: local.scale(0), lambda local: local.close()):
        with cluster_of(1) as local, cluster(local.scheduler_address):
            ending = threading.Timer(0.5, end, [local])
            ending.start()
            with pytest.raises(RunError, match=gone):
                train_all(Store(tmp_path), DATA, JOBS)
            ending.join()


def fails(*arguments, **settings):
    raise TrainingError(f"none, seed 0, model 0: the loss became nan in {threading.current_thread().name}")


@pytest.mark.parametrize(
    ("training", "error", "text"),
    [
        (fails, TrainingError, "model 0: the loss became nan in .*Dask"),
        (lambda *arguments, **settings: [], RunError, "must share this folder"),  # it was written elsewhere
    ],
)
def test_an_error_of_a_training_arrives_whole(scheduler, tmp_path, monkeypatch, training, error, text):
    monkeypatch.setattr("mia_core.store.trainings.train_missing", training)
    with pytest.raises(error, match=text), cluster(scheduler):
        train_all(Store(tmp_path), DATA, JOBS[:1])


def test_the_command_line_trains_on_the_cluster(scheduler, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MIA_CACHE", str(tmp_path))
    small = ["--dataset", "digits", "--seeds", "1", "--epochs", "1", "--part", "40", "--defenses", "none"]
    assert main(["study", *small, "--scheduler", scheduler, "-p", "replicates=0"]) == 0
    assert "none" in capsys.readouterr().out
    assert len(list((tmp_path / "runs").glob("*.npz"))) == 2


def test_an_address_without_a_scheduler_is_a_mistake_of_the_user(monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed (extra: cluster)")
    monkeypatch.setattr("mia_core.store.cluster.SECONDS_TO_ANSWER", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(SettingsError, match=rf"no Dask scheduler answers at {address} \("), cluster(address):
            pass


def test_without_dask_the_extra_is_named_and_no_scheduler_is_this_machine(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SettingsError, match=r"pip install 'mia-core\[cluster\]'"), cluster("tcp://127.0.0.1:9"):
        pass
    with cluster(None):
        assert cluster_client() is None
