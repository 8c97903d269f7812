"""Training on a Dask cluster gives the runs of this machine, and what cannot work is said in a line."""

import contextlib

import numpy as np
import pytest

from mia_core.base.errors import RunError, SettingsError, TrainingError
from mia_core.cli.main import main
from mia_core.defenses import combination
from mia_core.model.job import Job
from mia_core.store.cluster import cluster, on_workers
from mia_core.store.identity import identity
from mia_core.store.runs import Store
from mia_core.store.trainings import train_all
from small import RECIPE, half, tiny_dataset

DATA = tiny_dataset()
JOBS = [
    Job(*half(DATA), RECIPE.replace(epochs=2), combination(spec), (seed, 0))
    for spec in ("none", "dropout")
    for seed in range(2)
]


@contextlib.contextmanager
def patched(training):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mia_core.store.trainings.train_missing", training)
        yield


def keys():
    return [identity(DATA, job) for job in JOBS]


@pytest.fixture(scope="module")
def scheduler():
    distributed = pytest.importorskip("distributed", reason="Dask is not installed (extra: cluster)")
    # The worker is a thread of this process, behind a real socket: a process would import torch again.
    with distributed.LocalCluster(
        1, threads_per_worker=1, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address=None
    ) as local:
        yield local.scheduler_address


def test_the_runs_are_those_of_this_machine(scheduler, tmp_path):
    with cluster(scheduler):
        train_all(Store(tmp_path / "there"), DATA, JOBS)
    train_all(Store(tmp_path / "here"), DATA, JOBS, jobs=1)
    for key in keys():
        there, here = Store(tmp_path / "there").get(key), Store(tmp_path / "here").get(key)
        assert there is not None and here is not None
        assert np.array_equal(there.logits, here.logits)


def test_joblibs_own_words_work_as_well(scheduler, tmp_path):
    from distributed import Client
    from joblib import parallel_config

    with Client(scheduler), parallel_config(backend="dask"):
        train_all(Store(tmp_path), DATA, JOBS[:2])
    assert all(Store(tmp_path).get(key) is not None for key in keys()[:2])


def test_the_data_are_sent_once_and_not_with_every_training(scheduler, tmp_path):
    with cluster(scheduler), on_workers(DATA) as found:
        assert [value is DATA for value in found["backend"]._scatter] == [True]
    assert on_workers(DATA) is None


def test_an_error_of_a_training_arrives_whole(scheduler, tmp_path):
    def fails(*arguments):
        raise TrainingError("none, seed 0, model 0: the loss became nan")

    with pytest.raises(TrainingError, match="model 0: the loss became nan"), cluster(scheduler), patched(fails):
        train_all(Store(tmp_path), DATA, JOBS[:1])


def test_workers_that_write_elsewhere_are_found_out(scheduler, tmp_path):
    def elsewhere(*arguments):
        return []

    with pytest.raises(RunError, match="must share this folder"), cluster(scheduler), patched(elsewhere):
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
    with (
        pytest.raises(SettingsError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9 \("),
        cluster("tcp://127.0.0.1:9"),
    ):
        pass
    with pytest.raises(SettingsError, match="no Dask scheduler answers at nonsense://x"), cluster("nonsense://x"):
        pass


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(SettingsError, match=r"pip install 'mia-core\[cluster\]'"), cluster("tcp://127.0.0.1:9"):
        pass


def test_no_scheduler_is_this_machine():
    with cluster(None):
        assert on_workers(DATA) is None
