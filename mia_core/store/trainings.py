"""Trains the models that a store lacks, several at a time: what every kind of study needs and none should repeat."""

import gc
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mia_core.base.errors import MiaWarning, RunError
from mia_core.base.interrupts import ended_by_sigterm, tell_kept
from mia_core.base.progress import progress
from mia_core.base.workers import can_have_workers, worker_settings
from mia_core.data.dataset import Dataset
from mia_core.model.job import Job
from mia_core.model.recipe import Recipe
from mia_core.store.cluster import cluster_client, run_on_cluster
from mia_core.store.faster import stacked, step_class
from mia_core.store.identity import identity, versions
from mia_core.store.runs import Run, Store

if TYPE_CHECKING:
    from mia_core.model.train import Snapshot

Runner = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[Any]]
WORTH_A_WORKER = 20_000
"""Images shown, over all epochs and trainings, below which no other process is started: it would take as long."""
TOGETHER = 64  # models at once on an accelerator; a step of the CNN on CIFAR-10 holds about 50 MB per model


def train_all(
    store: Store, dataset: Dataset, tasks: Sequence[Job], jobs: int | None = None, together: int | None = None
) -> None:
    """Train those of `tasks` that the store lacks in their order, `jobs` at a time; each run is stored when it is done.

    By default one per core, or one after the other where there is little to train (`WORTH_A_WORKER`) or no other
    process to be had.

    Each model uses its recipe's number of threads, so the results do not depend on `jobs`. Interrupted, it goes on
    where it stopped. Inside `mia_core.store.cluster.cluster`, or joblib's `parallel_config(backend="dask")`, the
    workers of that cluster train, and the store is a folder that they share. What a training has to say is a
    `MiaWarning`.

    together  models trained at once in one process (see `mia_core.fast.stacked`), by default `TOGETHER` on CUDA for
              images; those with defenses that it does not know are trained one by one. Elsewhere one: a processor that
              is busy with one model gains nothing, and alone a run is the same to the bit
    Raises `TrainingError`, `RunError`.
    """
    runs = [store.path(identity(dataset, task.stopped_at(task.recipe.epochs))) for task in tasks]

    def kept() -> str:
        return f"{sum(run.is_file() for run in runs)} of {len(runs)} models are kept"

    tell_kept(kept)
    tasks = [task for task in tasks if not stored(store, dataset, task)]
    if not tasks:
        return
    client = cluster_client()
    if together is None:
        on_cuda = all(task.recipe.device == "cuda" for task in tasks)
        stackable = on_cuda and not dataset.is_table and client is None and stacked() is not None
        together = TOGETHER if stackable else 1
    if together > 1:
        _train_together(store, dataset, [task for task in tasks if stacked(task.defenses)], together)
        tasks = [task for task in tasks if not stacked(task.defenses)]
        if not tasks:
            return
    with ended_by_sigterm(), warnings.catch_warnings():
        if client is not None:
            run = partial(run_on_cluster, client, kept, dataset)
        else:
            run = _run_here(dataset, *_workers(tasks, jobs))
        for found in progress(_trained(run, store, tasks), "models", total=len(tasks), unit="model"):
            _warn(found)
    if client is not None and not stored(store, dataset, tasks[0]):
        raise RunError(
            f"{store.root}: the cluster's workers have trained, but their runs are not here; all of them must share "
            f"this folder (MIA_CACHE moves it)"
        )


def _workers(tasks: Sequence[Job], jobs: int | None) -> tuple[int, int]:
    """How many processes are to train here, and with how many threads each."""
    from joblib import cpu_count

    threads = max(task.recipe.threads for task in tasks)
    workers = max(1, min(jobs or cpu_count() // threads, len(tasks)))
    little = jobs is None and sum(int(task.members.sum()) * task.recipe.epochs for task in tasks) < WORTH_A_WORKER
    # An accelerator is one device: processes side by side would only compete for it.
    if little or any(task.recipe.device != "cpu" for task in tasks) or (workers > 1 and not can_have_workers()):
        workers = 1
    return workers, threads


def _run_here(dataset: Dataset, workers: int, threads: int) -> Runner:
    """What calls a function with the data set and the rest of its arguments, for each of many, in these processes."""
    from joblib import Parallel, delayed, parallel_config

    # Workers keep their memory on purpose (see `mia_core.store.machine.keep_memory`); joblib takes it for a leak,
    # replaces such a worker and remarks on it.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    inner = {"inner_max_num_threads": threads, **worker_settings(_prepare)} if workers > 1 else {}
    with parallel_config("loky" if workers > 1 else "sequential", **inner):
        parallel = Parallel(workers, return_as="generator_unordered")
    return lambda function, calls: parallel(delayed(function)(dataset, *call) for call in calls)


def _trained(run: Runner, store: Store, tasks: Sequence[Job]) -> Iterator[list[str]]:
    """Warnings about each training, as it ends.

    Several processes may want the same models, such as chapters of a book: what another one is training is left for
    last, and only then waited for, so that they share the work instead of queueing for each model in turn.
    """
    elsewhere = []
    for index, found in run(partial(_try, store), list(enumerate(tasks))):
        if found is None:
            elsewhere.append(tasks[index])
        else:
            yield found
    if elsewhere:
        yield from run(partial(train_missing, store), [(task,) for task in elsewhere])


def _prepare() -> None:
    """Import what a worker needs, and spare it the search of all that for garbage: a few in a hundred of its time."""
    import mia_core.model.train  # noqa: F401

    gc.collect()
    gc.freeze()


def _try(store: Store, dataset: Dataset, index: int, task: Job) -> tuple[int, list[str] | None]:
    return index, train_missing(store, dataset, task, wait=False)


def _train_together(store: Store, dataset: Dataset, tasks: Sequence[Job], together: int) -> None:
    """Train up to `together` models at once."""
    from mia_core.store.machine import cpu_threads

    for group in stacked().groups(tasks):
        for first in range(0, len(group), together):
            chosen = [tasks[index] for index in group[first : first + together]]
            with _held(store, dataset, chosen), cpu_threads(chosen[0].recipe.threads):
                batch = [task for task in chosen if not stored(store, dataset, task)]
                started = time.perf_counter()
                for index, snapshot in stacked().train_together(dataset, batch) if batch else ():
                    seconds = time.perf_counter() - started
                    _warn(put_snapshot(store, dataset, batch[index], snapshot, seconds, len(batch)))


@contextmanager
def _held(store: Store, dataset: Dataset, tasks: Sequence[Job]) -> Iterator[None]:
    """Keep other processes from training any of the tasks meanwhile."""
    keys = [identity(dataset, task) for task in tasks]
    with ExitStack() as held:
        # In one order everywhere: two processes that share some of their tasks must not wait for each other.
        for key in sorted(keys, key=lambda key: store.path(key).name):
            held.enter_context(store.held(key))
        yield


def _warn(lines: Sequence[str]) -> None:
    for line in lines:
        warnings.warn(line, MiaWarning, stacklevel=4)


def train_missing(store: Store, dataset: Dataset, job: Job, wait: bool = True) -> list[str] | None:
    """Train one model and store its run at every recorded epoch, unless all of them are stored already.

    wait  False: where another process is training it, return None at once instead of waiting for that
    Returns warnings about the training, each a line. Raises `TrainingError` and `RunError`.
    """
    from mia_core.model.train import train
    from mia_core.store.machine import cpu_threads

    with store.held(identity(dataset, job), wait) as held:
        if not held:
            return None
        if stored(store, dataset, job):
            return []
        started, worked, found = time.perf_counter(), time.process_time(), list[str]()
        with cpu_threads(job.recipe.threads):
            for snapshot in train(dataset, job, step_class(job.defenses)):
                took = time.perf_counter() - started, time.process_time() - worked
                found += put_snapshot(store, dataset, job, snapshot, took[0], processor=took[1])
    return found


def stored(store: Store, dataset: Dataset, job: Job) -> bool:
    """Whether the store holds this training's run at every recorded epoch."""
    epochs = job.recipe.recorded_epochs()
    # All are looked at: what stands in the place of any is named before training.
    return all([store.get(identity(dataset, job.stopped_at(epoch))) is not None for epoch in epochs])


def put_snapshot(
    store: Store,
    dataset: Dataset,
    job: Job,
    snapshot: "Snapshot",
    seconds: float,
    together: int = 1,
    processor: float | None = None,
) -> list[str]:
    """Store what a training has reached after an epoch as the run that stops there; warnings about it, each a line.

    seconds   since the training began
    together  models that were trained at once (see `mia_core.fast.stacked`), all of which took these seconds
    processor seconds of the processor's time since then, on which other work on the machine has little influence; None
              where models were trained at once
    """
    from mia_core.store.machine import describe_machine

    found: list[str] = []
    about = {
        "identity": identity(dataset, job.stopped_at(snapshot.epoch)),
        "versions": versions(),
        "machine": describe_machine(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "processor_seconds": None if processor is None else round(processor, 2),
        "together": together,
        "warnings": found,
    }
    run = Run(snapshot.logits, dataset.labels, job.members, job.counted, snapshot.weights, snapshot.history, about)
    if snapshot.epoch == job.recipe.epochs:
        found.extend(_did_not_learn(run, job.recipe, job.label))
    store.put(run)
    return found


def _did_not_learn(run: Run, recipe: Recipe, label: str) -> list[str]:
    """A warning for a model that predicts its own members no better than the commonest class would."""
    accuracy = run.accuracy(members=True)
    counts = np.bincount(run.labels[run.members])
    chance = counts.max() / counts.sum()
    if accuracy == 1 or accuracy > min(1.2 * chance, chance + (1 - chance) / 4):
        return []
    return [
        f"{label}: did not learn: accuracy {accuracy:.3f} on its own members after {recipe.epochs} epochs, where the "
        f"commonest class alone gives {chance:.3f}; a lower learning_rate (now {recipe.learning_rate:g}) or more "
        f"epochs may help"
    ]
